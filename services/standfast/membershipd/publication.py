"""Settings and view as properties on the bus (dbus/org.standfast.Membership.xml)."""

from typing import Any, Final

from standfast.bus import Server, escape
from standfast.configuration.model import Node
from standfast.membershipd.ring import View
from standfast.membershipd.settings import Settings

NAME: Final = "org.standfast.Membership"
ROOT: Final = "/org/standfast"
_NODES: Final = f"{ROOT}/node/"


def publish(server: Server, settings: Settings, view: View, hostname: str, withdrawn: str) -> None:
    """The bus shows this; objects of nodes that are no longer configured are gone."""
    nodes = settings.configuration.nodes if settings.configuration else ()
    paths = {_NODES + escape(node.name): node for node in nodes}
    for path in server.published():
        if path.startswith(_NODES) and path not in paths:
            server.withdraw(path)
    server.publish(ROOT, "org.standfast.Membership1", _membership(settings, view, hostname) | {"Withdrawn": withdrawn})
    for path, node in paths.items():
        server.publish(path, "org.standfast.Node1", _node(node, view))


def _membership(settings: Settings, view: View, hostname: str) -> dict[str, Any]:
    configuration = settings.configuration
    return {
        "Cluster": configuration.cluster.name if configuration else "",
        "Node": settings.node.name if settings.node else hostname,
        "View": str(view.ring) if view.ring else "",
        "Members": [settings.name_of(node) for node in view.nodes],
        "DetectWithinMilliseconds": configuration.cluster.detect_within_ms if configuration else 0,
        "Configuration": configuration.digest if configuration else "",
        "Problems": [str(problem) for problem in settings.problems],
    }


def _node(node: Node, view: View) -> dict[str, Any]:
    return {
        "Name": node.name,
        "Id": node.id,
        "Votes": node.votes,
        "Addresses": list(node.addresses),
        "InRing": node.id in view.nodes,
        "Incarnation": view.incarnations.get(node.id, ""),
        "Links": [(link.number, link.up, link.since) for link in view.links.get(node.id, ())],
    }
