"""A group with Copies= becomes one group for each node that may run it; what each node has to do with them."""

from dataclasses import replace
from pathlib import Path

import pytest

from sim.machine import configuration
from standfast.configuration.copies import as_written, groups_on, parse_copies, sets_of, with_copies
from standfast.configuration.guards import dropins
from standfast.configuration.model import Configuration, Domain, Group, Resource
from standfast.resourced.configuring import refuse_change
from standfast.resourced.leases import Leases
from standfast.resourced.messages import Installed, Reported
from standfast.resourced.presence import Held
from standfast.resourced.record import Record, initial
from standfast.vocabulary import Holding, copies_of
from unit.cluster import NODES, after, term

PROXY = Group(name="proxy", description="", resources=(Resource(unit="haproxy.service"),), domain="pair", copies=2)
WRITTEN = replace(
    configuration(list(NODES)),
    groups=(*configuration(list(NODES)).groups, PROXY),
    domains=(*configuration(list(NODES)).domains, Domain(name="pair", nodes=("n3", "n1"), restricted=True)),
)
KNOWN = with_copies(WRITTEN)


def named(groups: tuple[Group, ...]) -> list[str]:
    return [group.name for group in groups]


def test_each_node_that_may_run_it_has_a_copy_that_no_other_node_may_run() -> None:
    assert named(KNOWN.groups) == ["proxy@n1", "proxy@n3", "webserv"]
    assert {group.name: KNOWN.allowed(group) for group in KNOWN.groups[:2]} == {
        "proxy@n1": ("n1",),
        "proxy@n3": ("n3",),
    }
    assert named(sets_of(KNOWN)["proxy"]) == ["proxy@n3", "proxy@n1"]
    assert as_written(KNOWN.groups) == (PROXY, *configuration(list(NODES)).groups)


@pytest.mark.parametrize(
    ("node", "names"),
    [("n1", ["proxy@n1", "webserv"]), ("n2", ["webserv"]), ("n3", ["proxy@n3", "webserv"])],
)
def test_a_node_has_nothing_to_do_with_the_copies_of_others(node: str, names: list[str]) -> None:
    assert named(groups_on(KNOWN.groups, node)) == names


@pytest.mark.parametrize(
    ("name", "found"),
    [("proxy", ("proxy@n1", "proxy@n3")), ("proxy@n3", ("proxy@n3",)), ("webserv", ("webserv",)), ("n1", ())],
)
def test_a_name_means_one_copy_or_all(name: str, found: tuple[str, ...]) -> None:
    assert copies_of(name, named(KNOWN.groups)) == found


def test_guards_are_the_same_on_every_node_and_the_lease_of_a_copy_is_the_one_that_they_name(tmp_path: Path) -> None:
    one, other = KNOWN.groups[:2]
    assert dropins(one) == dropins(other)
    leases = Leases(tmp_path)
    leases.hold(one.name)
    leases.grant(one.name)
    lease = f"AssertPathExists=/run/standfast/{leases.path(one.name).relative_to(tmp_path)}"
    assert lease in dropins(one)["haproxy.service.d/zz-standfast.conf"]
    assert (leases.held(), leases.leased()) == (("proxy@n1",), ("proxy",))


@pytest.mark.parametrize(("text", "copies"), [("1", 1), ("16", 16), ("all", 16)])
def test_how_many_is_a_number_or_all(text: str, copies: int) -> None:
    assert parse_copies(text) == copies


@pytest.mark.parametrize("text", ["0", "17", "-1", "two", "", "1.5", "²", "1" * 5000])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is neither all nor a number from 1 to 16"):
        parse_copies(text)


# A version that changes the copies


def version(copies: int, *nodes: str) -> Configuration:
    group = replace(PROXY, copies=copies)
    domain = Domain(name="pair", nodes=nodes, restricted=True)
    return with_copies(replace(WRITTEN, digest="d2", groups=(group, *WRITTEN.groups[:1]), domains=(domain,)))


def running(*nodes: str) -> Record:
    """All are here, with the version in force in place, and have copies running on these nodes."""
    record = term(initial("d1", dict.fromkeys(NODES, 1), tuple(named(KNOWN.groups))), *NODES)
    for name in NODES:
        record = after(record, Installed(node=name, installed="d1", available="d2"))
    for name in nodes:
        runs = Held(holding=Holding.RUNNING)
        record = after(record, Reported(node=name, group=f"proxy@{name}", order=0, busy=False, held=runs))
    return record


@pytest.mark.parametrize(
    ("record", "offered", "why"),
    [
        (
            running("n3"),
            version(1, "n3", "n1"),
            "proxy@n3 is not in this version and not stopped on n3: standfast group stop proxy",
        ),
        (running(), version(1, "n3", "n1"), ""),
        (running("n3"), version(2, *NODES), ""),
        (running("n1"), version(3, "n3", "n1"), ""),
        (
            running("n3"),
            version(2, "n1"),
            "proxy@n3 is not in this version and not stopped on n3: standfast group stop proxy@n3",
        ),
        (running("n1"), version(2, "n1"), ""),
    ],
)
def test_a_copy_that_a_version_takes_away_is_stopped_first(record: Record, offered: Configuration, why: str) -> None:
    assert refuse_change(record, KNOWN, offered) == why
