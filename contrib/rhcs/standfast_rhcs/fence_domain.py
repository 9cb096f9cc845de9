"""The fence domain as RHCS shows it: who is in the open term; who is lost and waits for its proof is a victim."""

from standfast_rhcs.cluster import Cluster, Member


def services(cluster: Cluster) -> list[str]:
    """The lines of `cman_tool services`. Standfast has no lock manager, so there is no row for one."""
    return [
        "type             level name       id       state       ",
        "fence            0     default    00010001 none",
        f"[{' '.join(str(member.id) for member in _inside(cluster))}]",
    ]


def listing(cluster: Cluster, *, all_nodes: bool) -> list[str]:
    """The lines of `fence_tool ls`."""
    inside = _inside(cluster)
    master = next((member.id for member in cluster.members if member.name == cluster.coordinator), 0)
    lost = {node for _, node in cluster.losses}
    waits = "none" if cluster.coordinator else "quorum" if not cluster.quorate else "messages"
    lines = [
        "fence domain",
        f"member count  {len(inside)}",
        f"victim count  {len(lost)}",
        f"victim now    {next((member.id for member in cluster.members if member.name in lost), 0)}",
        f"master nodeid {master}",
        f"wait state    {'fencing' if lost else waits}",
        f"members       {''.join(f'{member.id} ' for member in inside)}",
    ]
    if all_nodes:
        lines.append("all nodes")
        lines += [
            f"nodeid {one.id} member {one in inside:d} victim {one.name in lost:d} last fence master 0 how none"
            for one in cluster.members
        ]
    return lines


def _inside(cluster: Cluster) -> list[Member]:
    return [member for member in cluster.members if member.rgmanager]
