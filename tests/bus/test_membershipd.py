"""membershipd on a private bus, with a systemd1 and a Corosync that the test plays."""

import asyncio
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.membership_bench import CLUSTER, NODE_3, Bench, View, play, running
from bus.private import PrivateBus, until
from standfast.bus import Bus
from standfast.configuration.tree import read_tree
from standfast.corosync.cfg import Link
from standfast.membershipd import device, engine, reload, ring
from standfast.membershipd.corosync_conf import digest_of
from standfast.membershipd.incarnations import GROUP, Presence, encode


@pytest.fixture
def bench(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(ring, "LINK_INTERVAL_S", 0.05)
    return Bench(tmp_path)


def test_without_corosync_it_starts_it_and_then_shows_the_view(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
        assert bench.started == [("corosync.service", "fail")]
        assert view.membership == {
            "Cluster": "webha",
            "Node": "node1",
            "View": "1.5",
            "Members": ["node1"],
            "DetectWithinMilliseconds": 2200,
            "Configuration": view.membership["Configuration"],
            "Problems": [],
            "Withdrawn": "",
        }
        assert set(view.nodes) == {"node1", "node2"}
        assert view.nodes["node1"]["InRing"]
        assert not view.nodes["node2"]["InRing"]

    play(bench, scenario)


def test_a_corosync_that_runs_with_this_file_is_taken_as_it_is(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
        before = bench.started[:]
        bench.corosync.on_reload = lambda: pytest.fail("reloaded for nothing")
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
        assert bench.started == before

    play(bench, scenario)


def test_members_tell_each_other_their_incarnations_and_lose_them_when_they_go(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.nodes.get("node1", {}).get("Incarnation") == "boot/1")
            heard: list[bytes] = []
            bench.network.start(2)
            other = bench.network.nodes[2].group(
                asyncio.get_running_loop(),
                GROUP,
                lambda node, pid, data: heard.append(data),
                lambda members, left, joined: None,
                lambda ring, nodes: None,
                lambda: None,
            )
            other.join()
            bench.network.form(1, 2)
            file = digest_of(bench.machine.corosync_conf.read_text())
            await until(lambda: encode(Presence(node="node1", incarnation="boot/1", file=file)) in heard)
            other.try_send(encode(Presence(node="node2", incarnation="boot/2")))
            await view.until(lambda view: view.nodes["node2"]["Incarnation"] == "boot/2")
            assert view.membership["Members"] == ["node1", "node2"]
            bench.network.stop(2)
            await view.until(lambda view: view.membership["Members"] == ["node1"])
            assert view.nodes["node2"]["Incarnation"] == ""
            assert not view.nodes["node2"]["InRing"]

    play(bench, scenario)


def test_what_does_not_fit_is_told_once_and_changes_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            bench.network.start(2)
            other = bench.network.nodes[2].group(
                asyncio.get_running_loop(), GROUP, lambda *_: None, lambda *_: None, lambda *_: None, lambda: None
            )
            other.join()
            bench.network.form(1, 2)
            await asyncio.sleep(0.05)
            for data in (b"\xff", b"{}", encode(Presence(node="node1", incarnation="forged"))):
                other.try_send(data)
            await asyncio.sleep(0.05)
            await view.read()
            assert view.nodes["node1"]["Incarnation"] == "boot/1"
            assert view.nodes["node2"]["Incarnation"] == ""

    play(bench, scenario)
    assert capsys.readouterr().err.count("presence-refused") == 1


def test_a_full_corosync_gets_the_presence_a_little_later(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.nodes.get("node1", {}).get("Incarnation") == "boot/1")
            bench.corosync.groups[0].full = 3
            bench.network.start(2)
            other = bench.network.nodes[2].group(
                asyncio.get_running_loop(), GROUP, lambda *_: None, lambda *_: None, lambda *_: None, lambda: None
            )
            bench.network.form(1, 2)
            other.join()
            await until(lambda: bench.corosync.groups[0].full == 0)
            await view.until(lambda view: view.nodes["node1"]["Incarnation"] == "boot/1")

    play(bench, scenario)


def links(view: View, node: str = "node2") -> list[tuple[int, bool]]:
    return [(number, up) for number, up, _ in view.nodes[node]["Links"]]


def test_links_are_shown_and_their_changes_are_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(view: View) -> None:
        bench.corosync.links = {2: (Link(number=0, up=True), Link(number=1, up=True))}
        async with running(bench):
            await view.until(lambda view: links(view) == [(0, True), (1, True)])
            bench.corosync.links = {2: (Link(number=0, up=True), Link(number=1, up=False))}
            await view.until(lambda view: links(view) == [(0, True), (1, False)])
            assert links(view, "node1") == []
            since = datetime.fromisoformat(view.nodes["node2"]["Links"][1][2])
            assert timedelta() <= datetime.now(UTC) - since < timedelta(minutes=1)

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("Link 1 to node2 is down") == 1
    assert "Link 0" not in told


def test_corosync_is_asked_about_links_when_its_log_or_the_ring_says_that_something_happened(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.corosync.links = {2: (Link(number=0, up=True),)}
        async with running(bench) as service:
            await view.until(lambda view: links(view) == [(0, True)])
            await bench.more_looks(3)
            questions = bench.corosync.questions
            await bench.more_looks(10)
            assert bench.corosync.questions == questions
            service.reread()  # of whom it is to be asked may be another now
            await until(lambda: bench.corosync.questions > questions)
            await bench.more_looks(3)
            questions = bench.corosync.questions
            bench.network.form(1)
            await until(lambda: bench.corosync.questions > questions)

    play(bench, scenario)


def test_while_somebody_is_not_heard_corosync_is_asked_at_every_look(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.corosync.links = {2: (Link(number=0, up=False),)}
        async with running(bench):
            await view.until(lambda view: links(view) == [(0, False)])
            await bench.more_looks(3)
            questions = bench.corosync.questions
            await bench.more_looks(10)
            assert bench.corosync.questions >= questions + 10

    play(bench, scenario)


def test_a_link_that_flaps_is_told_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            for up in (True, False) * 5:
                bench.corosync.links = {2: (Link(number=1, up=up),)}
                await view.until(lambda view, up=up: links(view) == [(1, up)])  # type: ignore[misc] # bound now

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("Link 1 to node2 flaps: look at its cable") == 1
    assert told.count("Link 1 to node2") == 4


def test_a_corosync_that_dies_empties_the_view_and_is_started_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"] and view.nodes["node1"]["Incarnation"])
            bench.network.stop(1)
            await view.until(lambda view: view.membership["View"] == "")
            assert view.membership["Members"] == []
            assert view.nodes["node1"]["Incarnation"] == ""
            await view.until(lambda view: view.nodes["node1"]["Incarnation"])
        assert len(bench.started) == 2

    play(bench, scenario)
    assert capsys.readouterr().err.count("corosync-lost") == 1


@pytest.mark.parametrize(
    ("unit", "kind"),
    [("standfast.target", "stop"), ("standfast-membershipd.service", "stop"), ("corosync.service", "start")],
)
def test_corosync_is_not_started_while_the_node_leaves_or_a_start_is_queued(bench: Bench, unit: str, kind: str) -> None:
    async def scenario(view: View) -> None:
        bench.jobs = [(7, unit, kind, "running", "/job/7", "/unit/x")]
        async with running(bench):
            await asyncio.sleep(0.8)
            assert not bench.started
            bench.jobs = [(8, "apache2.service", "stop", "running", "/job/8", "/unit/y")]
            await view.until(lambda view: view.membership["View"])

    play(bench, scenario)


def test_a_corosync_that_dies_at_once_is_started_less_and_less_often(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.starts_corosync = False
        async with running(bench):
            await asyncio.sleep(2.0)
        assert len(bench.started) == 2  # at once, and after a second; the third comes two seconds later

    play(bench, scenario)


def test_somebody_elses_corosync_is_not_joined(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(view: View) -> None:
        bench.network.start(1, {"totem.cluster_name": "debian"})
        async with running(bench):
            await asyncio.sleep(0.4)
            await view.read()
            assert view.membership["View"] == ""
            assert not bench.corosync.groups
        assert not bench.started

    play(bench, scenario)
    assert capsys.readouterr().err.count("corosync-foreign") == 1


def test_a_changed_configuration_is_written_reloaded_and_shown(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            digest = view.membership["Configuration"]
            bench.write_files(CLUSTER + NODE_3)
            service.reread()
            await view.until(lambda view: "node3" in view.nodes)
            await view.until(lambda view: view.membership["Configuration"] != digest)
            assert "two_node" not in bench.machine.corosync_conf.read_text()
            await until(lambda: bench.corosync.strings == bench.strings())
            bench.write_files(CLUSTER)
            service.reread()
            await view.until(lambda view: "node3" not in view.nodes)

    play(bench, scenario)


def test_a_corosync_conf_that_cannot_be_written_is_told_and_ends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            monkeypatch.setattr(engine, "write_atomic", full)
            bench.write_files(CLUSTER + NODE_3)
            service.reread()
            await view.until(lambda view: "node3" in view.nodes)
            assert view.membership["View"]

    play(bench, scenario)
    told = capsys.readouterr().err
    assert "corosync.conf cannot be written (No space left on device), Corosync works with what it has" in told


def test_a_configuration_that_changed_while_it_was_away_is_reloaded(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
        bench.write_files(CLUSTER + NODE_3)
        async with running(bench):
            await until(lambda: bench.corosync.strings == bench.strings())
        assert "node3" in bench.machine.corosync_conf.read_text()

    play(bench, scenario)


def test_what_is_in_force_but_broken_is_told_once_and_what_was_read_before_is_used(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            digest = view.membership["Configuration"]
            bench.write_files(CLUSTER.replace("Id=2", "Id=two"))
            for _ in range(2):
                service.reread()
                await view.until(lambda view: view.membership["Problems"])
            (problem,) = view.membership["Problems"]
            assert "cluster.conf:10: " in problem
            assert (view.membership["Configuration"], view.membership["Node"]) == (digest, "node1")
            bench.write_files(CLUSTER)
            service.reread()
            await view.until(lambda view: not view.membership["Problems"])

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("configuration-problem") == 1
    assert told.count("configuration-good") == 1
    assert "configuration-missing" not in told


def test_files_in_force_that_were_changed_by_hand_are_used_under_their_own_digest_and_told(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        (bench.machine.folder / "config/cluster.conf").write_text(CLUSTER + NODE_3)
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            assert "node3" in view.nodes
            assert view.membership["Configuration"] == read_tree(bench.machine.folder / "config").digest
            (problem,) = view.membership["Problems"]
            assert "config: was changed by hand or by a broken disk" in problem

    play(bench, scenario)


def test_where_nothing_is_in_force_it_waits_and_says_once_what_to_do(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        (bench.machine.folder / "config").unlink()
        async with running(bench) as service:
            await asyncio.sleep(0.3)
            service.reread()
            await asyncio.sleep(0.1)
            await view.read()
            assert view.membership["Problems"]
            assert view.membership["Node"] == "node1.example.com"
            assert not bench.started
            assert not bench.machine.corosync_conf.exists()
            bench.write_files(CLUSTER)
            service.reread()
            await view.until(lambda view: view.membership["View"])

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("configuration-missing") == 1
    assert "no configuration in force on this node: standfast init NAME makes a new cluster, standfast join" in told


def test_the_key_beside_corosync_conf_is_the_one_in_force(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            key = bench.machine.corosync_conf.with_name("corosync.key")
            assert f"keyfile: {key}\n" in bench.machine.corosync_conf.read_text()
            assert key.read_bytes() == bytes(1024)
            assert key.stat().st_mode & 0o777 == 0o600

    play(bench, scenario)


class Other:
    """Node 2, a member that says which corosync.conf it has written."""

    def __init__(self, bench: Bench) -> None:
        bench.network.start(2)
        self._bench = bench
        self._handle = bench.network.nodes[2].group(
            asyncio.get_running_loop(), GROUP, lambda *_: None, lambda *_: None, lambda *_: None, lambda: None
        )
        self._handle.join()
        bench.network.form(1, 2)

    def wrote(self, file: str = "") -> None:
        """Without a digest: the same that node 1 has written."""
        file = file or digest_of(self._bench.machine.corosync_conf.read_text())
        self._handle.try_send(encode(Presence(node="node2", incarnation="boot/2", file=file)))


def test_a_new_key_is_taken_when_every_member_has_written_it_and_not_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reload, "ALL_WROTE_S", 0.1)

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            other = Other(bench)
            await view.until(lambda view: view.membership["Members"] == ["node1", "node2"])
            other.wrote("the old one")
            before = dict(bench.corosync.strings)
            bench.write_files(CLUSTER, b"k" * 1024)
            service.reread()
            await until(lambda: "corosync-waits" in capsys.readouterr().err)
            assert bench.machine.corosync_conf.with_name("corosync.key").read_bytes() == b"k" * 1024
            assert bench.corosync.strings == before
            other.wrote()
            await until(lambda: bench.corosync.strings == bench.strings())

    play(bench, scenario)


def test_a_key_that_waits_for_a_member_waits_no_longer_when_that_is_gone(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            other = Other(bench)
            await view.until(lambda view: view.membership["Members"] == ["node1", "node2"])
            other.wrote("the old one")
            bench.write_files(CLUSTER, b"k" * 1024)
            service.reread()
            await asyncio.sleep(0.1)
            bench.network.stop(2)
            await until(lambda: bench.corosync.strings == bench.strings())

    play(bench, scenario)


def test_a_key_that_waits_gives_way_to_the_next_one(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            other = Other(bench)
            await view.until(lambda view: view.membership["Members"] == ["node1", "node2"])
            other.wrote()
            old = bench.strings()
            bench.write_files(CLUSTER, b"k" * 1024)
            service.reread()
            await until(lambda: bench.strings() != old)
            bench.write_files(CLUSTER)
            service.reread()
            await until(lambda: bench.strings() == old)
            bench.write_files(CLUSTER + NODE_3)
            service.reread()
            await until(lambda: bench.strings() != old)
            other.wrote()
            await until(lambda: bench.corosync.strings == bench.strings())

    play(bench, scenario)


def test_what_is_not_about_the_key_waits_for_a_silent_member_for_a_while_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "ALL_WROTE_S", 0.1)

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            other = Other(bench)
            await view.until(lambda view: view.membership["Members"] == ["node1", "node2"])
            other.wrote("another one")
            bench.write_files(CLUSTER + NODE_3)
            service.reread()
            await until(lambda: bench.corosync.strings == bench.strings() and "node3" in view_of(bench))

    play(bench, scenario)


def test_a_link_with_other_addresses_is_dropped_first_and_then_made_anew(bench: Bench) -> None:
    two_links = CLUSTER.replace("Address=192.0.2.11", "Address=192.0.2.11\nAddress=198.51.100.11")
    two_links = two_links.replace("Address=192.0.2.12", "Address=192.0.2.12\nAddress=198.51.100.12")
    taken: list[str] = []

    async def scenario(view: View) -> None:
        bench.write_files(two_links)
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            for index, number in enumerate(("11", "12")):
                node = f"nodelist.node.{index}"
                bench.corosync.strings[f"{node}.name"] = f"node{index + 1}"
                bench.corosync.strings[f"{node}.ring0_addr"] = f"192.0.2.{number}"
                bench.corosync.strings[f"{node}.ring1_addr"] = f"198.51.100.{number}"
            bench.corosync.on_reload = reloaded
            bench.write_files(two_links.replace("192.0.2.12", "203.0.113.12"))
            service.reread()
            await until(lambda: len(taken) == 2)

    def reloaded() -> None:
        taken.append(view_of(bench))
        bench.corosync.strings.update(bench.strings())

    play(bench, scenario)
    assert "ring0_addr" not in taken[0]
    assert taken[0].count("ring1_addr: 198.51.100.1") == 2
    assert "ring0_addr: 203.0.113.12" in taken[1]
    assert taken[1].count("ring1_addr: 198.51.100.1") == 2


def view_of(bench: Bench) -> str:
    return bench.machine.corosync_conf.read_text()


def test_a_machine_that_the_configuration_does_not_name_starts_nothing(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.write_files(CLUSTER.replace("Name=node1", "Name=elsewhere"))
        async with running(bench):
            await asyncio.sleep(0.3)
            await view.read()
            (problem,) = view.membership["Problems"]
            assert "no [Node] has Name=node1.example.com" in problem
            assert not bench.started

    play(bench, scenario)


def test_a_lost_bus_is_opened_again_and_shows_the_same_view(bench: Bench, private_bus: PrivateBus) -> None:
    async def main() -> None:
        bench.network.start(1)
        async with running(bench):
            bench.network.start(1, bench.strings())
            async with await Bus.connect() as bus:
                view = View(bus)
                await view.until(lambda view: view.membership["View"])
                before = view.membership
            await asyncio.to_thread(private_bus.kill)
            await asyncio.to_thread(private_bus.start)
            await until(lambda: bench.served == 2)
            async with await Bus.connect() as bus:
                view = View(bus)
                await view.read()
                assert view.membership == before

    asyncio.run(main())


ARBITER = CLUSTER.replace("Unsafe=yes", "Unsafe=yes\nArbiter=192.0.2.99")


def test_the_arbiters_client_is_started_moved_and_stopped_as_the_configuration_says(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            assert not bench.device_asked
            for cluster, asked in (
                (ARBITER, "StartUnit"),
                (ARBITER.replace("192.0.2.99", "qnetd.example.com"), "RestartUnit"),
                (CLUSTER, "StopUnit"),
            ):
                bench.write_files(cluster)
                service.reread()
                await until(lambda asked=asked: bench.device_asked[-1:] == [asked])  # type: ignore[misc]
        assert bench.device_asked == ["StartUnit", "RestartUnit", "StopUnit"]

    play(bench, scenario)


def test_the_arbiters_client_that_runs_already_is_left_alone(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.write_files(ARBITER)
        bench.device["ActiveState"] = "active"
        async with running(bench) as service:
            await until(lambda: bench.device_looks > 0)
            bench.write_files(ARBITER.replace("192.0.2.99", "192.0.2.98"))
            service.reread()
            await until(lambda: bool(bench.device_asked))
        assert bench.device_asked == ["RestartUnit"]

    play(bench, scenario)


def test_without_corosync_the_arbiters_client_is_not_started(bench: Bench) -> None:
    async def scenario(view: View) -> None:
        bench.write_files(ARBITER)
        bench.starts_corosync = False
        async with running(bench):
            await until(lambda: bool(bench.started))
            bench.jobs = [(1, "standfast.target", "stop", "waiting", "/j", "/u")]
            bench.network.start(1, bench.strings())
            await until(lambda: bench.device_looks > 0)
            await view.read()
        assert not bench.device_asked  # and not while the node leaves

    play(bench, scenario)


def test_an_arbiters_client_that_is_not_there_or_dies_is_told_once(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(device, "_PAUSES_S", (0.01,))

    async def scenario(view: View) -> None:
        bench.write_files(ARBITER)
        bench.device["LoadState"] = "not-found"
        bench.device_lasts = False
        async with running(bench):
            await until(lambda: bench.device_looks > 2)
            bench.device["LoadState"] = "loaded"
            await until(lambda: len(bench.device_asked) > 6)

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("corosync-qdevice.service does not stay up") == 1
    assert told.count("install corosync-qdevice") == 1


def test_an_option_that_corosync_reads_only_at_its_start_is_told(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            for cluster in (CLUSTER + NODE_3, CLUSTER.replace("Unsafe=yes", "Unsafe=yes\nAutoTieBreaker=yes")):
                digest = view.membership["Configuration"]
                bench.write_files(cluster)
                service.reread()
                await view.until(lambda view, digest=digest: view.membership["Configuration"] != digest)  # type: ignore[misc]
                await until(lambda: bench.corosync.strings == bench.strings())

    play(bench, scenario)
    assert capsys.readouterr().err.count("[corosync-restart-due]") == 1
