"""Calls to others, signals of others, and who owns which name."""

import asyncio
import os
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Final

from standfast.bus.errors import BusError, ErrorName
from standfast.bus.library import Message, MessageFlag, MessageType
from standfast.bus.values import incoming, outgoing
from standfast.bus.wire import Wire, make_call, read_message

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
    first: str | None
    among: Container[str] | None

    def rule(self) -> str:
        parts = {
            "type": "signal",
            "sender": self.sender,
            "path_namespace": self.path_namespace,
            "path": self.path,
            "interface": self.interface,
            "member": self.member,
            "arg0": self.first,
        }
        return ",".join(f"{key}='{value}'" for key, value in parts.items() if value is not None)

    def wants(self, signal: Signal) -> bool:
        return (
            self.wants_of(signal.path)
            and self.interface in (None, signal.interface)
            and self.member in (None, signal.member)
            and self.first in (None, *signal.arguments[:1])
        )

    def at_a_glance(self, sender: str, path: str) -> Signal:
        """One that the bus sent for this."""
        return Signal(sender=sender, path=path, interface=self.interface or "", member=self.member or "", arguments=())

    def wants_of(self, path: str) -> bool:
        """Signals of this object may be wanted."""
        below = self.path_namespace
        return (
            (below is None or path == below or path.startswith(below.rstrip("/") + "/"))
            and self.path in (None, path)
            and (self.among is None or path in self.among)
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
        self.take_call: Callable[[str, bytes], bool] | None = None  # the server's: as Ears.on_call
        self._wire: Wire | None = None
        self._slots = asyncio.Semaphore(CALLS_IN_FLIGHT)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._subscriptions: list[_Subscription] = []
        self._owners: dict[str, str] = {}
        self._heard = {DRIVER}  # whose signals are read
        self._owner_changes: dict[str, int] = {}  # for each tracked name: how often we were told
        self._owner_handlers: dict[str, list[Callable[[str], None]]] = {}
        self._rules: set[str] = set()
        self._at_end: list[Callable[[], None]] = []

    @classmethod
    async def connect(cls, address: str | None = None, *, timeout_s: float = CALL_TIMEOUT_S) -> "Bus":
        """A connection that has its unique name; None: the system bus ($DBUS_SYSTEM_BUS_ADDRESS is honoured).

        Raises BusError when there is no bus.
        """
        bus = cls()
        where = address or os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
        try:
            async with asyncio.timeout(timeout_s):
                bus._wire = await Wire.connect(where, bus)
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
        interactive: bool = False,
        places: asyncio.Semaphore | None = None,
    ) -> tuple[Any, ...]:
        """The reply's arguments, variants unpacked. Raises BusError: refused, failed, no answer, bus lost.

        interactive: whoever answers may let polkit ask for a password. places: bounds the calls under way in
        place of this connection's own bound, so that slow calls for others are in nobody's way.
        """
        message = make_call(destination, path, interface, member, signature, outgoing(list(arguments)))
        if interactive:
            message.flags |= MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION
        try:
            async with asyncio.timeout(timeout_s), places or self._slots:
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
        first: str | None = None,
        among: Container[str] | None = None,
    ) -> None:
        """`handler` gets what matches, if its sender is the unique name that owns `sender` at that moment.

        `first`: its first argument. `among`: the paths that it wants of those that match, as they are when a signal
        comes; no signal is read then, so it comes without arguments. Read the state after this returned: what was
        signalled before is not repeated.
        """
        subscription = _Subscription(
            sender=sender,
            handler=handler,
            path_namespace=path_namespace,
            path=path,
            interface=interface,
            member=member,
            first=first,
            among=among,
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

    async def release(self, name: str) -> None:
        """Nobody owns `name`; calls that came to it before that were handed on already."""
        await self._driver("ReleaseName", "s", name)

    def ask_user(self, sender: str, answered: Callable[[int | None], None]) -> None:
        """`answered` gets the user id behind a unique name as the bus knows it, None when it is gone."""
        if self._wire is not None:
            self._wire.ask_user(sender, answered)

    def send(self, message: Any) -> None:
        """A signal or a reply is on its way; on a lost bus it is dropped."""
        if self._wire is not None:
            self._wire.send(message)

    def emit(self, path: str, interface: str, member: str, signature: str, *arguments: Any) -> None:
        """A signal is on its way."""
        self.send(Message.new_signal(path, interface, member, signature, outgoing(list(arguments))))

    def tell(self, destination: str, path: str, interface: str, member: str, signature: str, *arguments: Any) -> None:
        """A call is on its way whose answer nobody waits for."""
        message = make_call(destination, path, interface, member, signature, outgoing(list(arguments)))
        message.flags |= MessageFlag.NO_REPLY_EXPECTED
        self.send(message)

    def when_closed(self, handler: Callable[[], None]) -> None:
        """`handler` will be called when the connection ends, or was called now if it has."""
        self._at_end.append(handler)
        if self.closed.is_set():
            handler()

    @property
    def backlog(self) -> int:
        """Bytes that the bus has not taken yet."""
        return self._wire.backlog if self._wire is not None else 0

    async def wait_closed(self) -> None:
        """The connection ended, by whomever."""
        await self.closed.wait()

    async def close(self) -> None:
        """The connection is gone; waiting calls ended with BusError."""
        if self._wire is not None:
            self._wire.close()
        self.on_lost("we closed it")

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
        self._heard = {DRIVER, *self._owners.values()} - {""}
        for handler in tuple(self._owner_handlers.get(name, ())):
            handler(owner)

    def hears(self, sender: str, path: str) -> bool:
        """Somebody here wants to read it; who wants no more than to be woken was. The bus sets the sender; but anyone
        may send a signal straight to us."""
        if sender not in self._heard or sender == DRIVER or not path:
            return sender in self._heard
        wanted = [one for one in self._subscriptions if self._owners.get(one.sender) == sender and one.wants_of(path)]
        for one in wanted:
            if one.among is not None:
                one.handler(one.at_a_glance(sender, path))
        return any(one.among is None for one in wanted)

    def on_call(self, sender: str, data: bytes) -> bool:
        """A call goes to the server."""
        if self.take_call is not None:
            return self.take_call(sender, data)
        message = read_message(data)
        if message is not None:
            self.send(Message.new_error(message, ErrorName.UNKNOWN_METHOD.value, "This process answers no calls."))
        return True

    def on_message(self, message: Any) -> None:
        """A reply goes to whom waits for it, a signal to its subscribers."""
        if message.message_type is MessageType.SIGNAL:
            self._on_signal(message)
            return
        future = self._pending.pop(message.reply_serial, None)
        if future is not None and not future.done():
            future.set_result(message)

    def _on_signal(self, message: Any) -> None:
        """Passes a signal to the subscriptions whose sender it really came from."""
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

    def on_lost(self, why: str) -> None:
        """Nothing comes or goes any more: whoever waits for a reply is told."""
        if self.closed.is_set():
            return
        self.why_closed = why
        self.closed.set()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(BusError(ErrorName.BUS_LOST, "The connection to the message bus is lost."))
        self._pending.clear()
        for handler in self._at_end:
            handler()
