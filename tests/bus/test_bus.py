"""The bus layer on a private dbus-daemon: what is published, who may call, what a lost bus does."""

import asyncio
import contextlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import SignatureTree

from bus.private import REPOSITORY, PrivateBus, as_nobody, until
from standfast.bus import Bus, BusError, Call, ErrorName, Server, Signal, interface_file, serve_forever, wire
from standfast.bus.wire import read_message

NAME = "org.standfast.Test"
ROOT = "/org/standfast"
XML = """<node>
  <interface name="org.standfast.Test1">
    <!-- A word. -->
    <property name="Word" type="s" access="read"/>
    <property name="Rows" type="a(sub)" access="read"/>
    <method name="Echo">
      <annotation name="org.standfast.Access" value="everybody"/>
      <arg name="text" type="s" direction="in"/>
      <arg name="answer" type="s" direction="out"/>
    </method>
    <method name="Change">
      <annotation name="org.standfast.Access" value="root"/>
    </method>
    <method name="Fail">
      <annotation name="org.standfast.Access" value="everybody"/>
    </method>
    <method name="Wait">
      <annotation name="org.standfast.Access" value="everybody"/>
    </method>
  </interface>
  <interface name="org.standfast.Item1">
    <property name="Size" type="u" access="read"/>
    <property name="Heat" type="a(su)" access="read">
      <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="invalidates"/>
    </property>
  </interface>
</node>
"""


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """One object at the root, one item, four methods."""
    path = tmp_path / "test.xml"
    path.write_text(XML)
    server = Server(path)
    server.publish(ROOT, "org.standfast.Test1", {"Word": "first", "Rows": (("a", 1, True),)})
    server.publish(f"{ROOT}/item/one", "org.standfast.Item1", {"Size": 1})

    async def echo(call: Call) -> tuple[Any, ...]:
        return (f"{call.uid} {call.arguments[0]}",)

    async def change(call: Call) -> tuple[Any, ...]:
        server.publish(ROOT, "org.standfast.Test1", {"Word": "changed"})
        return ()

    async def fail(call: Call) -> tuple[Any, ...]:
        raise ZeroDivisionError("secret detail")

    async def wait(call: Call) -> tuple[Any, ...]:
        await asyncio.sleep(30)
        return ()

    for method, handler in {"Echo": echo, "Change": change, "Fail": fail, "Wait": wait}.items():
        server.handle("org.standfast.Test1", method, handler)
    return server


async def open_pair(server: Server) -> tuple[Bus, Bus]:
    """The server's connection and a client's."""
    bus = await Bus.connect()
    await server.attach(bus, NAME)
    return bus, await Bus.connect()


