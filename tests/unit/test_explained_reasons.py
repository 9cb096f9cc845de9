"""What `standfast explain` says is what the plan has: no reason of its own, no word of the code, no dead command.

Of every group and node, after each step of the stories that explain something, and after some of all other stories.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house.source import modules
from sim.machine import configuration
from standfast.configuration.keys import KEYS
from standfast.ctl.__main__ import main
from standfast.resourced.apply import apply
from standfast.resourced.blame import sees_good
from standfast.resourced.explain.explaining import explain, names
from standfast.resourced.explain.facts import WORDS, Explanation, Fact, Part, Said, Stated, document, words
from standfast.resourced.explain.look import Look
from standfast.resourced.foreseen import Foreseen, StepKind
from standfast.resourced.messages import ConfigurationInForce, Content, OrderKind, Wish, WishKind
from standfast.resourced.outlook import Outlook, idle, unwanted
from standfast.resourced.placement import refusals, shunned
from standfast.resourced.plan import plan
from standfast.resourced.reasons import SENTENCES, Reason, Rule, reason
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together
from standfast.resourced.whatif import Hypothesis, NodeDies, NothingElse, foresee, refuse
from standfast.resourced.wishes import refuse_wish
from standfast.vocabulary import Holding, NodeState
from unit.case import INDENT, parse_case
from unit.cluster import NODES, fresh, situation
from unit.explained_story import BLINDLY, ExplainedStory
from unit.test_apply import likely, updates
from unit.told import Story

FOLDER = Path(__file__).parent
EXPLAINED = sorted((FOLDER / "explained").glob("*.case"))
SOME = 5  # one in so many steps, and the last one
CASES = [*EXPLAINED, *sorted((FOLDER / "cases").glob("*.case"))]


class Watched(ExplainedStory):
    """Each step is done, and everything is explained after it."""

    def steps(self, script: Iterable[str]) -> Iterator[Look]:
        for step in script:
            if step and not step.startswith(("#", "explain ")):
                list(Story.tell(self, step))
                yield self.look()


@functools.cache
def looks(path: Path) -> tuple[Look, ...]:
    case = parse_case(path.read_text(), path.name)
    found = tuple(Watched(case.configuration).steps(case.script))
    return found if path in EXPLAINED else found[::-SOME][::-1]


@functools.cache
def all_of(look: Look) -> list[Explanation]:
    return [one for name in names(look) for one in explain(name, look)]


def said_in(explanation: Explanation) -> Iterator[Said]:
    parts: list[Part] = [*explanation.more, *explanation.others]
    parts += [part for death in explanation.deaths for part in death.outcomes]
    yield from (explanation.state, *explanation.why, *explanation.passed, *explanation.by_itself)
    yield from (one for part in parts for one in part.said)


# It never fails


@settings(max_examples=60)
@given(likely, st.sets(st.sampled_from(NODES)), st.booleans(), st.integers(0, 1_000_000))
def test_whatever_the_record_has_can_be_explained(said: list[Content], ring: set[str], cold: bool, now: int) -> None:
    record, known = fresh(), configuration(list(NODES))
    for update in updates([content for content in said if not isinstance(content, ConfigurationInForce)]):
        record = apply(record, 7, update)
    seen = situation(me="n1", ring=frozenset(ring), now=now, cold=cold)
    for explanation in all_of(Look(record, known, seen)):
        assert document(explanation)["answer"]


# Every reason is one of the plan's


def reasons_of_plan(look: Look) -> set[str]:
    """Everything that the plan has to say of this moment, without the help of what explains it."""
    record, known, now = look.record, look.configuration, look.situation
    planned, outlook = plan(record, known, now), Outlook(record, known, now, Waits(now.waits, now.now))
    found = [why for reasons in planned.waits_for.values() for why in reasons]
    for content in planned.contents:
        found += [*getattr(content, "reasons", ()), *filter(None, (getattr(content, "reason", None),))]
    found += [why for group in record.groups.values() for why in group.reasons]
    found += [loss.reason for loss in record.losses.values()]
    found += filter(None, [*outlook.refusals.values(), *outlook.blocks.values()])
    found += against(look, outlook)
    deaths = (NodeDies(node=node) for node in record.nodes)
    futures: list[Hypothesis] = [NothingElse(), *(one for one in deaths if not refuse(one, record, now))]
    for future in futures:
        found += forecast(foresee(record, known, now, future))
    return {repr(why) for why in found}


def against(look: Look, outlook: Outlook) -> Iterator[Reason]:
    """What the plan has against each node for each group."""
    domains = {domain.name: domain.setting("Nodes") for domain in look.configuration.domains}
    for group in look.configuration.groups:
        if (known := look.record.groups.get(group.name)) is None:
            continue
        yield from filter(None, refusals(group, Together(look.configuration), outlook).values())
        for node in look.record.nodes:
            if (shuns := shunned(group, known, node)) is not None:
                yield shuns
            if not sees_good(group, node, look.record):
                yield reason(Rule.NOT_SEEN, node=node)
            if node not in look.configuration.allowed(group):
                yield reason(Rule.NOT_ALLOWED, domains.get(group.domain or "", ""), node=node)


def forecast(found: Foreseen) -> Iterator[Reason]:
    yield from (why for outcome in found.groups for why in outcome.waits_for)
    yield from (why for step in found.steps for why in step.reasons)


def foreign(look: Look) -> list[str]:
    """Reasons in explanations that the plan does not have."""
    known = reasons_of_plan(look)
    said = [one for explanation in all_of(look) for one in said_in(explanation)]
    return [repr(one) for one in said if isinstance(one, Reason) and repr(one) not in known]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_reason_is_one_of_the_plans(path: Path) -> None:
    for look in looks(path):
        assert foreign(look) == []


def test_a_reason_that_the_plan_does_not_have_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    look = looks(FOLDER / "explained/relocated.case")[1]
    assert foreign(look) == []
    all_of.cache_clear()
    monkeypatch.setattr(Look, "waits_for", lambda self, name: (reason(Rule.FROZEN),))
    assert len(foreign(look)) >= 1
    assert Rule.FROZEN.value in foreign(look)[0]
    all_of.cache_clear()


def test_what_is_no_reason_is_a_fact_with_words_of_its_own() -> None:
    assert set(WORDS) == set(Fact)
    assert not {fact.value for fact in Fact} & {rule.value for rule in Rule}


# What is said of other nodes is what the plan does there

ABLE = {Fact.COULD_RUN, Fact.COMES_AFTER, Fact.NO_FAILBACK}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_node_that_could_run_a_group_can_be_asked_for_and_another_one_cannot(path: Path) -> None:
    for look in looks(path):
        for group in look.configuration.groups:
            known = look.record.groups.get(group.name)
            if known is None or group.node or idle(known, look.outlook) or unwanted(known) or known.open_orders:
                continue
            (explanation,) = [one for one in explain(group.name, look) if one.kind == "group"]
            for part in explanation.others:
                refused = refused_there(group.name, part.name, look.situation, look)
                assert bool(refused) == (part.said[0] not in able(part)), (part, refused)


def able(part: Part) -> list[Said]:
    """What says that the group could be there: of an avoided node, and of one that sees nothing good, too."""
    kinds = (Rule.AVOIDED, Rule.NOT_SEEN)
    return [
        one
        for one in part.said
        if (isinstance(one, Stated) and one.fact in ABLE) or (isinstance(one, Reason) and one.rule in kinds)
    ]


def refused_there(group: str, node: str, now: Situation, look: Look) -> str:
    """Why an operator could not have it there, but for what keeps it from starting anywhere, or for going home."""
    wish = Wish(id="", kind=WishKind.START, subject=group, node=node, by="")
    text = refuse_wish(wish, look.record, look.configuration, now)
    return "" if " would not start elsewhere now" in text else text


def test_where_a_group_would_start_is_where_the_simulation_has_it() -> None:
    look = looks(FOLDER / "explained/relocated.case")[1]
    (explanation,) = explain("webserv", look)
    (death,) = explanation.deaths
    (start,) = [step for step in foreseen(look).steps if step.kind is StepKind.START]
    (said,) = death.outcomes[0].said
    assert (said.facts["node"], said.facts["dead"]) == (start.node, death.node)


def foreseen(look: Look) -> Foreseen:
    return foresee(look.record, look.configuration, look.situation, NodeDies(node="n1"))


# No word of the code

DAEMONS = re.compile(r"(?<!standfast-)\b(resourced|membershipd|quorumd)\b")
UNDERSCORES = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
MADE_OF_WORDS = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+")


def names_of_code() -> set[str]:
    """Values of enumerations and names of classes that are no plain words, but for the keys of the configuration."""
    enums = (Rule, Fact, Holding, StepKind, NodeState, WishKind, OrderKind)
    values = {value.value for enum in enums for value in enum if "-" in value.value}
    nodes = (node for module in modules() for node in ast.walk(module.tree))
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef) and MADE_OF_WORDS.fullmatch(node.name)}
    return (values | classes) - {key.name for key in KEYS}


CODE = names_of_code()


def internal(text: str) -> list[str]:
    """What nobody needs to know who does not read the code."""
    tokens = set(re.findall(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*", text))
    return sorted([*(tokens & CODE), *DAEMONS.findall(text), *UNDERSCORES.findall(text)])


def test_no_sentence_has_a_word_of_the_code() -> None:
    for text in (*SENTENCES.values(), *WORDS.values()):
        assert internal(re.sub(r"\{\w+\}", "", text)) == [], text


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda path: path.stem)
def test_nothing_that_a_person_reads_has_a_word_of_the_code(path: Path) -> None:
    for line in path.read_text().splitlines():
        if line.startswith(INDENT):
            assert internal(line.replace("fence_x", "").replace(path.name, "")) == [], line  # a fence agent's name


@pytest.mark.parametrize(
    "text",
    ["it awaits-proof", "the GroupRecord of it", "its resourced is away", "see owner_before", "it is stop-failed"],
)
def test_a_word_of_the_code_is_found(text: str) -> None:
    assert internal(text) != []
    assert internal("MaxRestarts=2, standfast-resourced, and it is in the ring") == []


# What can be typed


def commands() -> set[str]:
    """Every command that any story offers."""
    found = set()
    for path in CASES:
        for look in looks(path):
            found |= {way.command for explanation in all_of(look) for way in explanation.ways}
    return found


def test_every_command_that_is_offered_can_be_typed() -> None:
    typed = [command.split() for command in sorted(commands())]
    assert {"fence", "group", "node", "maintenance", "explain", "quorum"} <= {one[1] for one in typed}
    for program, *rest in typed:
        assert program in ("standfast", "systemctl", "journalctl"), program
        command: click.Command | None = main
        while program == "standfast" and isinstance(command, click.Group) and rest:
            command, rest = command.get_command(click.Context(command), rest[0]), rest[1:]
        if program == "standfast":
            assert command is not None, (program, rest)
            command.make_context("standfast", list(rest))  # raises UsageError when an argument is missing


def test_what_is_said_has_all_that_it_names() -> None:
    """A fact that is missing would be shown as "?"."""
    for path in EXPLAINED:
        for look in looks(path):
            for explanation in all_of(look):
                assert not [one for one in said_in(explanation) if "?" in words(one)]
                assert document(explanation)["answer"]


def test_there_are_thirty_situations_and_each_says_first_what_it_shows() -> None:
    steps = [line for path in EXPLAINED for line in path.read_text().splitlines() if line.startswith("explain ")]
    assert len(EXPLAINED) >= 30
    assert len(steps) >= 60
    assert all(path.read_text().startswith("# ") for path in EXPLAINED)
    assert any(BLINDLY.fullmatch(step) for step in steps)
