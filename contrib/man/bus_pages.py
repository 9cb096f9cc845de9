"""Manual pages of the D-Bus interfaces, made from their XML: what its comments say of each member."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from roff import escape

FOLDER: Final = Path(__file__).resolve().parents[2] / "dbus"
ACTION: Final = "org.standfast.Action"
ACCESS: Final = "org.standfast.Access"
_ACCESS: Final = {"everybody": "Everybody may call it.", "root": "Only root may call it."}


@dataclass(slots=True)
class Member:
    """A property, method or signal."""

    kind: str
    name: str
    said: str
    type: str = ""  # of a property
    arguments: list[tuple[str, str, str]] = field(default_factory=list)  # direction, name, type
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Interface:
    name: str
    said: str
    members: list[Member] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    """All that one daemon has on the bus."""

    said: str = ""
    interfaces: list[Interface] = field(default_factory=list)


def pages() -> dict[str, str]:
    """A page for each file in dbus/, by its name."""
    return {f"{path.stem}.5": _page(path) for path in sorted(FOLDER.glob("*.xml"))}


def read(text: str) -> Service:
    """What the XML of an interface file says, its comments included: each belongs to what comes after it."""
    found, comments = Service(), [""]

    def comment(data: str) -> None:
        comments.append(" ".join(data.split()))

    def start(tag: str, attributes: dict[str, str]) -> None:
        said = comments.pop() if len(comments) > 1 else ""
        match tag:
            case "node":
                found.said = said
            case "interface":
                found.interfaces.append(Interface(name=attributes["name"], said=said))
            case "property" | "method" | "signal":
                member = Member(kind=tag, name=attributes["name"], said=said, type=attributes.get("type", ""))
                found.interfaces[-1].members.append(member)
            case "arg":
                argument = (attributes.get("direction", "out"), attributes.get("name", ""), attributes["type"])
                found.interfaces[-1].members[-1].arguments.append(argument)
            case "annotation":
                found.interfaces[-1].members[-1].notes[attributes["name"]] = attributes["value"]

    parser = expat.ParserCreate()
    parser.CommentHandler, parser.StartElementHandler = comment, start
    parser.Parse(text, True)
    return found


def _page(path: Path) -> str:
    service = read(path.read_text())
    daemon = service.said.partition(",")[0]
    lines = [
        f'.\\" Made by contrib/man/standfast_man.py from dbus/{path.name}; do not edit it by hand.',
        f'.TH {escape(path.stem.upper())} 5 2026-11-29 Standfast "D-Bus interfaces"',
        f".SH NAME\n{escape(path.stem)} \\- what {escape(daemon)} of Standfast publishes and does on D\\-Bus",
        f".SH SYNOPSIS\n.B busctl introspect {escape(path.stem)} /org/standfast",
        ".SH DESCRIPTION\nThe objects are below",
        ".IR /org/standfast ,",
        "as org.freedesktop.DBus.ObjectManager lists them. Everybody may read; PropertiesChanged tells of changes.",
        "Types are written as in",
        ".BR busctl (1).",
    ]
    for interface in service.interfaces:
        lines += _interface(interface)
    return "\n".join([*lines, ".SH SEE ALSO\n.BR standfast (7),\n.BR busctl (1)", ""])


def _interface(interface: Interface) -> Iterator[str]:
    yield f'.SH "{escape(interface.name)}"'
    if interface.said:
        yield escape(interface.said)
    for kind, title in (("property", "Properties"), ("method", "Methods"), ("signal", "Signals")):
        members = [member for member in interface.members if member.kind == kind]
        if members:
            yield f".SS {title}"
        for member in members:
            yield f".TP\n\\fB{escape(member.name)}\\fR {escape(_signature(member))}\n{escape(_told(member))}"


def _signature(member: Member) -> str:
    if member.kind == "property":
        return f"({member.type})"
    given = ", ".join(f"{name} {kind}" for direction, name, kind in member.arguments if direction == "in")
    back = ", ".join(f"{name} {kind}" for direction, name, kind in member.arguments if direction == "out")
    if member.kind == "signal":
        return f"({back})"
    return f"({given})" + (f" → ({back})" if back else "")


def _told(member: Member) -> str:
    words = [member.said.removesuffix(".") + "."] if member.said else []
    if ACTION in member.notes:
        words.append(f"It needs root or the polkit action {member.notes[ACTION]}.")
    words += [_ACCESS[member.notes[ACCESS]]] if ACCESS in member.notes else []
    return " ".join(words) or "As its name says."
