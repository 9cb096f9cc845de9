"""What `standfast node add` and `node remove` make of the version in force; nothing is written or sent here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from standfast.configuration import versions
from standfast.configuration.checkout import drift
from standfast.configuration.load import check
from standfast.configuration.model import Configuration, ConfigurationError, Node
from standfast.configuration.node_section import FILE, with_node, with_unsafe, without_node
from standfast.configuration.tree import Tree
from standfast.operations.names import unknown
from standfast.operations.new_cluster import checked, new_key
from standfast.operations.newcomer import KEY, Place, node_of
from standfast.operations.newcomers import Newcomer
from standfast.operations.problems import CommandError, Exit, not_running

_DROPINS: Final = f"{FILE}.d/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The version in force on this node."""

    tree: Tree
    configuration: Configuration
    place: Place

    def node(self, name: str) -> Node | None:
        return next((node for node in self.configuration.nodes if node.name == name), None)


def base(place: Place) -> Base:
    """What is in force here. Raises CommandError: nothing is, or /etc/standfast has changes that wait for a push."""
    tree = versions.read_in_force(place.folder)
    if tree is None:
        raise not_running()
    try:
        configuration = check(tree, system=None)
    except ConfigurationError as error:
        raise CommandError(Exit.REFUSED, f"The configuration in force cannot be read: {error}.") from error
    edited = [name for name in drift(place.root, tree) if name in (FILE, KEY) or name.startswith(_DROPINS)]
    if edited:
        text = (
            f"{', '.join(str(place.root / name) for name in edited)} has changes that were not pushed: "
            "standfast config push, or take them back, then type this again."
        )
        raise CommandError(Exit.REFUSED, text)
    return Base(tree=tree, configuration=configuration, place=place)


def added(base: Base, newcomer: Newcomer, fence: Sequence[str], *, unsafe: bool) -> Tree:
    """The version with this node: the one in force, if it is in there as given. Raises CommandError."""
    there = base.node(newcomer.name)
    if there is not None:
        if there.addresses != newcomer.addresses:
            text = f"{newcomer.name} is a node already, with {', '.join(there.addresses)}: change that in {FILE}."
            raise CommandError(Exit.REFUSED, text)
        return base.tree
    number = 1 + max(node.id for node in base.configuration.nodes)
    text = with_node(_text(base), newcomer.name, number, newcomer.addresses, fence)
    tree = _replaced(base.tree, {FILE: text.encode()})
    if unsafe:
        tree = _replaced(tree, {FILE: with_unsafe(text).encode()})
    configuration = checked(tree, base.place)
    found = next((node for node in configuration.nodes if node.name == newcomer.name), None)
    if found is None or found.addresses != newcomer.addresses:
        text = f"{FILE} ends in a way that nothing can be added: write the [Node] yourself, then standfast config push."
        raise CommandError(Exit.REFUSED, text)
    return tree


def removed(base: Base, name: str) -> Tree:
    """The version without this node, with another key: what the node has kept is worth nothing. Raises CommandError."""
    known = ", ".join(node.name for node in base.configuration.nodes)
    if base.node(name) is None:
        raise unknown("node", name, [node.name for node in base.configuration.nodes])
    own = node_of(base.configuration, base.place.hostname)
    if own is not None and own.name == name:
        text = f"{name} is this node: type it on another one." if "," in known else f"{name} is the only node."
        raise CommandError(Exit.REFUSED, text)
    contents = {
        path: without_node(file.content.decode(errors="surrogateescape"), name).encode(errors="surrogateescape")
        for path, file in base.tree.files.items()
        if path == FILE or (path.startswith(_DROPINS) and path.endswith(".conf"))
    }
    tree = _replaced(base.tree, {**contents, KEY: new_key().content})
    configuration = checked(tree, base.place)
    assert name not in {node.name for node in configuration.nodes}
    return tree


def _text(base: Base) -> str:
    return base.tree.files[FILE].content.decode()


def _replaced(tree: Tree, contents: dict[str, bytes]) -> Tree:
    files = {**tree.files, **{path: replace(tree.files[path], content=data) for path, data in contents.items()}}
    return replace(tree, files=files)


def newly_unused(base: Base, tree: Tree) -> tuple[str, ...]:
    """The fence devices that some node used in `base`, and none does in `tree`."""
    after = _used(check(tree, system=None))
    return tuple(sorted(_used(base.configuration) - after))


def _used(configuration: Configuration) -> set[str]:
    return {plug.device for node in configuration.nodes for level in node.fence for plug in level}
