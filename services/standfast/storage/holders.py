"""Who keeps a file system busy. A process of its own, for memory's and time's sake: `python3 -I -S FILE POINT [kill]`.

Nothing on the file system is touched, so one that hangs does not hang this: where a process has its folders and files
is read from links in /proc, which the kernel answers from its memory. Each holder is one line of JSON: pid, name,
control group, and what it uses. With "kill" each was sent SIGKILL, and is gone or was waited for; so was every process
of its control group, if that is one of the units named after it: half a service is worth nothing.
"""

import json
import os
import select
import signal
import sys
import time

GONE_WITHIN_S = 1.5
CONTROL_GROUPS = "/sys/fs/cgroup"
LINKS = ("cwd", "root", "exe")
# what is never killed: the machine's first process, and who decides
SPARED = tuple(f"/standfast-{name}.service" for name in ("membershipd", "quorumd", "fenced", "resourced"))


def main(point: str, *options: str) -> None:
    found = holders(point)
    if options:
        kill(found, options[1:])
    for holder in found:
        print(json.dumps(holder), flush=True)


def holders(point: str) -> list[dict[str, str]]:
    """Every process with something of what is mounted at `point`, this one and what is spared left out."""
    found = []
    for pid in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes 20 ms to import
        if not pid.isdigit() or pid in ("1", str(os.getpid())):
            continue
        use = used(f"/proc/{pid}", point)
        group = control_group(pid) if use else ""
        if use and not group.endswith(SPARED):
            found.append({"pid": pid, "name": read(f"/proc/{pid}/comm").strip(), "group": group, "use": use})
    return found


def used(process: str, point: str) -> str:
    """What the process has of it, as one word or path; "": nothing, or it has ended."""
    below = point.rstrip("/") + "/"
    for name in LINKS:
        if is_below(link(f"{process}/{name}"), point, below):
            return name
    try:
        numbers = os.listdir(f"{process}/fd")  # noqa: PTH208 - as above
    except OSError:
        return ""
    for number in numbers:
        path = link(f"{process}/fd/{number}")
        if is_below(path, point, below):
            return path
    # one whose memory is being changed by a thread that hangs cannot be read: that wait is ended by SIGKILL
    for line in read(f"{process}/maps").splitlines():
        if below in line and line.split(None, 5)[-1].startswith(below):
            return line.split(None, 5)[-1]
    return ""


def is_below(path: str, point: str, below: str) -> bool:
    return path.startswith(below) or path in (point, f"{point} (deleted)")


def link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as above
    except OSError:
        return ""


def read(path: str) -> str:
    try:
        with open(path, errors="replace") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        return ""


def control_group(pid: str) -> str:
    """In systemd's own hierarchy (cgroups(7)); in one that is not systemd's it would be in the root. "": not told."""
    lines = (line.split(":", 2) for line in read(f"/proc/{pid}/cgroup").splitlines())
    return max((path for _, names, path in lines if names in ("", "name=systemd")), key=len, default="")


def kill(found: list[dict[str, str]], units: tuple[str, ...]) -> None:
    """They were sent SIGKILL, and have ended unless the kernel holds them."""
    watched = select.poll()
    waiting = 0
    for holder in found:
        try:
            descriptor = os.pidfd_open(int(holder["pid"]))
        except OSError:
            continue  # it has ended
        if not used(f"/proc/{holder['pid']}", sys.argv[1]):
            continue  # another process with its number
        if not (holder["group"].rpartition("/")[2] in units and kill_group(holder["group"])):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        watched.register(descriptor, select.POLLIN)
        waiting += 1
    until = time.monotonic() + GONE_WITHIN_S
    while waiting and (left := until - time.monotonic()) > 0:
        for descriptor, _ in watched.poll(left * 1000):
            watched.unregister(descriptor)
            waiting -= 1


def kill_group(group: str) -> bool:
    """Every process of the control group was sent SIGKILL; False: the kernel cannot do that (before Linux 5.14)."""
    try:
        with open(f"{CONTROL_GROUPS}{group}/cgroup.kill", "w") as file:  # noqa: PTH123 - as above
            file.write("1")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
