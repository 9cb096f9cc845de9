"""What a machine says against a configuration: systemd, fstab, interfaces, and what lies beside /etc/standfast."""

import asyncio
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from standfast.configuration import probe_checks, verify
from standfast.configuration.load import examine, load
from standfast.configuration.machine_checks import inspect
from standfast.configuration.tree import read_tree
from unit.site import SERVICE, Site, site

__all__ = ["site"]

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def real(site: Site) -> Site:
    """systemd itself reads the units."""
    site.machine = replace(site.machine, analyze="systemd-analyze")
    (site.vendor / "apache2.service").write_text("[Service]\nExecStart=/usr/bin/no-such-program\nTyp=x\n")
    return site


@with_systemd
def test_what_systemd_refuses_is_an_error_and_what_it_passes_over_a_warning(real: Site) -> None:
    real.write("units/nothing.service", "[Service]\nType=oneshot\n")
    real.write("units/gone.service", "[Service]\nExecStart=/usr/bin/no-such-program\n")
    real.write("units/typing.service", f"{SERVICE}ExecStrat=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    real.write("units/every@.service", "[Service]\nExecStart=/bin/true %Q\n")
    real.write("units/mariadb.service.d/more.conf", "[Service]\nTimeoutStartSec=soon\n")
    real.write("units/typing.service.d/more.conf", "[Servce]\n")
    assert [line.replace("systemd says: ", "") for line in real.errors()] == [
        "units/every@.service:2: Failed to resolve unit specifiers in %Q: Invalid slot",
        "units/every@.service: Unit configuration has fatal error, unit will not be started",
        "units/gone.service: Command /usr/bin/no-such-program is not executable: No such file or directory",
        "units/nothing.service: Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing",
    ]
    assert [line.partition(": warning: ")[0] for line in real.warnings()] == [
        "units/typing.service:3",
        "units/typing.service.d/more.conf:1",
    ]


def test_a_resource_that_cannot_be_one_is_looked_at_no_further(real: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (real.folder / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(real.folder / "tmp"))
    real.edit("units/webserv.target", "apache2.service", "../../escaped.service dbus.service")
    real.write("units/own.service", SERVICE)
    (real.root / "units/apache2.service.d/page.conf").unlink()
    assert [line.partition(" ")[2] for line in real.errors()] == [
        "“../../escaped.service” is no unit's name; write for example apache2.service",
        "dbus.service carries the system or the cluster itself; it cannot be a resource",
    ]


@with_systemd
def test_units_that_wait_for_each_other_are_told_once(real: Site) -> None:
    real.edit("units/webserv.target", "apache2.service", "first.service second.service third.service")
    shutil.rmtree(real.root / "units/apache2.service.d")
    for name in ("first", "second", "third"):
        real.write(f"units/{name}.service", SERVICE)
    real.write("units/first.service", f"[Unit]\nAfter=third.service\n{SERVICE}")
    (told,) = real.errors()
    place, _, text = told.partition(": ")
    assert place in ("units/first.service", "units/second.service", "units/third.service")
    assert text.startswith("none of these could start before the others: ")
    assert text.endswith("; take one After= or Before= away")
    assert {"first.service", "third.service"} <= set(text.replace(",", "").replace(":", "").replace(";", "").split())


@with_systemd
def test_a_mount_that_waits_for_a_service_has_to_be_taken_out_of_the_boot(real: Site) -> None:
    real.edit("units/webserv.target", "srv-www.mount apache2.service", "first.service srv-data.mount")
    shutil.rmtree(real.root / "units/apache2.service.d")
    (real.root / "units/srv-www.mount").unlink()
    (real.vendor / "sysinit.target").write_text("[Unit]\nWants=local-fs.target\nAfter=local-fs.target\n")
    real.write("units/first.service", SERVICE)
    real.write("units/srv-data.mount", "[Mount]\nWhat=/dev/vg/data\nWhere=/srv/data\n")
    (told,) = real.errors()
    text = "srv-data.mount is part of the boot unless its [Unit] has DefaultDependencies=no"
    assert told.endswith(f"; {text}, Before= and Conflicts=umount.target")
    added = "[Unit]\nDefaultDependencies=no\nBefore=umount.target\nConflicts=umount.target\n"
    real.write("units/srv-data.mount.d/boot.conf", added)
    assert not real.errors()


@with_systemd
def test_whatever_a_unit_directory_may_hold_is_good(real: Site) -> None:
    """Whole units, drop-ins, templates, instances, drop-ins of a type, masks; links to files of the tree."""
    (real.vendor / "apache2.service").write_text(SERVICE)
    real.edit("units/webserv.target", "apache2.service", "own@a.service own@b.service worker@1.service apache2.service")
    real.write("units/own@.service", SERVICE)
    real.link("units/own@b.service", "own@.service")
    real.write("units/worker@.service.d/more.conf", "[Service]\nNice=5\n")
    real.link("units/worker@1.service.d/more.conf", "../worker@.service.d/more.conf")
    real.write("units/service.d/all.conf", "[Service]\nOOMPolicy=continue\n")
    real.write("units/webserv.target.d/more.conf", "[Unit]\nDocumentation=man:standfast(1)\n")
    real.link("units/mariadb.service", "/dev/null")
    real.write("units/logrotate.timer", "")
    real.write("units/apache2.service.d/vendors.conf", "")
    real.write("cluster.conf.d/more.conf", "[Domain]\nName=web\nOrdered=yes\n")
    assert real.lines() == []
    tree = read_tree(real.root)
    assert tree.files["units/mariadb.service"].content == b""
    assert tree.files["units/own@b.service"].content == SERVICE.encode()
    assert load(real.root, system=real.machine.system).domains[0].ordered


def test_a_systemd_that_does_not_say_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = site.programs / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    site.machine = replace(site.machine, analyze=str(slow))
    monkeypatch.setattr(verify, "LONGEST_S", 0.2)
    assert (site.errors(), len(site.warnings())) == ([], 1)


def test_a_warning_is_told_and_is_in_nobodys_way(site: Site) -> None:
    site.edit("units/webserv.target", "Domain=web", "Domain=web\nStartTimeout=1min")
    (site.vendor / "apache2.service").write_text(f"{SERVICE}TimeoutStartSec=60\nTimeoutStopSec=infinity\n")
    site.write("units/srv-www.mount.d/slow.conf", "[Mount]\nTimeoutSec=2min\n")
    result = site.check()
    assert result.exit_code == 0
    assert site.errors() == []
    assert [line.replace(str(site.folder), "") for line in site.warnings()] == [
        "/vendor/apache2.service:4: warning: TimeoutStopSec=infinity of apache2.service is longer than StopTimeout=30s "
        "of group webserv, which kills it then; raise StopTimeout= if it needs that long",
        "units/srv-www.mount.d/slow.conf:2: warning: TimeoutSec=2min of srv-www.mount is longer than StartTimeout=1min "
        "of group webserv, which kills it then; raise StartTimeout= if it needs that long",
        "units/srv-www.mount.d/slow.conf:2: warning: TimeoutSec=2min of srv-www.mount is longer than StopTimeout=30s "
        "of group webserv, which kills it then; raise StopTimeout= if it needs that long",
    ]
    assert result.stdout.splitlines()[-1].startswith(f"{site.root} has no error, 4 warnings: ")


def test_sections_of_ours_beside_the_configuration_are_shown_with_where_to_copy_them(site: Site) -> None:
    (site.vendor / "mariadb.service").write_text(f"{SERVICE}[X-Probe page]\nURL=http://127.0.0.1/\n")
    site.write("../system/apache2.service.d/mine.conf", "[X-Standfast]\nCritical=no\n")
    site.write("../system/mail.target", "[X-Standfast]\nResources=postfix.service\n")
    site.write("../config/units/old.service", "[X-Probe]\n")
    (site.system / "old.service").symlink_to(site.folder / "config/units/old.service")
    assert site.errors() == []
    told = [line.replace(str(site.folder), "") for line in site.warnings()]
    assert [line.partition(": warning: ")[0] for line in told] == [
        "/system/apache2.service.d/mine.conf:1",
        "/system/mail.target:1",
        "/vendor/mariadb.service:3",
    ]
    assert [line.rpartition(" ")[2] for line in told] == [
        "/etc/standfast/units/apache2.service.d/mine.conf",
        "/etc/standfast/units/mail.target",
        "/etc/standfast/units/mariadb.service.d/standfast.conf",
    ]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("nas:/www /srv/www nfs noauto 0 0", False),
        ("nas:/www /srv/www nfs noauto,x-systemd.automount 0 0", True),
        ("nas:/www /srv//www/ nfs rw,nofail 0 0", True),
        ("#nas:/www /srv/www nfs rw 0 0", False),
        (r"nas:/x /srv/www\040x nfs rw 0 0", False),
        ("nas:/www /srv/www", False),
    ],
)
def test_a_mount_that_fstab_starts_is_a_way_round_the_cluster(site: Site, line: str, wrong: bool) -> None:
    site.fstab.write_text(f"{line}\n")
    assert bool(site.errors()) is wrong


