"""What of a resource's files makes a new version restart it, and from which resource on a group is another one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.definitions import definition, first_changed
from standfast.configuration.groups import Units
from standfast.configuration.model import Group, Probe, Recovery, Resource
from standfast.configuration.unitfile import parse

UNIT = "web-site@one.service"
BEFORE = {
    "web-site@.service": "[Unit]\nDescription=A site\nAfter=a.service\n[Service]\nExecStart=/bin/site %i\n",
    f"{UNIT}.d/ours.conf": "[X-Standfast]\nCritical=yes\n[Service]\nNice=5\nUser=web\n",
}
TEMPLATE, DROPIN = BEFORE


def defined(files: Mapping[str, str], unit: str = UNIT) -> str:
    return definition(Units(files={name: parse(text, name) for name, text in files.items()}).files_of(unit))


def edited(name: str, old: str, new: str) -> dict[str, str]:
    assert old in BEFORE[name]
    return {**BEFORE, name: BEFORE[name].replace(old, new)}


def added(name: str, text: str) -> dict[str, str]:
    return {**BEFORE, name: text}


@pytest.mark.parametrize(
    "after",
    [
        edited(TEMPLATE, "A site", "The site"),
        edited(TEMPLATE, "After=", "Documentation=man:site(8)\nAfter="),
        edited(TEMPLATE, "[Service]", "# a remark\n\n[Service]"),
        edited(TEMPLATE, "ExecStart=", "  ExecStart = "),
        edited(TEMPLATE, "ExecStart=", "X-Owner=me\nExecStart="),
        edited(DROPIN, "Critical=yes", "Critical=no"),
        added(TEMPLATE, BEFORE[TEMPLATE] + "[Install]\nWantedBy=multi-user.target\n"),
        added(TEMPLATE, "[Service]\nExecStart=/bin/site %i\n[Unit]\nAfter=a.service\n"),
        added(f"{UNIT}.d/probe.conf", "[X-Probe]\nURL=http://127.0.0.1/\n"),
        added("other.service", "[Service]\nNice=1\n"),
        added("web-site@two.service.d/x.conf", "[Service]\nNice=1\n"),
        added("socket.d/x.conf", "[Socket]\nBacklog=1\n"),
        added("web-site-.service.d/x.conf", "[Service]\nNice=1\n"),
    ],
    ids=[
        "description",
        "documentation",
        "comment",
        "white space",
        "a key of somebody else's",
        "what Standfast reads",
        "what enable reads",
        "the order of the sections",
        "a probe",
        "another unit",
        "another instance",
        "another type",
        "another prefix",
    ],
)
def test_what_systemd_does_not_act_on_is_no_change(after: Mapping[str, str]) -> None:
    assert defined(after) == defined(BEFORE)


@pytest.mark.parametrize(
    "after",
    [
        edited(TEMPLATE, "/bin/site", "/bin/place"),
        edited(TEMPLATE, "After=a.service\n", ""),
        edited(DROPIN, "Nice=5\nUser=web", "User=web\nNice=5"),
        edited(DROPIN, "Nice=5", "Nice="),
        edited(DROPIN, "[Service]", "[Unit]"),
        added(UNIT, BEFORE[TEMPLATE] + "TimeoutStopSec=1\n"),
        added(UNIT, ""),
        added("web-site@.service.d/x.conf", "[Service]\nNice=1\n"),
        added("web-@.service.d/x.conf", "[Service]\nNice=1\n"),
        added("service.d/x.conf", "[Service]\nNice=1\n"),
        added("service.d/packages.conf", ""),
        {DROPIN: BEFORE[DROPIN]},
    ],
    ids=[
        "a value",
        "a key less",
        "the order of two keys",
        "an empty value",
        "another section",
        "a unit instead of its template",
        "a masked unit",
        "a drop-in of the template",
        "of a prefix",
        "of the type",
        "a masked drop-in",
        "no template",
    ],
)
def test_what_systemd_acts_on_is_a_change(after: Mapping[str, str]) -> None:
    assert defined(after) != defined(BEFORE)


def test_the_settings_of_an_address_are_read_by_its_program_and_count() -> None:
    address, files = "standfast-ip@192.0.2.100.service", "standfast-ip@192.0.2.100.service.d/a.conf"
    one, other = ({files: f"[X-Address]\nPrefix={prefix}\n"} for prefix in (24, 25))
    assert defined(one, address) != defined(other, address)


def test_a_setting_that_moves_to_another_file_is_no_change_where_its_place_is_the_same() -> None:
    moved = edited(DROPIN, "User=web\n", "") | {f"{UNIT}.d/z.conf": "[Service]\nUser=web\n"}
    assert defined(moved) == defined(BEFORE)


def test_a_unit_of_a_package_that_only_we_say_something_of_has_no_definition() -> None:
    assert defined({f"{UNIT}.d/ours.conf": "[X-Probe]\nURL=http://127.0.0.1/\n"}) == ""
    assert defined({}) == ""


# Groups


def group(*resources: str) -> Group:
    """`a=1` is unit a with definition 1."""
    pairs = (one.partition("=") for one in resources)
    made = tuple(Resource(unit=unit, definition=defined_as) for unit, _, defined_as in pairs)
    return replace(configuration(["n1"]).groups[0], resources=made)


OLD = group("a=1", "b=1", "c=1")


@pytest.mark.parametrize(
    ("new", "first"),
    [
        (group("a=1", "b=1", "c=1"), None),
        (group("a=2", "b=1", "c=1"), 0),
        (group("a=1", "b=2", "c=1"), 1),
        (group("a=1", "b=1", "c=2"), 2),
        (group("a=1", "c=1", "b=1"), 1),
        (group("a=1", "c=1"), 1),
        (group("a=1", "b=1"), 2),
        (group("a=1", "x=1", "b=1", "c=1"), 1),
        (group("a=1", "b=1", "c=1", "d=1"), 3),
    ],
    ids=["same", "first", "middle", "last", "order", "one left", "last one left", "one came between", "one came last"],
)
def test_a_group_is_another_one_from_the_first_resource_that_differs(new: Group, first: int | None) -> None:
    assert first_changed(OLD, new) == first


def test_neither_the_policy_of_a_group_nor_what_is_probed_is_a_change() -> None:
    policy = replace(OLD, description="other", domain="other", recovery=Recovery.DISABLE, stop_timeout_ms=1, priority=9)
    probe = Probe(name="", unit="b", url="http://127.0.0.1/")
    probed = replace(OLD, resources=tuple(replace(one, critical=False, probes=(probe,)) for one in OLD.resources))
    assert first_changed(OLD, policy) is None
    assert first_changed(OLD, probed) is None
