"""The resources of a service as a tree: references resolved, defaults of a type applied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from standfast.rhcs.document import Element
from standfast.rhcs.ledger import Ledger
from standfast.rhcs.reading import only

# The attribute that names a resource, where it is not `name`.
_PRIMARY: Final = {"ip": "address", "SAPInstance": "InstanceName", "SAPDatabase": "SID", "db2": "instance"}
_ALIKE: Final = {"db2.sh": "db2"}  # a type by the name that its agent really has
_INDEPENDENT: Final = frozenset({"1", "yes"})
_NON_CRITICAL: Final = frozenset({"2", "non-critical"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """One resource where it stands in a service."""

    type: str
    element: Element  # that defines it, in the service or in <resources>
    place: Element  # that stands in the service; the same one where it is defined there
    defaults: Element | None  # of its type
    ledger: Ledger = field(repr=False)
    children: Sequence["Resource"] = ()

    @property
    def name(self) -> str:
        primary = _PRIMARY.get(self.type, "name")
        return self.text(primary) or self.text("name") or self.ledger.text(self.place, "ref") or "unnamed"

    def text(self, attribute: str, default: str = "") -> str:
        """The attribute's value, or that of its type's defaults."""
        if self.defaults is not None and attribute not in self.element.attributes:
            return self.ledger.text(self.defaults, attribute, default)
        return self.ledger.text(self.element, attribute, default)

    def flag(self, attribute: str, default: bool = False) -> bool:
        if self.defaults is not None and attribute not in self.element.attributes:
            return self.ledger.flag(self.defaults, attribute, default)
        return self.ledger.flag(self.element, attribute, default)

    def secret(self, attribute: str) -> str:
        """The attribute's value as it is, for a file of its own."""
        return self.ledger.secret(self.element, attribute)

    def rest(self) -> Iterator[str]:
        """The names of all attributes that it has anywhere but those of rgmanager itself."""
        for element in filter(None, (self.defaults, self.element)):
            yield from (name for name in element.attributes if not name.startswith("__") and name != "ref")

    @property
    def non_critical(self) -> bool:
        """Its failure leaves the service started."""
        return self._subtree in _NON_CRITICAL

    @property
    def independent(self) -> bool:
        """It is restarted alone, with what is below it."""
        return self._subtree in _INDEPENDENT

    @property
    def _subtree(self) -> str:
        """What stands where it is used counts more than what stands where it is defined."""
        words = (self.ledger.text(element, "__independent_subtree") for element in (self.place, self.element))
        return next(filter(None, words), "").lower()


class Resources:
    """What <resources> and <resource-defaults> define."""

    def __init__(self, manager: Element | None, ledger: Ledger) -> None:
        self._ledger = ledger
        self._defined: dict[tuple[str, str], Element] = {}
        self._used: set[int] = set()
        container = only(manager, "resources", ledger) if manager is not None else None
        defaults = only(manager, "resource-defaults", ledger) if manager is not None else None
        for element in container.children if container is not None else ():
            self._define(element)
        self._defaults: Mapping[str, Element] = {one.tag: one for one in (defaults.children if defaults else ())}
        for element in self._defaults.values():
            ledger.visit(element)

    def below(self, parent: Element) -> tuple[Resource, ...]:
        """The resources that stand in an element of a service."""
        made = (self._resource(child) for child in parent.children if child.tag != "action")
        return tuple(one for one in made if one is not None)

    def tell_unused(self) -> None:
        """What is defined and in no service is told."""
        for element in self._defined.values():
            if id(element) not in self._used:
                self._ledger.left(element, "no service uses it, so nothing was made of it")
                self._ledger.skip(element)

    def _define(self, element: Element) -> None:
        self._ledger.visit(element)
        key = _type(element), self._name(element)
        if key in self._defined:
            self._ledger.left(element, "has the name of one before it; only the first one counts")
            self._ledger.skip(element)
            return
        self._defined[key] = element
        for child in element.children:
            if child.tag != "action":
                text = "stands in a definition, where rgmanager did not look; put it below the reference in the service"
                self._ledger.left(child, text)
                self._ledger.skip(child)

    def _name(self, element: Element) -> str:
        return self._ledger.text(element, _PRIMARY.get(_type(element), "name")) or self._ledger.text(element, "name")

    def _resource(self, place: Element) -> Resource | None:
        self._ledger.visit(place)
        reference = self._ledger.text(place, "ref")
        element: Element | None = place
        if reference:
            element = self._defined.get((_type(place), reference))
        if element is None:
            element = place  # as translations see: it stands where it is defined, and has a `ref`
        self._used.add(id(element))
        self._name(element)
        return Resource(
            type=_type(place),
            element=element,
            place=place,
            defaults=self._defaults.get(place.tag),
            ledger=self._ledger,
            children=self.below(place),
        )


def _type(element: Element) -> str:
    return _ALIKE.get(element.tag, element.tag)
