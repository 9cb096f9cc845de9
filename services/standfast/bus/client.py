"""Calls to others, signals of others, and who owns which name."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dbus_next.constants import MessageType
from dbus_next.message import Message

from standfast.bus.errors import BusError, ErrorName
from standfast.bus.values import incoming, outgoing
from standfast.bus.wire import Wire, make_call

SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
CALLS_IN_FLIGHT: Final = 64  # dbus-daemon refuses the 129th; ours for credentials come on top
CALL_TIMEOUT_S: Final = 5.0
DRIVER: Final = "org.freedesktop.DBus"
DRIVER_PATH: Final = "/org/freedesktop/DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
_DO_NOT_QUEUE: Final = 4
_OWNER_REPLIES: Final = (1, 4)  # RequestName: primary owner, already owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal as it came, variants unpacked; its sender was checked."""

    sender: str  # a unique name
    path: str
    interface: str
    member: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    sender: str
    handler: Callable[[Signal], None]
    path_namespace: str | None
    path: str | None
    interface: str | None
    member: str | None

    def rule(self) -> str:
        parts = {
            "type": "signal",
            "sender": self.sender,
            "path_namespace": self.path_namespace,
            "path": self.path,
            "interface": self.interface,
            "member": self.member,
        }
        return ",".join(f"{key}='{value}'" for key, value in parts.items() if value is not None)

    def wants(self, signal: Signal) -> bool:
        below = self.path_namespace
        return (
            (below is None or signal.path == below or signal.path.startswith(below.rstrip("/") + "/"))
            and self.path in (None, signal.path)
            and self.interface in (None, signal.interface)
            and self.member in (None, signal.member)
        )


