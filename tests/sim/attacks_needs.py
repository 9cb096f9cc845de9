"""Attacks on groups that need each other: nobody stops for a move that cannot happen yet."""

from contextlib import AbstractContextManager
from dataclasses import replace

from sim.attacks_outside import three_groups
from sim.planted import Bug, _replaced
from sim.scripts import WISH_MS, record_of, recover, run_until
from sim.world import World
from standfast.configuration.model import Configuration
from standfast.resourced import placement
from standfast.resourced.messages import WishKind
from standfast.vocabulary import Phase


def _two_need_webserv() -> Configuration:
    """webserv goes home to n1; mail and database, at home on n2 and n3, need it."""
    known = three_groups(often=0.0)
    domains = tuple(replace(one, failback=one.name == "of-webserv") for one in known.domains)
    groups = tuple(replace(one, needs=("webserv",) * (one.name != "webserv")) for one in known.groups)
    return replace(known, domains=domains, groups=groups)


def home_is_back_while_one_that_needs_it_starts() -> None:
    """mail runs on until database, whose start takes long, has started as well; then all go on with webserv at home."""
    world = World(501, ["n1", "n2", "n3"], _two_need_webserv())
    for name in world.names:
        world.power_on(name)
    world.run(20_000)
    for kind, subject in ((WishKind.STANDBY, "n1"), (WishKind.STOP, "database")):
        world.operators.wish("n2", kind, subject)
        world.run(world.now + WISH_MS)
    assert (world.serving("webserv"), world.serving("mail"), world.serving("database")) == (["n2"], ["n2"], [])
    world.machines["n3"].slow_until = world.now + 10_000
    world.operators.wish("n2", WishKind.START, "database")
    run_until(world, lambda: record_of(world, "n2").groups["database"].phase is Phase.STARTING)
    world.operators.wish("n2", WishKind.RESUME, "n1")
    while not world.serving("database"):
        world.run(world.queue[0][0])
        assert world.serving("mail") == ["n2"]
    assert not record_of(world, "n2").nodes["n1"].standby
    run_until(world, lambda: world.serving("webserv") == ["n1"])
    recover(world)
    assert (world.serving("mail"), world.serving("database")) == (["n2"], ["n3"])


def goes_home_whatever_starts() -> AbstractContextManager[None]:
    """Those that run stop for it, and it waits for the one that starts."""
    return _replaced(placement, "comes_up", lambda *_: "")


BUGS: tuple[Bug, ...] = (goes_home_whatever_starts,)
