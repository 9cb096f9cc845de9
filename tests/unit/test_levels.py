"""The order of a fencing attempt's steps, against a second, simpler telling of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.agents.words import Action, Answer
from standfast.configuration.model import Cluster, Configuration, FenceDevice, Node, Plug
from standfast.fenced.levels import Levels, OffRound, Outcome, Step, backoff_ms, begin, delay

plugs = st.builds(
    lambda device, plug: Plug(device=device, plug=plug),
    st.sampled_from(["ipmi", "pdu-a", "pdu-b"]),
    st.sampled_from([None, "1", "2"]),
)
all_levels = st.lists(st.lists(plugs, max_size=3).map(tuple), max_size=4).map(tuple)
seeds = st.lists(st.sampled_from([Answer.DONE, Answer.IS_OFF, Answer.FAILED]), min_size=40, max_size=40)


def possible(action: Action, answer: Answer) -> Answer:
    """Only a status can say "off"."""
    return Answer.FAILED if answer is Answer.IS_OFF and action is not Action.STATUS else answer


def play(action: Action, levels: Levels, answers: list[Answer]) -> tuple[list[tuple[Plug, Action]], Outcome]:
    """The calls that were made, and how the round ended."""
    round_, made = begin(action, levels), []
    for answer in answers:
        if not isinstance(round_.next, Step):
            break
        step = round_.next
        made.append((step.plug, step.action))
        round_ = round_.after(possible(step.action, answer))
    assert isinstance(round_.next, Outcome)
    return made, round_.next


def simple_off(levels: Levels, ask: Callable[[Plug, Action], Answer]) -> Outcome:
    for level in levels:
        if level and all(
            ask(plug, Action.OFF) is Answer.DONE and ask(plug, Action.STATUS) is Answer.IS_OFF for plug in level
        ):
            return Outcome.PROVEN
    return Outcome.FAILED


@given(all_levels, seeds)
def test_off_makes_the_same_calls_as_two_nested_loops(levels: Levels, answers: list[Answer]) -> None:
    made, outcome = play(Action.OFF, levels, answers)
    expected, left = [], iter(answers)

    def ask(plug: Plug, action: Action) -> Answer:
        expected.append((plug, action))
        return possible(action, next(left))

    assert simple_off(levels, ask) is outcome
    assert made == expected


@given(all_levels, seeds)
def test_a_proof_is_a_whole_level_of_which_every_plug_said_off_last(levels: Levels, answers: list[Answer]) -> None:
    made, outcome = play(Action.OFF, levels, answers)
    if outcome is Outcome.PROVEN:
        said = [
            plug
            for (plug, action), answer in zip(made, answers, strict=False)
            if (action, answer) == (Action.STATUS, Answer.IS_OFF)
        ]
        assert any(level and tuple(said[-len(level) :]) == level for level in levels)


@given(all_levels, seeds)
def test_on_asks_every_plug_once_and_switches_on_what_is_off(levels: Levels, answers: list[Answer]) -> None:
    made, outcome = play(Action.ON, levels, answers)
    pairs = list(zip(made, answers, strict=False))
    asked = [plug for (plug, action), _ in pairs if action is Action.STATUS]
    assert asked == list(dict.fromkeys(plug for level in levels for plug in level))
    off = {plug for (plug, action), answer in pairs if (action, answer) == (Action.STATUS, Answer.IS_OFF)}
    switched = {plug: answer for (plug, action), answer in pairs if action is Action.ON}
    assert switched.keys() == off
    if outcome is Outcome.DONE:
        assert all(answer is Answer.DONE for answer in switched.values())
        assert switched or all(answer is Answer.DONE for _, answer in pairs)


@pytest.mark.parametrize("levels", [(), ((),), ((), ())])
@pytest.mark.parametrize("action", [Action.OFF, Action.ON])
def test_without_a_device_nothing_is_proven(levels: Levels, action: Action) -> None:
    assert begin(action, levels).next is Outcome.FAILED


def test_both_supplies_of_a_node_are_cut_before_it_is_proven() -> None:
    both = (Plug(device="pdu-a", plug="7"), Plug(device="pdu-b", plug="7"))
    made, outcome = play(Action.OFF, (both,), [Answer.DONE, Answer.IS_OFF, Answer.DONE, Answer.DONE])
    assert outcome is Outcome.FAILED  # the second supply says "on" after its off
    assert [(plug.device, action.value) for plug, action in made] == [
        ("pdu-a", "off"),
        ("pdu-a", "status"),
        ("pdu-b", "off"),
        ("pdu-b", "status"),
    ]


def test_on_succeeds_though_the_device_that_failed_before_is_silent() -> None:
    levels = ((Plug(device="ipmi", plug=None),), (Plug(device="pdu", plug="3"),))
    _, outcome = play(Action.ON, levels, [Answer.FAILED, Answer.IS_OFF, Answer.DONE])
    assert outcome is Outcome.DONE
    _, outcome = play(Action.ON, levels, [Answer.FAILED, Answer.DONE])
    assert outcome is Outcome.FAILED  # nothing was off, and the silent one may be


def test_only_the_first_step_of_a_further_level_asks_for_an_open_term() -> None:
    levels = ((Plug(device="ipmi", plug=None),), (Plug(device="pdu", plug="3"), Plug(device="pdu", plug="4")))
    round_ = begin(Action.OFF, levels)
    seen = []
    for answer in (Answer.FAILED, Answer.DONE, Answer.IS_OFF, Answer.DONE, Answer.IS_OFF):
        assert isinstance(round_, OffRound)
        seen.append(round_.begins_further_level)
        round_ = round_.after(answer)
    assert seen == [False, True, False, False, False]
    assert round_.next is Outcome.PROVEN


def test_the_back_off_grows_from_one_second_to_thirty() -> None:
    assert [backoff_ms(rounds) for rounds in range(8)] == [0, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
    assert backoff_ms(10_000) == 30_000


@pytest.mark.parametrize(
    ("fence_delay_ms", "delays_ms", "said"),
    [
        (0, (0, 0, 60_000), None),
        (5000, (300, 0, 60_000), "waits 5 s: FenceDelay= of node1"),
        (300, (0, 1500, 60_000), "waits 1.5 s: Delay= of fence device pdu"),
    ],
)
def test_the_longest_delay_of_a_node_and_of_its_own_devices_counts(
    fence_delay_ms: int, delays_ms: tuple[int, ...], said: str | None
) -> None:
    devices = tuple(
        FenceDevice(name=name, agent="fence_x", options={}, delay_ms=delay_ms)
        for name, delay_ms in zip(("bmc", "pdu", "of-another"), delays_ms, strict=True)
    )
    fence = ((Plug(device="bmc", plug=None),), (Plug(device="pdu", plug="1"),))
    node = Node(name="node1", id=1, addresses=("192.0.2.11",), fence=fence, fence_delay_ms=fence_delay_ms)
    configuration = Configuration(
        cluster=Cluster(name="test"), nodes=(node,), devices=devices, domains=(), groups=(), digest=""
    )
    found = delay(configuration, "node1")
    assert (None if found is None else str(found)) == said
