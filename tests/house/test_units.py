"""The unit files are what systemd understands, and what the package's scripts count on."""

import re
import shutil
import subprocess
from pathlib import Path

from house.source import REPOSITORY

UNITS = REPOSITORY / "units"
DAEMONS = ("membershipd", "quorumd", "fenced", "resourced")


def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "corosync.service").write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "standfast-ip@.service").rename(tmp_path / "standfast-ip@192.0.2.100.service")
    units = [str(path) for path in tmp_path.iterdir() if path.suffix in {".service", ".target"}]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    about_ours = [line for line in result.stderr.splitlines() if str(tmp_path) in line or "standfast" in line]
    assert not about_ours, "\n".join(about_ours)


def test_the_target_brings_every_daemon_and_the_drain() -> None:
    wanted = re.findall(r"\S+\.service", " ".join(re.findall(r"^Wants=(.*)$", _text("standfast.target"), re.MULTILINE)))
    assert sorted(wanted) == sorted(["standfast-drain.service", *(f"standfast-{name}.service" for name in DAEMONS)])


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


def test_no_unit_gets_a_mount_namespace() -> None:
    """Its copy of the mount table would keep a resource's device busy."""
    makers = r"^(Private(Tmp|Devices|Mounts)|Protect(System|Home|Kernel\w+|ControlGroups|Proc)|\w+Paths|\w*BindPaths)="
    for path in UNITS.glob("standfast*.service"):
        assert not re.findall(makers, path.read_text(), re.MULTILINE), path.name


def test_an_upgrade_restarts_the_daemons_and_nothing_else() -> None:
    script = (REPOSITORY / "contrib/debian/standfast.postinst").read_text()
    assert re.findall(r"for daemon in (.*); do", script) == [" ".join(DAEMONS)]
    acts = re.findall(r"systemctl (.*?)(?: \|\||$)", script, re.MULTILINE)
    assert acts == ["daemon-reload", "stop corosync.service", 'try-restart "standfast-$daemon.service"']


def _text(name: str) -> str:
    return (UNITS / name).read_text()
