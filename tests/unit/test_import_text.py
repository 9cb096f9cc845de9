"""What systemd reads out of the units that `standfast import` writes is what stood in cluster.conf."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration.values import parse_name
from standfast.rhcs.unit_text import Names, mount_unit, plain_name, render, section, specifiers, variable, word

PATHS = [
    "/",
    "/var/lib/mysql",
    "//srv///www/",
    "/mnt/my data",
    "/a-b/c_d.e:f",
    "/.hidden/x",
    "/srv/größe",
    "/srv/100%",
    "/srv/a@b",
    "/srv/back\\slash",
]


def test_mount_units_are_called_as_systemd_escape_calls_them() -> None:
    result = subprocess.run(
        ["systemd-escape", "--path", "--suffix=mount", "--", *PATHS], capture_output=True, text=True, check=True
    )
    assert [mount_unit(path) for path in PATHS] == result.stdout.split()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/usr/sbin/x", "/usr/sbin/x"),
        ("", '""'),
        ("a b", '"a b"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("it's;", '"it\'s;"'),
    ],
)
def test_words_of_a_command_line(text: str, written: str) -> None:
    assert word(text) == written


def test_a_variable_keeps_its_dollar_and_a_value_its_percent() -> None:
    assert variable("A", "$x 5%") == '"A=$x 5%%"'
    assert specifiers("//nas/100%") == "//nas/100%%"


def test_a_comment_is_one_line() -> None:
    assert render("a\n[Node]\nb", [section("X", ("Key", "value"), ("Empty", ""))]) == "# a?[Node]?b\n\n[X]\nKey=value\n"


@given(st.lists(st.text(max_size=80), max_size=12))
def test_names_are_names_and_no_two_alike(texts: list[str]) -> None:
    names = Names()
    claimed = [names.claim(text) for text in texts]
    assert len(set(claimed)) == len(claimed) and [parse_name(name) for name in claimed] == claimed


def test_a_name_that_is_one_stays() -> None:
    assert plain_name("node1.example.com") == "node1.example.com"
