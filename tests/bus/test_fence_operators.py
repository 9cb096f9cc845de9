"""What fenced tells operators: problems of devices, tests, history, objections; and how it lets its own node in."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bus.fence_bench import Bench, Client, fenced, membership, open_term, publish_record, run
from bus.private import as_nobody, until
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration.model import Configuration, Source
from standfast.fenced.service import INTERFACE, NAME, ROOT, Service

BOTH = {"node1", "node2"}
DELAY_MS = 1_234
NO_LINKS: dict[str, list[tuple[int, bool]]] = {"node1": [], "node2": [(0, False), (1, False)]}


def with_option(configuration: Configuration, name: str, value: str) -> Configuration:
    """Device bmc has this option, written in line 7."""
    bmc, pdu = configuration.devices
    sources = {f"Option={name}": Source(path="cluster.conf", line=7)}
    bmc = replace(bmc, options={**bmc.options, name: value}, sources=sources)
    return replace(configuration, devices=(bmc, pdu))


# attempts that are not wanted any more


@pytest.mark.parametrize("ends", [True, False], ids=["confirmed", "still waiting"])
def test_what_an_operator_confirmed_is_not_switched_off_any_more_when_its_turn_comes(
    bench: Bench, ends: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device was busy or the round waited; by then the operator may have given the node its power back."""
    before = bench.configure()
    nodes = tuple(replace(node, fence_delay_ms=DELAY_MS) for node in before.nodes)
    bench.configuration = replace(before, nodes=nodes)
    losses = [("8.1", "node1", 1, 0, "it left the ring"), ("8.2", "node2", 0, 0, "it left the ring")]
    waiting = losses[1:] if ends else losses

    async def main() -> None:
        heard, hear, sleep = asyncio.Event(), Service._hear_losses, asyncio.sleep

        def note(service: Service, rows: list[tuple[Any, ...]]) -> None:
            hear(service, rows)
            if len(rows) == len(waiting):
                heard.set()

        async def pause(seconds: float) -> None:
            """The delay is over once fenced has heard for whom proof is waited; a busy machine takes its time."""
            await (heard.wait() if seconds == DELAY_MS / 1000 else sleep(seconds))

        monkeypatch.setattr(Service, "_hear_losses", note)
        monkeypatch.setattr(asyncio, "sleep", pause)
        groups = await open_term(8)
        publish_record(groups, Term=8, Losses=losses)
        async with fenced(bench) as (client, _):
            await client.begin()
            publish_record(groups, Term=8, Losses=waiting)
            row = await client.ended()
            assert (row[4], bench.is_off("1")) == (("failed", False) if ends else ("proven", True))

    run(main)
    told = "node1 is not fenced any more: loss 8.1 was proven or has ended meanwhile. [fence-given-up]"
    assert (told in capsys.readouterr().err) is ends


# problems


async def until_problems(client: Client, words: str) -> None:
    """One of the problems says so within ten seconds."""
    async with asyncio.timeout(10):
        while not any(words in text for text in await client.property("Problems")):  # noqa: ASYNC110 - another's word
            await asyncio.sleep(0.02)


