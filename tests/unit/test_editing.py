"""Edits that forms make: what they do not name stays byte for byte, and an edit and its inverse are nothing."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration.editing import EditError, Text
from standfast.configuration.edits import edited
from standfast.configuration.unitfile import Entry, effective, last_line, physical_lines, scan

HIDDEN = "(not shown)"
CLUSTER = """\
# The company's cluster. Ask Mia before you touch it.
[Cluster]
Name=webha   
; two seconds are enough here
DetectWithin = 2.2s

# the machine in room 1
[Node]
Name=node1
Id=1
# first the switch, then the mains
Fence=ipmi-node1
Fence=pdu-a:7 \\
# both of its power supplies
  pdu-b:7
# Votes=2

[Node]
Name=node2
Id=2
Fence=ipmi-node2

#
# Devices
#

[FenceDevice]
Name=ipmi-node1
Agent=fence_ipmilan
Option=ip=192.0.2.111
Option=lanplus=1
"""  # noqa: W291 - blanks at the end of a line stay, too


def edit(files: Mapping[str, str], **what: str) -> dict[str, str]:
    return edited(files, [{"file": "cluster.conf", **what}], HIDDEN)


def changed(**what: str) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    after = edit({"cluster.conf": CLUSTER}, **what)["cluster.conf"].splitlines()
    before = CLUSTER.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_a_value_is_written_where_it_stood_and_as_it_stood() -> None:
    assert changed(do="set", section="Cluster", key="DetectWithin", value="5s") == (
        ["DetectWithin = 2.2s"],
        ["DetectWithin = 5s"],
    )


def test_a_line_that_has_the_value_already_is_left_with_its_continuation_and_the_comment_in_it() -> None:
    gone, come = changed(do="set", section="Node", name="node1", key="Fence", value="ipmi-other\npdu-a:7 pdu-b:7")
    assert (gone, come) == (["Fence=ipmi-node1"], ["Fence=ipmi-other"])


def test_what_is_continued_becomes_one_line_and_its_comment_stays() -> None:
    gone, come = changed(do="set", section="Node", name="node1", key="Fence", value="ipmi-node1\npdu-a:7")
    assert (gone, come) == (["Fence=pdu-a:7 \\", "  pdu-b:7"], ["Fence=pdu-a:7"])


def test_a_new_line_comes_behind_the_last_of_its_key_and_a_new_key_at_the_end_of_its_section() -> None:
    after = edit({"cluster.conf": CLUSTER}, do="set", section="Node", name="node2", key="Fence", value="ipmi-node2\na")
    assert "Fence=ipmi-node2\nFence=a\n\n#\n" in after["cluster.conf"]
    after = edit({"cluster.conf": CLUSTER}, do="set", section="Cluster", key="Unsafe", value="yes")
    assert "DetectWithin = 2.2s\nUnsafe=yes\n\n# the machine" in after["cluster.conf"]


def test_an_empty_line_of_a_value_is_no_line() -> None:
    before = {"cluster.conf": CLUSTER}
    after = edit(before, do="set", section="Node", name="node2", key="Fence", value="\nipmi-node2\n\n")
    assert after == before


def test_a_line_that_goes_leaves_its_comments() -> None:
    gone, come = changed(do="unset", section="Node", name="node1", key="Fence")
    assert (gone, come) == (["Fence=ipmi-node1", "Fence=pdu-a:7 \\", "  pdu-b:7"], [])


def test_a_section_moves_with_the_comment_above_it_and_what_is_between_sections_stays() -> None:
    after = edit({"cluster.conf": CLUSTER}, do="move", section="Node", name="node2", before="node1")["cluster.conf"]
    assert after.index("[Node]\nName=node2") < after.index("# the machine in room 1\n[Node]\nName=node1")
    assert "#\n# Devices\n#\n\n[FenceDevice]\n" in after
    assert "  pdu-b:7\n# Votes=2\n\n#\n# Devices" in after
    assert sorted(after.splitlines()) == sorted(CLUSTER.splitlines())


def test_a_section_goes_with_the_comment_above_it() -> None:
    gone, come = changed(do="drop", section="Node", name="node1")
    assert come == [] and {"# the machine in room 1", "Id=1", "# both of its power supplies", "# Votes=2"} <= set(gone)
    assert "# Devices" not in gone and "; two seconds are enough here" not in gone


def test_a_drop_in_is_made_by_its_first_key_and_gone_with_its_last_section() -> None:
    name = "units/apache2.service.d/standfast.conf"
    one = {"do": "set", "file": name, "section": "X-Probe web", "key": "URL", "value": "http://127.0.0.1/"}
    made = edited({}, [one, {**one, "section": "X-Standfast", "key": "Critical", "value": "no"}], HIDDEN)
    assert made == {name: "[X-Probe web]\nURL=http://127.0.0.1/\n\n[X-Standfast]\nCritical=no\n"}
    drops = [{"do": "drop", "file": name, "section": section} for section in ("X-Standfast", "X-Probe web")]
    assert edited(made, drops, HIDDEN) == {}


def test_what_stood_before_an_empty_line_of_a_key_does_not_count_and_stays() -> None:
    text = Text("[Mount]\nOptions=a\nOptions=\nOptions=b\n", "units/a.mount.d/b.conf")
    text.set("Mount", "", "Options", ("c", "d"))
    assert str(text) == "[Mount]\nOptions=a\nOptions=\nOptions=c\nOptions=d\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_ends_of_lines_and_of_the_file_stay_as_they_are(ending: str, bare: bool, mark: str) -> None:
    before = mark + CLUSTER.replace("\n", ending)
    before = before.removesuffix(ending) if bare else before
    text = Text(before, "cluster.conf")
    assert str(text) == before
    text.add("Domain", "web")
    text.set("Domain", "web", "Nodes", ("node1 node2",))
    made = str(text)
    assert made == before + ("" if not bare else ending) + ending + ending.join(
        ("[Domain]", "Name=web", "Nodes=node1 node2", "")
    ).removesuffix(ending if bare else "")
    text.drop("Domain", "web")
    assert str(text) == before


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({}, "“” is nothing that can be done; it is one of set, unset, add, drop, move, write, remove"),
        ({"do": "set", "section": "Node"}, "set needs key"),
        ({"do": "drop", "section": "Node", "nmae": "node1"}, "drop takes no “nmae”"),
        ({"do": "drop", "section": "Node"}, "there are 2 sections [Node]: say which by its name"),
        ({"do": "drop", "section": "Node", "name": "node9"}, "there is no [Node] node9"),
        ({"do": "set", "section": "Node", "name": "node9", "key": "Id", "value": "9"}, "there is no [Node] node9"),
        ({"do": "set", "section": "Cluster", "key": "Na=me", "value": "x"}, "“Na=me” is no key"),
        ({"do": "set", "section": "Cluster", "key": "Name", "value": ""}, "a value is empty: leave the line out"),
        ({"do": "set", "section": "Cluster", "key": "Name", "value": "a\rb"}, "has a character that no value can have"),
        ({"do": "set", "section": "Cluster", "key": "Name", "value": "a\\"}, "ends in a backslash"),
        ({"do": "add", "section": "Node", "name": "node1"}, "there is a [Node] node1 already"),
        ({"do": "add", "section": "Node"}, "a [Node] needs a name"),
        ({"do": "add", "section": "X]\n[Y"}, "is no section"),
        ({"do": "add", "section": "Node", "name": "n\nId=1"}, "has a character that no value can have"),
        ({"do": "write", "text": "x", "file": "../shadow"}, "the file's name "),
        ({"do": "write", "text": "x", "file": "/etc/shadow"}, "the file's name "),
        ({"do": "remove", "file": "units/a.service"}, "there is no such file"),
        ({"do": "drop", "section": "Unit", "file": "units/a.service"}, "there is no such file"),
        ({"do": "set", "section": "A", "key": "B", "value": "c", "file": "bmc.secret"}, "can only be written anew"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(what: dict[str, str], said: str) -> None:
    files = {"cluster.conf": CLUSTER, "bmc.secret": HIDDEN}
    with pytest.raises(EditError) as refused:
        edit(files, **what)
    text = str(refused.value)
    assert said in text and text.startswith("Edit 1, of ") and text.endswith(".") and "\n" not in text
    assert files == {"cluster.conf": CLUSTER, "bmc.secret": HIDDEN}


def test_what_would_take_long_is_not_begun() -> None:
    files = {"cluster.conf": CLUSTER + "# more\n" * 100_000}
    one = {"do": "set", "file": "cluster.conf", "section": "Cluster", "key": "Unsafe", "value": "yes"}
    with pytest.raises(EditError, match="too much at once"):
        edited(files, [one] * 20, HIDDEN)
    with pytest.raises(EditError, match="too much at once"):
        edited({}, [{"do": "write", "file": "a", "text": ""}] * 1001, HIDDEN)


def test_a_text_that_ends_in_the_middle_of_a_line_keeps_what_it_says() -> None:
    text = Text("[Cluster]\nName=a \\", "cluster.conf")
    text.add("Node", "node1")
    assert sections(str(text)) == [("Cluster", [("Name", "a")]), ("Node", [("Name", "node1")])]


NAMES = ("node1", "node2", "web")
LINES = st.sampled_from(  # one for each line
    """
