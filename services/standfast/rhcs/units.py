"""What a resource is translated to: units of systemd, in the order in which they start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from standfast.rhcs.resource import Resource
from standfast.rhcs.unit_text import Section, plain_name, section, variable, word


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit of a group, and what is written for it."""

    name: str
    sections: tuple[Section, ...] = ()  # of the unit itself, or of a drop-in for a unit that the node has
    whole: bool = False  # it is the unit itself
    what: str = ""  # for the table: "a mount unit"
    secrets: Mapping[str, str] = field(default_factory=dict)  # files of mode 0600 beside cluster.conf


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a resource stands."""

    group: str
    ancestors: Sequence[Resource]  # the outermost first
    by_type: Mapping[str, Sequence[Resource]]  # everything in its service, in start order

    def first(self, kind: str) -> Resource | None:
        """The resource of that type that starts first in its service."""
        return next(iter(self.by_type.get(kind, ())), None)

    def inherited(self, attribute: str) -> str:
        """The attribute of the nearest resource around it that has it, "" where none has."""
        return next((value for one in reversed(self.ancestors) if (value := one.text(attribute))), "")


class UntranslatableError(Exception):
    """No unit can stand for the resource; the text says why, after the resource."""


Translation = Callable[[Resource, Place], tuple[Unit, ...]]


def whole(name: str, what: str, *sections: Section) -> Unit:
    return Unit(name=name, what=what, sections=sections, whole=True)


def own_name(resource: Resource) -> str:
    """A unit's name without its end, for a resource that no package has a unit for."""
    return plain_name(f"{resource.type}-{resource.name}")


def commands(resource: Resource, what: str, start: Sequence[str], stop: Sequence[str], *more: tuple[str, str]) -> Unit:
    """A unit that is up when its start command succeeded, and down after its stop command."""
    service = section(
        "Service",
        ("Type", "oneshot"),
        ("RemainAfterExit", "yes"),
        *more,
        ("ExecStart", command(start)),
        ("ExecStop", command(stop)),
    )
    return whole(f"{own_name(resource)}.service", what, described(resource), service)


def ocf(resource: Resource, agent: str, parameters: Sequence[tuple[str, str]], end: str = "") -> Unit:
    """A unit that starts and stops by an OCF agent of Debian's resource-agents."""
    program = f"/usr/lib/ocf/resource.d/heartbeat/{agent}"
    instance = own_name(resource)
    environment = [
        variable("OCF_ROOT", "/usr/lib/ocf"),
        variable("OCF_RESOURCE_INSTANCE", instance),
        *(variable(f"OCF_RESKEY_{name}", value) for name, value in parameters if value),
    ]
    unit = commands(
        resource,
        f"runs ocf:heartbeat:{agent} (Debian: resource-agents)",
        (program, "start"),
        (program, "stop"),
        *(("Environment", one) for one in environment),
    )
    text = (
        "its start and stop are the OCF agent's, its monitor is not run yet: write an [X-Probe] where a page can tell, "
        "and StartTimeout= to the group where a start takes longer than 90s"
    )
    resource.ledger.differs(resource.element, text)
    return unit if not end else whole(f"{instance}-{end}.service", unit.what, *unit.sections)


def stand_in(resource: Resource, why: str) -> Unit:
    """A unit that fails: better no group than half of one. What to write is told."""
    text = f"{why}; a stand-in that fails was written in its place: write the unit, or take it out of Resources="
    resource.ledger.to_do(resource.place, text)
    for attribute in resource.rest():
        resource.secret(attribute)
    service = section("Service", ("Type", "oneshot"), ("ExecStart", "/bin/false"))
    return whole(
        f"{own_name(resource)}.service", "a stand-in that fails until you write it", described(resource), service
    )


def described(resource: Resource) -> Section:
    text = f"{resource.type} {resource.name}".replace("%", "%%").rstrip("\\")
    return section("Unit", ("Description", text))


def command(words: Sequence[str]) -> str:
    """As ExecStart= wants it."""
    return " ".join(map(word, words))
