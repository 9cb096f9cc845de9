"""The names that may be typed: proposed to a shell, from the daemons or, while none runs, from the configuration.

For `shell_complete=` of arguments and options. Nothing is printed and nothing raised: a shell asks in the middle of a
line.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:  # loaded when a name is asked for: every command imports this module
    from standfast.configuration.model import Configuration

Completer = Callable[[click.Context, click.Parameter, str], list[str]]
Found = dict[str, list[str]]  # kind: names

ANSWER_S: Final = 0.5  # somebody waits with his finger on TAB
_KINDS: Final = {"Group1": "group", "Copies1": "group", "Member1": "node", "FenceDevice1": "device"}


def _completer(*kinds: str) -> Completer:
    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        typed = {word for value in context.params.values() for word in _words(value)}
        found = find()
        names = {name for kind in kinds for name in found.get(kind, ())}
        return sorted(name for name in names - typed if name.startswith(incomplete))

    return complete


def _words(value: Any) -> Iterable[str]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()


groups: Final = _completer("group")
nodes: Final = _completer("node")
groups_and_nodes: Final = _completer("group", "node")
devices_and_nodes: Final = _completer("device", "node")
units: Final = _completer("unit")
versions: Final = _completer("version")


def probes(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The probes of the unit that was typed before."""
    found = find().get(f"probe of {context.params.get('unit')}", ())
    return sorted(name for name in found if name.startswith(incomplete))


def losses(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The losses that wait for their proof, of the node that was typed before."""
    found = find().get(f"loss of {context.params.get('node')}", ())
    return sorted(name for name in found if name.startswith(incomplete))


def find() -> Found:
    """All names by kind; none where nobody knows any."""
    try:
        return _ask_daemons() or _read_configuration()
    except Exception:
        return {}


def _ask_daemons() -> Found:
    import asyncio

    from standfast.bus import BusError

    try:
        return asyncio.run(asyncio.wait_for(_ask(), ANSWER_S))
    except (BusError, TimeoutError):
        return {}


async def _ask() -> Found:
    import asyncio

    from standfast.bus import Bus
    from standfast.published import FENCING, GROUPS, read_daemon

    async with await Bus.connect(timeout_s=ANSWER_S) as bus:
        daemons = await asyncio.gather(*(read_daemon(bus, name, timeout_s=ANSWER_S) for name in (GROUPS, FENCING)))
    found: Found = {}
    for daemon in daemons:
        for objects in daemon.objects.values():
            for interface, values in objects.items():
                kind = _KINDS.get(interface.removeprefix("org.standfast."))
                if kind is not None:
                    found.setdefault(kind, []).append(str(values["Name"]))
                elif interface == "org.standfast.Resource1":
                    _add_unit(found, str(values["Unit"]), [str(probe[0]) for probe in values.get("Probes", ())])
    root = daemons[0].root
    found["version"] = [str(row[0]) for row in root.get("History", ())]
    for loss, node, *_ in root.get("Losses", ()):
        found.setdefault(f"loss of {node}", []).append(str(loss))
    return found if found.get("node") else {}


def _add_unit(found: Found, unit: str, probed: Iterable[str]) -> None:
    found.setdefault("unit", []).append(unit)
    found.setdefault(f"probe of {unit}", []).extend(filter(None, probed))


def _read_configuration() -> Found:
    from standfast.configuration.load import load, load_in_force

    configuration: Configuration | None = None
    with contextlib.suppress(OSError):  # it is root's alone
        configuration, _ = load_in_force(system=None)
    if configuration is None:
        configuration = load(system=None)
    found: Found = {"node": [node.name for node in configuration.nodes]}
    found["device"] = [device.name for device in configuration.devices]
    found["group"] = [group.name for group in configuration.groups]
    for group in configuration.groups:
        for resource in group.resources:
            _add_unit(found, resource.unit, [probe.name for probe in resource.probes])
    return found
