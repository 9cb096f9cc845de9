"""Prints src/interfaces.ts: the types of what the daemons publish and answer, from dbus/*.xml.

usage: PYTHONPATH=services python3 contrib/cockpit/bus_types.py > contrib/cockpit/src/interfaces.ts
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dbus_next.signature import SignatureTree

from standfast.bus.interfaces import Interface, read_interfaces

DBUS: Final = Path(__file__).resolve().parents[2] / "dbus"
HEAD: Final = "// Made from dbus/*.xml by bus_types.py, as JSON carries it: change those, then make it anew.\n"
PLAIN: Final = dict.fromkeys("sog", "string") | dict.fromkeys("ynqiuxtd", "number") | {"b": "boolean", "v": "unknown"}


def main() -> str:
    """The whole file."""
    interfaces = [found for path in sorted(DBUS.glob("*.xml")) for found in read_interfaces(path).values()]
    return "\n".join((HEAD, *_properties(interfaces), "", *_methods(interfaces), "", *_actions(interfaces), ""))


def _properties(interfaces: list[Interface]) -> Iterator[str]:
    yield "export interface Properties {"
    for one in interfaces:
        yield f'    "{one.name}": {{'
        yield from (f"        {name}: {_type(signature)};" for name, signature in one.properties.items())
        yield "    };"
    yield "}"


def _methods(interfaces: list[Interface]) -> Iterator[str]:
    """Of those that are not for the daemons alone."""
    yield "export interface Methods {"
    for one in interfaces:
        if open_to_others := {name: found for name, found in one.methods.items() if not found.root_only}:
            yield f'    "{one.name}": {{'
            for name, found in open_to_others.items():
                takes, gives = _types(found.signature_in), _types(found.signature_out)
                yield f"        {name}: {{ takes: {takes}; gives: {gives} }};"
            yield "    };"
    yield "}"


def _actions(interfaces: list[Interface]) -> Iterator[str]:
    """The polkit action of each method that needs one."""
    yield "export const ACTIONS = {"
    for one in interfaces:
        yield from (
            f'    "{one.name}.{name}": "{found.action}",' for name, found in one.methods.items() if found.action
        )
    yield "} as const;"


def _types(signature: str) -> str:
    return f"[{', '.join(map(_of, SignatureTree._get(signature).types))}]"


def _type(signature: str) -> str:
    return _of(SignatureTree._get(signature).types[0])


def _of(one: Any) -> str:
    """One complete type of D-Bus; bytes are base64."""
    match one.token, [child.token for child in one.children]:
        case "a", ["{"]:
            return f"Record<string, {_of(one.children[0].children[1])}>"
        case "a", ["y"]:
            return "string"
        case "a", _:
            return f"{_of(one.children[0])}[]"
        case "(", _:
            return f"[{', '.join(map(_of, one.children))}]"
        case simple, _:
            return PLAIN[simple]


if __name__ == "__main__":
    print(main(), end="")
