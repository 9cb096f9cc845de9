"""Devices and folders that a group's mounts need: what a machine has against them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from standfast.configuration.storage_checks import Disk
from standfast.storage.superblock import content
from unit.site import Site, site

__all__ = ["site"]

DEVICE = "/dev/disk/by-label/db"
GOOD = Disk(device="8:16", content="ext4 mmp")


@pytest.fixture
def database(site: Site) -> Site:
    site.edit("units/webserv.target", "srv-www.mount", "srv-db.mount")
    (site.root / "units/srv-www.mount").unlink()
    use(site, What="LABEL=db", Type="ext4")
    have(site, {DEVICE: GOOD})
    return site


def use(site: Site, **settings: str) -> None:
    lines = (f"{key}={value}" for key, value in settings.items())
    site.write("units/srv-db.mount", "\n".join(("[Mount]", "Where=/srv/db", *lines, "")))


def have(site: Site, disks: Mapping[str, Disk]) -> None:
    async def look(paths: tuple[str, ...]) -> Mapping[str, Disk]:
        return {path: disks[path] for path in paths if path in disks}

    site.machine = replace(site.machine, disks=look)


def test_a_device_that_is_here_and_guards_itself_is_good(database: Site) -> None:
    assert database.lines() == []


def test_a_device_that_is_missing_is_an_error_unless_a_service_before_it_may_bring_it(database: Site) -> None:
    have(database, {})
    (told,) = database.errors()
    assert told == f"units/srv-db.mount:3: there is no {DEVICE} here; " + (
        "connect it, or name another domain for the group"
    )
    database.edit("units/webserv.target", "srv-db.mount", "mariadb.service srv-db.mount")
    assert database.errors() == []


@pytest.mark.parametrize(
    ("disk", "text"),
    [
        (Disk(device="8:16", user="dm-0"), "is in use here by dm-0; write What= of what lies on it, or free it"),
        (Disk(), "is no block device; a folder is shown elsewhere with Options=bind"),
    ],
)
def test_a_device_that_no_mount_could_have_is_an_error(database: Site, disk: Disk, text: str) -> None:
    have(database, {DEVICE: disk})
    assert database.errors() == [f"units/srv-db.mount:3: {DEVICE} {text}"]


def test_a_device_that_is_mounted_beside_the_cluster_is_an_error(database: Site) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    number, point = next((line.split()[2], line.split()[4]) for line in lines if line.split()[4] == "/proc")
    have(database, {DEVICE: replace(GOOD, device=number)})
    (told,) = database.errors()
    assert told.startswith(f"units/srv-db.mount:3: {DEVICE} is mounted at /")
    assert point in told
    database.edit("units/webserv.target", "srv-db.mount", "srv-db.mount proc.mount")
    database.write("units/proc.mount", f"[Mount]\nWhat={database.folder}\nWhere=/proc\nOptions=bind\n")
    assert database.errors() == []  # that is another mount of the groups


def test_a_device_that_is_only_taken_out_of_sight_is_an_error(database: Site) -> None:
    use(database, What="LABEL=db", Type="ext4", LazyUnmount="yes")
    (told,) = database.errors()
    assert told.startswith("units/srv-db.mount:5: with LazyUnmount= whoever uses it goes on using it")
    use(database, What="LABEL=db", Type="ext4", LazyUnmount="no")
    assert database.errors() == []


@pytest.mark.parametrize(("kind", "advice"), [("ext4", "tune2fs -O mmp"), ("xfs", "an ext4 with mmp has a guard")])
def test_a_file_system_that_two_nodes_can_mount_is_a_warning(database: Site, kind: str, advice: str) -> None:
    have(database, {DEVICE: replace(GOOD, content=kind)})
    assert database.errors() == []
    (told,) = database.warnings()
    assert f"{kind} that two nodes can mount at once, and only the cluster keeps them from it" in told
    assert advice in told


def test_the_folder_of_a_bind_mount_must_be_here_or_come_with_the_group(database: Site) -> None:
    use(database, What="/no/such/folder", Type="none", Options="bind")
    assert database.errors() == [
        "units/srv-db.mount:3: there is no /no/such/folder here to bind; make it, or correct What="
    ]
    use(database, What="srv/data", Type="none", Options="rbind,ro")
    assert database.errors() == ["units/srv-db.mount:3: What=srv/data of a bind mount is no absolute path"]
    use(database, What=str(database.folder), Options="bind")
    assert database.errors() == []
    database.write("units/srv-all.mount", "[Mount]\nWhat=nas:/all\nWhere=/srv/all\nType=nfs\n")
    database.edit("units/webserv.target", "srv-db.mount", "srv-all.mount srv-db.mount")
    use(database, What="/srv/all/db", Options="bind")
    assert database.errors() == []


def test_a_superblock_says_what_is_on_a_device(tmp_path: Path) -> None:
    ext4 = bytearray(70_000)
    ext4[1080:1082] = b"\x53\xef"
    mmp = bytearray(ext4)
    mmp[1024 + 0x61] = 0x01
    found: dict[str, bytes] = {
        "ext4": bytes(ext4),
        "ext4 mmp": bytes(mmp),
        "xfs": b"XFSB" + bytes(600),
        "": bytes(70_000),
    }
    for expected, data in found.items():
        (tmp_path / "device").write_bytes(data)
        assert content(str(tmp_path / "device")) == expected
    assert content(str(tmp_path / "none")) == ""
