"""The lab's network: a namespace for each node, two links, and bridges in a namespace that nothing leaves."""

import json
from pathlib import Path

from .place import ARBITER, LINKS, NodePlace, Place
from .processes import run

BRIDGE_ADDRESSES = ("192.0.2.1/24", "198.51.100.1/24")
VIRTUAL_ADDRESS = "192.0.2.100"
# What systemd sets on a machine at its boot; in a container it may not, and the kernel's 10 are full at once: then
# Corosync's log waits for a place in journald's socket with a lock held, for which its main thread spins in real time.
MAX_DATAGRAMS = 512
CUTS = """
table bridge lab {
    set cut { typeof iifname . oifname; }
    chain forward { type filter hook forward priority 0; policy accept; iifname . oifname @cut drop; }
}
"""


def build(lab: Place) -> None:
    """Bridges, BMC addresses and every machine's links are there; their own ends have no address and are down."""
    bridge = lab.bridge_namespace
    run("ip", "netns", "add", bridge)
    batch = ["link set lo up"]
    for link, address in enumerate(BRIDGE_ADDRESSES):
        # No snooping, no spanning tree: a frame goes where it must from the first moment on.
        batch.append(f"link add br{link} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        batch += [f"link set br{link} up", f"address add {address} dev br{link}"]
    for node in lab.nodes():
        batch += [f"address add {address}/24 dev br0" for address in (node.bmc_address, node.ipmi_address)]
    _batch(bridge, batch)
    run("ip", "netns", "exec", bridge, "nft", "-f", "-", text=CUTS)
    for place in lab.machines():
        _build_node(place)


def _build_node(node: NodePlace) -> None:
    bridge = node.lab.bridge_namespace
    run("ip", "netns", "add", node.namespace)
    sysctl = f"net.unix.max_dgram_qlen={MAX_DATAGRAMS}"
    run("nsenter", f"--net=/run/netns/{node.namespace}", "--", "sysctl", "--quiet", "--write", sysctl)
    batch = ["link set lo up"]
    batch += [f"link add eth{link} type veth peer name {node.ports[link]} netns {bridge}" for link in range(LINKS)]
    _batch(node.namespace, batch)
    _batch(bridge, [f"link set {port} master br{link}" for link, port in enumerate(node.ports)])


def connect(node: NodePlace) -> None:
    """The node's links are up and have its own addresses, as a server's have after its boot."""
    batch = []
    for link, address in enumerate(node.addresses):
        batch += [f"address replace {address}/24 dev eth{link}", f"link set eth{link} up"]
    _batch(node.namespace, batch)
    _batch(node.lab.bridge_namespace, [f"link set {port} up" for port in node.ports])


def unplug(node: NodePlace) -> None:
    """Nothing reaches the node and nothing comes from it."""
    _batch(node.lab.bridge_namespace, [f"link set {port} down" for port in node.ports])


def strip(node: NodePlace, *, keep_own: bool) -> None:
    """No address is left that a program in the node added; nor, unless `keep_own`, the node's own ones.

    A namespace outlives PID 1 and would go on answering for a virtual address: two nodes would hold it.
    """
    batch = []
    for interface in json.loads(run("ip", "-j", "-n", node.namespace, "address", "show").stdout):
        for entry in interface.get("addr_info", ()):
            own = entry["local"] in node.addresses
            if entry["scope"] in ("global", "site") and not (own and keep_own):
                batch.append(f"address del {entry['local']}/{entry['prefixlen']} dev {interface['ifname']}")
    # A secondary address goes with its primary: what is gone already is no error.
    _batch(node.namespace, batch, force=True)


def cut(node: NodePlace, peers: tuple[NodePlace, ...], links: tuple[int, ...], *, one_way: bool) -> None:
    """Nothing that `node` sends reaches the peers; unless `one_way`, nothing that they send reaches it either.

    Only what the bridge forwards from machine to machine: client and BMC still reach all of them.
    """
    if peers:
        _nft(node.lab, cut_command(node, peers, links, one_way=one_way))


def cut_command(node: NodePlace, peers: tuple[NodePlace, ...], links: tuple[int, ...], *, one_way: bool) -> str:
    """What `nft` is told for `cut`: pairs of ports, as (from, to), that the bridge does not forward between."""
    pairs = []
    for peer in peers:
        for link in links:
            pairs.append(f'"{node.ports[link]}" . "{peer.ports[link]}"')
            if not one_way:
                pairs.append(f'"{peer.ports[link]}" . "{node.ports[link]}"')
    return f"add element bridge lab cut {{ {', '.join(pairs)} }}"


def heal(lab: Place) -> None:
    """No cut is left."""
    _nft(lab, "flush set bridge lab cut")


def cuts(lab: Place) -> tuple[tuple[str, str], ...]:
    """The pairs of ports between which nothing is forwarded, as (from, to)."""
    listing = run("ip", "netns", "exec", lab.bridge_namespace, "nft", "-j", "list", "set", "bridge", "lab", "cut")
    for entry in json.loads(listing.stdout)["nftables"]:
        if "set" in entry:
            pairs = (element["concat"] for element in entry["set"].get("elem", ()))
            return tuple(sorted((str(source), str(target)) for source, target in pairs))
    return ()


def set_bmc_reachable(node: NodePlace, reachable: bool) -> None:
    """The BMC answers at its address, or the address is nobody's."""
    command = "replace" if reachable else "del"
    address = f"{node.bmc_address}/24"
    _batch(node.lab.bridge_namespace, [f"address {command} {address} dev br0"], force=True)


def remove(lab: Place) -> None:
    """None of the lab's namespaces is left, and with them no link and no cut."""
    for namespace in _namespaces(lab):
        run("ip", "netns", "del", namespace)


def _namespaces(lab: Place) -> list[str]:
    names = sorted(path.name for path in Path("/run/netns").glob(f"{lab.name}-*"))
    tails = {"br", *(lab.node(index).name for index in range(ARBITER, 100))}
    return [name for name in names if name.removeprefix(f"{lab.name}-") in tails]


def _nft(lab: Place, command: str) -> None:
    run("ip", "netns", "exec", lab.bridge_namespace, "nft", command)


def _batch(namespace: str, lines: list[str], *, force: bool = False) -> None:
    options = ["-force"] if force else []
    run("ip", "-n", namespace, *options, "-batch", "-", check=not force, text="\n".join(lines) + "\n")
