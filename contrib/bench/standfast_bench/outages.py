"""What a client misses, fault by fault: from the last good to the first good answer."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from standfast_lab.cluster import served
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench.cases import OURS, Case, Row
from standfast_bench.keepalived import Keepalived
from standfast_bench.pacemaker import Pacemaker, PeerAddress, Tuned
from standfast_bench.rounds import FENCED, Sample
from standfast_bench.sides import PROGRAM, AddressOnly, Quick, Server, Standfast

PATIENCE_S: Final = 90.0  # an outage that nobody noticed by then is noted as such
CALM_S: Final = 2.0  # for which the page must have been there again

Sides = dict[str, type[Server]]


# The faults: each is injected into a settled cluster, and returns when it began


def kill(side: Server) -> float:
    """Every process of Apache is killed."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.sh(owner, "pkill", "-KILL", "-x", PROGRAM)
    return at


def hang(side: Server) -> float:
    """Every process of Apache is stopped: to systemd it is active."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.sh(owner, "pkill", "-STOP", "-x", PROGRAM)
    return at


def power(side: Server) -> float:
    """The node that serves loses its power."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.kill(owner)
    return at


def relocate(side: Server) -> float:
    """An operator moves the service."""
    owner = _owner(side.lab)
    other = next(node for node in side.lab.nodes() if node != owner)
    at = time.monotonic()
    side.relocate(other)
    return at


def start(side: Server) -> float:
    """All daemons of all nodes are started at once; what was missed since counts."""
    side.stop()
    at = time.monotonic()
    side.start()
    return at


def _owner(lab: Lab) -> str:
    owner = lab.holder()
    if owner is None:
        raise LabError("nobody has the address")
    return owner


def measure(fault: Callable[[Server], float], what: str, side: Server) -> Sequence[Sample]:
    """One round; the side is settled before it."""
    side.settle()
    lab = side.lab
    boots = {node: lab.boots(node) for node in lab.nodes()}
    lab.client_start()
    try:
        lab.wait(lambda: any(one.ok for one in lab.client_requests()), 20, "the client's first good answer")
        offset = time.time() - time.monotonic()
        at = fault(side)
        outage = _outage(lab, at, what)
        steps = side.steps(what, at + offset)
    finally:
        lab.client_stop()
    down = [node for node, before in boots.items() if not lab.is_on(node) or lab.boots(node) != before]
    note = f"{' and '.join(down)} {FENCED}" if down and fault is not power else ""
    return (Sample(what=what, value=outage, steps=steps, note=note),)


def _outage(lab: Lab, at: float, what: str) -> float | None:
    """Seconds without a good answer since `at`; of a start those since it was typed."""

    def over() -> bool:
        after = [one for one in lab.client_requests() if one.t_start >= at]
        bad = max((one.t_end for one in after if not one.ok), default=None)
        good = [one.t_end for one in after if one.ok and bad is not None and one.t_start > bad]
        return bool(good) and time.monotonic() - min(good) >= CALM_S

    try:
        lab.wait(over, PATIENCE_S, "the client to get its page again")
    except LabError:
        if what in ("kill", "relocate") and served(lab.place):
            return 0.0  # it was too short for the client to see
        return None
    return lab.outage_s(since=at if what == "start" else at - 1)


# The cases of section 14

SIDES: Final[Sides] = {OURS: Standfast, "pacemaker": Pacemaker, "tuned": Tuned}
POWER: Final[Sides] = {OURS: Standfast, "quick": Quick, "pacemaker": Pacemaker, "tuned": Tuned}
ADDRESS: Final[Sides] = {OURS: AddressOnly, "pacemaker": PeerAddress, "keepalived": Keepalived}


def _case(fault: Callable[[Server], float], row: Row, sides: Sides = SIDES) -> Case[Server]:
    return Case(name=row.what, rows=(row,), sides=sides, measure=partial(measure, fault, row.what))


CASES: Final = (
    _case(kill, Row(what="kill", title="Apache killed, restarted in place", budgets={OURS: 0.4})),
    _case(hang, Row(what="hang", title="Apache hung (SIGSTOP), page every 1 s", budgets={OURS: 3.5})),
    _case(
        power,
        Row(
            what="power",
            title="the owner's power cut, fence_redfish (`quick`: DetectWithin=1.1s)",
            budgets={OURS: 3.6, "quick": 2.5},
            share=0.7,
        ),
        POWER,
    ),
    _case(relocate, Row(what="relocate", title="relocated by an operator", budgets={OURS: 0.4})),
    _case(start, Row(what="start", title="started on all nodes at once, to served", budgets={OURS: 6.0})),
    _case(power, Row(what="address", title="the owner's power cut, the address alone"), ADDRESS),
)
