"""What only an OCF agent can do: SAP, Oracle, DB2, Sybase, volume groups, virtual machines."""

from collections.abc import Mapping
from typing import Final

from standfast.rhcs.ledger import is_secret
from standfast.rhcs.resource import Resource
from standfast.rhcs.units import Place, Translation, Unit, UntranslatableError, ocf

_ALIKE: Final = {"SAPInstance": "SAPInstance", "SAPDatabase": "SAPDatabase", "db2": "db2"}
_LISTENS: Final = "listener"


def same(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    """An agent that has the same name and parameters in both worlds."""
    names = list(dict.fromkeys(resource.rest()))
    for name in filter(is_secret, names):
        text = f"write OCF_RESKEY_{name}= to a file of mode 0600, and EnvironmentFile= with it to the unit"
        resource.ledger.to_do(resource.element, text, name)
    parameters = [(name, resource.text(name)) for name in names if not is_secret(name)]
    return (ocf(resource, _ALIKE[resource.type], parameters),)


def oracle(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    """oracledb and orainstance: the instance and its listeners."""
    sid, common = resource.name, _oracle_home(resource)
    vhost, kind = resource.text("vhost"), resource.text("type", "base")
    if kind not in ("base", "base-em"):
        raise UntranslatableError(f"“{kind}” is more than a database, and no agent for it is in Debian")
    if vhost:
        resource.ledger.left(resource.element, "write the host's name to listener.ora and tnsnames.ora", "vhost")
    if resource.text("lockfile"):
        resource.ledger.left(resource.element, "no lock file is needed; the agent has none", "lockfile")
    listeners = resource.text("listeners").replace(",", " ").split() or [resource.text("listener_name")]
    units = [ocf(resource, "oracle", [("sid", sid), *common])]
    for listener in filter(None, listeners):
        units.append(_listener(resource, sid, listener, f"{_LISTENS}-{listener}"))
    return tuple(units)


def oralistener(resource: Resource, place: Place) -> tuple[Unit, ...]:
    instance = place.first("orainstance") or place.first("oracledb")
    sid = resource.name if instance is None else instance.name
    if instance is None:
        text = "the agent wants the instance's SID; write it to OCF_RESKEY_sid"
        resource.ledger.to_do(resource.element, text)
    return (_listener(resource, sid, resource.name, ""),)


def _listener(resource: Resource, sid: str, listener: str, end: str) -> Unit:
    parameters = [("sid", sid), ("listener", listener), *_oracle_home(resource)]
    return ocf(resource, "oralsnr", [*parameters, ("tns_admin", resource.text("tns_admin"))], end)


def _oracle_home(resource: Resource) -> list[tuple[str, str]]:
    return [(name, resource.text(name)) for name in ("home", "user")]


def sybase(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    names = ("sybase_home", "sybase_ase", "sybase_ocs", "server_name", "interfaces_file", "sybase_user")
    for name in ("login_file", "shutdown_timeout", "start_timeout", "deep_probe_timeout"):
        if resource.text(name):
            resource.ledger.left(resource.element, "the agent takes db_user and db_passwd instead of files", name)
    resource.ledger.to_do(resource.element, "the agent needs OCF_RESKEY_db_user; write it to the unit")
    return (ocf(resource, "sybaseASE", [(name, resource.text(name)) for name in names]),)


def volume_group(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    name = resource.text("vg_name")
    if not name:
        raise UntranslatableError("it does not say which volume group")
    if resource.flag("self_fence"):
        text = "StopFailure=fence, the default, does the same for the whole group: its node is fenced"
        resource.ledger.differs(resource.element, text, "self_fence")
    text = "volume_list in lvm.conf of every node must leave the group out, as HA-LVM with tags wanted it before"
    resource.ledger.differs(resource.element, text)
    parameters = [("vgname", name), ("lvname", resource.text("lv_name")), ("vg_access_mode", "tagging")]
    return (ocf(resource, "LVM-activate", parameters),)


def virtual_machine(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    folder = resource.text("path").split(":")[0].rstrip("/")
    default = f"{folder or '/etc/libvirt/qemu'}/{resource.name}.xml"
    config = resource.text("xmlfile") or default
    text = "a group is stopped and started elsewhere; there is no live migration"
    resource.ledger.differs(resource.element, text)
    parameters = [("config", config), ("hypervisor", "qemu:///system"), ("snapshot", resource.text("snapshot"))]
    return (ocf(resource, "VirtualDomain", parameters),)


AGENTS: Final[Mapping[str, Translation]] = {
    **dict.fromkeys(_ALIKE, same),
    "oracledb": oracle,
    "orainstance": oracle,
    "oralistener": oralistener,
    "ASEHAagent": sybase,
    "lvm": volume_group,
    "vm": virtual_machine,
}