def test_what_the_agent_does_not_know_is_told_in_the_journal_and_on_the_bus(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.configuration = with_option(bench.configure(), "plag", "1")
    told = "cluster.conf:7: fence_file knows no option plag; did you mean plug?"

    async def main() -> None:
        async with fenced(bench) as (client, service):
            await client.becomes("Problems", [told])
            service.reload()
            bench.configuration = with_option(bench.configure(), "ssl_insecure", "1")
            service.reload()
            text = "switches verification off: bmc is unverified; remove it where the device allows that"
            await client.becomes("Problems", [f"cluster.conf:7: warning: ssl_insecure {text}"])

    run(main)
    assert capsys.readouterr().err.count(f"Fence devices: {told}. [fence-device-problem]") == 1


def test_a_version_that_an_agent_objects_to_is_refused_and_a_question_changes_nothing(bench: Bench) -> None:
    good = bench.configure()
    bad = replace(with_option(good, "plag", "1"), digest="1")
    told = "cluster.conf:7: fence_file knows no option plag; did you mean plug?"
    unsafe = replace(bad, cluster=replace(bad.cluster, unsafe=True))
    bench.versions = {"0": good, "1": bad, "2": unsafe}

    async def main() -> None:
        async with fenced(bench) as (client, service):

            async def check(digest: str) -> object:
                return await client.bus.call(NAME, ROOT, INTERFACE, "Check", "s", digest)

            assert await check("0") == ([],)
            assert await check("1") == ([told],)
            assert await check("2") == ([],)
            with pytest.raises(BusError, match="Version 3 is not stored here whole: push it again"):
                await check("3")
            assert await client.property("Problems") == []
            assert service._configuration == good

    run(main)


def test_what_is_in_force_is_used_whatever_an_agent_here_says_of_it(bench: Bench) -> None:
    bench.configuration = bad = replace(with_option(bench.configure(), "plag", "1"), digest="1")

    async def main() -> None:
        async with fenced(bench) as (client, service):
            await until_problems(client, "knows no option plag")
            assert service._configuration == bad
            bench.configuration = None
            service.reload()
            with pytest.raises(BusError, match="No node node9"):
                await client.begin(node="node9")
            assert service._configuration == bad, "it cannot be read any more"

    run(main)


def test_where_nothing_is_in_force_a_loss_is_refused_with_what_to_do(bench: Bench) -> None:
    bench.configuration = None

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            with pytest.raises(BusError, match=r"There is no configuration in force on this node: .*standfast join"):
                await client.begin()

    run(main)


def test_an_agent_is_asked_what_it_can_do_once_until_its_program_changes(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, service):
            bench.configuration = with_option(bench.configure(), "plag", "1")
            service.reload()
            await until_problems(client, "knows no option plag")
            assert bench.asked_for_metadata() == 1
            (bench.folder / "metadata.xml").write_text("broken")
            agent = bench.folder / "fence_file"
            agent.write_text(agent.read_text() + "# a newer version\n")
            service.reload()
            await until_problems(client, "what it says of itself is no XML")

    run(main)


def test_a_configuration_that_comes_into_force_is_read_at_once(bench: Bench) -> None:
    async def main() -> None:
        groups = await open_term(8)
        async with fenced(bench) as (client, _):
            bench.configuration = with_option(bench.configure(), "plag", "1")
            publish_record(groups, Term=8, Position="8.1")
            publish_record(groups, Term=8, Configuration="d2")
            await until_problems(client, "knows no option plag")

    run(main)


# unsafe


def test_a_node_that_no_device_ever_answered_for_is_unsafe_until_one_does(bench: Bench) -> None:
    for device in ("bmc", "pdu"):
        bench.behave(device, "dead")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            sentence = "{0} cannot be proven off: bmc and pdu never answered for it (standfast fence test {0})."
            await client.becomes("Unsafe", [sentence.format("node1"), sentence.format("node2")])
            bench.behave("pdu", "works")
            await client.ask("Test", "s", "pdu")
            assert await client.property("Unsafe") == []
            bench.behave("pdu", "dead")
            await client.ask("Test", "s", "pdu")
            assert await client.property("Unsafe") == [], "it answered once"

    run(main)


# test


def test_a_test_tells_what_every_plug_says_and_when_its_device_answered(bench: Bench) -> None:
    bench.power("2", "off")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            answered = (await client.device("pdu"))["LastAnswer"]
            bench.behave("pdu", "dead")
            rows = await client.ask("Test", "s", "")
            assert [row[:4] for row in rows] == [
                ["node1", "bmc:1", "on", True],
                ["node2", "bmc:2", "off", True],
                ["node1", "pdu:1", "silent", False],
                ["node2", "pdu:2", "silent", False],
            ]
            assert rows[2][4:] == [answered, "exit code 1: Failed: no connection"]
            device = await client.device("pdu")
            assert (device["Ok"], device["LastAnswer"]) == (False, answered)
            assert device["LastTest"] >= answered

    run(main)


@pytest.mark.parametrize(
    ("name", "asked"),
    [("bmc", ["bmc:1", "bmc:2"]), ("node2", ["bmc:2", "pdu:2"])],
)
def test_a_test_of_one_device_or_node_tells_of_that_one(bench: Bench, name: str, asked: list[str]) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            assert [row[1] for row in await client.ask("Test", "s", name)] == asked

    run(main)


def test_a_test_of_what_is_not_there_is_refused_with_what_is(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            with pytest.raises(BusError, match=r"no fence device nod.*Known: bmc, node1, node2, pdu") as caught:
                await client.ask("Test", "s", "nod")
            assert caught.value.name == ErrorName.REFUSED

    run(main)


def test_off_of_a_node_that_is_online_is_an_error_and_makes_it_unsafe(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.power("2", "off")

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            await membership("node1", NO_LINKS, online=BOTH)
            rows = await client.ask("Test", "s", "")
            assert [row[3] for row in rows] == [True, False, True, False]
            assert rows[1][5] == "off, but node2 is online: correct its Fence= or the device's options"
            assert not (await client.device("bmc"))["Ok"]
            assert (await client.device("bmc"))["LastAnswer"]
            assert len(await client.property("Unsafe")) == 1

    run(main)
    assert "Fence device bmc says what cannot be: node1: on; node2: off, but node2 is online" in capsys.readouterr().err


def test_off_of_a_running_node_that_a_device_only_cut_off_is_right(bench: Bench) -> None:
    bench.metadata(on='automatic="1"')
    bench.power("1", "off")

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            await membership("node2", NO_LINKS, online=BOTH)
            assert [row[2:4] for row in await client.ask("Test", "s", "node1")] == [["off", True]] * 2

    run(main)


def test_an_attempt_takes_a_device_from_a_test_and_the_test_says_so(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            (bench.folder / "bmc.slow").touch()
            asking = asyncio.ensure_future(client.ask("Test", "s", "bmc"))
            await until(lambda: "bmc:1 status" in bench.calls())
            (bench.folder / "bmc.slow").unlink()
            await client.begin()
            assert (await client.ended())[4] == "proven"
            assert [row[2:4] for row in await asking] == [["silent", False]] * 2
            assert "needed for an attempt" in (await asking)[0][5]
            assert (await client.device("bmc"))["Ok"], "what it said before still counts"

    run(main)


# history


def test_the_history_tells_ended_attempts_oldest_first_and_of_one_node(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin("8.1", "node1")
            await client.ended("8.1")
            await until(lambda: len(bench.history()) == 1)
            await client.begin("9.1", "node2")
            await client.ended("9.1")
            await until(lambda: len(bench.history()) == 2)
            rows = await client.ask("History", "su", "", 0)
            assert [row[1:6] for row in rows] == [
                ["node1", "8.1", "bmc", "off", "proven"],
                ["node2", "9.1", "bmc", "off", "proven"],
            ]
            assert rows[0][0].endswith("Z")
            assert rows[0][6] > 0
            assert "proof of loss 8.1" in rows[0][7]
            assert [row[2] for row in await client.ask("History", "su", "node2", 0)] == ["9.1"]
            assert [row[2] for row in await client.ask("History", "su", "", 1)] == ["9.1"]
            assert await client.ask("History", "su", "node9", 0) == []

    run(main)


def test_the_history_is_bounded_and_takes_what_others_wrote_into_its_file(bench: Bench) -> None:
    line = '{"node": "node1", "loss": 7, "milliseconds": -4}\n'
    (bench.folder / "history").write_text('8\n"x"\n{broken\n' + line * 600)

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            rows = await client.ask("History", "su", "", 4_000_000_000)
            assert len(rows) == 500
            assert rows[0] == ["", "node1", "7", "", "", "", 0, ""]

    run(main)


# objections


def test_nothing_speaks_against_the_word_that_a_silent_node_is_dead(bench: Bench) -> None:
    bench.power("2", "off")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await membership("node1", NO_LINKS, online={"node1"})
            assert await client.ask("Objections", "s", "node2") == []

    run(main)


def test_a_link_an_address_and_a_device_each_speak_against_it(bench: Bench) -> None:
    bench.alive.add("192.0.2.12")
    bench.behave("bmc", "dead")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            links = NO_LINKS | {"node2": [(0, False), (1, True)]}
            await membership("node1", links, online={"node1"})
            assert await client.ask("Objections", "s", "node2") == [
                ["link", "Link 1 to node2 is up: its Corosync runs."],
                ["address", "node2 or somebody else answers at its address 192.0.2.12."],
                ["device", "Fence device pdu:2 says that node2 is on."],
            ]

    run(main)


def test_without_membershipd_nobody_knows_of_the_links(bench: Bench) -> None:
    for device in ("bmc", "pdu"):
        bench.behave(device, "dead")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            ((kind, text),) = await client.ask("Objections", "s", "node2")
            assert (kind, "membershipd does not answer" in text) == ("link", True)
            with pytest.raises(BusError, match="No node node9 is configured"):
                await client.ask("Objections", "s", "node9")

    run(main)


@pytest.mark.parametrize("method", ["Test", "Objections"])
def test_only_root_may_have_devices_asked(bench: Bench, method: str) -> None:
    async def stranger() -> list[Any]:
        client = Client(await Bus.connect())
        try:
            await client.ask(method, "s", "node1")
        except BusError as error:
            return [error.name, await client.ask("History", "su", "", 0)]
        return ["asked"]

    async def main() -> None:
        async with fenced(bench):
            assert await as_nobody(stranger) == [ErrorName.ACCESS_DENIED, []]

    run(main)


# unfencing


def test_where_no_agent_asks_for_it_the_node_is_let_in_at_once(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.becomes("Unfenced", True)
            assert not [call for call in bench.calls() if call.endswith(" on")]

    run(main)


def test_a_node_lets_itself_in_at_its_own_plugs_until_it_succeeds_and_once_in_its_life(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.metadata(on='automatic="1" on_target="1"')
    bench.power("2", "off")
    bench.behave("pdu", "dead")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            assert not await client.property("Unfenced"), "nobody knows which node this is"
            await membership("node2", NO_LINKS, online={"node2"})
            await until(lambda: "bmc:2 on" in bench.calls() and bench.calls().count("pdu:2 on") > 1)
            assert not await client.property("Unfenced")
            bench.behave("pdu", "works")
            await client.becomes("Unfenced", True)
            assert bench.calls().count("bmc:2 on") == 1
            assert not [call for call in bench.calls() if call in ("bmc:1 on", "pdu:1 on")]
        (bench.folder / "calls").unlink()
        async with fenced(bench) as (client, _):  # restarted in the same life of the node
            await client.becomes("Unfenced", True)
            assert not [call for call in bench.calls() if call.endswith(" on")]
        (bench.folder / "run/unfenced").unlink()  # the node booted
        async with fenced(bench, tested=False) as (client, _):
            await client.becomes("Unfenced", True)
            assert bench.calls().count("bmc:2 on") == 1

    run(main)
    told = capsys.readouterr().err
    assert told.count("This node is not let in at fence device pdu:2: exit code 1: Failed: no connection") == 1
    assert told.count("This node is let in at fence device bmc:2. [unfenced]") == 2
    assert "cannot be kept" not in told


@pytest.mark.parametrize("on", ['automatic="1" on_target="1"', 'automatic="1"', 'on_target="1"'])
def test_on_after_a_proof_is_left_to_the_node_where_it_was_only_cut_off(bench: Bench, on: str) -> None:
    """It runs on: let in by others, it would write to what is another one's by now."""
    bench.metadata(on=on)

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            await client.begin()
            assert (await client.ended())[4] == "proven"
            await client.begin(action="on")
            assert (await client.ended(action="on"))[4] == "done"
            assert not [call for call in bench.calls() if call.endswith(" on")]

    run(main)
