"""The Debian images below all nodes of all labs: layers, each made once for each recipe."""

import contextlib
import fcntl
import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .place import BASE, LabError
from .processes import environment, run
from .progress import say

SUITE = "bookworm"
NODE_PACKAGES = (
    # a server as an administrator has it
    *("systemd", "systemd-sysv", "dbus", "udev", "polkitd", "iproute2", "iputils-ping", "nftables", "procps"),
    *("less", "curl", "openssh-client", "openssh-server"),
    # what Standfast depends on or recommends, so that apt needs no network in a node
    *("corosync", "fence-agents", "python3", "python3-click", "python3-dbus-next", "python3-pyroute2"),
    *("python3-pyudev", "python3-regex", "python3-rich", "python3-systemd"),
    # an arbiter's two ends, and a BMC that speaks IPMI with what the agent for it calls
    *("corosync-qdevice", "corosync-qnetd", "ipmitool", "openipmi"),
    # what the example group serves
    "apache2",
)
# Run by mmdebstrap with the image's root as $1.
NODE_RECIPE = """
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
SERVER_PACKAGES = (
    # what probes look at
    *("nginx-light", "mariadb-server", "postgresql", "redis-server", "unbound", "python3-aiosmtpd"),
    # what the package suggests
    *("python3-aiomysql", "python3-cryptography", "python3-dnspython", "python3-prometheus-client", "python3-redis"),
    # what the examples run besides: an NFS server that needs nothing of this machine's kernel, and Debian's OCF agents
    *("nfs-ganesha", "nfs-ganesha-vfs", "haproxy", "resource-agents"),
)
SERVER_RECIPE = """
set -eu
chroot "$1" systemctl disable mariadb.service nginx.service postgresql.service redis-server.service unbound.service \\
    unbound-resolvconf.service haproxy.service nfs-ganesha.service rpcbind.service rpcbind.socket \\
    nfs-client.target logd.service
rm "$1/etc/nginx/sites-enabled/default"  # port 80 is the example group's
# There are no root servers in a lab, and so no signatures to follow from them.
rm "$1/etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf"
printf 'server:\\n  module-config: "iterator"\\n' >"$1/etc/unbound/unbound.conf.d/lab.conf"
: >"$1/etc/machine-id"
: >"$1/etc/resolv.conf"
# A node copies what it changes: a database of 35 MB starts at once, one of 150 MB does not.
printf '[mysqld]\\ninnodb_log_file_size=4M\\n' >"$1/etc/mysql/mariadb.conf.d/99-lab.cnf"
rm -rf "$1/var/lib/mysql"
chroot "$1" mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket >/dev/null
"""

# What a bench measures beside ours; Pacemaker and Standfast conflict, so its nodes have no Standfast.
PEER_PACKAGES = ("pacemaker", "pacemaker-cli-utils", "resource-agents", "keepalived")
PEER_RECIPE = """
set -eu
chroot "$1" systemctl disable pacemaker.service logd.service keepalived.service 2>/dev/null || true
: >"$1/etc/machine-id"
: >"$1/etc/resolv.conf"
"""


# Administrators' console, over the servers: what tests of the page share their nodes with.
COCKPIT_PACKAGES = ("cockpit-bridge", "cockpit-system", "cockpit-ws", "sudo")
COCKPIT_RECIPE = """
set -eu
chroot "$1" systemctl disable cockpit.socket 2>/dev/null || true
: >"$1/etc/machine-id"
: >"$1/etc/resolv.conf"
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """What is installed into a node's file system, over the layer below it."""

    packages: tuple[str, ...]
    recipe: str
    about_s: int  # how long it takes to make it
    below: "Layer | None" = None

    @property
    def options(self) -> tuple[str, ...]:
        """How mmdebstrap is called, but for the paths."""
        return (*(("--variant=custom", "--skip=check/empty") if self.below else ("--variant=minbase",)), *_OPTIONS)

    def key(self) -> str:
        """What went into it and the layers below, in 16 digits."""
        below = (self.below.key(),) if self.below else ()
        parts = "\n".join((*below, SUITE, debian_point(), *self.packages, self.recipe, *self.options))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


