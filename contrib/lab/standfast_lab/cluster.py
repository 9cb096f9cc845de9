"""The example cluster: its configuration on the first node, and `standfast init` there, which takes in the others."""

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from . import arbiter, progress, shell, watchdog
from .bmc import USER
from .ipmi import CIPHER
from .network import VIRTUAL_ADDRESS
from .place import LINKS, LabError, NodePlace, Place

EXAMPLE = Path(__file__).resolve().parent.parent / "example"
SERVED_WITHIN_S = 90.0
FIRST_LEVEL_TIMEOUT = "10s"  # where a second one waits: nobody wants to wait a minute for a dead device then
WATCHDOG_TIMEOUT = "20s"  # the shortest that DetectWithin=2.2s allows


def form(lab: Place, links: int = LINKS) -> None:
    """The example group webserv is served at 192.0.2.100 by a cluster of all nodes of the lab."""
    tree = lab.folder / "etc-standfast"
    write_tree(lab, tree, links)
    nodes = lab.nodes()
    progress.say(f"forming the cluster of {', '.join(node.name for node in nodes)}")
    first = nodes[0]
    copy_tree(tree, first)
    if lab.arbiter() is not None:
        arbiter.add(lab)
    begun = time.monotonic()
    _type(first, "standfast", "init")
    progress.wait(lambda: served(lab), SERVED_WITHIN_S, lambda: _waited_for(first))
    progress.say(f"http://{VIRTUAL_ADDRESS}/ is served, {time.monotonic() - begun:.1f} s after the start")


def write_tree(lab: Place, tree: Path, links: int = LINKS) -> None:
    """`tree` is the /etc/standfast of every node: the example's units, this lab's nodes, keys and secrets."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(EXAMPLE, tree)
    (tree / "cluster.conf").write_text(cluster_configuration(lab, links))
    for name, content in {
        "corosync.key": secrets.token_bytes(1024),
        "bmc.secret": (lab.folder / "bmc.password").read_bytes() + b"\n",
    }.items():
        (tree / name).touch(mode=0o600)
        (tree / name).write_bytes(content)


def copy_tree(tree: Path, node: NodePlace) -> None:
    """The node's /etc/standfast is `tree`, byte for byte and mode for mode."""
    there = node.root / "etc/standfast"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(tree, there)


def cluster_configuration(lab: Place, links: int = LINKS) -> str:
    """cluster.conf for all nodes of the lab, with the first `links` of their links, and a BMC for each."""
    nodes = lab.nodes()
    lines = ["[Cluster]", "Name=webha"]
    for node in nodes:
        lines += ["", "[Node]", f"Name={node.name}", f"Id={node.index}"]
        lines += [f"Address={address}" for address in node.addresses[:links]]
        lines += [f"Fence=bmc-{node.name}"]
        if node.ipmi.exists():
            lines += [f"Fence=ipmi-{node.name}"]
        if node.watchdog.exists() and (len(nodes) != 2 or lab.arbiter()):  # of two it proves nothing without an arbiter
            # It is no device that the kernel shows, and this machine may be a virtual one.
            lines += [f"Watchdog={watchdog.DEVICE}", f"WatchdogTimeout={WATCHDOG_TIMEOUT}", "WatchdogTrust=yes"]
    for node in nodes:
        lines += _redfish(node)
        if node.ipmi.exists():
            lines += [f"Timeout={FIRST_LEVEL_TIMEOUT}", *_ipmi(node)]
    lines += ["", "[Domain]", "Name=web", f"Nodes={' '.join(node.name for node in nodes)}"]
    lines += ["Ordered=yes", "Failback=no"]
    return "\n".join(lines) + "\n"


def _redfish(node: NodePlace) -> list[str]:
    options = {
        "ip": node.bmc_address,
        "ipport": "443",
        "systems_uri": f"/redfish/v1/Systems/{node.index}",
        "ssl_insecure": "1",
        "username": USER,
    }
    return _device(f"bmc-{node.name}", "fence_redfish", options)


def _ipmi(node: NodePlace) -> list[str]:
    options = {"ip": node.ipmi_address, "lanplus": "1", "cipher": CIPHER, "username": USER}
    return _device(f"ipmi-{node.name}", "fence_ipmilan", options)


def _device(name: str, agent: str, options: Mapping[str, str]) -> list[str]:
    lines = ["", "[FenceDevice]", f"Name={name}", f"Agent={agent}"]
    lines += [f"Option={option}={value}" for option, value in options.items()]
    return [*lines, "PasswordFile=bmc.secret"]


def _type(node: NodePlace, *command: str) -> None:
    result = shell.run(node, *command)
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip()[-2000:]
        raise LabError(f"{node.name}: {' '.join(command)}: exit {result.returncode}: {words}")


def served(lab: Place) -> bool:
    """A client gets the page from the virtual address."""
    return shell.run_client(lab, "curl", "-sf", "-m", "1", f"http://{VIRTUAL_ADDRESS}/").returncode == 0


def _waited_for(node: NodePlace) -> str:
    """The page, and how far the cluster is on its way to it."""
    text = f"a page from http://{VIRTUAL_ADDRESS}/"
    result = shell.run(node, "standfast", "status", "--json")
    try:
        status = json.loads(result.stdout)
        nodes = " ".join(f"{entry['name']}={entry['state']}" for entry in status["nodes"])
        groups = " ".join(f"{entry['name']}={entry['phase']}" for entry in status["groups"])
        return f"{text}; {node.name} says {nodes}, {groups}"
    except (ValueError, KeyError, TypeError):
        return f"{text}; {node.name} says {(result.stderr or result.stdout).strip()[-300:]}"
