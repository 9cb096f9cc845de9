"""What a fence agent says of itself (`AGENT -o metadata`), as data; pure.

FenceAgentAPI (https://github.com/ClusterLabs/fence-agents/blob/main/doc/FenceAgentAPI.md): an XML document with the
options that it knows and the actions that it can do.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

PLUG_NAMES: Final = ("plug", "port")  # the newer first
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
    try:
        root = ET.fromstring(text)  # noqa: S314 - of a program that runs as root
    except ET.ParseError as error:
        raise ValueError(f"what it says of itself is no XML: {error}") from error
    if root.tag != "resource-agent":
        raise ValueError(f"what it says of itself is no <resource-agent> but <{root.tag}>")
    parameters = [_parameter(element) for element in root.iterfind("./parameters/parameter")]
    actions = [element.attrib for element in root.iterfind("./actions/action")]
    switches_on = [action for action in actions if action.get("name") == "on"]
    return Metadata(
        parameters={parameter.name: parameter for parameter in parameters if parameter.name},
        actions=frozenset(action.get("name", "") for action in actions) - {""},
        unfences=any(_is_yes(action.get("automatic")) for action in switches_on),
        on_target=any(_is_yes(action.get("on_target")) for action in switches_on),
    )


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
