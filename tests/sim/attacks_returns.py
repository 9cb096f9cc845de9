"""Attacks on a leave that is taken back: wherever it was, its node is a healthy member again, and nothing ran twice."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sim.planted import Bug, _changed, _replaced
from sim.scripts import (
    at_rest,
    boots,
    dies_with_its_message,
    heal,
    members,
    record_of,
    recover,
    run_until,
    served_on_the_first,
)
from sim.world import World
from standfast.resourced.departure import Departure
from standfast.resourced.messages import Leaving, Request, WishKind
from standfast.resourced.record import Record, with_node


def _takes_part(world: World, name: str) -> None:
    """It never went, all are in one term, and what is relocated there serves there."""
    world.run(world.now + 20_000)
    assert boots(world) == [1] * len(world.names)
    assert members(world, name) == tuple(world.names)
    assert not record_of(world, name).nodes[name].leaving
    assert not record_of(world, name).nodes[name].left
    world.operators.wish(name, WishKind.RELOCATE, "webserv", name)
    world.run(world.now + 20_000)
    assert world.serving() == [name]
    recover(world)


def _at(reached: Callable[[World], bool]) -> None:
    """n1, which coordinates and serves, leaves; of three nodes, and of two."""
    for count in (3, 2):
        world = served_on_the_first(50, count)
        world.machines["n1"].slow_until = world.now + 5_000
        world.leave("n1")
        run_until(world, lambda: reached(world))  # noqa: B023
        world.start_again("n1")
        _takes_part(world, "n1")


def started_again_at_once() -> None:
    """Nobody has read yet that it leaves."""
    _at(lambda world: not record_of(world, "n1").nodes["n1"].leaving)


def started_again_while_its_group_stops() -> None:
    _at(lambda world: bool(record_of(world, "n1").groups["webserv"].open_orders))


def started_again_when_it_is_marked() -> None:
    """All has moved; its daemons are about to be stopped."""
    _at(lambda world: world.machines["n1"].going)


def started_again_as_all_leave() -> None:
    """The others go, marked like it; it is alone until they return, and starts nothing."""
    world = served_on_the_first(51, 3)
    for name in world.names:
        world.leave(name)
    run_until(world, lambda: world.machines["n1"].going)
    world.start_again("n1")
    world.run(world.now + 20_000)
    assert world.machines["n1"].powered
    assert world.serving() == []
    recover(world)


def start_is_heard_by_nobody_else() -> None:
    """n1 is marked. As it is started again it is cut off, and reads all that it says; an operator there wants the
    group, and one at the others wants it too. These know n1 as one that has left, and wait for nothing."""
    world = at_rest(52, 3)
    world.leave("n1")
    run_until(world, lambda: world.machines["n1"].going)
    dies_with_its_message(world, "n1")
    world.start_again("n1")
    world.run(world.now + 200)
    world.operators.wish("n1", WishKind.START, "webserv", "n1")
    world.operators.busy_until.clear()
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 10_000)
    heal(world)
    recover(world)


# Bugs


def no_way_back() -> AbstractContextManager[None]:
    """Who was asked to leave leaves."""
    ask = Departure.ask

    def rule(departure: Departure, *, taken_back: bool) -> None:
        if not taken_back:
            ask(departure, taken_back=False)

    return _replaced(Departure, "ask", rule)


@contextmanager
def only_it_knows_that_it_stays() -> Iterator[None]:
    """It goes on in the term whose record says that it leaves."""
    advance = Departure.advance

    def rule(departure: Departure, *rest: object) -> None:
        if departure.asked:
            advance(departure, *rest)  # type: ignore[arg-type]

    with _replaced(Departure, "advance", rule):
        yield


@contextmanager
def word_takes_the_mark_back() -> Iterator[None]:
    """It says so in the term where it was marked; whoever reads that believes it at once."""
    ask = Departure.ask

    def says(departure: Departure, *, taken_back: bool) -> None:
        term = departure._terms.term
        if taken_back and departure.asked and term is not None:
            departure._terms.outbox.send(Request(nonce=term.nonce, content=Leaving(node=departure._me)))
        ask(departure, taken_back=taken_back)

    def believed(record: Record, content: Leaving) -> Record:
        node = record.nodes[content.node]
        return with_node(record, content.node, leaving=not node.leaving, left=node.left and not node.leaving)

    with only_it_knows_that_it_stays(), _replaced(Departure, "ask", says), _changed(Leaving, believed):
        yield


BUGS: tuple[Bug, ...] = (no_way_back, only_it_knows_that_it_stays, word_takes_the_mark_back)