_OPTIONS = (
    "--mode=root",
    "--format=directory",
    "--aptopt=APT::Install-Recommends false",
    "--dpkgopt=force-unsafe-io",  # a layer is renamed into place when it is whole
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
NODE = Layer(NODE_PACKAGES, NODE_RECIPE, 40)
SERVERS = Layer(SERVER_PACKAGES, SERVER_RECIPE, 90, below=NODE)
COCKPIT = Layer(COCKPIT_PACKAGES, COCKPIT_RECIPE, 20, below=SERVERS)
PEER = Layer(PEER_PACKAGES, PEER_RECIPE, 30, below=NODE)


def debian_point() -> str:
    """The point release that apt knows of, as in 12.15; without apt's lists, this machine's own."""
    for lists in sorted(Path("/var/lib/apt/lists").glob(f"*_dists_{SUITE}_*Release")):
        for line in lists.read_text(errors="replace").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ").strip()
    return Path("/etc/debian_version").read_text().strip()


def ensure(layer: Layer = NODE, images: Path = BASE / "images") -> tuple[Path, ...]:
    """The root folders of the layer and of those below it, the lowest last.

    Those with another key than what is there are made, once if several labs ask at once.
    """
    below = ensure(layer.below, images) if layer.below else ()
    image = images / layer.key()
    images.mkdir(parents=True, exist_ok=True)
    if not (image / "root").exists():
        with _locked(images / f".{image.name}.lock", image.name) as lock:
            if not (image / "root").exists():
                _make(layer, image, below, lock)
    return (image / "root", *below)


def has_servers(root: Path) -> bool:
    """The node's file system has that layer in it."""
    return (root / "usr/sbin/nginx").exists()


def has_cockpit(root: Path) -> bool:
    """The node's file system has that layer in it."""
    return (root / "usr/bin/cockpit-bridge").exists()


def program(path: str, layer: Layer) -> list[str]:
    """The command of a program of the layer's that runs on this machine, with the image's own loader and libraries."""
    layers = ensure(layer)
    loader = next(layers[-1].glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"), None)
    found = next((root / path for root in layers if (root / path).exists()), None)
    if loader is None or found is None:
        raise LabError(f"image {layers[0]} has no {path} that can be run: remove it and bring the lab up again")
    libraries = ":".join(str(root / loader.parent.relative_to(layers[-1])) for root in layers)
    return [str(loader), "--library-path", libraries, str(found)]


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


def _make(layer: Layer, image: Path, below: tuple[Path, ...], lock: int) -> None:
    """Makes the layer beside its place and renames it; what an interrupted run left is removed first."""
    say(f"making image {image.name}: Debian {debian_point()}, {len(layer.packages)} packages, about {layer.about_s} s")
    work = image.with_name(f".{image.name}.work")
    run("rm", "-rf", "--one-file-system", str(work))
    for name in ("tmp", "root", "upper", "overlay"):
        (work / name).mkdir(parents=True)
    (work / "recipe").write_text(layer.recipe)
    _debootstrap(layer, work, below, lock)
    image.mkdir(exist_ok=True)
    (work / ("upper" if below else "root")).rename(image / "root")
    run("rm", "-rf", "--one-file-system", str(work))
    say(f"image {image.name} is made")


def _debootstrap(layer: Layer, work: Path, below: tuple[Path, ...], lock: int) -> None:
    """Fills work/root, or work/upper where something is below.

    When this process ends, however it does, so do all of mmdebstrap's, and their mounts.
    """
    overlay = f"lowerdir={':'.join(map(str, below))},upperdir={work / 'upper'},workdir={work / 'overlay'}"
    # mmdebstrap makes the devices and does not expect any
    mount = f"mount -t overlay lab -o {overlay} {work / 'root'}; find {work / 'root/dev'} -mindepth 1 -delete; "
    command = [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("sh", "-ec", f'{mount if below else ""}exec "$@"', "sh"),
        *("mmdebstrap", *layer.options, f"--include={','.join(layer.packages)}"),
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
