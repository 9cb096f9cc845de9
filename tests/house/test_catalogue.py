"""`journalctl -x` explains every entry: the events in the code and the catalogue are the same set."""

import ast
import re
from dataclasses import dataclass

from house.source import REPOSITORY, modules, place
from standfast.journal import Event, message_id
from standfast.vocabulary import Phase

CATALOGUE = REPOSITORY / "units/standfast.catalog"


@dataclass(frozen=True, slots=True)
class Explanation:
    event: str  # as the comment above it says
    identity: str
    header: str
    text: str


def explanations() -> list[Explanation]:
    blocks = re.findall(
        r"^# (\S+)\n-- ([0-9a-f]{32})\n(.*?)\n\n(.*?)(?=^# \S+\n-- |\Z)",
        CATALOGUE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return [Explanation(*block) for block in blocks]


def test_every_event_is_explained_once_under_its_id() -> None:
    explained = [(one.event, one.identity) for one in explanations()]
    assert sorted(explained) == sorted((event.value, message_id(event)) for event in Event)


def test_no_entry_of_the_catalogue_escapes_this_test() -> None:
    assert CATALOGUE.read_text().count("\n-- ") == len(explanations())


def test_every_explanation_says_what_it_means_and_what_to_do_next() -> None:
    for one in explanations():
        assert re.search(r"^Subject: \S", one.header, re.MULTILINE), one.event
        assert "Defined-By: Standfast" in one.header, one.event
        assert len(one.text.split("Next:")[0].split()) >= 5, f"{one.event}: what does it mean?"
        assert re.search(r"^Next: \S", one.text, re.MULTILINE), f"{one.event}: what is the next command?"


def test_every_event_that_the_code_names_as_text_exists() -> None:
    names = {event.value for event in Event}
    wrong = [
        f"{place(module.path, node.lineno)}: {node.value!r}"
        for module in modules()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"tell", "Entry"}
        for node in (*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "event"))
        if isinstance(node, ast.Constant) and node.value not in names
    ]
    assert not wrong, "\n".join(wrong)
    assert {f"group-{phase}" for phase in Phase} <= names
