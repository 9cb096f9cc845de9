"""What `standfast quorum arbiter add HOST` does: checks, certificates, then one line in cluster.conf."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from standfast.configuration.load import load_with
from standfast.configuration.model import Configuration, ConfigurationError, Node
from standfast.configuration.unitfile import scan
from standfast.configuration.values import parse_host
from standfast.ctl.arbiter import Machine, Run, Setup
from standfast.files import write_atomic
from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit
from standfast.operations.ssh import Done

FILE: Final = "cluster.conf"
DAEMONS: Final = "standfast-membershipd standfast-quorumd standfast-fenced standfast-resourced"
_STEP_S: Final = 120  # making keys takes some seconds, and somebody may have to type a password


def add(host: str, root: Path, hostname: str, run: Run, tell: Callable[[str], None]) -> tuple[str, ...]:
    """cluster.conf here says Arbiter=HOST, and every node has the certificates; the other nodes' names.

    Raises CommandError, with cluster.conf as it was: what it would say is checked before anything is done.
    """
    try:
        host = parse_host(host)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{error}.") from None
    path = root / FILE
    try:
        text = with_arbiter(path.read_text(), host)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.REFUSED, f"{path} cannot be read: {error}.") from error
    configuration = _checked(root, text, host)
    nodes = _machines(configuration.nodes, hostname)
    arbiter = Machine(name=host, address=host)
    Setup(cluster=configuration.cluster.name, arbiter=arbiter, nodes=nodes, run=run, tell=tell).perform()
    try:
        write_atomic(path, text.encode(), path.stat().st_mode & 0o777)
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{path} cannot be written: {error.strerror}.") from error
    return tuple(node.name for node in nodes[1:])


def with_arbiter(text: str, host: str) -> str:
    """cluster.conf with Arbiter=HOST: in the place of the last one, or right below the first [Cluster]."""
    lines = text.splitlines(keepends=True)
    sections, _ = scan(text, FILE)
    clusters = [section for section in sections if section.name == "Cluster"]
    written = [entry for section in clusters for entry in section.entries if entry.key == "Arbiter"]
    if written:
        lines[written[-1].source.line - 1] = f"Arbiter={host}\n"
    elif clusters:
        lines.insert(clusters[0].source.line, f"Arbiter={host}\n")
    return "".join(lines)


def run_over_ssh(machine: Machine, script: str, data: bytes) -> Done:
    """The script ran as root on that machine; asked for a password ssh asks at the terminal."""
    return ssh.run(f"root@{machine.address}" if machine.address else "", script, data, within_s=_STEP_S)


def _checked(root: Path, text: str, host: str) -> Configuration:
    """The configuration with that cluster.conf, good and with this arbiter in force."""
    try:
        configuration = load_with(root, {FILE: text}, system=None)
    except ConfigurationError as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        raise CommandError(Exit.REFUSED, f"With Arbiter={host} in it: {error.problems[0]}{more}.") from error
    if configuration.cluster.arbiter != host:
        where = configuration.cluster.setting("Arbiter") or f"{FILE}.d"
        raise CommandError(Exit.REFUSED, f"{where} says another Arbiter= after {FILE}: remove it first.")
    return configuration


def _machines(nodes: Sequence[Node], hostname: str) -> tuple[Machine, ...]:
    """This node first, which needs no ssh."""
    names = {hostname, hostname.partition(".")[0]}
    here = next((node for node in nodes if node.name in names), None)
    if here is None:
        text = f"No [Node] is called {hostname}, as this machine is: type this on a node of the cluster."
        raise CommandError(Exit.REFUSED, text)
    others = (Machine(name=node.name, address=node.addresses[0]) for node in nodes if node is not here)
    return (Machine(name=here.name, address=""), *others)
