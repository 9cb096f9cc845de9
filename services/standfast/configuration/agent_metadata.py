"""What an agent says of itself, as data; pure: a fence agent (`AGENT -o metadata`) or an OCF one (`AGENT meta-data`).

FenceAgentAPI (https://github.com/ClusterLabs/fence-agents/blob/main/doc/FenceAgentAPI.md), OCF resource agent API
(https://github.com/ClusterLabs/OCF-spec): an XML document with the options that it knows and the actions that it can
do. What it says is a stranger's: no entities of its own, limits.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.parsers import expat

PLUG_NAMES: Final = ("plug", "port")  # the newer first
_MOST_ELEMENTS: Final = 20_000
_DEEPEST: Final = 64
_LARGEST: Final = 1 << 20  # characters
_YES: Final = frozenset({"1", "yes", "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One option of an agent."""

    name: str
    required: bool = False
    default: str | None = None
    deprecated: bool = False
    obsoletes: tuple[str, ...] = ()  # its older names


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What an agent knows and can do."""

    parameters: Mapping[str, Parameter]  # by name
    actions: frozenset[str]
    unfences: bool = False  # its `on` lets a node in again and is to be run when that node starts
    on_target: bool = False  # its `on` does something only where it runs on that node itself

    def parameter(self, option: str) -> Parameter | None:
        """The parameter that an option's name means; agents take “-” for “_”."""
        by_plain_name = {plain(name): parameter for name, parameter in self.parameters.items()}
        return by_plain_name.get(plain(option))

    def missing(self, given: Iterable[str]) -> tuple[str, ...]:
        """The required parameters that are not among `given`, by neither their newer nor their older name."""
        names = {plain(name) for name in given}
        older = {name for parameter in self.parameters.values() for name in parameter.obsoletes}
        return tuple(
            parameter.name
            for parameter in self.parameters.values()
            if parameter.required
            and parameter.default is None
            and parameter.name not in older
            and not names & {plain(name) for name in (parameter.name, *parameter.obsoletes)}
        )

    def newer_name(self, option: str) -> str | None:
        """What to write instead of a deprecated option; None: nothing, it is as it should be."""
        found = self.parameter(option)
        if found is None or not found.deprecated:
            return None
        newer = (one.name for one in self.parameters.values() if found.name in one.obsoletes)
        return next((name for name in newer if plain(name) != plain(option)), None)

    @property
    def takes_plug(self) -> bool:
        return any(name in self.parameters for name in PLUG_NAMES)

    @property
    def needs_plug(self) -> bool:
        """It does nothing before it is told which plug."""
        return bool(set(self.missing(())) & set(PLUG_NAMES))


def parse_metadata(text: str) -> Metadata:
    """The document as data. Raises ValueError with one sentence about what is wrong with it."""
    root = read_document(text)
    parameters = [_parameter(element) for element in root.iterfind("./parameters/parameter")]
    actions = [element.attrib for element in root.iterfind("./actions/action")]
    switches_on = [action for action in actions if action.get("name") == "on"]
    return Metadata(
        parameters={parameter.name: parameter for parameter in parameters if parameter.name},
        actions=frozenset(action.get("name", "") for action in actions) - {""},
        unfences=any(_is_yes(action.get("automatic")) for action in switches_on),
        on_target=any(_is_yes(action.get("on_target")) for action in switches_on),
    )


def read_document(text: str) -> ET.Element:
    """The root of the document. Raises ValueError with one sentence about what is wrong with it."""
    root = _Reader().read(text)
    if root.tag != "resource-agent":
        raise ValueError(f"what it says of itself is no <resource-agent> but <{root.tag}>")
    return root


class _Reader:
    """Builds the tree out of expat's events."""

    def __init__(self) -> None:
        self._builder = ET.TreeBuilder()
        self._depth = self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.EntityDeclHandler = self._refuse_entity
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data

    def read(self, text: str) -> ET.Element:
        if len(text) >= _LARGEST:
            raise ValueError("what it says of itself is longer than 1 MiB")
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            raise ValueError(f"what it says of itself is no XML: {error}") from error
        return self._builder.close()

    def _refuse_entity(self, *_: object) -> NoReturn:
        raise ValueError("what it says of itself has entities of its own")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth, self._count = self._depth + 1, self._count + 1
        if self._count > _MOST_ELEMENTS or self._depth > _DEEPEST:
            raise ValueError(f"what it says of itself has more than {_MOST_ELEMENTS} elements or {_DEEPEST} levels")
        self._builder.start(tag, attributes)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag)


def plain(option: str) -> str:
    """An option's name as agents compare it."""
    return option.replace("-", "_")


def _parameter(element: ET.Element) -> Parameter:
    content = element.find("content")
    return Parameter(
        name=element.get("name", ""),
        required=_is_yes(element.get("required")),
        default=content.get("default") if content is not None else None,
        deprecated=_is_yes(element.get("deprecated")),
        obsoletes=tuple(element.get("obsoletes", "").replace(",", " ").split()),
    )


def _is_yes(text: str | None) -> bool:
    return (text or "").lower() in _YES
