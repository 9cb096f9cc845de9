"""What a group's failures mean: tries here, nodes that are avoided, pauses, and when all that is forgotten.

Failures are counted for each node. A node with more than MaxRestarts= of them within RestartWindow= is avoided until
FailureExpire= is over; each time that it was avoided doubles this, up to a day (DESIGN section 7).
"""

from standfast.configuration.model import Group, Recovery
from standfast.resourced.messages import Content, Forgiven, Forgotten
from standfast.resourced.outlook import Outlook
from standfast.resourced.record import GroupRecord
from standfast.vocabulary import Phase

FIRST_RETRY_MS = 5_000
LONGEST_RETRY_MS = 300_000
LONGEST_AVOIDED_MS = 86_400_000
MOST_DOUBLINGS = 20


def failures(known: GroupRecord, node: str) -> int:
    return sum(failure.node == node for failure in known.failures)


def tries(group: Group) -> int:
    """How many failures a node is allowed before the group leaves it."""
    return group.max_restarts if group.recovery in (Recovery.RESTART, Recovery.RESTART_DISABLE) else 0


def spent(group: Group, known: GroupRecord, node: str) -> bool:
    return failures(known, node) > tries(group)


def avoided(group: Group, known: GroupRecord, node: str) -> bool:
    """Also where a probe with OnFail=relocate was bad."""
    return spent(group, known, node) or any(one.leaves for one in known.failures if one.node == node)


def avoided_ms(group: Group, known: GroupRecord, node: str) -> int:
    """For how long a node is avoided, this time."""
    return min(group.failure_expire_ms << min(known.avoided.get(node, 0), MOST_DOUBLINGS), LONGEST_AVOIDED_MS)


def forgotten(group: Group, known: GroupRecord, outlook: Outlook) -> list[Content]:
    """Everything of this group that is old enough to be forgotten."""
    waits = outlook.waits
    old: list[Content] = []
    for node in sorted({failure.node for failure in known.failures}):
        ids = tuple(failure.id for failure in known.failures if failure.node == node)
        ages = {one: waits.age(f"failure {group.name} {one}") for one in ids}
        if avoided(group, known, node):
            if min(ages.values()) >= avoided_ms(group, known, node):
                old.append(Forgotten(group=group.name, node=node, failures=ids, avoided=True))
        elif some := tuple(one for one in ids if ages[one] >= group.restart_window_ms):
            old.append(Forgotten(group=group.name, node=node, failures=some, avoided=False))
    for node in sorted(known.avoided):
        if not failures(known, node) and waits.age(f"sound {group.name} {node}") >= avoided_ms(group, known, node):
            old.append(Forgotten(group=group.name, node=node, failures=(), avoided=False))
    blocked = known.phase is Phase.BLOCKED  # it stays blocked: forgiving counts for the next failed stop only
    if known.costly and not blocked and waits.age(f"costly {group.name}") >= group.failure_expire_ms:
        old.append(Forgiven(group=group.name))
    return old


def pause_ms(group: Group, known: GroupRecord) -> int:
    """How long to wait before the next try, when every node that could run it has failed."""
    over = max(len(known.failures) - group.max_restarts, 0)
    return min(FIRST_RETRY_MS << min(over, 6), LONGEST_RETRY_MS)