def test_a_mount_point_of_fstab_with_escapes_is_that_of_a_unit_with_escapes(site: Site) -> None:
    unit = r"srv-my\x20d\xc3\xa4ta.mount"
    site.edit("units/webserv.target", "srv-www.mount", unit)
    site.write(f"units/{unit}", "[Mount]\nWhat=nas:/www\nWhere=/srv/my däta\n")
    site.fstab.write_text("nas:/www /srv/my\\040däta nfs rw 0 0\n")
    (told,) = site.errors()
    assert told.endswith(
        f"mounts /srv/my däta at every boot, and {unit} is a resource of group webserv; remove the line"
    )


def test_an_address_is_looked_at_where_its_group_may_run(site: Site) -> None:
    site.edit("units/webserv.target", "192.0.2.100", "198.51.100.1")
    site.edit("cluster.conf", "Nodes=node1 node2", "Nodes=node2\nRestricted=yes")
    assert site.errors() == []
    site.machine = replace(site.machine, host="node2.example.com")
    assert len(site.errors()) == 1
    site.write("units/standfast-ip@.service.d/place.conf", "[X-Address]\nInterface=eth0\nPrefix=24\n")
    assert site.errors() == []


def test_a_subnet_on_two_interfaces_is_a_warning_that_names_the_one_that_would_have_the_address(site: Site) -> None:
    site.interfaces["bond0.100"] = "192.0.2.12/24"
    assert site.errors() == []
    assert [line for line in site.warnings() if "subnet" in line] == [
        "units/webserv.target:4: warning: the subnet of 192.0.2.100 is on eth0 and bond0.100 of this node, and eth0"
        " would have it; write Interface= in [X-Address]"
    ]
    site.write("units/standfast-ip@.service.d/place.conf", "[X-Address]\nInterface=bond0.100\n")
    assert [line for line in site.warnings() if "subnet" in line] == []


