"""clustat -x: the cluster as XML."""

import time
from xml.sax.saxutils import quoteattr

from standfast_rhcs.cluster import Cluster, Member, Service

VERSION = "4.1.1"


def make(cluster: Cluster) -> str:
    """The document, without a newline at its end."""
    lines = [
        '<?xml version="1.0"?>',
        f'<clustat version="{VERSION}">',
        f'  <cluster name={quoteattr(cluster.name)} id="{cluster.id}" generation="{cluster.generation}"/>',
        f'  <quorum quorate="{cluster.quorate:d}" groupmember="{cluster.services is not None:d}"/>',
        "  <nodes>",
        *map(_node, cluster.members),
        "  </nodes>",
    ]
    if cluster.services:
        lines += ["  <groups>", *map(_group, cluster.services), "  </groups>"]
    return "\n".join([*lines, "</clustat>"])


def _node(member: Member) -> str:
    return (
        f'    <node name={quoteattr(member.name)} state="{member.online:d}" local="{member.local:d}" estranged="0" '
        f'rgmanager="{member.rgmanager:d}" rgmanager_master="0" qdisk="0" nodeid="0x{member.id:08x}"/>'
    )


def _group(service: Service) -> str:
    seconds = int(service.since.timestamp()) if service.since else 0
    when = time.asctime(time.localtime(seconds))
    flags = " ".join(service.flag_words)
    return (
        f'    <group name={quoteattr(service.name)} state="{service.state.value}" state_str="{service.state}" '
        f'flags="{service.flags}" flags_str="{flags}" owner={quoteattr(service.owner or "none")} '
        f'last_owner={quoteattr(service.last_owner or "none")} restarts="0" last_transition="{seconds}" '
        f'last_transition_str="{when}"/>'
    )
