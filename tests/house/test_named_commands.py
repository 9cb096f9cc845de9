"""Every command that a sentence or the catalogue tells somebody to type exists."""

import ast
import re
from collections.abc import Iterator

import pytest

from house.commands import PROGRAMS, VALUE, fault, named
from house.source import REPOSITORY, modules, place
from house.test_catalogue import explanations

CONTROL = REPOSITORY / "contrib/debian/control"
WORDS_OF_SYSTEMD = "standfast.configuration.system"  # a list of targets' names


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text in the code with its line, as it reads when it is made; no docstrings."""
    pieces = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(one.value) if isinstance(one, ast.Constant) else VALUE for one in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces | alone:
            yield node.lineno, node.value


def next_of(text: str) -> str:
    """What the catalogue says after "Next:"."""
    return re.sub(r"\s+", " ", text.partition("\nNext: ")[2]).strip()


def test_every_command_of_ours_in_a_sentence_of_the_code_exists() -> None:
    found = [
        (place(module.path, line), fault(words, whole=False))
        for module in modules()
        if module.name != WORDS_OF_SYSTEMD
        for line, text in texts(module.tree)
        for words in named(text)
    ]
    assert len(found) > 90, "nothing is found any more"
    wrong = [f"{where}: {what}" for where, what in found if what]
    assert not wrong, "\n".join(wrong)


def test_every_command_of_ours_in_the_documentation_exists() -> None:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "contrib/docs").rglob("*.md"))]
    found = [
        (place(page), fault(words, whole=False))
        for page in pages
        for typed in re.findall(r"`(standfast [^`]*)`|^(standfast [^#\n]*)", page.read_text(), re.MULTILINE)
        for words in named("".join(typed))
    ]
    assert len(found) > 150, "nothing is found any more"
    wrong = [f"{where}: {what}" for where, what in found if what]
    assert not wrong, "\n".join(wrong)


def test_every_command_in_the_catalogue_exists_as_it_stands_there() -> None:
    wrong = []
    for one in explanations():
        for command in re.findall(r"`([^`]*)`", next_of(one.text)):
            program, *words = command.split()
            what = fault(words, whole=True) if program == "standfast" else "" if program in PROGRAMS else "unknown"
            wrong += [f"{one.event}: `{command}`: {what}"] if what else []
    assert not wrong, "\n".join(wrong)


def test_no_command_in_the_catalogue_stands_outside_backquotes_where_nobody_would_look_at_it() -> None:
    names = "|".join(map(re.escape, [*PROGRAMS, "standfast", "busctl", "cat", "coredumpctl"]))
    wrong = [
        f"{one.event}: {found[0]}"
        for one in explanations()
        for found in re.finditer(rf"(?<![\w/.-])(?:{names}) \S+", re.sub(r"`[^`]*`", "", next_of(one.text)))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_packages_of_the_named_programs_come_with_ours() -> None:
    text = re.sub(r"\n ", " ", CONTROL.read_text())
    listed = " ".join(re.findall(r"^(?:Depends|Recommends|Suggests): (.*)$", text, re.MULTILINE))
    packages = set(re.findall(r"[a-z0-9][a-z0-9.+-]+", listed))
    # the arbiter is a machine of its own, where its package was installed by hand
    assert {package for package in PROGRAMS.values() if package} - packages == {"corosync-qnetd"}


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("status", ""),
        ("group relocate GROUP NODE", ""),
        ("group relocate {} {}", ""),
        ("quorum on that node shows it", ""),
        ("probe UNIT shows it", ""),
        ("sttus", "there is no “standfast sttus”"),
        ("quorum start-aline NODE", "there is no “standfast quorum start-aline”"),
        ("node leave NODE", "there is no “standfast node leave”"),
        ("group start", "“standfast group start” needs more arguments"),
        ("node rejoin NODE", "“standfast node rejoin” takes no 1 arguments"),
        ("config push --wihtout NODE", "“standfast config push” has no option --wihtout"),
    ],
)
def test_this_test_tells_good_commands_from_bad_ones(command: str, what: str) -> None:
    assert fault(command.split(), whole=True) == what
    assert [words for text in (f"type: standfast {command}.", f"`standfast {command}`") for words in named(text)] == [
        command.split(),
        command.split(),
    ]
