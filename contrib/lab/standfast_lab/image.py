"""The Debian image below all nodes of all labs, made once for each recipe."""

import contextlib
import fcntl
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .place import BASE, LabError
from .processes import environment, run
from .progress import say

SUITE = "bookworm"
PACKAGES = (
    # a server as an administrator has it
    *("systemd", "systemd-sysv", "dbus", "udev", "polkitd", "iproute2", "iputils-ping", "nftables", "procps"),
    *("less", "curl", "openssh-client", "openssh-server"),
    # what Standfast depends on or recommends, so that apt needs no network in a node
    *("corosync", "fence-agents", "python3", "python3-click", "python3-dbus-next", "python3-pyroute2"),
    *("python3-pyudev", "python3-rich", "python3-systemd"),
    # an arbiter's two ends, and a BMC that speaks IPMI with what the agent for it calls
    *("corosync-qdevice", "corosync-qnetd", "ipmitool", "openipmi"),
    # what the example group serves
    "apache2",
)
# Run by mmdebstrap with the image's root as $1.
RECIPE = """
set -eu
# Debian starts them at install; in a cluster Standfast starts what it needs, and the lab the rest.
chroot "$1" systemctl disable apache2.service corosync.service corosync-qdevice.service corosync-qnetd.service \\
    openipmi.service
# Nothing that wakes up by itself, looks for a network or asks for a login: it would only blur measurements.
chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \\
    fstrim.timer logrotate.timer console-getty.service getty@.service systemd-networkd.service \\
    systemd-resolved.service systemd-timesyncd.service
# Root of every node gets into every other one: the keys are the image's, and nothing leaves the lab.
chroot "$1" systemctl disable ssh.service
chroot "$1" systemctl enable ssh.socket
mkdir -p -m 0700 "$1/root/.ssh"
chroot "$1" ssh-keygen -q -t ed25519 -N '' -C lab -f /root/.ssh/id_ed25519
cp "$1/root/.ssh/id_ed25519.pub" "$1/root/.ssh/authorized_keys"
sed 's/^/* /' "$1/etc/ssh/ssh_host_ed25519_key.pub" >"$1/root/.ssh/known_hosts"
mkdir -p "$1/var/log/journal" "$1/srv/shared" "$1/etc/systemd/journald.conf.d"
# An audit reads every entry.
printf '[Journal]\\nStorage=persistent\\nRateLimitIntervalSec=0\\nSystemMaxUse=512M\\n' \\
    >"$1/etc/systemd/journald.conf.d/lab.conf"
: >"$1/etc/machine-id"
: >"$1/etc/resolv.conf"
printf 'ok\\n' >"$1/var/www/html/healthz"
printf 'ServerName localhost\\n' >"$1/etc/apache2/conf-enabled/lab.conf"
"""


def debian_point() -> str:
    """The point release that apt knows of, as in 12.15; without apt's lists, this machine's own."""
    for lists in sorted(Path("/var/lib/apt/lists").glob(f"*_dists_{SUITE}_*Release")):
        for line in lists.read_text(errors="replace").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ").strip()
    return Path("/etc/debian_version").read_text().strip()


def key() -> str:
    """What went into the image, in 16 digits."""
    parts = "\n".join((SUITE, debian_point(), *PACKAGES, RECIPE, *_options()))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def ensure(images: Path = BASE / "images") -> Path:
    """The image's root folder; made if there is none with this key, once if several labs ask at once."""
    image = images / key()
    images.mkdir(parents=True, exist_ok=True)
    if not (image / "root").exists():
        with _locked(images / f".{image.name}.lock", image.name) as lock:
            if not (image / "root").exists():
                _make(image, lock)
    return image / "root"


@contextlib.contextmanager
def _locked(path: Path, name: str) -> Iterator[int]:
    """The lock's descriptor: mmdebstrap inherits it, so that none of its programs is left when another begins."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another lab that makes image {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _options() -> tuple[str, ...]:
    """How mmdebstrap is called, but for the paths."""
    return (
        "--variant=minbase",
        "--mode=root",
        "--format=directory",
        "--aptopt=APT::Install-Recommends false",
        "--dpkgopt=force-unsafe-io",  # the image is renamed into place when it is whole
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    )


def _make(image: Path, lock: int) -> None:
    """Makes the image beside its place and renames it; what an interrupted run left is removed first."""
    say(f"making image {image.name}: Debian {debian_point()} with {len(PACKAGES)} packages, about 40 s")
    work = image.with_name(f".{image.name}.work")
    run("rm", "-rf", "--one-file-system", str(work))
    (work / "tmp").mkdir(parents=True)
    (work / "recipe").write_text(RECIPE)
    _debootstrap(work, lock)
    image.mkdir(exist_ok=True)
    (work / "root").rename(image / "root")
    run("rm", "-rf", "--one-file-system", str(work))
    say(f"image {image.name} is made")


def _debootstrap(work: Path, lock: int) -> None:
    """Fills work/root; when this process ends, however it does, so do all of mmdebstrap's, and their mounts."""
    command = [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("mmdebstrap", *_options(), f"--include={','.join(PACKAGES)}"),
        f'--customize-hook=sh {work / "recipe"} "$1"',
        *(SUITE, str(work / "root")),
    ]
    log: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=(lock,),
        env=environment() | {"TMPDIR": str(work / "tmp")},
    ) as process:
        try:
            for line in process.stdout or ():
                log.append(line)
                if line.startswith("I: "):
                    say(f"image: {line.removeprefix('I: ').strip()}")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise LabError(f"mmdebstrap failed with exit {process.returncode}:\n{''.join(log[-30:])}")
