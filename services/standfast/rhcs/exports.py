"""nfsserver, nfsexport and nfsclient."""

from collections.abc import Mapping
from typing import Final

from standfast.rhcs.resource import Resource
from standfast.rhcs.units import Place, Translation, Unit, UntranslatableError, commands

_PROGRAM: Final = "/usr/sbin/exportfs"


def nfsserver(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    text = "its start and stop are the unit's; clients get their locks back in the server's own grace period"
    resource.ledger.differs(resource.element, text)
    return (Unit(name="nfs-server.service", what="Debian's NFS server"),)


def nfsexport(resource: Resource, place: Place) -> tuple[Unit, ...]:
    """Nothing starts or stops for it: what it holds is exported, client by client."""
    if "nfsserver" not in place.by_type:
        text = "nfs-server.service must run on every node that may have the group: systemctl enable --now nfs-server"
        resource.ledger.to_do(resource.place, text)
    return ()


def nfsclient(resource: Resource, place: Place) -> tuple[Unit, ...]:
    target = resource.text("target")
    path = resource.text("path") or _path(place)
    if not target or not path:
        raise UntranslatableError("it does not say to whom or what to export")
    export = f"{target}:{path}"
    options = [one for one in (resource.text("options"), _fsid(resource, place)) if one]
    start = [_PROGRAM, "-i", *(("-o", ",".join(options)) if options else ()), export]
    return (commands(resource, f"exports {path} to {target}", start, (_PROGRAM, "-u", export)),)


def _path(place: Place) -> str:
    """What nfsexport says, which is where the file system around it is mounted."""
    for one in reversed(place.ancestors):
        if path := one.text("path") or one.text("mountpoint"):
            return path
    return ""


def _fsid(resource: Resource, place: Place) -> str:
    """The same on every node, or clients lose their handles."""
    written = resource.text("fsid") or place.inherited("fsid")
    return "" if not written or "fsid=" in resource.text("options") else f"fsid={written}"


EXPORTS: Final[Mapping[str, Translation]] = {
    "nfsserver": nfsserver,
    "nfsexport": nfsexport,
    "nfsclient": nfsclient,
}
