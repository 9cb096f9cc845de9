"""What a daemon publishes: objects with read-only properties, and methods; served from the interface XML."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from standfast import journal
from standfast.bus.callers import Callers
from standfast.bus.client import OBJECT_MANAGER, PROPERTIES, Bus
from standfast.bus.errors import BusError, ErrorName
from standfast.bus.interfaces import DOCTYPE, STANDARD, Interface, Method, read_interfaces
from standfast.bus.library import Message, MessageFlag
from standfast.bus.rights import Rights
from standfast.bus.values import Variant, incoming, outgoing
from standfast.bus.wire import read_body
from standfast.files import machine_id

ROOT: Final = "/org/standfast"
_FLUSH: Final = 32  # objects told of in one turn of the loop
_REOPEN_FIRST_S: Final = 0.1
_REOPEN_LAST_S: Final = 2.0

Values = dict[str, dict[str, Any]]  # interface: property: Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A method call whose caller was admitted."""

    path: str
    interface: str
    member: str
    arguments: tuple[Any, ...]
    uid: int
    sender: str


Handler = Callable[[Call], Awaitable[tuple[Any, ...]]]


class Server:
    """The objects outlive the bus: `attach` shows them again on the next connection."""

    def __init__(self, xml: Path) -> None:
        self._interfaces = read_interfaces(xml)
        self._objects: dict[str, Values] = {}
        self._shown: dict[str, Values] = {}  # as signals told it
        self._dirty: dict[str, None] = {}  # paths, in order
        self._flush_due = False
        self._live: dict[tuple[str, str], Callable[[str], Any]] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._bus: Bus | None = None
        self._callers: Callers | None = None
        self._rights: Rights | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, path: str, interface: str, values: Mapping[str, Any]) -> None:
        """The object has these properties; what differs is signalled once, in the loop's next turn.

        The first time all properties are needed, later those that may have changed. Raises KeyError for a
        property that the XML does not have, dbus-next's SignatureBodyMismatchError for a value of another type.
        """
        known = self._interfaces[interface]
        signatures = {name: known.properties[name] for name in known.properties.keys() - known.live}
        variants = {name: Variant(signatures[name], outgoing(value)) for name, value in values.items()}
        old = self._objects.get(path, {}).get(interface, {})
        missing = signatures.keys() - old.keys() - variants.keys()
        if missing:
            raise KeyError(f"{interface} at {path} lacks {', '.join(sorted(missing))}")
        new = old | variants
        if new != old or not old:
            self._objects.setdefault(path, {})[interface] = new
            self._touch(path)

    def live(self, interface: str, name: str, value: Callable[[str], Any]) -> None:
        """Whoever reads the property of an object gets `value(path)` as it is then; `tell_live` signals changes."""
        assert name in self._interfaces[interface].live, f"{interface}.{name} is not made when it is read"
        self._live[interface, name] = value

    def tell_live(self, path: str, interface: str, name: str) -> None:
        """The signal that such a property has another value now; there is one only for who knows the object."""
        if self._bus is not None and interface in self._shown.get(path, {}):
            self._bus.emit(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, {}, [name])

    def withdraw(self, path: str) -> None:
        """There is no object at `path` any more."""
        if self._objects.pop(path, None) is not None:
            self._touch(path)

    def published(self) -> tuple[str, ...]:
        """The paths of all objects."""
        return tuple(sorted(self._objects))

    def values(self) -> dict[str, Values]:
        """By path and interface what a client would read now; nothing in it changes later."""
        return {path: {name: self._read(path, name) for name in found} for path, found in self._objects.items()}

    def handle(self, interface: str, method: str, handler: Handler) -> None:
        """Calls of the method go to `handler`, which returns the out arguments or raises BusError."""
        assert method in self._interfaces[interface].methods, f"{interface}.{method} is not in the XML"
        self._handlers[interface, method] = handler

    async def missing_rights(self, call: Call) -> dict[str, str]:
        """For each action that a method of ours needs, why this caller would be refused, a sentence; "" = he may."""
        methods = (method for one in self._interfaces.values() for method in one.methods.values())
        actions = sorted({method.action for method in methods if method.action})
        assert self._rights is not None
        return {action: await self._rights.missing(action, sender=call.sender, uid=call.uid) for action in actions}

    async def attach(self, bus: Bus, name: str) -> None:
        """The objects are served on `bus` under `name`. Raises BusError when another process owns it."""
        self._bus = bus
        rights = self._rights = Rights(bus)
        self._callers = Callers(
            bus,
            lambda message, uid: self._serve(bus, rights, message, uid),
            lambda message, error: _refuse(bus, message, error),
        )
        self._shown = {path: dict(values) for path, values in self._objects.items()}
        self._dirty.clear()
        bus.take_call = self._callers.take
        await bus.claim(name)

    def cancel_calls(self) -> None:
        """Handlers that still run are cancelled; their callers get no answer."""
        for task in self._tasks:
            task.cancel()

    # what clients are told

    def _touch(self, path: str) -> None:
        self._dirty[path] = None
        if self._bus is not None and not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        for path in tuple(self._dirty)[:_FLUSH]:
            del self._dirty[path]
            self._tell(path)
        if self._dirty:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _tell(self, path: str) -> None:
        """The signals between what was told of the object and what it is now."""
        assert self._bus is not None
        old, new = self._shown.pop(path, {}), self._objects.get(path, {})
        gone = [name for name in old if name not in new]
        if gone:
            self._bus.emit(ROOT, OBJECT_MANAGER, "InterfacesRemoved", "oas", path, gone)
        added = {name: values for name, values in new.items() if name not in old}
        if added:
            self._bus.emit(ROOT, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, added)
        for name in new.keys() & old.keys():
            changed = {key: value for key, value in new[name].items() if old[name][key] != value}
            if changed:
                self._bus.emit(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", name, changed, [])
        if new:
            self._shown[path] = dict(new)

    # what clients ask

    def _serve(self, bus: Bus, rights: Rights, message: Any, uid: int) -> None:
        """The message is answered now (reads), or by a task of its own (our methods)."""
        try:
            own = self._own_method(message)
            if own is None:
                signature, body = self._answer(message)
                _reply(bus, message, signature, body)
        except BusError as error:
            own = None
            _refuse(bus, message, error)
        if own is None:
            self._finished(bus, uid)
            return
        task = asyncio.get_running_loop().create_task(self._run(bus, rights, message, uid, own))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _finished(self, bus: Bus, uid: int) -> None:
        if self._callers is not None and bus is self._bus:
            self._callers.finished(uid)

    async def _run(self, bus: Bus, rights: Rights, message: Any, uid: int, method: Method) -> None:
        """Runs a handler for whom may call it; whatever it raises becomes one sentence for the caller."""
        what = f"{message.interface}.{message.member}"
        try:
            interactive = bool(message.flags & MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION)
            await rights.check(method, what, sender=message.sender, uid=uid, interactive=interactive)
            handler = self._handlers.get((message.interface, message.member))
            if handler is None:
                raise BusError(ErrorName.UNKNOWN_METHOD, f"{what} is not served yet: try again.")
            call = Call(
                path=message.path,
                interface=message.interface,
                member=message.member,
                arguments=tuple(incoming(value) for value in _arguments(message)),
                uid=uid,
                sender=message.sender,
            )
            _reply(bus, message, method.signature_out, outgoing(list(await handler(call))))
        except BusError as error:
            _refuse(bus, message, error)
        except Exception as error:
            text = f"{what} failed: the journal of this service says why."
            _refuse(bus, message, BusError(ErrorName.FAILED, text))
            journal.write(
                journal.Event.METHOD_FAILED,
                journal.Level.ERROR,
                f"{what} at {message.path} ended by {type(error).__name__}: {error}",
                traceback="".join(traceback.format_exception(error)),
            )
        finally:
            self._finished(bus, uid)

    def _own_method(self, message: Any) -> Method | None:
        """The method of ours that is called, None for one of the standard interfaces. Raises BusError."""
        if message.interface is None:
            raise BusError(ErrorName.UNKNOWN_INTERFACE, f"Name the interface of {message.member}.")
        standard = message.interface in STANDARD
        interface = STANDARD[message.interface] if standard else self._interface(message)
        method = interface.methods.get(message.member)
        if method is None:
            raise BusError(ErrorName.UNKNOWN_METHOD, f"{message.interface} has no method {message.member}.")
        if message.signature != method.signature_in:
            text = f"{message.member} takes arguments {method.signature_in!r}, not {message.signature!r}."
            raise BusError(ErrorName.INVALID_ARGUMENTS, text)
        return None if standard else method

    def _interface(self, message: Any) -> Interface:
        if message.path not in self._objects:
            raise BusError(ErrorName.UNKNOWN_OBJECT, f"There is no object {message.path}.")
        if message.interface not in self._objects[message.path]:
            raise BusError(ErrorName.UNKNOWN_INTERFACE, f"{message.path} has no interface {message.interface}.")
        return self._interfaces[message.interface]

    def _answer(self, message: Any) -> tuple[str, list[Any]]:
        """Signature and body of the reply to a standard method. Raises BusError."""
        match message.member:
            case "Ping":
                return "", []
            case "GetMachineId":
                return "s", [machine_id()]
            case "Introspect":
                return "s", [self._introspect(message.path)]
            case "Get":
                return "v", [self._property(message.path, *_arguments(message))]
            case "GetAll":
                return "a{sv}", [self._properties(message.path, *_arguments(message))]
            case "Set":
                text = "Properties are changed by methods only."
                raise BusError(ErrorName.PROPERTY_READ_ONLY, text)
            case "GetManagedObjects":
                return "a{oa{sa{sv}}}", [self._managed(message.path)]
            case _:
                raise AssertionError(f"standard method without an answer: {message.member}")

    def _properties(self, path: str, interface: str) -> dict[str, Any]:
        if path not in self._objects:
            raise BusError(ErrorName.UNKNOWN_OBJECT, f"There is no object {path}.")
        if interface in self._objects[path]:
            return self._read(path, interface)
        if interface in STANDARD:
            return {}
        raise BusError(ErrorName.UNKNOWN_INTERFACE, f"{path} has no interface {interface}.")

    def _property(self, path: str, interface: str, name: str) -> Any:
        values = self._properties(path, interface)
        if name not in values:
            raise BusError(ErrorName.UNKNOWN_PROPERTY, f"{interface} has no property {name}.")
        return values[name]

    def _managed(self, path: str) -> dict[str, Values]:
        if path != ROOT:
            raise BusError(ErrorName.UNKNOWN_INTERFACE, f"Ask {ROOT} for all objects.")
        return {
            child: {interface: self._read(child, interface) for interface in values}
            for child, values in self._objects.items()
            if child.startswith(ROOT + "/")
        }

    def _read(self, path: str, interface: str) -> dict[str, Any]:
        known = self._interfaces[interface]
        made = [(name, self._live[interface, name]) for name in sorted(known.live) if (interface, name) in self._live]
        values = self._objects[path][interface]
        if not made:
            return values
        return values | {name: Variant(known.properties[name], outgoing(value(path))) for name, value in made}

    def _introspect(self, path: str) -> str:
        below = path.rstrip("/") + "/"
        children = sorted({other[len(below) :].partition("/")[0] for other in self._paths_below(below)})
        own = self._objects.get(path, {})
        if not own and not children and path != ROOT:
            raise BusError(ErrorName.UNKNOWN_OBJECT, f"There is no object {path}.")
        standard = [item for name, item in STANDARD.items() if name != OBJECT_MANAGER or path == ROOT]
        parts = [item.xml for item in (*standard, *(self._interfaces[name] for name in own))]
        parts += [f'<node name="{child}"/>' for child in children]
        return DOCTYPE + "<node>\n" + "\n".join(parts) + "\n</node>\n"

    def _paths_below(self, below: str) -> list[str]:
        return [path for path in (*self._objects, ROOT) if path.startswith(below)]


async def serve_forever(
    server: Server, name: str, on_bus: Callable[[Bus], Awaitable[None]], *, address: str | None = None
) -> None:
    """The server is on the bus; when the bus is lost it is opened again, for ever.

    `on_bus` is called with each new connection, after the name was claimed: subscribe and read anew there.
    Ends only when it is cancelled, or by an exception of `on_bus` that is no BusError.
    """
    delay_s, said = _REOPEN_FIRST_S, ""
    while True:
        served = False
        try:
            async with await Bus.connect(address) as bus:
                await server.attach(bus, name)
                await on_bus(bus)
                if said:
                    text = f"{name} is on the bus again."
                    journal.write(journal.Event.BUS_REGAINED, journal.Level.NOTICE, text)
                served = True
                await bus.wait_closed()
            text = f"The connection to the message bus was lost: {bus.why_closed}."
            raise BusError(ErrorName.BUS_LOST, text)
        except BusError as error:
            if served:
                delay_s, said = _REOPEN_FIRST_S, ""
            if said != error.name:  # once for each outage, not for each try
                text = f"{name} is not on the bus: {error.text}"
                journal.write(journal.Event.BUS_LOST, journal.Level.WARNING, text)
                said = error.name
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, _REOPEN_LAST_S)


def _arguments(message: Any) -> list[Any]:
    """What the caller gave. Raises BusError. Nothing of a large call is read before all else about it is right."""
    arguments = read_body(message)
    if arguments is None:
        raise BusError(ErrorName.INVALID_ARGUMENTS, f"The arguments of {message.member} cannot be read.")
    return arguments


def _reply(bus: Bus, message: Any, signature: str, body: list[Any]) -> None:
    if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
        bus.send(Message.new_method_return(message, signature, body))


def _refuse(bus: Bus, message: Any, error: BusError) -> None:
    if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
        bus.send(Message.new_error(message, error.name, outgoing(error.text)))
