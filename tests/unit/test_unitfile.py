"""systemd's syntax as systemd 252 reads it; `systemd-analyze verify` is the oracle where it is here."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration.model import ConfigurationError, Source
from standfast.configuration.unitfile import (
    Entry,
    Section,
    dropin_folders,
    dropin_order,
    effective,
    merge,
    named,
    parse,
)

EXAMPLE = """\
# a comment
; another
[Cluster]
Name=webha

[Node]
  Name = node1
Address=192.0.2.11
Address=198.51.100.11
[Node]
Name=node2
Option=a=b # no comment
"""


def pairs(section: Section) -> list[tuple[str, str, int]]:
    return [(entry.key, entry.value, entry.source.line) for entry in section.entries]


def test_repeated_sections_stay_apart_and_every_value_knows_its_line() -> None:
    cluster, first, second = parse(EXAMPLE.replace("node1", "node1 \t"), "cluster.conf")
    assert (cluster.name, cluster.source) == ("Cluster", Source(path="cluster.conf", line=3))
    assert pairs(first) == [("Name", "node1", 7), ("Address", "192.0.2.11", 8), ("Address", "198.51.100.11", 9)]
    assert pairs(second) == [("Name", "node2", 11), ("Option", "a=b # no comment", 12)]


@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        ("[A]\nk=a \\\n  b", "a    b", 2),
        ("[A]\nk=a \\\n# comment\n  b", "a    b", 2),  # a comment inside does not end the continuation
        ("[A]\nk=a \\\n; comment \\\n  b", "a    b", 2),  # and its own backslash means nothing
        ("[A]\nk=a\\\n\nl=b", "a", 2),  # an empty line ends it
        ("[A]\nk=a\\", "a", 2),  # so does the end of the file
        ("[A]\nk=a\\\\\nl=b", "a\\\\", 2),  # two backslashes are no continuation
        ("[A]\nk=a\\\\\\\nb", "a\\\\ b", 2),
        ('[A]\nk=%%h "q" \\x2d', '%%h "q" \\x2d', 2),
        ("\ufeff[A]\r\nk=v\r\n", "v", 2),
        ("\\\n[A]\nk=v", "v", 3),
        ("[A]\nk=a\u2028b\x0bc", "a\u2028b\x0bc", 2),  # line ends for Python, not for systemd
    ],
)
def test_continuations_and_odd_characters_are_read_as_systemd_reads_them(text: str, value: str, line: int) -> None:
    entry = parse(text, "f")[0].entries[0]
    assert (entry.key, entry.value, entry.source.line) == ("k", value, line)


@pytest.mark.parametrize(
    ("text", "line"),
    [("[A]\nword", 2), ("a=b", 1), ("[A", 1), ("[]", 1), ("[A]\n=b", 2), ("[A]\n[B\\x]", 2), ("[A] b", 1)],
)
def test_a_line_that_means_nothing_is_a_problem_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "f")
    assert [problem.source for problem in caught.value.problems] == [Source(path="f", line=line)]


def test_all_bad_lines_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse("x=1\n[A]\ny\n[B", "f")
    assert [problem.source.line for problem in caught.value.problems] == [1, 3, 4]


def test_an_empty_value_takes_back_what_was_written_before_it() -> None:
    found = effective(parse("[A]\nk=1\nl=2\nk=\nk=3\nk=4\nl=", "f")[0].entries)
    assert {key: [entry.value for entry in entries] for key, entries in found.items()} == {"k": ["3", "4"]}


def test_dropins_come_after_the_file_and_sections_of_one_name_add_up() -> None:
    merged = merge(parse("[A]\nk=1\n[B]\nk=9", "f"), [parse("[A]\nk=2", "f.d/1"), parse("[A]\nk=3", "f.d/2")])
    assert [(entry.value, entry.source.path) for entry in named(merged, "A")] == [
        ("1", "f"),
        ("2", "f.d/1"),
        ("3", "f.d/2"),
    ]


@pytest.mark.parametrize(
    ("unit", "folders"),
    [
        ("apache2.service", ("apache2.service.d", "service.d")),
        ("a-b-c.mount", ("a-b-c.mount.d", "a-b-.mount.d", "a-.mount.d", "mount.d")),
        ("i@1.2.service", ("i@1.2.service.d", "i@.service.d", "service.d")),
        ("a-b@x.socket", ("a-b@x.socket.d", "a-b@.socket.d", "a-@x.socket.d", "a-@.socket.d", "socket.d")),
        ("i@.service", ("i@.service.d", "service.d")),
        ("-.mount", ("-.mount.d", "mount.d")),
    ],
)
def test_dropin_folders_are_those_of_systemd(unit: str, folders: tuple[str, ...]) -> None:
    assert dropin_folders(unit) == folders


def test_dropins_are_sorted_by_name_and_the_stronger_folder_hides_the_other() -> None:
    folders = [("a@b.service.d", ["20.conf", "zz.conf"]), ("a@.service.d", ["10.conf", "20.conf", "x.txt", ".y.conf"])]
    assert dropin_order(folders) == (
        ("a@.service.d", "10.conf"),
        ("a@b.service.d", "20.conf"),
        ("a@b.service.d", "zz.conf"),
    )


KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_characters="\n\r\0\\", blacklist_categories=["Cs"]), max_size=20).map(
    lambda text: text.strip(" \t")
)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9 -]{0,8}[a-z]", fullmatch=True)
NOISE = st.lists(st.sampled_from(["", "  ", "# note", "; note \\", "\t# note"]), max_size=3)


@given(st.lists(st.tuples(NAMES, st.lists(st.tuples(NOISE, KEYS, VALUES), max_size=4)), max_size=4))
def test_what_is_written_is_read_back_whatever_stands_between(
    content: list[tuple[str, list[tuple[list[str], str, str]]]],
) -> None:
    lines: list[str] = []
    wanted: list[Section] = []
    for name, entries in content:
        lines.append(f"[{name}]")
        header = Source(path="f", line=len(lines))
        read = []
        for noise, key, value in entries:
            lines += [*noise, f"{key} = {value}"]
            read.append(Entry(key=key, value=value, source=Source(path="f", line=len(lines))))
        wanted.append(Section(name=name, entries=tuple(read), source=header))
    assert parse("\n".join(lines), "f") == tuple(wanted)


@given(
    st.lists(st.text("ab c", min_size=1, max_size=5), min_size=1, max_size=5), st.lists(NOISE, min_size=5, max_size=5)
)
def test_a_value_may_be_spread_over_lines_with_comments_between(pieces: list[str], noise: list[list[str]]) -> None:
    lines = []
    for piece, comments in zip(pieces, noise, strict=False):
        lines += [f"{piece}\\", *(comment for comment in comments if comment.strip())]
    text = "[A]\nk=" + "\n".join(lines) + "\n\nl=1"
    key, after = parse(text, "f")[0].entries
    assert key.value.split() == " ".join(pieces).split()
    assert (after.key, after.value) == ("l", "1")


@given(st.text(max_size=80))
def test_any_text_gives_sections_or_problems_with_lines(text: str) -> None:
    try:
        parse(text, "f")
    except ConfigurationError as error:
        lines = [problem.source.line for problem in error.problems]
        assert lines == sorted(lines)
        assert lines[0] >= 1


def read_by_systemd(system: Path, unit: str) -> list[tuple[str, str]]:
    """(file below `system`, unknown key) in the order in which systemd reads them."""
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", str(system / unit)],
        env={"SYSTEMD_UNIT_PATH": str(system), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    lines = re.findall(r"^(\S+?):\d+: Unknown key '(\S+)' in section", told, re.MULTILINE)
    return [(str(Path(path).relative_to(system)), key) for path, key in lines]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_itself_reads_dropins_and_continuations_in_this_order(tmp_path: Path) -> None:
    files = {
        "a-b@.service": "[Unit]\nMain=1 \\\n# inside\nNotAKey=2\nAfterwards=1\n[Service]\nExecStart=/bin/true\n",
        "a-b@x.service.d/20.conf": "[Unit]\nInstance=1\n",
        "a-b@.service.d/20.conf": "[Unit]\nHidden=1\n",
        "a-b@.service.d/30.conf": "[Unit]\nTemplate=1\n",
        "a-@x.service.d/25.conf": "[Unit]\nPrefix=1\n",
        "a-@.service.d/10.conf": "[Unit]\nPrefixTemplate=1\n",
        "service.d/05.conf": "[Unit]\nType=1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folders = [
        (folder, [name.rpartition("/")[2] for name in files if name.startswith(folder + "/")])
        for folder in dropin_folders("a-b@x.service")
    ]
    ours = [("a-b@.service", parse(files["a-b@.service"], "f"))]
    ours += [(f"{folder}/{name}", parse(files[f"{folder}/{name}"], "f")) for folder, name in dropin_order(folders)]
    keys = [(path, entry.key) for path, sections in ours for entry in named(sections, "Unit")]
    assert read_by_systemd(tmp_path, "a-b@x.service") == keys