class Bus:
    """One connection to the message bus. After `closed` it is of no use: open another one.

    Handlers of signals and owners run in the loop between two messages and must not block; an exception of
    theirs reaches the loop's exception handler, which ends the daemon.
    """

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.unique_name = ""
        self.why_closed = ""
        self.on_call: Callable[[Any], None] | None = None  # the server's
        self._wire: Wire | None = None
        self._slots = asyncio.Semaphore(CALLS_IN_FLIGHT)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._subscriptions: list[_Subscription] = []
        self._owners: dict[str, str] = {}
        self._owner_changes: dict[str, int] = {}  # for each tracked name: how often we were told
        self._owner_handlers: dict[str, list[Callable[[str], None]]] = {}
        self._rules: set[str] = set()

    @classmethod
    async def connect(cls, address: str | None = None, *, timeout_s: float = CALL_TIMEOUT_S) -> "Bus":
        """A connection that has its unique name; None: the system bus ($DBUS_SYSTEM_BUS_ADDRESS is honoured).

        Raises BusError when there is no bus.
        """
        bus = cls()
        where = address or os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
        try:
            async with asyncio.timeout(timeout_s):
                bus._wire = await Wire.connect(where, bus._on_message, bus._on_lost)
                (bus.unique_name,) = await bus._ask(make_call(DRIVER, DRIVER_PATH, DRIVER, "Hello", "", []))
        except (OSError, TimeoutError) as error:
            await bus.close()
            raise BusError(ErrorName.BUS_LOST, f"The message bus does not answer: {error}.") from error
        except BaseException:
            await bus.close()
            raise
        return bus

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: Any,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> tuple[Any, ...]:
        """The reply's arguments, variants unpacked. Raises BusError: refused, failed, no answer, bus lost."""
        message = make_call(destination, path, interface, member, signature, outgoing(list(arguments)))
        try:
            async with asyncio.timeout(timeout_s), self._slots:
                return await self._ask(message)
        except TimeoutError:
            text = f"{destination} did not answer {member} within {timeout_s:g} s."
            raise BusError(ErrorName.TIMED_OUT, text) from None

    async def get(
        self, destination: str, path: str, interface: str, name: str, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> Any:
        """One property's value."""
        (value,) = await self.call(destination, path, PROPERTIES, "Get", "ss", interface, name, timeout_s=timeout_s)
        return value

    async def get_all(
        self, destination: str, path: str, interface: str, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> dict[str, Any]:
        """All properties of an interface."""
        (values,) = await self.call(destination, path, PROPERTIES, "GetAll", "s", interface, timeout_s=timeout_s)
        return dict(values)

    async def managed_objects(
        self, destination: str, path: str = "/org/standfast", *, timeout_s: float = CALL_TIMEOUT_S
    ) -> dict[str, dict[str, dict[str, Any]]]:
        """Path, interface and properties of every object below `path` (not of the one at `path` itself)."""
        (objects,) = await self.call(destination, path, OBJECT_MANAGER, "GetManagedObjects", timeout_s=timeout_s)
        return dict(objects)

    async def subscribe(
        self,
        sender: str,
        handler: Callable[[Signal], None],
        *,
        path_namespace: str | None = None,
        path: str | None = None,
        interface: str | None = None,
        member: str | None = None,
    ) -> None:
        """`handler` gets what matches, if its sender is the unique name that owns `sender` at that moment.

        Read the state after this returned: what was signalled before is not repeated.
        """
        subscription = _Subscription(
            sender=sender,
            handler=handler,
            path_namespace=path_namespace,
            path=path,
            interface=interface,
            member=member,
        )
        if sender != DRIVER:
            await self._track(sender)
        self._subscriptions.append(subscription)
        await self._match(subscription.rule())

    async def on_owner(self, name: str, handler: Callable[[str], None]) -> None:
        """`handler` got the unique name that owns `name` ("" = nobody) and gets it again after each change."""
        await self._track(name)
        self._owner_handlers.setdefault(name, []).append(handler)
        handler(self._owners.get(name, ""))

    async def claim(self, name: str) -> None:
        """This connection owns `name`. Raises BusError when another one does."""
        (reply,) = await self._driver("RequestName", "su", name, _DO_NOT_QUEUE)
        if reply not in _OWNER_REPLIES:
            raise BusError(ErrorName.NAME_TAKEN, f"Another process owns {name}: end it first.")

    async def uid_of(self, sender: str) -> int:
        """The user id behind a unique name, as the bus knows it. Raises BusError when it is gone."""
        (credentials,) = await self._driver("GetConnectionCredentials", "s", sender)
        if "UnixUserID" not in credentials:
            raise BusError(ErrorName.ACCESS_DENIED, f"The bus does not know who {sender} is.")
        return int(credentials["UnixUserID"])

    def send(self, message: Any) -> None:
        """A signal or a reply is on its way; on a lost bus it is dropped."""
        if self._wire is not None:
            self._wire.send(message)

    def emit(self, path: str, interface: str, member: str, signature: str, *arguments: Any) -> None:
        """A signal is on its way."""
        self.send(Message.new_signal(path, interface, member, signature, outgoing(list(arguments))))

    async def wait_closed(self) -> None:
        """The connection ended, by whomever."""
        await self.closed.wait()

    async def close(self) -> None:
        """The connection is gone; waiting calls ended with BusError."""
        if self._wire is not None:
            self._wire.close()
        self._on_lost("we closed it")

    async def __aenter__(self) -> "Bus":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _driver(self, member: str, signature: str, *arguments: Any) -> tuple[Any, ...]:
        """A call to the bus itself; it does not queue behind calls to others."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await self._ask(make_call(DRIVER, DRIVER_PATH, DRIVER, member, signature, list(arguments)))
        except TimeoutError:
            raise BusError(ErrorName.TIMED_OUT, f"The message bus did not answer {member}.") from None

    async def _ask(self, message: Any) -> tuple[Any, ...]:
        if self.closed.is_set() or self._wire is None or not self._wire.open:
            raise BusError(ErrorName.BUS_LOST, "The connection to the message bus is lost.")
        serial = message.serial = self._wire.next_serial()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[serial] = future
        try:
            self._wire.send(message)
            reply = await future
        finally:
            self._pending.pop(serial, None)
        body = tuple(incoming(value) for value in reply.body)
        if reply.message_type is MessageType.ERROR:
            text = body[0] if body and isinstance(body[0], str) else reply.error_name
            raise BusError(reply.error_name, text)
        return body

    async def _match(self, rule: str) -> None:
        if rule not in self._rules:
            self._rules.add(rule)
            await self._driver("AddMatch", "s", rule)

    async def _track(self, name: str) -> None:
        """`_owners` knows who owns `name`, from now on."""
        told = self._owner_changes.setdefault(name, 0)
        await self._match(
            f"type='signal',sender='{DRIVER}',path='{DRIVER_PATH}',interface='{DRIVER}',"
            f"member='NameOwnerChanged',arg0='{name}'"
        )
        try:
            (owner,) = await self._driver("GetNameOwner", "s", name)
        except BusError as error:
            if error.name != ErrorName.NAME_HAS_NO_OWNER:
                raise
            owner = ""
        if self._owner_changes[name] == told:  # else a change came behind the answer and was handled before it
            self._set_owner(name, owner)

    def _set_owner(self, name: str, owner: str) -> None:
        if self._owners.get(name, "") == owner:
            return
        self._owners[name] = owner
        for handler in tuple(self._owner_handlers.get(name, ())):
            handler(owner)

    def _on_message(self, message: Any) -> None:
        match message.message_type:
            case MessageType.METHOD_RETURN | MessageType.ERROR:
                future = self._pending.pop(message.reply_serial, None)
                if future is not None and not future.done():
                    future.set_result(message)
            case MessageType.SIGNAL:
                self._on_signal(message)
            case MessageType.METHOD_CALL if self.on_call is not None:
                self.on_call(message)
            case _:
                text = "This process answers no calls."
                self.send(Message.new_error(message, ErrorName.UNKNOWN_METHOD.value, text))

    def _on_signal(self, message: Any) -> None:
        """Passes a signal to the subscriptions whose sender it really came from.

        The bus sets the sender; but anyone may send a signal straight to us, past all match rules.
        """
        signal = Signal(
            sender=message.sender or "",
            path=message.path,
            interface=message.interface,
            member=message.member,
            arguments=tuple(incoming(value) for value in message.body),
        )
        if signal.sender == DRIVER and signal.member == "NameOwnerChanged":
            name, _, owner = signal.arguments
            if name in self._owner_changes:
                self._owner_changes[name] += 1
                self._set_owner(name, owner)
        for subscription in tuple(self._subscriptions):
            owner = self._owners.get(subscription.sender, "")
            genuine = signal.sender == (DRIVER if subscription.sender == DRIVER else owner)
            if genuine and signal.sender and subscription.wants(signal):
                subscription.handler(signal)

    def _on_lost(self, why: str) -> None:
        if self.closed.is_set():
            return
        self.why_closed = why
        self.closed.set()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(BusError(ErrorName.BUS_LOST, "The connection to the message bus is lost."))
        self._pending.clear()
