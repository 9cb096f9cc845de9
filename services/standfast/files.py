"""What this machine says about itself, and files that are whole or not there at all."""

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

# proc(5): the start time is field 22 of /proc/PID/stat; the command's name (field 2, in parentheses) may hold
# spaces, so it is counted from the last closing parenthesis, after which field 3 comes.
_START_TIME = 22 - 3


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """`path` holds `data`, on the disk, also after a power cut; before that it held the old content whole.

    Raises OSError (a full disk, a folder that is not there): then `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # left by a crash; the mode below counts only for a file that is made
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask is
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names made, renamed or removed in `folder` so far survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path, mode: int = 0o755) -> None:
    """`folder` and those above it are there, also after a power cut; a new one has this mode, whatever the umask is."""
    if folder.is_dir():
        return
    make_folders(folder.parent, mode)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
    sync_folder(folder.parent)


def incarnation(proc: Path = Path("/proc")) -> str:
    """One life of this node: "BOOT_ID/START_TIME" of PID 1 (a container's boot id may be its host's)."""
    boot_id = (proc / "sys/kernel/random/boot_id").read_text().strip()
    stat = (proc / "1/stat").read_text()
    start_time = stat.rpartition(")")[2].split()[_START_TIME]
    return f"{boot_id}/{start_time}"


def machine_id(root: Path = Path("/")) -> str:
    """machine-id(5) of this installation; "" where there is none."""
    return _read_or_empty(root / "etc/machine-id")


def product_uuid(root: Path = Path("/")) -> str:
    """The mainboard's UUID as the firmware tells it, in lower case; "" where it tells none."""
    return _read_or_empty(root / "sys/class/dmi/id/product_uuid").lower()


def boottime_ms() -> int:
    """Milliseconds since the boot, those asleep included: what durations of the record are counted with."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def now_text() -> str:
    """The wall clock, RFC 3339 in UTC: for people only."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_or_empty(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
