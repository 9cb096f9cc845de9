"""Planted bugs of versions of the configuration: each takes one rule out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

from sim.planted import Bug, _changed, _replaced
from standfast.resourced import configuring, outlook, placement, wishes
from standfast.resourced.configuring import GoingBack
from standfast.resourced.coordinator import Coordinator
from standfast.resourced.core import Core
from standfast.resourced.installation import Installation
from standfast.resourced.messages import ConfigurationInForce
from standfast.resourced.outlook import unwanted
from standfast.resourced.record import Record
from standfast.resourced.stages import Gate
from standfast.resourced.succession import come_into_force


def acted_on_when_it_is_read() -> AbstractContextManager[None]:
    """What is in force is installed as soon as this node has read it."""
    return _replaced(Installation, "_stored", lambda _: True)


@contextmanager
def older_bases_are_taken() -> Iterator[None]:
    """A version may be made of one that is not in force any more."""

    def taken(record: Record, content: ConfigurationInForce) -> Record:
        return come_into_force(replace(record, configuration=content.base), content)

    with _changed(ConfigurationInForce, taken), _replaced(configuring, "_refuse_by_base", lambda *_: ""):
        yield


def groups_go_while_they_run() -> AbstractContextManager[None]:
    return _replaced(configuring, "_refuse_by_groups", lambda *_: "")


def strays_are_left_alone() -> AbstractContextManager[None]:
    """Nobody looks where a group is under way."""
    return _replaced(configuring, "_strays", lambda *_: "")


def stopped_though_nobody_can_take_it() -> AbstractContextManager[None]:
    """A group leaves where its domain does not allow it any more, whoever is there to start it."""
    return _replaced(placement._Step, "_kept", lambda _: "")


def stays_where_it_is_forbidden() -> AbstractContextManager[None]:
    return _replaced(placement._Step, "_outside", lambda *_: None)


def losses_hold_nothing() -> AbstractContextManager[None]:
    """Who is lost is not asked for in a push."""
    return _replaced(configuring, "_refuse_by_view", lambda *_: "")


def gate_of_any_version() -> AbstractContextManager[None]:
    """A start does not wait for the version in force."""
    gate = Core._gate

    def rule(core: Core, name: str) -> Gate:
        if core.record is None:
            return gate(core, name)
        with patch.object(core.installation, "installed", core.record.configuration):
            return gate(core, name)

    return _replaced(Core, "_gate", rule)


@contextmanager
def who_is_behind_gets_orders() -> Iterator[None]:
    """It is ordered to start what it has not the version in force of, and begins it."""
    with ExitStack() as stack:
        stack.enter_context(gate_of_any_version())
        stack.enter_context(_replaced(outlook, "behind", lambda *_: False))
        yield


def votes_change_at_will() -> AbstractContextManager[None]:
    """Nodes that have other versions installed expect more votes than all of them have together."""
    return _replaced(configuring, "_refuse_by_nodes", lambda *_: "")


def halves_get_other_votes() -> AbstractContextManager[None]:
    return _replaced(configuring, "_refuse_by_halves", lambda *_: "")


def nothing_goes_back() -> AbstractContextManager[None]:
    return _replaced(configuring, "go_back", lambda *_: GoingBack())


def goes_back_at_once() -> AbstractContextManager[None]:
    """Nobody counts the time to confirm."""
    go_back = configuring.go_back
    return _replaced(configuring, "go_back", lambda record, *rest: go_back(replace(record, confirm_ms=0), *rest))


def what_came_is_not_stopped() -> AbstractContextManager[None]:
    """A version does not come back while what it does not have runs, and nobody stops that."""
    return _replaced(placement._Step, "_unwanted", lambda step: unwanted(step.known))


def confirmation_is_ignored() -> AbstractContextManager[None]:
    return _replaced(wishes, "refuse_keep", lambda *_: "it is not taken")


def coordinates_for_ever() -> AbstractContextManager[None]:
    """Who cannot install what is in force goes on coordinating."""
    return _replaced(Coordinator, "_hand_over", lambda *_: None)


def first_to_install_gets_it() -> AbstractContextManager[None]:
    """Nobody is waited for who is placed better and about to have the version in place."""
    return _replaced(outlook.Outlook, "installs", lambda *_: False)


def who_installs_is_waited_for_for_ever() -> AbstractContextManager[None]:
    return _replaced(outlook, "INSTALLED_WITHIN_MS", 1 << 40)


BUGS: tuple[Bug, ...] = (
    acted_on_when_it_is_read,
    older_bases_are_taken,
    groups_go_while_they_run,
    strays_are_left_alone,
    stopped_though_nobody_can_take_it,
    stays_where_it_is_forbidden,
    losses_hold_nothing,
    gate_of_any_version,
    who_is_behind_gets_orders,
    votes_change_at_will,
    halves_get_other_votes,
    nothing_goes_back,
    goes_back_at_once,
    what_came_is_not_stopped,
    confirmation_is_ignored,
    coordinates_for_ever,
    first_to_install_gets_it,
    who_installs_is_waited_for_for_ever,
)
