"""The unit files are what systemd understands, and what the package's scripts count on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from house.source import REPOSITORY

UNITS = REPOSITORY / "units"
DAEMONS = ("membershipd", "quorumd", "fenced", "resourced")


def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "corosync.service").write_text("[Service]\nExecStart=/bin/true\n")
    for template, instance in (
        ("standfast-ip@", "192.0.2.100"),
        ("standfast-ocf@", "db"),
        ("standfast-drill-hang@", "a.service"),
    ):
        (tmp_path / f"{template}.service").rename(tmp_path / f"{template}{instance}.service")
    (tmp_path / "standfast-event@.target").rename(tmp_path / "standfast-event@wish.target")
    units = [str(path) for path in tmp_path.iterdir() if path.suffix in {".service", ".target", ".path"}]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    about_ours = [line for line in result.stderr.splitlines() if str(tmp_path) in line or "standfast" in line]
    assert not about_ours, "\n".join(about_ours)


def test_every_manual_page_that_a_unit_names_is_there() -> None:
    units = [*UNITS.glob("standfast*.*"), *(REPOSITORY / "contrib/rhcs").glob("*.service")]
    named = {page for unit in units for page in re.findall(r"\bman:([\w.-]+)\((\d)\)", unit.read_text())}
    assert named
    assert not [name for name, section in named if not (REPOSITORY / f"contrib/man/{name}.{section}").exists()]


def test_the_target_brings_every_daemon_the_drain_and_whatever_else_is_stopped_with_it() -> None:
    """Else a start during the stop would leave that one's stop job with nothing to wait for."""
    wanted = set(" ".join(re.findall(r"^Wants=(.*)$", _text("standfast.target"), re.MULTILINE)).split())
    assert wanted >= {"standfast-drain.service", *(f"standfast-{name}.service" for name in DAEMONS)}
    files = {path: path.parent if path.parent.suffix == ".d" else path for path in UNITS.rglob("*") if path.is_file()}
    stopped = {
        of.name.removesuffix(".d") for path, of in files.items() if "PartOf=standfast.target" in path.read_text()
    }
    assert stopped - wanted == {"standfast-drill.service"}, "a fire drill may end"
    assert "corosync.service" in stopped


@pytest.mark.parametrize("unit", ["corosync", "corosync-qdevice"])
def test_corosync_and_its_device_stop_after_the_drain_and_no_start_of_the_target_waits_for_them(unit: str) -> None:
    lines = (UNITS / f"{unit}.service.d/standfast.conf").read_text().splitlines()
    assert [line for line in lines if line.startswith("Before=")] == ["Before=standfast-drain.service"]
    assert "IgnoreOnIsolate=yes" in lines


def test_every_daemon_can_be_restarted_at_any_time_and_is_killed_when_it_hangs() -> None:
    wanted = {
        "Type=notify",
        "WatchdogSec=3",
        "WatchdogSignal=SIGKILL",
        "Restart=always",
        "RestartSec=100ms",
        "StartLimitIntervalSec=0",
        "PartOf=standfast.target",
        "Before=standfast.target",
    }
    for name in DAEMONS:
        lines = set(_text(f"standfast-{name}.service").splitlines())
        assert not wanted - lines, name


def test_the_drain_is_never_down_for_too_many_starts() -> None:
    lines = _text("standfast-drain.service").splitlines()
    assert "StartLimitIntervalSec=0" in lines
    assert any(line.startswith("ExecStart=-") for line in lines)


def test_no_unit_gets_a_mount_namespace() -> None:
    """Its copy of the mount table would keep a resource's device busy."""
    makers = r"^(Private(Tmp|Devices|Mounts)|Protect(System|Home|Kernel\w+|ControlGroups|Proc)|\w+Paths|\w*BindPaths)="
    for path in UNITS.glob("standfast*.service"):
        assert not re.findall(makers, path.read_text(), re.MULTILINE), path.name


def test_the_endpoint_for_metrics_belongs_to_no_daemon_and_may_do_nothing() -> None:
    text = _text("standfast-metrics.service")
    assert not re.findall(r"^(PartOf|Requires|Requisite|BindsTo|Before|Upholds)=", text, re.MULTILINE)
    assert "metrics" not in _text("standfast.target")
    wanted = {"User=standfast-metrics", "SupplementaryGroups=systemd-journal", "CapabilityBoundingSet="}
    wanted |= {"NoNewPrivileges=yes", "MemoryDenyWriteExecute=yes", "DevicePolicy=closed", "RestrictNamespaces=yes"}
    assert not wanted - set(text.splitlines())
    assert re.search(r"^u standfast-metrics ", (UNITS / "standfast.sysusers").read_text(), re.MULTILINE)
    rules = (REPOSITORY / "contrib/debian/rules").read_text()
    assert "units/standfast.sysusers debian/standfast/usr/lib/sysusers.d/standfast.conf" in rules
    assert "standfast-metrics.default debian/standfast/etc/default/standfast-metrics" in rules


def test_nothing_waits_for_alerts_and_they_have_what_nobody_else_wants() -> None:
    text = _text("standfast-alerts.service")
    assert not re.findall(r"^(Before|Requires|Requisite|BindsTo|PartOf|Upholds|WantedBy)=", text, re.MULTILINE)
    wanted = {"Nice=19", "CPUWeight=idle", "IOSchedulingClass=idle", "MemoryMax=128M", "CapabilityBoundingSet="}
    assert not wanted - set(text.splitlines())
    target = _text("standfast.target")
    assert "standfast-alerts.service" not in target, "it runs only where its path unit finds something"
    assert "Wants=standfast-alerts.path" in target.splitlines()
    globs = re.findall(r"^PathExistsGlob=(.*)$", _text("standfast-alerts.path"), re.MULTILINE)
    assert globs[0] == "/var/lib/standfast/config/alerts.d/*"
    assert len(globs) == 3
    assert re.search(r"^u standfast-alerts ", (UNITS / "standfast.sysusers").read_text(), re.MULTILINE)
    install = (REPOSITORY / "contrib/debian/standfast.install").read_text()
    assert "units/*.path lib/systemd/system" in install.splitlines()


def test_nothing_waits_for_the_console_and_the_bus_starts_it() -> None:
    text = _text("standfast-console.service")
    assert not re.findall(r"^(Before|Requires|Requisite|BindsTo|PartOf|Upholds|WantedBy|Restart)=", text, re.MULTILINE)
    assert "standfast-console" not in _text("standfast.target")
    lines = (REPOSITORY / "dbus/org.standfast.Console.service").read_text().splitlines()
    assert {"Name=org.standfast.Console", "SystemdService=standfast-console.service", "User=root"} <= set(lines)
    rules = (REPOSITORY / "contrib/debian/rules").read_text()
    assert "debian/standfast/usr/share/dbus-1/system-services/org.standfast.Console.service" in rules


def test_an_upgrade_restarts_the_daemons_and_nothing_else() -> None:
    script = (REPOSITORY / "contrib/debian/standfast.postinst").read_text()
    assert re.findall(r"for daemon in (.*); do", script) == [" ".join((*DAEMONS, "addresses", "metrics", "alerts"))]
    acts = re.findall(r"systemctl (.*?)(?: \|\||$)", script, re.MULTILINE)
    assert acts == ["daemon-reload", "stop corosync.service", 'try-restart "standfast-$daemon.service"']


def _text(name: str) -> str:
    return (UNITS / name).read_text()
