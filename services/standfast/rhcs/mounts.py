"""netfs, fs, clusterfs and bind-mount become mount units."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from standfast.configuration.system import IN_FORCE
from standfast.rhcs.resource import Resource
from standfast.rhcs.unit_text import mount_unit, section, specifiers
from standfast.rhcs.units import Place, Translation, Unit, UntranslatableError, described, own_name, whole

_CIFS: Final = frozenset({"cifs", "smb", "smbfs"})
_CREDENTIALS: Final = {  # of mount.cifs(8), as a credentials file calls them
    "user": "username",
    "username": "username",
    "pass": "password",
    "password": "password",
    "dom": "domain",
    "domain": "domain",
}
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs"})
# By default systemd starts each mount before local-fs.target or remote-fs.target: a part of the boot, which no mount is
# that waits for a volume group, an address or a server of its group (systemd.mount(5), "Default Dependencies").
_NO_PART_OF_THE_BOOT: Final = (
    ("DefaultDependencies", "no"),
    ("Conflicts", "umount.target"),
    ("Before", "umount.target"),
)


def netfs(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    kind = resource.text("fstype", "nfs").lower()
    host, export = resource.text("host"), resource.text("export")
    if not host or not export:
        raise UntranslatableError("it has no host or no export")
    if kind in _CIFS:
        return _mount_share(resource, f"//{host}/{export.strip('/')}")
    address = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return _mount(resource, f"{address}:{export}", "nfs" if kind == "nfs4" else kind, resource.text("options"))


def _mount_share(resource: Resource, what: str) -> tuple[Unit, ...]:
    """A share whose password, if its options have one, is in a file that only root can read."""
    options = [one.strip() for one in resource.text("options").split(",") if one.strip()]
    hidden = [one for one in options if one.partition("=")[0] in _CREDENTIALS]
    if not any(one.startswith("pass") for one in hidden):
        return _mount(resource, what, "cifs", resource.text("options"))
    file = f"{own_name(resource)}.secret"
    text = "".join(f"{_CREDENTIALS[name]}={value}\n" for name, _, value in (one.partition("=") for one in hidden))
    rest = ",".join([*(one for one in options if one not in hidden), f"credentials={IN_FORCE / file}"])
    (unit,) = _mount(resource, what, "cifs", rest)
    return (replace(unit, secrets={file: text}),)


def filesystem(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    if resource.flag("force_fsck"):
        text = "a file system is not checked before each mount; run fsck by hand after a crash that asks for it"
        resource.ledger.left(resource.element, text, "force_fsck")
    return _mount(resource, resource.text("device"), resource.text("fstype"), resource.text("options"))


def cluster_filesystem(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    text = "GFS2 needs the DLM (Debian: dlm-controld), and is mounted for this group alone, on its node alone"
    resource.ledger.differs(resource.element, text)
    return _mount(resource, resource.text("device"), resource.text("fstype", "gfs2"), resource.text("options"))


def bind_mount(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    options = ",".join(filter(None, ("bind", resource.text("options"))))
    return _mount(resource, resource.text("source"), "none", options)


def _mount(resource: Resource, what: str, kind: str, options: str) -> tuple[Unit, ...]:
    where = resource.text("mountpoint")
    if not where.startswith("/") or ".." in where.split("/") or posixpath.normpath(where) in ("/", "//"):
        raise UntranslatableError(f"its mountpoint “{where}” is no path that something could be mounted on")
    if not what:
        raise UntranslatableError("it does not say what to mount")
    where = "/" + posixpath.normpath(where).lstrip("/")
    _tell_self_fence(resource)
    mount = section(
        "Mount",
        ("What", specifiers(what)),
        ("Where", specifiers(where)),
        ("Type", kind),
        ("Options", specifiers(options)),
    )
    network = (("After", "network.target network-online.target"), ("Wants", "network-online.target"))
    lines = (*described(resource).lines, *_NO_PART_OF_THE_BOOT, *(network if kind in _NETWORK else ()))
    return (whole(mount_unit(where), f"a mount of {what}", section("Unit", *lines), mount),)


def _tell_self_fence(resource: Resource) -> None:
    if resource.flag("self_fence"):
        text = "StopFailure=fence, the default, does the same for the whole group: its node is fenced"
        resource.ledger.differs(resource.element, text, "self_fence")


MOUNTS: Final[Mapping[str, Translation]] = {
    "netfs": netfs,
    "fs": filesystem,
    "clusterfs": cluster_filesystem,
    "bind-mount": bind_mount,
}
