"""A lab's beginning and end; each can be interrupted anywhere, and the next `up` or `down` puts it right."""

import contextlib
import fcntl
import json
import secrets
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from . import (
    bmc,
    cgroups,
    cluster,
    disks,
    image,
    ipmi,
    machine,
    network,
    package,
    power,
    processes,
    progress,
    shell,
    watchdog,
)
from .place import ARBITER, BASE, LINKS, NODES_MAX, LabError, NodePlace, Place

BOOTED_WITHIN_S = 90.0
INOTIFY_INSTANCES = 1024
DEFAULT_NODES = 3


class Stage(StrEnum):
    """How far `up` came; what is not finished is taken down by the next `up`, never mended."""

    UNFINISHED = "unfinished"
    BARE = "bare"
    CLUSTER = "cluster"


def up(
    lab: Place,
    nodes: int | None = None,
    *,
    bare: bool = False,
    with_package: bool = True,
    links: int | None = None,
    watchdogs: bool = False,
    second_bmcs: bool = False,
    arbiter: bool = False,
    servers: bool = False,
    layer: image.Layer | None = None,
) -> None:
    """The lab runs: with `bare` its nodes, else with the cluster and its example group. On a running lab: no change.

    `nodes`: 3 unless said; `links`: how many of each node's links the cluster uses, all unless said.
    `with_package` False is for tests of the lab itself: nodes without Standfast. With `watchdogs` every node has one,
    and the cluster uses it; with `second_bmcs` one that speaks IPMI, as its second fence level. With `arbiter` there is
    one, and the cluster uses it. With `servers` the nodes have nginx, databases and what
    else probes look at; none of it runs. `layer`: what the nodes' file systems are made of instead.
    """
    if nodes is not None and not 1 <= nodes <= NODES_MAX:
        raise LabError(f"a lab has 1 to {NODES_MAX} nodes, not {nodes}")
    if links is not None and not 1 <= links <= LINKS:
        raise LabError(f"a node has 1 to {LINKS} links, not {links}")
    extras = {"watchdogs": watchdogs, "second_bmcs": second_bmcs, "arbiter": arbiter}
    with locked(lab):
        stage = stage_of(lab)
        if lab.folder.exists() and (stage is Stage.UNFINISHED or not _alive(lab)):
            progress.say(f"lab {lab.name} was interrupted or is dead: taking it down first")
            _remove(lab)
            stage = None
        if stage is not None:
            _refuse_another(lab, stage, nodes, links, servers=servers, **extras)
        if stage is Stage.CLUSTER or (stage is Stage.BARE and bare):
            progress.say(f"lab {lab.name} runs already: nothing changed")
            return
        if stage is None:
            package.install_host_packages()
            _raise_inotify_limit()
            layers = image.ensure(layer or (image.SERVERS if servers else image.NODE))
            _make(lab, nodes or DEFAULT_NODES, layers, **extras)
            if with_package:
                package.install(lab.nodes(), package.build(lab, page=layer is image.COCKPIT))
        if not bare:
            _note(lab, Stage.UNFINISHED)
            cluster.form(lab, links or LINKS)
        _note(lab, Stage.BARE if bare else Stage.CLUSTER, links or LINKS)
        progress.say(f"lab {lab.name} is up")


def _refuse_another(
    lab: Place,
    stage: Stage,
    nodes: int | None,
    links: int | None,
    *,
    watchdogs: bool,
    second_bmcs: bool,
    arbiter: bool,
    servers: bool,
) -> None:
    """Raises LabError when the lab that runs is not what is asked for; None and False ask for nothing."""
    has = ""
    if nodes not in (None, len(lab.nodes())):
        has = f"with {len(lab.nodes())} nodes; for {nodes}"
    elif stage is Stage.CLUSTER and links not in (None, _links_of(lab)):
        has = f"with {_links_of(lab)} links; for {links}"
    elif watchdogs and not all(node.watchdog.exists() for node in lab.nodes()):
        has = "without watchdogs; for nodes with them"
    elif second_bmcs and not all(node.ipmi.exists() for node in lab.nodes()):
        has = "without IPMI; for nodes with it"
    elif arbiter and lab.arbiter() is None:
        has = "without an arbiter; for one"
    elif servers and not all(image.has_servers(node.root) for node in lab.nodes()):
        has = "without servers; for nodes with them"
    if has:
        raise LabError(f"lab {lab.name} runs {has} take it down first")


def down(lab: Place) -> None:
    """Nothing of the lab is left but the cached image; of none this succeeds too."""
    with locked(lab):
        _remove(lab)
    progress.say(f"lab {lab.name} is down")


@contextlib.contextmanager
def locked(lab: Place) -> Iterator[None]:
    """Nobody else brings this lab up or down meanwhile."""
    BASE.mkdir(parents=True, exist_ok=True)
    with lab.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"waiting for another command that brings lab {lab.name} up or down")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stage_of(lab: Place) -> Stage | None:
    """How far the lab is; None: there is none."""
    try:
        return Stage(json.loads((lab.folder / "lab.json").read_text())["stage"])
    except FileNotFoundError:
        return Stage.UNFINISHED if lab.folder.exists() else None