def test_an_interface_without_the_subnet_is_a_warning_unless_the_prefix_is_told(site: Site) -> None:
    site.interfaces["eth1"] = "198.51.100.11/24"
    place = "units/standfast-ip@192.0.2.100.service.d/place.conf"
    site.write(place, "[X-Address]\nInterface=eth1\n")
    assert [line.partition(": warning: ")[0::2] for line in site.warnings() if "subnet" in line] == [
        (
            f"{place}:2",
            "eth1 of this node has no subnet of 192.0.2.100, so it would be there as /32; write Prefix= in [X-Address]",
        )
    ]
    site.write(place, "[X-Address]\nInterface=eth1\nPrefix=24\n")
    assert [line for line in site.warnings() if "subnet" in line] == []


def test_programs_get_errors_and_warnings_with_file_and_line(site: Site) -> None:
    site.edit("cluster.conf", "Id=2", "Id=1")
    result = site.check("--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["errors"] == [
        {"file": "cluster.conf", "line": 10, "text": "Id=1 is node1's; every node needs its own"}
    ]
    assert [(entry["file"], entry["line"]) for entry in document["warnings"]] == [("units", None)]
    assert document["digest"] == read_tree(site.root).digest


def test_a_machine_is_looked_at_however_much_of_the_files_is_wrong(site: Site) -> None:
    site.write("cluster.conf", "[Cluster\n")
    site.fstab.write_text("nas:/www /srv/www nfs rw 0 0\n")
    tree = read_tree(site.root)
    examined = examine(tree, site.machine.system)
    assert examined.configuration is None
    (found,) = asyncio.run(inspect(examined.groups, tree, None, machine=site.machine))
    assert found.source.path == str(site.fstab)


def test_what_is_beside_the_tree_is_not_found_through_links_of_the_root(site: Site, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(site.root)
    site.link("units/passwd.service", "/etc/passwd")
    site.link("units/b@1.service", "b@.service")
    site.write("units/b@.service", SERVICE)
    told = [str(problem) for problem in read_tree(tmp_path / "linked").problems]
    assert told == ["units/passwd.service: is a link to /etc/passwd, which is not replicated; put the file itself here"]


def test_of_an_init_script_it_is_told_that_nobody_would_notice_that_its_daemon_died(site: Site) -> None:
    made = "[Unit]\nSourcePath=/etc/init.d/mysqld\n[Service]\nType=forking\nExecStart=/bin/true\nRemainAfterExit={}\n"
    (site.vendor / "mysqld.service").write_text(made.format("yes"))
    site.edit("units/webserv.target", "apache2.service", "apache2.service mysqld.service")
    told = (
        "units/webserv.target:4: warning: nobody would notice that the daemon of /etc/init.d/mysqld died; write an "
        "[X-Probe] in units/mysqld.service.d/NAME.conf, or [Service] RemainAfterExit=no if its process stays"
    )
    assert site.lines() == [told]
    site.write("units/mysqld.service.d/a.conf", "[Service]\nRemainAfterExit=no\n")
    assert site.lines() == []
    site.write("units/mysqld.service.d/a.conf", "[X-Probe]\nType=unit\n")
    assert site.lines() == []
    (site.root / "units/mysqld.service.d/a.conf").unlink()
    (site.vendor / "mysqld.service").write_text(made.format("no"))
    assert site.lines() == []


def test_a_library_or_a_credential_that_a_probe_needs_is_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only told: both may come later, and until then the probe is unknown."""
    monkeypatch.setattr(probe_checks, "find_spec", lambda name: None)
    text = "[X-Probe]\nType=redis\nConnect=127.0.0.1:6379\nCredential=nothing\n"
    site.write("units/apache2.service.d/page.conf", text)
    place = "units/apache2.service.d/page.conf"
    assert site.errors() == []
    assert site.warnings() == [
        f"{place}:2: warning: Type=redis needs a library that is not on this node: apt install python3-redis",
        f"{place}:4: warning: this node has no credential nothing: systemd-creds encrypt "
        "--name=nothing - /etc/credstore.encrypted/nothing; without it this probe is unknown here",
    ]
