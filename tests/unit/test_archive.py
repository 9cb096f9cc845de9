"""Archives that are written whole or not at all, and read without trust."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from standfast import archive
from standfast.archive import ArchiveError

FILES = {"README": b"read me\n", "node1/flight/now.jsonl": b"{}\n" * 9, "node1/empty": b""}


def packed(contents: dict[str, bytes] = FILES) -> bytes:
    file = io.BytesIO()
    archive.write(file, contents, 1_700_000_000)
    return file.getvalue()


def tarred(change: Callable[[tarfile.TarInfo], None], content: bytes = b"x") -> bytes:
    """An archive of one member that is not as `archive.write` makes it."""
    file = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=file) as tar:
        member = tarfile.TarInfo("a")
        member.size = len(content)
        change(member)
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_what_was_written_is_read_and_is_the_same_bytes_each_time() -> None:
    assert archive.read(io.BytesIO(packed())) == FILES
    assert packed() == packed(dict(reversed(FILES.items())))


def test_its_members_are_for_their_owner_in_the_order_of_their_names() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed())) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(FILES)
    assert {(member.mode, member.uid, member.gid, member.uname) for member in members} == {(0o600, 0, 0, "")}


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.tar.gz"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tarfile.TarFile, "addfile", full)
        with pytest.raises(OSError, match="No space"):
            archive.write_file(path, FILES, 0)
    assert [one.name for one in tmp_path.iterdir()] == ["report.tar.gz"]
    assert path.read_bytes() == b"before"
    archive.write_file(path, FILES, 0)
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("rb") as file:
        assert archive.read(file) == FILES


def named(name: str) -> Callable[[tarfile.TarInfo], None]:
    return lambda member: setattr(member, "name", name)


def link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/shadow", 0


def device(member: tarfile.TarInfo) -> None:
    member.type, member.size = tarfile.CHRTYPE, 0


HOSTILE = {
    "no archive at all": b"\x00" * 99,
    "nothing": b"",
    "gzip of nothing like a tar": gzip.compress(b"x" * 9_999),
    "cut off": packed()[:-20],
    "cut off in the middle": packed({"a": os.urandom(100_000)})[:50_000],
    "a path upwards": tarred(named("node1/../../etc/cron.d/x")),
    "an absolute path": tarred(named("/etc/cron.d/x")),
    "a link": tarred(link),
    "a device": tarred(device),
    "a name that is no UTF-8": tarred(named("a\udcff\udcfe")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_archive_of_ours_is_one_sentence(kind: str) -> None:
    data = HOSTILE[kind]
    if kind == "a name that is no UTF-8":
        assert list(archive.read(io.BytesIO(data))) == ["a\udcff\udcfe"], "it is only a name"
        return
    with pytest.raises(ArchiveError):
        archive.read(io.BytesIO(data))


def test_what_would_fill_the_memory_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_BYTES", 1 << 20)
    monkeypatch.setattr(archive, "MOST_FILES", 10)
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        archive.read(io.BytesIO(packed({"zeros": b"\0" * (4 << 20)})))
    with pytest.raises(ArchiveError, match="more than 10 files"):
        archive.read(io.BytesIO(packed({f"f{number}": b"" for number in range(11)})))


def test_a_header_that_goes_on_and_on_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """tarfile reads an extended header whole, however long it says it is."""
    monkeypatch.setattr(archive, "LARGEST_BYTES", 1 << 20)
    monkeypatch.setattr(archive, "MOST_FILES", 10)
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 16 << 20
    data = gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + b"9" * (16 << 20))
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        archive.read(io.BytesIO(data))


def test_a_header_that_says_terabytes_is_refused() -> None:
    def huge(member: tarfile.TarInfo) -> None:
        member.pax_headers = {"comment": "x" * 100_000}

    assert archive.read(io.BytesIO(tarred(huge))) == {"a": b"x"}
    block = bytearray(gzip.decompress(tarred(named("a")))[:512])
    block[124:136] = b"77777777777\0"  # octal: 8 GiB
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(ArchiveError):
        archive.read(io.BytesIO(gzip.compress(bytes(block) + b"\0" * 1024)))
