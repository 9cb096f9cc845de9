"""The process of one look at a file or at what is mounted: it may hang there. Run as `python3 -I -S FILE`.

Arguments: "file" or "mount", the path, how many bytes of the file are wanted, and the name of the file that is written
beside it or in it ("": none). It writes "begun" and then its answer: WORD NUMBER LENGTH, a line feed and LENGTH bytes.
"good": the number is the age of the file in milliseconds, or how many percent are free (-1: nobody can tell); the bytes
are those of the file. "bad": the bytes are a sentence. It imports nothing that has to be read from a disk.
"""

import os
import stat
import sys
import time

NAME = "standfast-look"  # of the process from the moment on where it touches what it looks at
BEGUN = b"begun\n"


class BadError(Exception):
    """What was looked at is not as it must be."""


def main(kind: str, path: str, wanted: int, written: str) -> None:
    with open("/proc/self/comm", "w") as name:  # noqa: PTH123 - pathlib takes 20 ms to import
        name.write(NAME)
    os.write(1, BEGUN)
    try:
        if kind == "file":
            number, content = look_at_file(path, wanted)
            folder = os.path.dirname(path)  # noqa: PTH120 - as above
        else:
            number, content, folder = look_at_mount(path), b"", path
        if written:
            try_writing(os.path.join(folder, written))  # noqa: PTH118 - as above
        answer = b"good %d %d\n" % (number, len(content)) + content
    except BadError as error:
        text = str(error).encode(errors="replace")
        answer = b"bad 0 %d\n" % len(text) + text
    while answer:
        answer = answer[os.write(1, answer) :]


def look_at_file(path: str, wanted: int) -> tuple[int, bytes]:
    """Its age in milliseconds, and its first bytes as they are on the disk, not as they are remembered."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - as above
            raise BadError("it is no regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, wanted, os.POSIX_FADV_DONTNEED)
            content = b""
            while len(content) < wanted and (piece := os.read(descriptor, wanted - len(content))):
                content += piece
            changed = os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadError(f"it cannot be read: {error.strerror}") from error
    return int((time.time() - changed) * 1000), content


def look_at_mount(path: str) -> int:
    """How many percent of what is mounted there are free; -1: it has no size."""
    if not is_mounted(path):
        raise BadError("nothing is mounted there")
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise BadError(f"the file system does not work: {error.strerror}") from error
    return 100 * found.f_bavail // found.f_blocks if found.f_blocks else -1


def is_mounted(path: str, mountinfo: str = "/proc/self/mountinfo") -> bool:
    """By the kernel's table (proc(5)): nothing there is touched. What is mounted when it is used is not mounted yet."""
    place = os.fsencode(path.rstrip("/") or "/")
    for char in b"\\ \t\n":  # the backslash first
        place = place.replace(b"%c" % char, b"\\%03o" % char)
    with open(mountinfo, "rb") as lines:  # noqa: PTH123 - as above
        for line in lines:
            mount, _, source = line.partition(b" - ")
            if mount.split(b" ")[4] == place and not source.startswith(b"autofs "):
                return True
    return False


def try_writing(path: str) -> None:
    """A small file can be made, written, read back from the disk and removed; so is one that a look left behind."""
    try:
        remove(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            text = b"%d of standfast\n" % os.getpid()
            os.write(descriptor, text)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            same = os.pread(descriptor, len(text), 0) == text
        finally:
            os.close(descriptor)
            remove(path)
    except OSError as error:
        raise BadError(f"a file cannot be written there: {error.strerror}") from error
    if not same:
        raise BadError("what is written there is not what is read back")


def remove(path: str) -> None:
    try:  # noqa: SIM105 - contextlib takes as long to import as python does to start
        os.unlink(path)  # noqa: PTH108 - as above
    except FileNotFoundError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
