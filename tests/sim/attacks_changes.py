"""Attacks on what a new version moves: units that change, leave, go to another group, and do not stop."""

from contextlib import AbstractContextManager
from dataclasses import replace

from sim.attacks_versions import _hold_installing, _installed, _push
from sim.planted import Bug, _replaced
from sim.scripts import WISH_MS, hold_agents, let_go, record_of, recover, run_until, served_on_the_first
from sim.world import World
from standfast.configuration.model import Configuration, Domain, Group, Resource
from standfast.resourced import configuring, core, hands, unit_states
from standfast.resourced.hands import Hand
from standfast.resourced.messages import WishKind
from standfast.resourced.stages import Stage

IP, WEB = Resource(unit="ip.service"), Resource(unit="web.service")
OTHER_WEB = replace(WEB, definition="other")


def _version(world: World, *units: Resource, digest: str = "d2", beside: tuple[Group, ...] = ()) -> Configuration:
    """webserv has these units."""
    (webserv,) = world.configuration.groups
    groups = (*beside, replace(webserv, resources=units))
    domains = (*world.configuration.domains, Domain(name="mail", nodes=("n2",), restricted=True))
    return replace(world.configuration, digest=digest, groups=groups, domains=domains)


def _runs_as(world: World, name: str) -> dict[str, str]:
    place = world.machines[name].places["webserv"]
    return {unit: place.runs_as[unit] for unit, active in place.active.items() if active == "active"}


def _is_there_as(world: World, wanted: dict[str, str], digest: str = "d2", name: str = "n1") -> None:
    """It is there, and has never failed."""
    run_until(world, lambda: _installed(world, digest) and _runs_as(world, name) == wanted)
    recover(world)
    assert _runs_as(world, name) == wanted
    assert record_of(world, name).groups["webserv"].failures == ()
    assert not [line for line in world.journal if "webserv: restart on" in line]


def last_unit_is_another_one() -> None:
    world = served_on_the_first(91, 3)
    assert _push(world, "n2", _version(world, IP, OTHER_WEB)) == "done"
    _is_there_as(world, {"ip.service": "", "web.service": "other"})


def unit_comes_and_another_one_leaves() -> None:
    world = served_on_the_first(92, 3)
    new = Resource(unit="new.service")
    assert _push(world, "n2", _version(world, IP, WEB, new)) == "done"
    _is_there_as(world, {"ip.service": "", "web.service": "", "new.service": ""})
    assert _push(world, "n2", _version(world, IP, WEB, digest="d3"), base="d2") == "done"
    _is_there_as(world, {"ip.service": "", "web.service": ""}, "d3")


def daemon_dies_while_it_stops_what_changes() -> None:
    """Another resourced finds half a group, and takes up the change: nothing has failed, nothing moves."""
    world = served_on_the_first(93, 3)
    place = world.machines["n1"].places["webserv"]
    assert _push(world, "n2", _version(world, IP, OTHER_WEB)) == "done"
    run_until(world, lambda: place.active["web.service"] != "active")
    world.kill_daemon("n1")
    _is_there_as(world, {"ip.service": "", "web.service": "other"})


def daemon_dies_before_the_version_is_in_place() -> None:
    """n3 has stopped what changes. Half of the group is there, but it has not failed: no policy is asked."""
    world = served_on_the_first(97, 3)
    world.operators.wish("n2", WishKind.RELOCATE, "webserv", "n3")
    run_until(world, lambda: world.serving() == ["n3"])
    release = _hold_installing(world, "n3")
    assert _push(world, "n2", _version(world, IP, OTHER_WEB)) == "done"
    run_until(world, lambda: _runs_as(world, "n3") == {"ip.service": ""})
    world.kill_daemon("n3")
    world.run(world.now + 10_000)
    release()
    _is_there_as(world, {"ip.service": "", "web.service": "other"}, name="n3")


def unit_that_leaves_does_not_stop() -> None:
    """n1 is to be switched off for it. Until it is the version waits there, or nobody would look for the unit."""
    world = served_on_the_first(94, 3)
    held = hold_agents(world)
    world.units.harden("n1", "wedged")
    assert _push(world, "n2", _version(world, IP)) == "done"
    run_until(world, lambda: len(held) == 1)
    world.run(world.now + 10_000)
    assert world.machines["n1"].installed == "d1"
    let_go(world, held)
    recover(world)


def unit_goes_to_another_group() -> None:
    """webserv runs on n1 and is slow to stop, mail on n2: web.service would run twice for a while."""
    world = served_on_the_first(95, 3)
    (webserv,) = world.configuration.groups
    mail = replace(webserv, name="mail", domain="mail", resources=(Resource(unit="mail.service"),))
    assert _push(world, "n2", _version(world, IP, WEB, beside=(mail,))) == "done"
    run_until(world, lambda: world.serving("mail") == ["n2"])
    world.machines["n1"].slow_until = world.now + 100_000
    more = replace(mail, resources=(*mail.resources, WEB))
    answer = _push(world, "n2", _version(world, IP, digest="d3", beside=(more,)), base="d2")
    world.run(world.now + 5_000)
    recover(world)
    said = "web.service goes from webserv to mail, and webserv is not stopped on n1: standfast group stop webserv"
    assert answer == said


def frozen_group_would_change() -> None:
    """It goes on as it is until it is thawed."""
    world = served_on_the_first(96, 3)
    world.operators.wish("n2", WishKind.FREEZE, "webserv")
    run_until(world, lambda: record_of(world, "n1").groups["webserv"].frozen)
    refused = _push(world, "n2", _version(world, IP, OTHER_WEB))
    world.run(world.now + WISH_MS)
    world.operators.wish("n2", WishKind.THAW, "webserv")
    run_until(world, lambda: not record_of(world, "n1").groups["webserv"].frozen)
    assert _push(world, "n2", _version(world, IP, OTHER_WEB)) == "done"
    _is_there_as(world, {"ip.service": "", "web.service": "other"})
    assert refused == ("this version changes webserv, which runs on n1 and is frozen: standfast group thaw webserv")


# Planted bugs


def all_of_a_group_stops() -> AbstractContextManager[None]:
    """Whatever differs of it."""
    return _replaced(hands, "first_changed", lambda old, new: 0 if old != new else None)


def nothing_stops() -> AbstractContextManager[None]:
    """A version is installed at once."""
    return _replaced(core, "make_way", lambda *_, **__: True)


def half_a_group_has_failed() -> AbstractContextManager[None]:
    """Who begins anew and finds half of it takes the rest for failed."""
    return _replaced(unit_states, "kept", lambda _: None)


def failed_stop_gives_way() -> AbstractContextManager[None]:
    """A group that does not stop does not keep a version away."""
    shorten = Hand.shorten

    def rule(hand: Hand, new: Group, now: int, *, may_stop: bool) -> bool:
        return shorten(hand, new, now, may_stop=may_stop) or hand.stage is Stage.STOP_FAILED

    return _replaced(Hand, "shorten", rule)


def units_go_where_they_like() -> AbstractContextManager[None]:
    return _replaced(configuring, "_refuse_by_units", lambda *_: "")


def frozen_groups_move() -> AbstractContextManager[None]:
    return _replaced(configuring, "_refuse_by_flags", lambda *_: "")


BUGS: tuple[Bug, ...] = (
    all_of_a_group_stops,
    nothing_stops,
    half_a_group_has_failed,
    failed_stop_gives_way,
    units_go_where_they_like,
    frozen_groups_move,
)
