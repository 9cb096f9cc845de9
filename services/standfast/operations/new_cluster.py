"""What `standfast init` does: the first version of a new cluster's configuration, and its first nodes."""

import secrets
from collections.abc import Sequence
from typing import Final

from standfast.configuration import versions
from standfast.configuration.load import check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.node_section import FILE, first_text
from standfast.configuration.tree import File, Tree, read_tree
from standfast.configuration.values import parse_name
from standfast.operations import newcomer, newcomers
from standfast.operations.newcomer import KEY, Place
from standfast.operations.newcomers import Newcomer, Run, Tell
from standfast.operations.problems import CommandError, Exit

_KEY_BYTES: Final = 1024  # corosync.conf(5), keyfile: 128 to 4096, and they are the key, in no other format


def new_key() -> File:
    """A key for Corosync that nobody had before."""
    return File(content=secrets.token_bytes(_KEY_BYTES), mode=0o600)


def first_version(cluster: str | None, nodes: Sequence[Newcomer], place: Place, *, unsafe: bool) -> Tree:
    """The files of the new cluster, good on this machine; nothing is written.

    Without `cluster` it is what stands in /etc/standfast, with a key if there is none. Raises CommandError.
    """
    refuse_a_second_cluster(place)
    found = read_tree(place.root)
    files = dict(found.files)
    if cluster is not None:
        if files:
            text = (
                f"There are files in {place.root} ({', '.join(list(files)[:3])}): move them away, or type "
                "`standfast init` without a name to begin with them."
            )
            raise CommandError(Exit.REFUSED, text)
        try:
            name = parse_name(cluster)
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"{cluster}: {error}.") from error
        text = first_text(name, [(node.name, node.addresses) for node in nodes], unsafe=unsafe)
        files[FILE] = File(content=text.encode(), mode=0o644)
    elif FILE not in files:
        raise CommandError(Exit.USAGE, f"There is no {place.root / FILE}: standfast init NAME makes one.")
    files.setdefault(KEY, new_key())
    return Tree(files={path: files[path] for path in sorted(files)}, problems=found.problems)


def refuse_a_second_cluster(place: Place) -> None:
    """Raises CommandError where this machine is in a cluster, or was."""
    there = [str(place.folder / versions.IN_FORCE.name)] if versions.in_force(place.folder) else []
    there += [str(place.record)] if place.record.exists() else []
    if there:
        text = (
            f"This machine is in a cluster already ({' and '.join(there)}): standfast status. To begin anew, on every "
            f"node: systemctl disable --now standfast.target; rm -r {place.folder}/*"
        )
        raise CommandError(Exit.REFUSED, text)


def checked(tree: Tree, place: Place) -> Configuration:
    """The configuration that these files are. Raises CommandError, with all that is wrong."""
    try:
        return check(tree, system=place.system)
    except ConfigurationError as error:
        told = tuple(map(str, error.problems))
        raise CommandError(Exit.REFUSED, f"Nothing was changed: {len(told)} to correct, named above.", told) from error


def make(tree: Tree, place: Place, run: Run, tell: Tell) -> tuple[str, ...]:
    """A cluster of all nodes of `tree` has begun; their names. The others are reached by their first address.

    Raises CommandError: nothing was changed anywhere, or it says where.
    """
    configuration = checked(tree, place)
    here = newcomer.node_of(configuration, place.hostname)
    if here is None:
        names = ", ".join(node.name for node in configuration.nodes)
        text = f"This machine is called {place.hostname}, and that is none of {names}: type this on one of the nodes"
        text += "; Name= of a [Node] is what its host is called."
        raise CommandError(Exit.USAGE, text)
    others = [
        Newcomer(name=node.name, addresses=node.addresses, target=node.addresses[0])
        for node in configuration.nodes
        if node is not here
    ]
    newcomers.examine(others, tree, run, tell)
    newcomer.take(tree, place, first=True)
    try:
        newcomers.send(others, tree, run, first=True)
        place.start()
    except CommandError as error:
        text = (
            f"{error.message} The cluster has begun on some nodes; to try again, on every node: "
            f"systemctl disable --now standfast.target; rm -r {place.folder}/*"
        )
        raise CommandError(Exit.REFUSED, text) from error
    return tuple(node.name for node in configuration.nodes)