# a comment
  ; another
[Node]
[Domain]
[X-Probe web]
[Cluster]
Name=node1
Name=node2
Name=web
Id = 1
Address=a \\
  b
Fence=
Fence=c
Fence = d
garbage
[broken
Nodes=x y""".splitlines()
)
TEXTS = st.builds(
    lambda lines, ending, last: ending.join(lines) + (ending if last else ""),
    st.lists(LINES, max_size=25),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
VALUES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


def sections(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(one.name, [(entry.key, entry.value) for entry in one.entries]) for one in scan(text, "x")[0]]


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith(("#", ";"))]


@given(TEXTS)
def test_an_entry_ends_where_the_parser_ends_it(text: str) -> None:
    lines = physical_lines(text)
    assert "".join(lines) == text
    for section in scan(text, "x")[0]:
        for entry in section.entries:
            part = "".join(lines[entry.source.line - 1 : last_line(lines, entry.source.line)])
            assert sections("[X]\n" + part) == [("X", [(entry.key, entry.value)])]


@given(TEXTS, st.sampled_from(["Node", "X-Probe mail", "Domain"]))
def test_a_section_that_is_added_and_dropped_leaves_no_trace(before: str, section: str) -> None:
    text = Text(before, "x")
    name = "" if section.startswith("X-") else "another"
    try:
        text.add(section, name)
    except EditError:
        assert str(Text(before, "x")) == before
        return
    assert sections(str(text)) == [*sections(before), (section, [("Name", name)] if name else [])]
    text.drop(section, name)
    assert str(text) == before


@given(TEXTS, st.sampled_from(NAMES), st.sampled_from(["", *NAMES]))
def test_a_section_that_moves_there_and_back_leaves_no_trace_and_all_comments_stay(
    before: str, name: str, target: str
) -> None:
    text = Text(before, "x")
    order = [dict(entries).get("Name") for kind, entries in sections(before) if kind == "Domain"]
    behind = [*order[order.index(name) + 1 :], ""][0] if name in order else ""
    try:
        text.move("Domain", name, target)
        if target != name:
            assert sorted(str(text).split()) == sorted(before.split())
            text.move("Domain", name, behind or "")
    except EditError:
        return
    if behind is not None and len(set(order)) == len(order):  # what has no name is not named as the next one
        assert str(text) == before


@given(TEXTS, st.sampled_from(["Cluster", "X-Probe web"]), st.sampled_from(["Id", "Fence", "Nodes", "New"]))
def test_a_key_that_is_set_is_so_and_what_it_was_comes_back(before: str, section: str, key: str) -> None:
    text = Text(before, "x")
    was = [entry.value for entry in effective(_entries(before, section)).get(key, ())]
    try:
        text.set(section, "", key, [f"new {value}" for value in was] or ["first"])
    except EditError:
        return
    after = str(text)
    assert [entry.value for entry in effective(_entries(after, section))[key]] == (
        [f"new {value}" for value in was] or ["first"]
    )
    assert comments(after) == comments(before)
    text.set(section, "", key, was)
    if was or section in [kind for kind, _ in sections(before)]:
        assert str(text).replace(" ", "") == before.replace(" ", "")


@given(TEXTS, st.sampled_from(["set", "unset", "add", "drop", "move"]), VALUES, VALUES, VALUES, VALUES)
def test_hostile_edits_end_in_one_sentence_or_in_text_that_is_read_the_same_way(
    before: str, do: str, section: str, name: str, key: str, value: str
) -> None:
    needs = {"set": {"key": key, "value": value}, "unset": {"key": key}}.get(do, {})
    what = {"do": do, "file": "cluster.conf", "section": section, "name": name, **needs}
    try:
        after = edited({"cluster.conf": before}, [what], HIDDEN).get("cluster.conf", "")
    except EditError as error:
        assert "\n" not in str(error)
        return
    assert [one for one in sections(before) if one[0] != section] == [
        one for one in sections(after) if one[0] != section
    ]


def _entries(text: str, section: str) -> list[Entry]:
    return [entry for one in scan(text, "x")[0] if one.name == section for entry in one.entries]