def _links_of(lab: Place) -> int:
    """How many links the lab's cluster was formed with."""
    return int(json.loads((lab.folder / "lab.json").read_text()).get("links", LINKS))


def _note(lab: Place, stage: Stage, links: int = LINKS) -> None:
    temporary = lab.folder / "lab.json.new"
    temporary.write_text(json.dumps({"stage": stage, "links": links}))
    temporary.replace(lab.folder / "lab.json")


def _alive(lab: Place) -> bool:
    files = [lab.folder / "bmc.pid", lab.folder / "witness.pid"]
    files += [place.folder / "supervisor.pid" for place in lab.machines()]
    return all(processes.recall(file) is not None for file in files) and ipmi.alive(lab)


def _raise_inotify_limit() -> None:
    """All nodes' systemds are one user here and need about nine inotify instances each; the kernel's default is 128."""
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(limit.read_text()) < INOTIFY_INSTANCES:
        progress.say(f"{limit} was {limit.read_text().strip()}, is {INOTIFY_INSTANCES} until this machine boots again")
        limit.write_text(f"{INOTIFY_INSTANCES}\n")


def _make(
    lab: Place, nodes: int, layers: tuple[Path, ...], *, watchdogs: bool, second_bmcs: bool, arbiter: bool
) -> None:
    """Nodes, arbiter, network, witness and BMCs run, and every machine has booted."""
    if arbiter and nodes % 2:
        raise LabError(f"an arbiter is for an even number of nodes, not {nodes}")
    if watchdogs:
        watchdog.ensure()
    progress.say(f"starting {nodes} nodes" + (" and an arbiter" if arbiter else ""))
    _remove(lab)  # namespaces and cgroups may be left although the folder is lost
    lab.shared.mkdir(parents=True)
    for index in range(ARBITER if arbiter else 1, nodes + 1):
        machine.make_disk(lab.node(index), layers)
        if watchdogs and index != ARBITER:
            lab.node(index).watchdog.mkdir()
        if second_bmcs and index != ARBITER:
            lab.node(index).ipmi.mkdir()
    network.build(lab)
    _start_witness(lab)
    machines = lab.machines()
    for place in machines:
        command = processes.python_module("supervisor", lab.name, str(place.index))
        processes.linger(place.folder / "supervisor.pid", place.folder / "supervisor.out", command)
    _start_bmcs(lab)
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(boot, machines))


def _start_witness(lab: Place) -> None:
    command = processes.python_module("witness", lab.name)
    processes.linger(lab.folder / "witness.pid", lab.folder / "witness.out", command)
    progress.wait((lab.folder / "witness.ready").exists, 20, f"the witness (see {lab.folder}/witness.out)")


def _start_bmcs(lab: Place) -> None:
    bmc.write_secrets(lab, secrets.token_hex(8))
    command = processes.python_module("bmc", lab.name)
    processes.linger(lab.folder / "bmc.pid", lab.folder / "bmc.out", command, namespace=lab.bridge_namespace)
    progress.wait((lab.folder / "bmc.ready").exists, 20, f"the BMCs (see {lab.folder}/bmc.out)")
    ipmi.start(lab)


def boot(node: NodePlace) -> None:
    """The node's power is on and it has booted; of a running node this is true at once."""
    progress.wait(lambda: _supervised(node), 20, f"{node.name}'s supervisor (see {node.folder}/supervisor.out)")
    if not power.ask(node, "on").on:
        raise LabError(f"{node.name} does not boot: see {node.folder}/console.log")
    what = f"{node.name} to boot (see {node.folder}/console.log)"
    progress.wait(lambda: booted(node), BOOTED_WITHIN_S, what, interval_s=0.2)


def _supervised(node: NodePlace) -> bool:
    """The supervisor answers: its socket is there a moment before it listens."""
    try:
        power.ask(node, "status")
    except LabError:
        return False
    return True


def booted(node: NodePlace) -> bool:
    """systemd in the node says that its boot is over, whether or not every unit came up."""
    try:
        state = shell.run(node, "systemctl", "is-system-running", timeout_s=10)
    except (LabError, subprocess.TimeoutExpired):
        return False  # off again, between two lives, or this machine has no time for it
    return state.stdout.strip() in ("running", "degraded")


def _remove(lab: Place) -> None:
    if lab.folder.exists():
        progress.say(f"taking down lab {lab.name}")
    pids = sorted(lab.folder.glob("*.pid")) + sorted(lab.folder.glob("*/supervisor.pid"))
    for file in pids:
        processes.end(file)
    cgroups.remove(lab)
    disks.remove(lab)
    machine.remove_disks(lab.folder)
    network.remove(lab)
