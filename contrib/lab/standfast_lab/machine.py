"""One node's disk, and the command that boots it."""

import os
import shutil
from pathlib import Path

from . import cgroups, watchdog
from .place import ARBITER, LINKS, NODES_MAX, NodePlace
from .processes import run

REBOOT = 133  # systemd-nspawn's exit status when the container asked for a reboot


def make_disk(node: NodePlace, layers: tuple[Path, ...]) -> None:
    """The node's root is mounted over the image's layers and knows its own name and its neighbours' addresses."""
    for name in ("upper", "work", "root"):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={':'.join(map(str, layers))},upperdir={node.folder / 'upper'},workdir={node.folder / 'work'}"
    run("mount", "-t", "overlay", f"{node.namespace}", "-o", options, str(node.root))
    etc = node.root / "etc"
    (etc / "hostname").write_text(f"{node.name}\n")
    (etc / "hosts").write_text(_hosts(node))
    # Emptied once: with a new id at each boot, each boot would begin a new journal folder.
    (etc / "machine-id").write_text("")
    pages = node.root / "var/www/html"
    (pages / "index.html").write_text(f"{node.name}\n")
    (pages / "healthz").write_text("ok\n")


def _hosts(node: NodePlace) -> str:
    lines = ["127.0.0.1 localhost"]
    for index in (ARBITER, *range(1, NODES_MAX + 1)):
        neighbour = node.lab.node(index)
        lines += [f"{neighbour.addresses[0]} {neighbour.name}"]
        lines += [f"{neighbour.addresses[link]} {neighbour.name}-{link}" for link in range(1, LINKS)]
    return "\n".join(lines) + "\n"


def remove_disks(folder: Path) -> None:
    """Nothing is mounted below `folder`, and it is gone."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mounted in sorted((m for m in mounts if m.startswith(f"{folder}/")), key=len, reverse=True):
        run("umount", mounted.replace("\\040", " "))
    if folder.exists():
        shutil.rmtree(folder)


def boot_command(node: NodePlace) -> list[str]:
    """The command that runs the node until its PID 1 ends; its exit status is REBOOT if that asked for one."""
    join = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'
    files = [str(file) for file in cgroups.renew(node)]
    return ["sh", "-ec", join, "join", *files, "--", *_nspawn(node)]


def _nspawn(node: NodePlace) -> list[str]:
    return [
        "systemd-nspawn",
        "--quiet",
        f"--directory={node.root}",
        f"--machine={node.namespace}",
        f"--hostname={node.name}",
        "--register=no",
        "--keep-unit",
        f"--network-namespace-path=/run/netns/{node.namespace}",
        "--capability=CAP_NET_ADMIN,CAP_SYS_NICE,CAP_IPC_LOCK",
        # A Corosync that waits for an arbiter's vote does so in a busy loop: two of them at real-time priority would
        # take all that two cores have, from the arbiter's two ends too.
        *(["--drop-capability=CAP_SYS_NICE"] if node.lab.arbiter() else []),
        "--system-call-filter=open_by_handle_at",  # an NFS server of user space needs it
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        f"--bind={node.lab.shared}:/srv/shared",
        *([f"--bind={node.watchdog}:{watchdog.FOLDER}"] if node.watchdog.exists() else []),
        "--console=pipe",
        "--boot",
    ]


def boot_environment() -> dict[str, str]:
    """systemd-nspawn's environment: version 2 cgroups, whatever the host mounts."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}


def leader(nspawn: int) -> int | None:
    """The node's PID 1 as numbered here; None while there is none."""
    try:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
    except OSError:
        return None
    for child in children:
        try:
            status = Path(f"/proc/{child}/status").read_text()
        except OSError:
            continue
        numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
        if len(numbers) > 1 and numbers[-1] == "1":
            return int(child)
    return None
