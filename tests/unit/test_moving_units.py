"""Which versions move what is not to be moved: units that may run for another group, groups that are frozen."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, Resource
from standfast.resourced.configuring import GoingBack, go_back, refuse_change
from standfast.resourced.messages import ConfigurationInForce, Installed, Reported
from standfast.resourced.presence import Held
from standfast.resourced.record import Record, initial, with_group
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, term

RUNS = Held(holding=Holding.RUNNING)
(WEBSERV,) = configuration(list(NODES)).groups
MAIL = replace(WEBSERV, name="mail", resources=(Resource(unit="mail.service"),))


def version(digest: str, webserv: tuple[str, ...], mail: tuple[str, ...]) -> Configuration:
    def having(units: tuple[str, ...]) -> tuple[Resource, ...]:
        return tuple(Resource(unit=unit) for unit in units)

    groups = (replace(MAIL, resources=having(mail)), replace(WEBSERV, resources=having(webserv)))
    return replace(configuration(list(NODES)), digest=digest, groups=groups)


IN_FORCE = version("d1", ("ip.service", "disk.mount"), ("mail.service",))
MOVED = version("d2", ("ip.service",), ("disk.mount", "mail.service"))
COMES = version("d2", ("ip.service", "disk.mount", "web.service"), ("mail.service",))
LEAVES = version("d2", ("ip.service",), ("mail.service",))


def here(held: str = "", behind: str = "", has: str = "d0") -> Record:
    """All are here; webserv runs on `held`; `behind` has another version in place."""
    record = term(
        initial("d1", dict.fromkeys(NODES, 1), (GROUP, "mail")), *NODES, held={held: Holding.RUNNING} if held else {}
    )
    for name in NODES:
        installed = has if name == behind else "d1"
        record = after(record, Installed(node=name, installed=installed, available="d2"))
    return record


@pytest.mark.parametrize(
    ("record", "offered", "why"),
    [
        (
            here(held="n2"),
            MOVED,
            "disk.mount goes from webserv to mail, and webserv is not stopped on n2: standfast group stop webserv",
        ),
        (here(), MOVED, ""),
        (
            here(behind="n3"),
            MOVED,
            "disk.mount comes to mail, and n3 has not put in place what is in force yet: push again later",
        ),
        (
            here(held="n2", behind="n3"),
            COMES,
            "web.service comes to webserv, and n3 has not put in place what is in force yet: push again later",
        ),
        (here(held="n2", behind="n3", has="d2"), COMES, ""),
        (here(held="n2"), COMES, ""),
        (here(held="n2", behind="n3"), LEAVES, ""),
    ],
    ids=[
        "its group is held",
        "its group is stopped",
        "a node is behind",
        "a node may have it in another group",
        "a node has the version that comes back",
        "all know where it is",
        "it leaves",
    ],
)
def test_a_unit_comes_to_a_group_when_nobody_runs_it_for_another(
    record: Record, offered: Configuration, why: str
) -> None:
    assert refuse_change(record, IN_FORCE, offered) == why


@pytest.mark.parametrize("offered", [COMES, LEAVES], ids=["comes", "leaves"])
def test_a_version_that_changes_a_frozen_group_waits_until_it_is_thawed(offered: Configuration) -> None:
    record = here(held="n2")
    frozen = with_group(record, GROUP, frozen=True)
    why = "this version changes webserv, which runs on n2"
    assert refuse_change(record, IN_FORCE, offered) == ""
    assert refuse_change(frozen, IN_FORCE, offered) == f"{why} and is frozen: standfast group thaw webserv"
    maintained = replace(record, maintenance=True)
    assert refuse_change(maintained, IN_FORCE, offered) == f"{why}, and there is maintenance: standfast maintenance off"


def test_a_frozen_group_keeps_no_version_away_that_changes_only_its_policy_or_where_it_does_not_run() -> None:
    groups = tuple(replace(group, max_restarts=0, priority=3) for group in IN_FORCE.groups)
    frozen = with_group(here(held="n2"), GROUP, frozen=True)
    assert refuse_change(frozen, IN_FORCE, replace(IN_FORCE, digest="d2", groups=groups)) == ""
    assert refuse_change(with_group(here(), GROUP, frozen=True), IN_FORCE, COMES) == ""


def going_back(record: Record) -> GoingBack:
    """From MOVED, which nobody confirmed, to IN_FORCE."""
    record = replace(record, configuration="d2", version=2, unconfirmed="d1", confirm_ms=60_000)
    for name in NODES:
        record = after(record, Installed(node=name, installed="d2", available="d1"))
    situation = Situation(
        me="n1",
        now=0,
        ring_nodes=frozenset(NODES),
        cold=False,
        orders_allowed=True,
        resting=frozenset(),
        quorate_since=0,
        waits={},
        offered=IN_FORCE,
    )
    return go_back(record, MOVED, situation, Waits({"unconfirmed 2": -60_000}, 0))


def test_a_unit_goes_back_to_its_group_when_the_other_one_has_stopped() -> None:
    mail_runs = term(initial("d1", dict.fromkeys(NODES, 1), (GROUP, "mail")), *NODES)
    mail_runs = after(mail_runs, Reported(node="n2", group="mail", order=0, busy=False, held=RUNS))
    assert mail_runs.groups["mail"].holders == ("n2",)
    assert going_back(mail_runs) == GoingBack(ends=frozenset({"mail"}))
    (content,) = going_back(here()).contents
    assert isinstance(content, ConfigurationInForce)


@pytest.mark.parametrize("flag", ["frozen", "maintenance"])
def test_a_version_does_not_go_back_over_a_frozen_group_that_runs(flag: str) -> None:
    record = here(held="n2")
    record = with_group(record, GROUP, frozen=True) if flag == "frozen" else replace(record, maintenance=True)
    assert going_back(record) == GoingBack()
