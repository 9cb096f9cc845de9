"""Services and their resources in start order, read of a cluster.conf of RHCS or of Standfast's own folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from standfast.configuration.load import load
from standfast.configuration.model import ConfigurationError, Group
from standfast.rhcs.document import DocumentError, Element, parse_document
from standfast.rhcs.ledger import Ledger
from standfast.rhcs.order import in_start_order
from standfast.rhcs.reading import every_named, only
from standfast.rhcs.resource import Resource, Resources
from standfast_rhcs.cluster import EndedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One resource; two that do the same are equal."""

    type: str
    name: str
    definition: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"


Services = dict[str, tuple[Item, ...]]  # by name, resources in start order


def read(path: Path) -> Services:
    """What the file or folder defines. Raises EndedError with a sentence that names the place."""
    try:
        if path.is_file() and path.read_bytes().lstrip().startswith(b"<"):
            return _of_rhcs(path)
        folder = path if path.is_dir() else path.parent
        return {group.name: _items(group) for group in load(folder, system=None).groups}
    except (DocumentError, ConfigurationError) as error:
        raise EndedError(1, str(error)) from error
    except OSError as error:
        raise EndedError(1, f"{path} cannot be read: {error.strerror}") from error


def _items(group: Group) -> tuple[Item, ...]:
    return tuple(
        Item(type="unit", name=one.unit, definition=(("definition", one.definition),)) for one in group.resources
    )


def _of_rhcs(path: Path) -> Services:
    ledger = Ledger(str(path))
    root = parse_document(path.read_bytes(), str(path))
    manager = only(root, "rm", ledger)
    resources = Resources(manager, ledger)
    found = [*every_named(manager, "service", ledger), *every_named(manager, "vm", ledger)]
    return {name: _below(element, resources, ledger) for element, name in found}


def _below(service: Element, resources: Resources, ledger: Ledger) -> tuple[Item, ...]:
    whole = Resource(
        type="service",
        element=service,
        place=service,
        defaults=None,
        ledger=ledger,
        children=resources.below(service),
    )
    walk = (cast(Resource, one) for one, _ in in_start_order(whole))
    return tuple(
        Item(type=one.type, name=one.name, definition=tuple(sorted(one.element.attributes.items()))) for one in walk
    )
