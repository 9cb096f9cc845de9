"""The core of one node: events in, actions out; what it says, starts, stops, and when it goes."""

from dataclasses import replace

import pytest

from sim.machine import UNITS, configuration
from standfast.configuration.model import Configuration
from standfast.resourced.codec import decode, encode
from standfast.resourced.core import Core
from standfast.resourced.events import (
    Act,
    Action,
    Adopted,
    Answer,
    ConfigurationRead,
    Entry,
    Event,
    Fence,
    FencingTold,
    FetchConfiguration,
    GroupChanged,
    InstallConfiguration,
    JobDone,
    JoinGroup,
    LeaveAsked,
    LeaveGroup,
    Left,
    NetworkDown,
    Observed,
    QuorumTold,
    Reboot,
    Received,
    RingChanged,
    SendRecord,
    SendTick,
    StartRefused,
    TickReceived,
    TimePassed,
    Verb,
    Wished,
)
from standfast.resourced.messages import (
    Content,
    LossDeclared,
    Members,
    Message,
    Proven,
    Reported,
    Request,
    State,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Identity
from standfast.resourced.race import MARGIN_MS, UNMEASURED_OFF_MS
from standfast.resourced.record import Disk, Record
from standfast.resourced.stages import Stage
from standfast.resourced.ticks import Tick
from standfast.vocabulary import Holding, Phase, Ring, UnitState
from unit.cluster import GROUP, because, fresh, member, term

RING = Ring(1, 4)
ALONE = ("n1",)
UP = tuple(UnitState(unit=unit, load="loaded", active="active", job="", processes=True, cause=None) for unit in UNITS)
GONE = tuple(
    UnitState(unit=unit, load="loaded", active="inactive", job="", processes=False, cause=None) for unit in UNITS
)


class Alone:
    """A cluster of one node: what it sends comes back to it at once."""

    def __init__(self, names: tuple[str, ...] = ALONE, record: Record | None = None) -> None:
        self.now = 0
        self.numbers = 0
        self.good = True
        self.disk = encode(Disk(highest_term=0, record=record or fresh(*names)))
        self.log: list[Action] = []
        self.echo = True
        self.core = self.begin(configuration(list(names)))

    def begin(self, known: Configuration) -> Core:
        return Core(
            identity=Identity(node="n1", incarnation="n1/1", machine="machine-n1", product="product-n1"),
            configuration=known,
            installed="d1",
            disk=decode(Disk, self.disk),
            write=self.write,
            fresh=self.fresh,
            now=self.now,
        )

    def write(self, data: bytes) -> bool:
        self.disk = data if self.good else self.disk
        return self.good

    def fresh(self) -> int:
        self.numbers += 1
        return self.numbers

    def give(self, *events: Event) -> list[Action]:
        """Everything that follows from these events, with what was sent delivered."""
        done: list[Action] = []
        waiting = list(events)
        while waiting:
            actions = self.core.step(waiting.pop(0), self.now, f"t{self.now}")
            done += actions
            for action in actions:
                match action:
                    case SendRecord(data=data):
                        waiting.append(Received(sender="n1", data=data))
                    case SendTick(data=data) if self.echo:
                        waiting.append(TickReceived(sender="n1", data=data))
        self.log += done
        return done

    def join(self, *, quorate: bool = True) -> "Alone":
        self.give(RingChanged(ring=RING, nodes=ALONE), TimePassed(), GroupChanged(members=ALONE, joined=ALONE))
        self.give(QuorumTold(ring=RING, quorate=quorate))
        return self

    def desert(self) -> None:
        """The others are gone; the record is in the memory of this node."""
        self.give(RingChanged(ring=RING, nodes=ALONE), TimePassed(), GroupChanged(members=ALONE, joined=ALONE))
        self.core.terms.in_memory = True
        self.give(GroupChanged(members=ALONE, joined=ALONE), QuorumTold(ring=RING, quorate=True))
        self.passes(1_000)

    def passes(self, milliseconds: int) -> list[Action]:
        done: list[Action] = []
        for _ in range(milliseconds // 250):
            self.now += 250
            done += self.give(TimePassed())
        return done

    def serve(self) -> "Alone":
        """The group was started here and runs."""
        self.join().passes(250)
        self.give(Observed(group=GROUP, states=UP))
        assert self.record.groups[GROUP].phase is Phase.STARTED
        return self

    def stop_ends(self) -> None:
        self.give(Observed(group=GROUP, states=GONE))
        self.give(JobDone(group=GROUP, unit=f"{GROUP}.target", verb=Verb.STOP))

    @property
    def record(self) -> Record:
        assert self.core.record is not None
        return self.core.record

    def update(self, content: Content) -> list[Action]:
        opened = self.core.terms.term
        assert opened is not None
        position = opened.position + 1
        self.core.coordinator._next_position = position + 1
        self.core.coordinator._in_flight += 1
        update = Update(nonce=opened.nonce, position=position, at="now", content=content)
        return self.give(Received(sender="n1", data=encode(update)))


def verbs(actions: list[Action]) -> list[Verb]:
    return [action.verb for action in actions if isinstance(action, Act)]


def said(actions: list[Action], kind: type) -> list[Message]:
    messages: list[Message] = [decode(Message, action.data) for action in actions if isinstance(action, SendRecord)]
    return [message for message in messages if isinstance(message, kind)]


def test_a_single_node_opens_its_term_and_starts_its_group() -> None:
    node = Alone().join()
    assert node.core.terms.term is not None
    assert verbs(node.log) == [Verb.HOLD, Verb.GRANT, Verb.START]
    assert isinstance(said(node.log, Update)[0], Update)


def test_nothing_starts_while_its_ticks_do_not_come_back() -> None:
    node = Alone().serve()
    node.give(Wished(wish=Wish(id="w", kind=WishKind.STOP, subject=GROUP)), TimePassed())
    node.stop_ends()
    node.echo = False
    node.passes(4_000)
    node.give(Wished(wish=Wish(id="v", kind=WishKind.START, subject=GROUP)))
    assert Verb.START not in verbs(node.passes(1_000))
    assert node.record.groups[GROUP].phase is Phase.STARTING
    node.echo = True
    assert Verb.START in verbs(node.passes(2_000))


def test_not_quorate_it_starts_nothing() -> None:
    node = Alone().join(quorate=False)
    node.passes(10_000)
    assert verbs(node.log) == []


def test_the_loss_of_quorum_stops_everything_at_once_and_is_told_once() -> None:
    node = Alone().serve()
    actions = node.give(QuorumTold(ring=RING, quorate=False))
    assert verbs(actions)[:2] == [Verb.REST, Verb.REVOKE]
    more = node.passes(1_000)
    told = [action for action in actions + more if isinstance(action, Entry) and action.event == "quorum-lost-stop"]
    assert len(told) == 1


def test_without_a_word_it_runs_on_for_a_while_and_then_stops() -> None:
    node = Alone().serve()
    wait = node.core.configuration.cluster.quorum_wait_ms
    node.give(NetworkDown())
    assert verbs(node.passes(wait - 500)) == []
    assert Verb.REVOKE in verbs(node.passes(1_000))


def test_a_wish_is_answered() -> None:
    node = Alone().serve()
    actions = node.give(Wished(wish=Wish(id="w", kind=WishKind.STOP, subject=GROUP)))
    actions += node.passes(250)
    assert [action.outcome for action in actions if isinstance(action, Answer)] == ["done"]
    assert Verb.REVOKE in verbs(actions)
    refused = node.give(Wished(wish=Wish(id="v", kind=WishKind.STOP, subject="mail")), TimePassed())
    assert [action.outcome for action in refused if isinstance(action, Answer)] == ["refused"]


def test_it_leaves_when_it_is_marked_durably_and_holds_nothing() -> None:
    node = Alone().serve()
    actions = node.give(LeaveAsked())
    assert Verb.REVOKE in verbs(actions)
    assert not any(isinstance(action, Left) for action in node.passes(1_000))
    node.stop_ends()
    node.passes(500)
    assert [action.clean for action in node.log if isinstance(action, Left)] == [True]
    assert node.record.nodes["n1"].left


def test_without_a_term_it_stops_what_it_runs_and_goes_without_a_mark() -> None:
    node = Alone().serve()
    node.give(GroupChanged(members=(), joined=()))
    node.give(LeaveAsked())
    wait = node.core.configuration.cluster.quorum_wait_ms
    assert Verb.REVOKE in verbs(node.passes(wait))
    node.stop_ends()
    node.passes(250)
    assert [action.clean for action in node.log if isinstance(action, Left)] == [False]


def test_a_leave_that_is_taken_back_ends_with_its_term_however_far_it_is() -> None:
    for ended in (False, True):
        node = Alone().serve()
        node.give(LeaveAsked())
        if ended:
            node.stop_ends()
            node.passes(500)
        assert (node.record.nodes["n1"].leaving, node.record.nodes["n1"].left) == (True, ended)
        actions = node.give(LeaveAsked(taken_back=True))
        assert [one.event for one in actions if isinstance(one, Entry)] == ["node-stays"]
        assert any(isinstance(action, LeaveGroup) for action in actions)
        assert any(isinstance(action, JoinGroup) for action in node.passes(1_500))
        node.stop_ends()
        node.join()
        assert not node.record.nodes["n1"].leaving
        assert not node.record.nodes["n1"].left
        node.passes(500)
        assert verbs(node.log).count(Verb.START) == 2
        assert len([action for action in node.log if isinstance(action, Left)]) == ended


def test_a_leave_that_nobody_has_read_is_taken_back_by_itself_and_none_changes_nothing() -> None:
    node = Alone().serve()
    assert node.give(LeaveAsked(taken_back=True)) == []
    node.give(GroupChanged(members=(), joined=()))
    node.give(LeaveAsked(), LeaveAsked(taken_back=True))
    node.passes(2 * node.core.configuration.cluster.quorum_wait_ms)
    assert not any(isinstance(action, LeaveGroup | Left) for action in node.log)


def test_bytes_that_mean_nothing_make_it_leave_and_take_the_record_anew() -> None:
    node = Alone().serve()
    actions = node.give(Received(sender="n1", data=b'{"is":"Newer"}'))
    assert any(isinstance(action, LeaveGroup) for action in actions)
    assert any(isinstance(action, Entry) and action.event == "bad-message" for action in actions)
    assert node.core.terms.term is None
    assert any(isinstance(action, JoinGroup) for action in node.passes(1_500))
    assert verbs(actions) == []


def test_who_speaks_for_another_node_is_a_bad_message() -> None:
    node = Alone().serve()
    opened = node.core.terms.term
    assert opened is not None
    report = Reported(node="n2", group=GROUP, order=0, busy=False, held=node.core.hands[GROUP].held())
    actions = node.give(Received(sender="n1", data=encode(Request(nonce=opened.nonce, content=report))))
    assert any(isinstance(action, Entry) and action.event == "bad-message" for action in actions)


def test_a_bad_tick_is_told_once_and_ends_no_term() -> None:
    node = Alone().serve()
    bad = TickReceived(sender="n1", data=b"\xff")
    told = [action for action in node.give(bad, bad) if isinstance(action, Entry) and action.event == "bad-message"]
    assert len(told) == 1
    assert node.core.terms.term is not None


def test_a_term_that_ends_for_a_moment_in_a_slow_leave_lets_nobody_go_without_a_mark() -> None:
    node = Alone().serve()
    node.give(LeaveAsked())
    node.passes(3 * node.core.configuration.cluster.quorum_wait_ms)
    node.give(GroupChanged(members=(), joined=()))
    node.stop_ends()
    node.passes(500)
    assert not any(isinstance(action, Left) for action in node.log)


def test_a_disk_that_cannot_be_written_is_told_at_its_edges_and_joins_again_when_it_can() -> None:
    node = Alone().serve()
    node.good = False
    node.give(Wished(wish=Wish(id="w", kind=WishKind.STANDBY, subject="n1")), TimePassed())
    node.passes(3_000)
    ticks = [decode(Tick, action.data) for action in node.log if isinstance(action, SendTick)]
    assert not ticks[-1].fit
    node.good = True
    node.passes(3_000)
    events = [action.event for action in node.log if isinstance(action, Entry) and action.event.startswith("disk")]
    assert events == ["disk-bad", "disk-good"]


def test_a_new_daemon_takes_what_runs_and_reports_it() -> None:
    node = Alone().serve()
    node.log.clear()
    node.core = node.begin(configuration(list(ALONE)))
    node.give(Adopted(group=GROUP, held=True, leased=True, states=UP))
    node.join().passes(500)
    assert verbs(node.log) == [Verb.PROBE]
    assert node.record.groups[GROUP].holders == ("n1",)


def test_a_state_says_what_is_held_and_whom_it_has_met() -> None:
    node = Alone().serve()
    node.give(NetworkDown())
    node.core.terms.met = frozenset({"n2"})
    node.log.clear()
    node.join()
    (state,) = said(node.log, State)
    assert isinstance(state, State)
    assert state.member.held[GROUP].holding is Holding.RUNNING
    assert state.member.met == ("n2",)
    assert state.in_memory


def test_who_was_proven_off_and_lives_stops_everything_and_reboots_once() -> None:
    node = Alone().serve()
    node.update(LossDeclared(node="n1", reason=because("gone")))
    node.update(Proven(loss=node.record.losses["n1"].number, how="agent", text="", switch_on=False))
    actions = node.update(Members(members=(member("n1"),)))
    assert any(isinstance(action, Reboot) for action in actions)
    assert Verb.REVOKE in verbs(node.log)
    assert not any(isinstance(action, Reboot) for action in node.passes(2_000))


def test_a_start_by_hand_that_was_refused_is_told() -> None:
    (entry,) = Alone().serve().give(StartRefused(group=GROUP, unit="web.service"))
    assert isinstance(entry, Entry)
    assert entry.event == "start-refused"


def test_what_belongs_to_no_group_is_passed_over() -> None:
    node = Alone().serve()
    assert node.give(Observed(group="mail", states=UP), JobDone(group="mail", unit="x", verb=Verb.START)) == []


def push(digest: str, base: str = "d1") -> Wished:
    return Wished(wish=Wish(id=f"push {digest}", kind=WishKind.CONFIGURE, subject=digest, base=base))


def asked(actions: list[Action]) -> list[Action]:
    """What is asked for of the configuration."""
    return [action for action in actions if isinstance(action, FetchConfiguration | InstallConfiguration)]


def test_a_wish_for_a_group_that_a_version_under_way_does_not_have_is_refused() -> None:
    node = Alone().serve()
    known, bare = node.core.configuration, replace(configuration(list(ALONE)), digest="d2", groups=())
    node.give(Wished(wish=Wish(id="stop", kind=WishKind.STOP, subject=GROUP)))
    node.stop_ends()
    node.give(ConfigurationRead(configuration=known, installed="d1", offered=bare))
    node.give(push("d2"), Wished(wish=Wish(id="start", kind=WishKind.START, subject=GROUP)))
    node.give(ConfigurationRead(configuration=bare, installed="d2", offered=bare))
    node.passes(500)
    answers = {action.wish: action.outcome for action in node.log if isinstance(action, Answer)}
    assert answers == {"stop": "done", "push d2": "done", "start": "refused"}


def test_what_sixteen_nodes_object_and_have_edited_fits_into_one_message() -> None:
    """The longest names and sentences, of letters that a message writes with the most bytes."""
    node, known = Alone(), configuration(list(ALONE))
    told = ("\U0001f600" * 400,) * 99
    node.give(ConfigurationRead(configuration=known, installed="d1", offered=None, objections=told, drifted=told))
    has = node.core.installation
    assert has.objections
    assert has.drifted
    members = tuple(replace(member(f"n{n}"), objections=has.objections, drifted=has.drifted) for n in range(16))
    assert len(encode(Members(members=members))) < 48 * 1024, "the rest is for what the nodes hold"


def test_a_version_that_is_pushed_is_installed_and_what_runs_goes_on() -> None:
    node = Alone().serve()
    known, newer = node.core.configuration, replace(configuration(list(ALONE)), digest="d2")
    assert node.core.offered is None
    node.give(ConfigurationRead(configuration=known, installed="d1", offered=newer, objections=("x" * 999,) * 99))
    node.passes(500)
    assert (node.record.configuration, node.record.nodes["n1"].available) == ("d1", "d2")
    assert node.record.nodes["n1"].objections == ("x" * 300,) * 4
    actions = node.give(push("d2")) + node.passes(500)
    assert asked(actions) == [InstallConfiguration(digest="d2")]
    assert [action.outcome for action in node.log if isinstance(action, Answer)] == ["done"]
    assert (node.record.configuration, node.record.history[0].base) == ("d2", "d1")
    assert asked(node.passes(5_000)) == []
    assert asked(node.passes(5_000)) == [InstallConfiguration(digest="d2")], "it may have been lost"
    node.give(ConfigurationRead(configuration=newer, installed="d2", offered=newer))
    node.passes(500)
    assert node.record.nodes["n1"].installed == "d2"
    assert node.core.hands[GROUP].holding is Holding.RUNNING


def test_a_version_in_force_that_is_not_here_is_fetched_and_nothing_starts_before_it_is_installed() -> None:
    node = Alone(record=replace(fresh(*ALONE), configuration="d2"))
    node.join()
    assert asked(node.log) == [FetchConfiguration(digest="d2")]
    newer = replace(node.core.configuration, digest="d2")
    actions = node.give(ConfigurationRead(configuration=node.core.configuration, installed="d1", offered=newer))
    assert asked(actions) == [InstallConfiguration(digest="d2")]
    assert verbs(node.log) == []
    node.give(ConfigurationRead(configuration=newer, installed="d2", offered=newer))
    node.passes(500)
    assert Verb.START in verbs(node.log)


def test_a_version_is_installed_when_what_it_changes_is_stopped_and_then_that_starts_again() -> None:
    node = Alone().serve()
    known = node.core.configuration
    (group,) = known.groups
    ip, web = group.resources
    changed = replace(group, resources=(ip, replace(web, definition="other")))
    newer = replace(known, digest="d2", groups=(changed,))
    node.give(ConfigurationRead(configuration=known, installed="d1", offered=newer))
    node.passes(500)
    actions = node.give(push("d2")) + node.passes(500)
    assert (asked(actions), verbs(actions)) == ([], [Verb.REST, Verb.STOP])
    actions = node.give(Observed(group=GROUP, states=(UP[0], GONE[1])))
    assert asked(actions) == [InstallConfiguration(digest="d2")]
    assert node.record.groups[GROUP].phase is Phase.STARTED
    actions = node.give(ConfigurationRead(configuration=newer, installed="d2", offered=newer))
    assert verbs(actions) == [Verb.GRANT, Verb.START]
    actions = node.give(Observed(group=GROUP, states=UP)) + node.passes(500)
    assert verbs(actions) == [Verb.PROBE]
    assert (node.record.groups[GROUP].phase, node.record.groups[GROUP].failures) == (Phase.STARTED, ())


def test_a_version_is_not_installed_while_a_group_that_it_does_not_know_is_held() -> None:
    node = Alone(record=replace(fresh(*ALONE), configuration="d2"))
    known = node.core.configuration
    node.give(Adopted(group=GROUP, held=True, leased=True, states=UP))
    node.join()
    actions = node.give(
        ConfigurationRead(configuration=known, installed="d1", offered=replace(known, digest="d2", groups=()))
    )
    assert (asked(actions), verbs(actions)) == ([], [Verb.REST, Verb.REVOKE, Verb.STOP])
    node.stop_ends()
    assert InstallConfiguration(digest="d2") in asked(node.log)


def test_a_start_that_waits_is_not_begun_under_a_version_that_is_not_in_force() -> None:
    node = Alone()
    node.give(FencingTold(running=(), ended={}, unfenced=False))
    node.join().passes(250)
    hand = node.core.hands[GROUP]
    newer = replace(node.core.configuration, digest="d2")
    node.give(ConfigurationRead(configuration=node.core.configuration, installed="d1", offered=newer))
    node.give(push("d2"))
    node.passes(500)
    node.give(FencingTold(running=(), ended={}))
    node.passes(500)
    assert (node.record.configuration, hand.stage) == ("d2", Stage.WAITING)
    node.give(ConfigurationRead(configuration=newer, installed="d2", offered=newer))
    assert hand.stage is Stage.STARTING


def test_the_second_of_two_pushes_of_one_base_is_refused_although_both_came_at_once() -> None:
    node = Alone().serve()
    known, newer = node.core.configuration, replace(node.core.configuration, digest="d2")
    node.give(ConfigurationRead(configuration=known, installed="d1", offered=newer))
    node.passes(500)
    twice = replace(push("d2").wish, id="again")
    node.give(push("d2"), Wished(wish=twice))
    node.passes(500)
    node.give(ConfigurationRead(configuration=newer, installed="d2", offered=newer))
    node.passes(500)
    assert [action.outcome for action in node.log if isinstance(action, Answer)] == ["done", "refused"]
    assert (node.record.configuration, node.record.version) == ("d2", 2)


def test_an_attempt_is_asked_of_fenced_once_and_again_when_fenced_was_restarted() -> None:
    names = ("n1", "n2")
    node = Alone(names, term(fresh(*names), *names))
    node.desert()
    assert not any(isinstance(action, Fence) for action in node.log), "n2 may be about to shoot"
    node.passes(UNMEASURED_OFF_MS + MARGIN_MS)
    asked = [action for action in node.log if isinstance(action, Fence)]
    assert [(fence.node, fence.action, fence.incarnation) for fence in asked] == [("n2", "off", "n2/1")]
    assert verbs(node.log) == []
    again = node.give(FencingTold(running=(), ended={}, restarted=True))
    assert [action for action in again if isinstance(action, Fence)] == asked
    key = (asked[0].loss, "off")
    node.give(FencingTold(running=(), ended={key: (True, "status is off")}))
    node.passes(500)
    assert node.record.losses["n2"].proof == "agent"
    assert Verb.START in verbs(node.log)


def test_a_new_configuration_does_not_judge_what_nobody_has_looked_at() -> None:
    """A start is under way and no unit was read yet: that none of them fails does not mean that they serve."""
    node = Alone().join()
    node.passes(250)
    hand = node.core.hands[GROUP]
    assert (hand.stage, hand.states) == (Stage.STARTING, ())
    node.give(ConfigurationRead(configuration=node.core.configuration, installed="d1", offered=None))
    assert hand.stage is Stage.STARTING


@pytest.mark.parametrize(("after_ms", "count"), [(600, 1), (400, 0)])
def test_a_node_ticks_along_with_another_once_half_of_its_second_is_over(after_ms: int, count: int) -> None:
    node = Alone().serve()
    node.now = node.core.tick_at
    node.give(TimePassed())
    node.now += after_ms
    node.give(TickReceived(sender="n2", data=encode(Tick(number=7, read={}, fit=True, holds=False, term=0))))
    node.now += 1
    assert sum(isinstance(action, SendTick) for action in node.give(TimePassed())) == count