async def ask(client: Bus, member: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
    return await client.call(NAME, ROOT, "org.standfast.Test1", member, signature, *arguments)


def canonical(element: ET.Element) -> str:
    return ET.canonicalize(ET.tostring(element, encoding="unicode"), strip_text=True)


def sample(signature: str) -> Any:
    """A value of the type, for properties of real interfaces."""
    match signature[0]:
        case "s":
            return "x"
        case "b":
            return True
        case "a":
            return {} if signature[1] == "{" else []
        case "(":
            return tuple(sample(one.signature) for one in SignatureTree(signature).types[0].children)
        case _:
            return 7


@pytest.mark.parametrize("name", ["Membership", "Quorum", "Fencing", "Groups"])
def test_introspection_shows_what_the_xml_says(private_bus: PrivateBus, name: str) -> None:
    async def main() -> None:
        path = interface_file(f"org.standfast.{name}")
        assert path.parent == REPOSITORY / "dbus"
        written = {element.attrib["name"]: element for element in ET.parse(path).iter("interface")}
        server = Server(path)
        for index, (interface, element) in enumerate(written.items()):
            values = {
                item.attrib["name"]: sample(item.attrib["type"])
                for item in element.iter("property")
                if item.find("annotation") is None  # such a property is made when it is read
            }
            server.publish(f"{ROOT}/x/{index}" if index else ROOT, interface, values)
        bus, client = await open_pair(server)
        shown: dict[str, ET.Element] = {}
        for path_shown in server.published():
            (xml,) = await client.call(NAME, path_shown, "org.freedesktop.DBus.Introspectable", "Introspect")
            shown |= {element.attrib["name"]: element for element in ET.fromstring(xml).iter("interface")}
        for interface, element in written.items():
            assert canonical(shown[interface]) == canonical(element)
        await bus.close()
        await client.close()

    asyncio.run(main())


def test_the_tree_can_be_walked_and_other_paths_are_no_objects(private_bus: PrivateBus, server: Server) -> None:
    async def children(client: Bus, path: str) -> list[str]:
        (xml,) = await client.call(NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect")
        return [element.attrib["name"] for element in ET.fromstring(xml).findall("node")]

    async def main() -> None:
        _, client = await open_pair(server)
        assert await children(client, "/") == ["org"]
        assert await children(client, "/org") == ["standfast"]
        assert await children(client, ROOT) == ["item"]
        assert await children(client, f"{ROOT}/item") == ["one"]
        assert await children(client, f"{ROOT}/item/one") == []
        with pytest.raises(BusError, match="no object"):
            await children(client, f"{ROOT}/item/two")

    asyncio.run(main())


def test_properties_are_read_one_by_one_all_at_once_and_through_the_object_manager(
    private_bus: PrivateBus, server: Server
) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        assert await client.get(NAME, ROOT, "org.standfast.Test1", "Word") == "first"
        everything = {"Word": "first", "Rows": [["a", 1, True]]}
        assert await client.get_all(NAME, ROOT, "org.standfast.Test1") == everything
        expected = {f"{ROOT}/item/one": {"org.standfast.Item1": {"Size": 1}}}
        assert await client.managed_objects(NAME) == expected

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "interface", "member", "signature", "arguments", "error"),
    [
        ("/org/standfast", "org.standfast.Test1", "Nothing", "", (), ErrorName.UNKNOWN_METHOD),
        ("/org/standfast", "org.standfast.Item1", "Echo", "s", ("x",), ErrorName.UNKNOWN_INTERFACE),
        ("/org/standfast", "org.standfast.Test1", "Echo", "u", (1,), ErrorName.INVALID_ARGUMENTS),
        ("/nowhere", "org.standfast.Test1", "Echo", "s", ("x",), ErrorName.UNKNOWN_OBJECT),
        (
            "/org/standfast",
            "org.freedesktop.DBus.Properties",
            "Get",
            "ss",
            ("org.standfast.Test1", "No"),
            ErrorName.UNKNOWN_PROPERTY,
        ),
        ("/nowhere", "org.freedesktop.DBus.Properties", "GetAll", "s", ("x",), ErrorName.UNKNOWN_OBJECT),
    ],
)
def test_a_wrong_call_gets_one_sentence(
    private_bus: PrivateBus,
    server: Server,
    path: str,
    interface: str,
    member: str,
    signature: str,
    arguments: tuple[Any, ...],
    error: ErrorName,
) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        with pytest.raises(BusError) as caught:
            await client.call(NAME, path, interface, member, signature, *arguments)
        assert caught.value.name == error
        assert "\n" not in caught.value.text
        assert caught.value.text.endswith(".")

    asyncio.run(main())


