"""Nothing is told past the journal's catalogue, and each event has the level of who must act."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from house.source import REPOSITORY, Module, modules, place
from house.test_catalogue import explanations
from standfast.addresses.telling import EVENTS
from standfast.journal import Event, Level, message_id

# What else writes to stdout or stderr, and who reads that: nobody's journal.
READ_BY_SOMEBODY_ELSE = {
    "standfast.journal": "there is no journal",
    "standfast.addresses.telling": "there is no journal",
    "standfast.ocf.__main__": "what a probe reads: one word of the agent's answer",
    "standfast.ocf.action": "an agent's own words, as they come",
    "standfast.storage.holders": "a pipe to resourced",
    "standfast.storage.superblock": "a pipe to resourced",
    "standfast.resourced.initial": "who typed `standfast init`",
    "standfast.resourced.replaying": "who typed `standfast simulate --replay`",
    "standfast.configuration.keys": "who makes contrib/docs/keys.md",
}
WRITERS = {"print", "sys.stdout", "sys.stderr", "warnings.warn", "traceback.print_exc"}
LEVELS = Path(__file__).with_name("levels.txt")
NAMES = {level.name for level in Level}


def daemons() -> list[Module]:
    """Every module but those of the command line."""
    return [module for module in modules() if module.package != "ctl"]


def test_nobody_writes_to_the_journal_past_the_catalogue() -> None:
    wrong = [
        f"{place(module.path, node.lineno)}: {_dotted(node)}"
        for module in daemons()
        if module.name not in READ_BY_SOMEBODY_ELSE
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name | ast.Attribute) and _dotted(node) in WRITERS
    ]
    wrong += [
        f"{place(module.path, line)}: {name}"
        for module in modules()
        for name, line in module.imports()
        if name in {"logging", "syslog", "systemd.journal.send"}
    ]
    assert not wrong, "\n".join(wrong)
    assert READ_BY_SOMEBODY_ELSE.keys() <= {module.name for module in daemons()}


def _dotted(node: ast.AST) -> str:
    """A name, or one with an attribute (sys.stderr)."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_no_script_of_a_unit_writes_to_the_journal() -> None:
    units = [path for path in (REPOSITORY / "units").iterdir() if path.is_file()]
    scripts = [path for path in units if path.read_bytes().startswith(b"#!")]
    assert scripts
    wrong = [
        f"{place(path, number)}: {line.strip()}"
        for path in scripts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(echo|printf|logger)\b", line) and '>"$folder/requests"' not in line
    ]
    assert not wrong, "\n".join(wrong)


def test_every_entry_is_written_with_an_event_that_the_catalogue_knows() -> None:
    members = {f"{prefix}{event.name}" for event in Event for prefix in ("Event.", "journal.Event.")}
    wrong = [
        f"{place(module.path, call.lineno)}: {ast.unparse(call.args[0])}"
        for module in daemons()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and _dotted(call.func) == "journal.write"
        if not (ast.unparse(call.args[0]) in members | {"event"} or "Event(" in ast.unparse(call.args[0]))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_lean_program_of_addresses_has_the_ids_of_its_events() -> None:
    assert {event: identity for event, (identity, _) in EVENTS.items()} == {
        event: message_id(Event(event)) for event in EVENTS
    }


@cache
def levels() -> dict[str, set[str]]:
    """For each event the levels that stand beside it in the code, in the same function."""
    found: dict[str, set[str]] = {event: {Level(level).name} for event, (_, level) in EVENTS.items()}
    for module in daemons():
        if module.name == "standfast.journal":
            continue
        parents = {id(child): node for node in ast.walk(module.tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(module.tree):
            event = _event(node)
            while event and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if beside := set(_levels(node)):
                    found.setdefault(event, set()).update(beside)
                    break
                node = parents[id(node)]
    return found


def _event(node: ast.AST) -> str:
    """The event that is named here: as a member, or as text where the core makes an entry."""
    if isinstance(node, ast.Attribute) and _dotted(node.value) in {"Event", "journal.Event"}:
        return Event[node.attr].value
    if not isinstance(node, ast.Call) or _dotted(node.func) not in {"tell", "Entry"}:
        return ""
    named = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "event")]
    return str(named[0].value) if named and isinstance(named[0], ast.Constant) else ""


def _levels(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and inner.attr in NAMES and "Level" in ast.unparse(inner.value):
            yield inner.attr
        elif isinstance(inner, ast.Name) and inner.id in NAMES:
            yield inner.id


def test_the_level_of_each_event_is_the_reviewed_one() -> None:
    """ERROR: the operator, now; WARNING: look today. Who changes one changes the line in levels.txt, too."""
    made = "".join(f"{one} {' '.join(sorted(levels().get(one, '-')))}\n" for one in sorted(Event))
    written = "".join(line for line in LEVELS.read_text().splitlines(keepends=True) if not line.startswith("#"))
    assert written == made, "review the difference, then write the line"


def test_who_is_called_is_told_a_command() -> None:
    called = {event for event, names in levels().items() if names & {"ERROR", "WARNING"}}
    wrong = [one.event for one in explanations() if one.event in called and "`" not in one.text.partition("Next:")[2]]
    assert not wrong, wrong
