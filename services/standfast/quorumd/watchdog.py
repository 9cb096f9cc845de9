"""The watchdog device: found, opened (which arms it), fed, and closed with or without the magic character.

Source: the kernel's Documentation/watchdog/watchdog-api.rst and watchdog-kernel-api.rst. Seconds there, ms here.
"""

import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.watchdog.times import Wanted

AUTO: Final = "auto"
SOFTDOG: Final = "Software Watchdog"  # its identity (drivers/watchdog/softdog.c)

_INFO: Final = struct.Struct("=II32s")  # struct watchdog_info: options, firmware version, identity
_GETSUPPORT: Final = 0x80285700
_KEEPALIVE: Final = 0x80045705
_SETTIMEOUT: Final = 0xC0045706
_GETTIMEOUT: Final = 0x80045707
_CAN_SET_TIMEOUT: Final = 0x0080
_CAN_CLOSE_ARMED: Final = 0x0100  # WDIOF_MAGICCLOSE
_MAGIC: Final = b"V"
_SHORT_S: Final = (1, 2, 5, 10)


class WatchdogError(Exception):
    """A device cannot be used; one sentence that says which, why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A watchdog as the kernel shows it."""

    path: str
    identity: str
    driver: str

    def __str__(self) -> str:
        return f"{self.path} ({self.identity or self.driver or 'unnamed'})"


def candidates() -> tuple[Candidate, ...]:
    """Every watchdog that the kernel has, in the order of their numbers. Reads sysfs; none is opened."""
    import pyudev  # here, for a node without a watchdog needs none of it

    found = []
    for device in pyudev.Context().list_devices(subsystem="watchdog"):
        identity = device.attributes.get("identity") or b""
        parent = device.parent
        driver = (parent.driver if parent is not None else None) or ""
        if device.device_node:
            found.append(Candidate(path=device.device_node, identity=identity.decode(errors="replace"), driver=driver))
    return tuple(sorted(found, key=_number))


def choose(wanted: Wanted, known: Iterable[Candidate], virtual: str | None) -> str:
    """The path of the device to use. Raises WatchdogError when there is none, or none that may prove anything.

    `virtual` is what systemd calls this kind of virtual machine or container; "": it is none, None: nobody said.
    """
    known = tuple(known)
    if wanted.device != AUTO:
        if not wanted.trust:
            named = _name(wanted.device)
            candidate = next((one for one in known if _name(one.path) == named), None)
            if refusal := _distrust(wanted.device, candidate, virtual):
                raise WatchdogError(f"{refusal}; write WatchdogTrust=yes if its word is to count all the same")
        return wanted.device
    if not known:
        text = "this machine has no watchdog device; load its driver (iTCO_wdt, sp5100_tco, ipmi_watchdog …)"
        raise WatchdogError(f"{text}, or remove Watchdog=auto")
    refusals = {one.path: "" if wanted.trust else _distrust(str(one), one, virtual) for one in known}
    for one in sorted(known, key=lambda one: one.identity == SOFTDOG):
        if not refusals[one.path]:
            return one.path
    text = "; ".join(refusals.values())
    raise WatchdogError(f"{text}; write WatchdogTrust=yes if its word is to count all the same")


def _distrust(name: str, candidate: Candidate | None, virtual: str | None) -> str:
    """Why this device proves nothing; "": it does."""
    if virtual is None:
        return f"{name} is not used while systemd does not say whether this is a virtual machine"
    if virtual:
        return f"{name} is in a virtual machine or container ({virtual}), which can be paused while the others count"
    if candidate is None:
        return f"{name} is no watchdog that the kernel shows"
    if candidate.identity == SOFTDOG or candidate.driver == "softdog":
        return f"{name} is softdog, which resets nothing when the kernel itself hangs"
    return ""


def _name(path: str) -> str:
    """/dev/watchdog is the old name of the first one."""
    resolved = os.path.realpath(path)
    return "/dev/watchdog0" if resolved == "/dev/watchdog" else resolved


def _number(candidate: Candidate) -> tuple[int, str]:
    digits = re.search(r"[0-9]+$", candidate.path)
    return int(digits[0]) if digits else 0, candidate.path