def test_a_handler_that_breaks_tells_its_caller_nothing_but_where_to_look(
    private_bus: PrivateBus, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        with pytest.raises(BusError) as caught:
            await ask(client, "Fail")
        assert caught.value.name == ErrorName.FAILED
        assert "secret" not in caught.value.text
        assert (await ask(client, "Echo", "s", "alive"))[0] == "0 alive"

    asyncio.run(main())
    assert "ZeroDivisionError: secret detail" in capsys.readouterr().err


def test_changes_of_one_turn_are_one_signal_and_equal_values_none(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        signals: list[Signal] = []
        await client.subscribe(NAME, signals.append, path_namespace=ROOT)
        for number in range(10):
            server.publish(ROOT, "org.standfast.Test1", {"Word": f"word {number}", "Rows": ()})
        server.publish(f"{ROOT}/item/one", "org.standfast.Item1", {"Size": 1})
        await until(lambda: bool(signals))
        await asyncio.sleep(0.05)
        (signal,) = signals
        assert (signal.path, signal.member) == (ROOT, "PropertiesChanged")
        assert signal.arguments == ("org.standfast.Test1", {"Word": "word 9", "Rows": []}, [])

    asyncio.run(main())


def test_what_changes_all_the_time_is_made_when_it_is_read_and_signalled_without_a_value(
    private_bus: PrivateBus, server: Server
) -> None:
    async def main() -> None:
        degrees = [20]
        server.live("org.standfast.Item1", "Heat", lambda path: [(path.rpartition("/")[2], degrees[0])])
        item = f"{ROOT}/item/one"
        bus, client = await open_pair(server)
        signals: list[Signal] = []
        await client.subscribe(NAME, signals.append, path=item)
        assert await client.get(NAME, item, "org.standfast.Item1", "Heat") == [["one", 20]]
        degrees[0] = 30
        assert (await client.get_all(NAME, item, "org.standfast.Item1"))["Heat"] == [["one", 30]]
        assert (await client.managed_objects(NAME, ROOT))[item]["org.standfast.Item1"]["Heat"] == [["one", 30]]
        assert not signals
        server.tell_live(item, "org.standfast.Item1", "Heat")
        server.tell_live(f"{ROOT}/item/unknown", "org.standfast.Item1", "Heat")
        await until(lambda: bool(signals))
        assert [signal.arguments for signal in signals] == [("org.standfast.Item1", {}, ["Heat"])]
        await client.close()
        await bus.close()

    asyncio.run(main())


def test_objects_that_come_and_go_are_told_by_the_object_manager(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        signals: list[Signal] = []
        await client.subscribe(NAME, signals.append, interface="org.freedesktop.DBus.ObjectManager")
        server.publish(f"{ROOT}/item/two", "org.standfast.Item1", {"Size": 2})
        await until(lambda: len(signals) == 1)
        server.withdraw(f"{ROOT}/item/two")
        await until(lambda: len(signals) == 2)
        server.withdraw(f"{ROOT}/item/one")
        server.publish(f"{ROOT}/item/one", "org.standfast.Item1", {"Size": 1})
        await asyncio.sleep(0.05)
        added, removed = signals
        assert added.arguments == (f"{ROOT}/item/two", {"org.standfast.Item1": {"Size": 2}})
        assert removed.arguments == (f"{ROOT}/item/two", ["org.standfast.Item1"])

    asyncio.run(main())


def test_a_value_that_the_xml_does_not_have_is_refused(private_bus: PrivateBus, server: Server) -> None:
    with pytest.raises(KeyError):
        server.publish(ROOT, "org.standfast.Test1", {"Word": "x", "Colour": "red"})
    with pytest.raises(KeyError, match="lacks Size"):
        server.publish(f"{ROOT}/item/three", "org.standfast.Item1", {})
    with pytest.raises(Exception, match="must be Python type"):
        server.publish(ROOT, "org.standfast.Test1", {"Word": 7})


def test_text_that_d_bus_cannot_carry_does_not_end_the_connection(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        server.publish(ROOT, "org.standfast.Test1", {"Word": "nul \0 half \ud800 ünïcode"})
        word = await client.get(NAME, ROOT, "org.standfast.Test1", "Word")
        assert word == "nul \N{REPLACEMENT CHARACTER} half ? ünïcode"

    asyncio.run(main())


def test_only_root_may_change_and_everybody_may_read(private_bus: PrivateBus, server: Server) -> None:
    async def stranger() -> list[str]:
        client = await Bus.connect()
        answers = [str(await client.get(NAME, ROOT, "org.standfast.Test1", "Word"))]
        answers += await ask(client, "Echo", "s", "hello")
        try:
            await ask(client, "Change")
        except BusError as error:
            answers += [error.name, error.text]
        return answers

    async def main() -> None:
        _, client = await open_pair(server)
        answers = await as_nobody(stranger)
        assert answers[:2] == ["first", "65534 hello"]
        assert answers[2:] == [ErrorName.ACCESS_DENIED, "Only root may call org.standfast.Test1.Change."]
        assert await client.get(NAME, ROOT, "org.standfast.Test1", "Word") == "first"
        await ask(client, "Change")
        assert await client.get(NAME, ROOT, "org.standfast.Test1", "Word") == "changed"

    asyncio.run(main())


def test_a_user_has_four_open_calls_and_fifty_a_second(private_bus: PrivateBus, server: Server) -> None:
    async def stranger() -> list[Any]:
        client = await Bus.connect()
        waiting = [asyncio.ensure_future(ask(client, "Wait")) for _ in range(6)]
        done, _ = await asyncio.wait(waiting, timeout=0.5)
        refusals = [str(task.exception()) for task in done]
        begun = asyncio.get_running_loop().time()
        other = await Bus.connect()  # a second connection is the same user
        try:
            await ask(other, "Echo", "s", "x")
        except BusError as error:
            refusals.append(error.name)
        for task in waiting:
            task.cancel()
        return [refusals, asyncio.get_running_loop().time() - begun]

    async def fast() -> float:
        client = await Bus.connect()
        begun = asyncio.get_running_loop().time()
        for _ in range(80):
            await client.get(NAME, ROOT, "org.standfast.Test1", "Word")
        return asyncio.get_running_loop().time() - begun

    async def main() -> None:
        bus, client = await open_pair(server)
        assert 0.5 < await as_nobody(fast) < 3.0
        refusals, _ = await as_nobody(stranger)
        assert refusals == ["Too many calls at once: wait for answers."] * 2 + [ErrorName.TOO_MANY_CALLS]
        assert (await ask(client, "Echo", "s", "root is not concerned"))[0].startswith("0 ")
        assert not bus.closed.is_set()

    asyncio.run(main())


def test_a_burst_of_calls_does_not_end_the_connection(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        bus, client = await open_pair(server)
        calls = [client.call(NAME, ROOT, "org.standfast.Test1", "Echo", "s", str(n), timeout_s=60) for n in range(3000)]
        answers = await asyncio.gather(*calls)
        assert [answer for (answer,) in answers] == [f"0 {number}" for number in range(3000)]
        assert not bus.closed.is_set()
        assert not client.closed.is_set()

    asyncio.run(main())


def test_a_burst_of_signals_waits_for_room_in_the_socket(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        bus, client = await open_pair(server)
        signals: list[Signal] = []
        await client.subscribe(NAME, signals.append, member="Flood")
        private_bus.pause()
        for number in range(5000):
            bus.emit(ROOT, "org.standfast.Test1", "Flood", "us", number, "x" * 200)
        await asyncio.sleep(0.1)
        assert bus._wire is not None
        assert bus._wire._unsent, "the socket was never full: the test shows nothing"
        private_bus.resume()
        await until(lambda: len(signals) == 5000, 30)
        assert [signal.arguments[0] for signal in signals] == list(range(5000))

    asyncio.run(main())


def test_a_flood_of_signals_leaves_the_loop_to_others(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        bus, client = await open_pair(server)
        turns_between: list[int] = []
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counter = asyncio.ensure_future(count_turns())
        await client.subscribe(NAME, lambda _: turns_between.append(turns), member="Flood")
        for _ in range(2000):
            bus.emit(ROOT, "org.standfast.Test1", "Flood", "")
        await until(lambda: len(turns_between) == 2000, 30)
        counter.cancel()
        assert max(turns_between.count(turn) for turn in set(turns_between)) <= 33

    asyncio.run(main())


def test_signals_are_passed_over_unread_where_nobody_wants_the_object_or_wants_just_to_be_woken(
    private_bus: PrivateBus, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bus, client = await open_pair(server)
        signals: list[str] = []
        wanted = {"/wanted"}
        await client.subscribe(NAME, lambda signal: signals.append(signal.path), path_namespace="/", among=wanted)
        await client.subscribe(NAME, lambda signal: signals.append(signal.path), path="/other", member="Rest")
        read: list[bytes] = []

        def reading(data: bytes) -> Any:
            read.append(data)
            return read_message(data)

        monkeypatch.setattr(wire, "read_message", reading)
        for path in ("/wanted", "/unwanted", "/later", "/wanted/below", "/other"):
            bus.emit(path, "org.standfast.Test1", "Rest", "s", "x")
        await until(lambda: signals == ["/wanted", "/other"])
        assert len(read) == 1
        wanted.add("/later")
        bus.emit("/later", "org.standfast.Test1", "Rest", "s", "x")
        await until(lambda: signals == ["/wanted", "/other", "/later"])
        assert len(read) == 1

    asyncio.run(main())


def test_a_forged_signal_does_not_pass(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        bus, client = await open_pair(server)
        forger = await Bus.connect()
        signals: list[Signal] = []
        await client.subscribe(NAME, signals.append, path_namespace=ROOT)
        arguments = ["org.standfast.Test1", {}, []]
        broadcast = Message.new_signal(
            ROOT, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", arguments
        )
        direct = Message.new_signal(ROOT, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", arguments)
        direct.destination = client.unique_name
        owner = Message.new_signal(
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameOwnerChanged",
            "sss",
            [NAME, bus.unique_name, forger.unique_name],
        )
        owner.destination = client.unique_name
        for message in (owner, broadcast, direct):
            forger.send(message)
        await forger.call(
            "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId"
        )  # the bus has handled what was sent before
        server.publish(ROOT, "org.standfast.Test1", {"Word": "genuine"})
        await until(lambda: bool(signals))
        assert [signal.sender for signal in signals] == [bus.unique_name]

    asyncio.run(main())


def test_an_answer_that_another_user_forged_is_nobody_s(private_bus: PrivateBus, server: Server) -> None:
    """The bus carries only answers that were asked for, from whom they were asked."""

    async def main() -> None:
        _, client = await open_pair(server)
        waiting = asyncio.ensure_future(ask(client, "Wait"))
        await until(lambda: bool(client._pending))

        async def forge() -> None:
            async with await Bus.connect() as forger:
                for serial in range(1, 50):
                    for kind in (MessageType.METHOD_RETURN, MessageType.ERROR):
                        forger.send(
                            Message(
                                message_type=kind,
                                destination=client.unique_name,
                                reply_serial=serial,
                                error_name="a.b" if kind is MessageType.ERROR else None,  # type: ignore[arg-type]
                            )
                        )
                await forger.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId")

        await as_nobody(forge)
        assert (await ask(client, "Echo", "s", "alive"))[0] == "0 alive"
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(main())


def test_owners_are_told_at_once_and_at_each_change(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        client = await Bus.connect()
        owners: list[str] = []
        signals: list[Signal] = []
        await client.on_owner(NAME, owners.append)
        await client.subscribe(NAME, signals.append, path_namespace=ROOT)
        first = await Bus.connect()
        await server.attach(first, NAME)
        await until(lambda: len(owners) == 2)
        await first.close()
        await until(lambda: len(owners) == 3)
        second = await Bus.connect()
        await server.attach(second, NAME)
        await until(lambda: len(owners) == 4)
        assert owners == ["", first.unique_name, "", second.unique_name]
        server.publish(ROOT, "org.standfast.Test1", {"Word": "after a restart"})
        await until(lambda: bool(signals))

    asyncio.run(main())


def test_a_name_belongs_to_one_process(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        await open_pair(server)
        other = await Bus.connect()
        with pytest.raises(BusError) as caught:
            await other.claim(NAME)
        assert caught.value.name == ErrorName.NAME_TAKEN

    asyncio.run(main())


def test_a_call_without_an_answer_ends_in_time(private_bus: PrivateBus, server: Server) -> None:
    async def main() -> None:
        _, client = await open_pair(server)
        with pytest.raises(BusError) as caught:
            await client.call(NAME, ROOT, "org.standfast.Test1", "Wait", timeout_s=0.1)
        assert caught.value.name == ErrorName.TIMED_OUT
        assert not client._pending

    asyncio.run(main())


def test_a_call_to_nobody_is_an_error_at_once(private_bus: PrivateBus) -> None:
    async def main() -> None:
        client = await Bus.connect()
        with pytest.raises(BusError) as caught:
            await client.call(NAME, ROOT, "org.standfast.Test1", "Wait")
        assert caught.value.name == ErrorName.SERVICE_UNKNOWN

    asyncio.run(main())


def test_without_a_bus_the_error_says_so(private_bus: PrivateBus) -> None:
    private_bus.kill()
    with pytest.raises(BusError) as caught:
        asyncio.run(Bus.connect())
    assert caught.value.name == ErrorName.BUS_LOST


def test_a_killed_bus_is_opened_again_with_everything_on_it(
    private_bus: PrivateBus, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        opened: list[Bus] = []

        async def on_bus(bus: Bus) -> None:
            opened.append(bus)

        serving = asyncio.ensure_future(serve_forever(server, NAME, on_bus))
        await until(lambda: len(opened) == 1)
        client = await Bus.connect()
        waiting = asyncio.ensure_future(ask(client, "Wait"))
        await asyncio.sleep(0.05)
        private_bus.kill()
        await until(opened[0].closed.is_set)
        with pytest.raises(BusError, match="lost"):
            await waiting
        with pytest.raises(BusError, match="lost"):
            await ask(client, "Echo", "s", "x")
        server.publish(ROOT, "org.standfast.Test1", {"Word": "published without a bus"})
        await asyncio.sleep(0.3)
        private_bus.start()
        await until(lambda: len(opened) == 2)
        client = await Bus.connect()
        assert await client.get(NAME, ROOT, "org.standfast.Test1", "Word") == "published without a bus"
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    asyncio.run(main())
    told = capsys.readouterr().err
    assert (told.count("[bus-lost]"), told.count("[bus-regained]")) == (1, 1)
