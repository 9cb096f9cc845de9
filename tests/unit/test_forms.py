"""Files as forms see them: each value with its place, whatever else is wrong."""

import json

from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration.editing import EditError
from standfast.configuration.edits import edited
from standfast.configuration.forms import forms, keys
from standfast.configuration.keys import KEYS

FILES = {
    "cluster.conf": "[Cluster]\nName=webha\n[Node]\nName=node1\nAddress=192.0.2.11\nAddress=198.51.100.11\n",
    "cluster.conf.d/late.conf": "[Node]\nName=node1\nVotes=0\n[Node]\nName=node2\n[Node]\nId=3\n",
    "units/webserv.target": """\
[Unit]
Description=The site
[X-Standfast]
Resources=standfast-ip@192.0.2.100.service \\
# first the address
  apache2.service
Resources=db@one.service own.service
Domain=web
""",
    "units/apache2.service.d/standfast.conf": "[X-Probe]\nURL=http://127.0.0.1/\n[X-Probe page]\nType=tcp\n",
    "units/apache2.service.d/zz.conf": "[X-Probe page]\nConnect=127.0.0.1:80\n",
    "units/standfast-ip@192.0.2.100.service.d/address.conf": "[X-Address]\nInterface=eth1\n",
    "units/db@.service": "[Service]\nExecStart=/bin/true\n",
    "units/own.service": "[Service]\nExecStart=/bin/true\n[X-Standfast]\nCritical=no\n",
    "units/none.target": "[Unit]\nDescription=No group\n",
}


def test_nodes_of_a_drop_in_belong_to_those_of_the_file_and_one_without_a_name_is_there_too() -> None:
    made = forms(FILES)
    assert [(node["name"], node["file"], node["line"]) for node in made["nodes"]] == [
        ("node1", "cluster.conf", 3),
        ("node2", "cluster.conf.d/late.conf", 4),
        ("", "cluster.conf.d/late.conf", 6),
    ]
    values = made["nodes"][0]["values"]
    assert [(one["value"], one["line"]) for one in values["Address"]] == [("192.0.2.11", 5), ("198.51.100.11", 6)]
    assert values["Votes"] == [{"value": "0", "file": "cluster.conf.d/late.conf", "line": 3}]


def test_a_group_has_its_resources_in_order_each_with_the_file_that_a_form_writes() -> None:
    (group,) = forms(FILES)["groups"]
    assert (group["name"], group["unit"], group["description"]) == ("webserv", "webserv.target", "The site")
    assert set(group["values"]) == {"Domain"}
    assert [(one["unit"], one["line"], one["there"], one["file"]) for one in group["resources"]] == [
        (
            *("standfast-ip@192.0.2.100.service", 4, False),
            "units/standfast-ip@192.0.2.100.service.d/address.conf",
        ),
        ("apache2.service", 4, False, "units/apache2.service.d/standfast.conf"),
        ("db@one.service", 7, True, "units/db@one.service.d/standfast.conf"),
        ("own.service", 7, True, "units/own.service"),
    ]
    address, apache, *_, own = group["resources"]
    assert address["address"]["Interface"][0]["value"] == "eth1"
    assert own["values"]["Critical"][0]["value"] == "no"
    assert [(one["name"], one["section"], sorted(one["values"])) for one in apache["probes"]] == [
        ("", "X-Probe", ["URL"]),
        ("page", "X-Probe page", ["Connect", "Type"]),
    ]


def test_every_key_that_can_be_written_is_told_with_what_it_takes() -> None:
    told = {(one["scope"], one["key"]): one for one in keys()}
    assert len(told) == sum(key.field is not None for key in KEYS)
    assert told["node", "Id"]["required"] and told["node", "Id"]["section"] == "Node"
    assert told["probe", "URL"] | {"kind": ""} == {
        "scope": "probe",
        "section": "X-Probe",
        "key": "URL",
        "kind": "",
        "default": "",
        "required": False,
        "types": ["http"],
    }
    assert told["resource", "Critical"]["section"] == told["group", "Domain"]["section"] == "X-Standfast"


WORDS = st.sampled_from(
    ("[X-Standfast]", "[Node]", "Resources=", "Name=", "a.service", "..", "@.target", "\\", "\n", "=")
)
TEXTS = st.lists(WORDS | st.text(max_size=4), max_size=20).map("".join)
PLACES = ("cluster.conf", "units/a.target", "units/.target", "units/a.service.d/b.conf", "units/")
NAMES = st.sampled_from(PLACES) | st.text(max_size=8)


@given(st.dictionaries(NAMES, TEXTS, max_size=6))
def test_whatever_the_files_are_there_is_a_form(files: dict[str, str]) -> None:
    made = forms(files)
    assert json.loads(json.dumps(made)) == made
    assert made["cluster"]["section"] == "Cluster"


@given(st.dictionaries(NAMES, TEXTS, max_size=3), st.sampled_from(["nodes", "groups"]))
def test_what_a_form_shows_can_be_edited_where_it_says(files: dict[str, str], kind: str) -> None:
    for one in forms(files)[kind]:
        spot = {"file": one["file"], "section": one["section"], "name": one.get("name", "") if kind == "nodes" else ""}
        try:
            after = edited(files, [{"do": "set", **spot, "key": "Marked", "value": "yes"}], "")
        except EditError:
            continue
        (found,) = [again for again in forms(after)[kind] if again["name"] == one["name"]]
        assert [line["value"] for line in found["values"]["Marked"]] == ["yes"]