class Device:
    """An armed watchdog. Nothing here disarms it but `disarm`; the process's end does not."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path
        self._buffer = bytearray(4)  # made once: feeding allocates nothing

    @classmethod
    def adopt(cls, descriptor: int) -> "Device":
        """The device that an earlier process of ours armed and systemd kept open."""
        return cls(descriptor, os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - a name, no path to follow

    @classmethod
    def arm(cls, path: str) -> "Device":
        """The device is armed, with whatever timeout it has. Raises WatchdogError: then it is not.

        A device that is disarmed by each close would be by a crash too: it is refused.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise WatchdogError(_refusal(path, error)) from error
        device = cls(descriptor, path)
        try:
            options, _ = device.support()
        except WatchdogError:
            os.close(descriptor)  # nothing is written to what is no watchdog
            raise
        if not options & _CAN_CLOSE_ARMED:
            device.disarm()
            raise WatchdogError(f"{path} is disarmed by whatever closes it, also by a crash; use another watchdog")
        return device

    def support(self) -> tuple[int, str]:
        """Its options (WDIOF_…) and its identity. Raises WatchdogError when it is no watchdog."""
        buffer = bytearray(_INFO.size)
        try:
            fcntl.ioctl(self.descriptor, _GETSUPPORT, buffer, True)
        except OSError as error:
            raise WatchdogError(f"{self.path} is no watchdog ({error.strerror}); correct Watchdog=") from error
        options, _, identity = _INFO.unpack(buffer)
        return options, identity.split(b"\0")[0].decode(errors="replace")

    @property
    def settable(self) -> bool:
        """Its timeout can be chosen."""
        return bool(self.support()[0] & _CAN_SET_TIMEOUT)

    def timeout_ms(self) -> int:
        """WDIOC_GETTIMEOUT. Raises WatchdogError when it does not say."""
        buffer = bytearray(4)
        try:
            fcntl.ioctl(self.descriptor, _GETTIMEOUT, buffer, True)
        except OSError as error:
            text = f"{self.path} does not tell its timeout ({error.strerror}), so it proves nothing"
            raise WatchdogError(f"{text}; use another watchdog") from error
        return int.from_bytes(buffer, "little" if _LITTLE else "big", signed=True) * 1000

    def set_timeout(self, timeout_ms: int) -> int:
        """The timeout was asked for, and the device was fed; what it gave back. Raises WatchdogError."""
        buffer = bytearray(struct.pack("=i", timeout_ms // 1000))
        try:
            fcntl.ioctl(self.descriptor, _SETTIMEOUT, buffer, True)
        except OSError as error:
            text = f"{self.path} does not take a timeout of {timeout_ms // 1000} s ({error.strerror})"
            raise WatchdogError(f"{text}; write another WatchdogTimeout=") from error
        return self.timeout_ms()

    def feed(self) -> None:
        """The whole timeout begins anew. OSError: the device is broken, and nothing can be done about it."""
        fcntl.ioctl(self.descriptor, _KEEPALIVE, self._buffer, True)

    def hurry(self) -> None:
        """It resets this machine as soon as it can: it was fed when it must not be."""
        for seconds in _SHORT_S:
            try:
                self.set_timeout(seconds * 1000)
            except WatchdogError:
                continue  # shorter than the device can
            return

    def disarm(self) -> None:
        """Closed with the magic character: it resets nothing any more, once all copies of the descriptor are closed."""
        try:
            os.write(self.descriptor, _MAGIC)
        finally:
            os.close(self.descriptor)


_LITTLE: Final = struct.pack("=H", 1) == b"\x01\x00"


def stays_armed(path: str, sysfs: Path = Path("/sys/class/watchdog")) -> bool:
    """The kernel says that nothing disarms this device but a reset (nowayout)."""
    try:
        return (sysfs / Path(_name(path)).name / "nowayout").read_text().strip() == "1"
    except OSError:
        return False


def set_wanted(device: Device, wanted: Wanted) -> tuple[int, str]:
    """The device has the wanted timeout, as near as it can; what it gave back, and a sentence if that is another.

    Raises WatchdogError when it is too short: then the device is not used.
    """
    given = device.set_timeout(wanted.timeout_ms) if device.settable else device.timeout_ms()
    if given < wanted.shortest_ms:
        text = f"{device.path} has a timeout of {given // 1000} s, and {wanted.shortest_ms // 1000} s is the shortest"
        raise WatchdogError(f"{text} that DetectWithin= allows; use another watchdog")
    if given == wanted.timeout_ms:
        return given, ""
    verb = "gave back" if device.settable else "has, and cannot change,"
    text = f"{device.path} {verb} a timeout of {given // 1000} s instead of {wanted.timeout_ms // 1000} s"
    return given, f"{text}; that is what counts"


def _refusal(path: str, error: OSError) -> str:
    match error.errno:
        case errno.EBUSY:
            text = "is open elsewhere; set RuntimeWatchdogSec=off in /etc/systemd/system.conf and boot, or end its user"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            text = "does not exist; load its driver, or correct Watchdog="
        case _:
            text = f"cannot be opened ({error.strerror}); correct Watchdog="
    return f"{path} {text}"


def held_files(folder: Path) -> bool:
    """The files of `folder` say that something is held; one that cannot be read says so too."""
    try:
        return any(not name.startswith(".") for name in os.listdir(folder))  # noqa: PTH208 - names, no paths
    except FileNotFoundError:
        return False
    except OSError:
        return True
