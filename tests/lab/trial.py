"""One test's hold on the cluster: it looks, injects faults, and remembers what it did.

What was not injected here must not have happened: the audit compares.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from standfast_lab import normal, observe
from standfast_lab.cluster import served
from standfast_lab.lab import Lab
from standfast_lab.network import VIRTUAL_ADDRESS
from standfast_lab.observe import Seen, Told

GROUP, APACHE = normal.GROUP, normal.APACHE
ADDRESS = f"standfast-ip@{VIRTUAL_ADDRESS}.service"
OWNED_WITHIN_S = 15.0
DAEMONS = ("membershipd", "quorumd", "fenced", "resourced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that a test did to the cluster."""

    at: float  # CLOCK_MONOTONIC seconds, just before
    what: str


class Trial:
    """One test's view of the lab; times are CLOCK_MONOTONIC seconds unless they say otherwise."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.begun = time.monotonic()
        self.begun_clock = time.time()  # CLOCK_REALTIME, for the journal
        self.faults: list[Fault] = []
        self.powered_off: list[tuple[str, float]] = []
        self.rebooted: list[tuple[str, float]] = []
        self.to_be_fenced: set[str] = set()  # any other node that a BMC cuts off is a violation
        self.outages_s: list[float] = []  # for the table of --full
        self.first_owner: str | None = None  # who held the group when the test began

    def wait_until_normal(self, timeout_s: float = normal.NORMAL_WITHIN_S) -> float:
        """All nodes are online and say so, webserv is started and served; the seconds it took."""
        return normal.wait(self.lab, timeout_s)

    # Looking

    def serves(self) -> bool:
        """A client gets the page now."""
        return served(self.lab.place)

    def owner(self) -> str:
        """The node that holds webserv, as soon as a node says so that is in the cluster: it may be served before."""
        held: str | None = None

        def told() -> str | None:
            nonlocal held
            held = normal.owner(self.lab)
            return held

        self.wait(told, OWNED_WITHIN_S, f"somebody to say who has {GROUP}")
        assert held is not None
        return held

    def others(self, *nodes: str) -> tuple[str, ...]:
        """Every node but these, in order."""
        return tuple(other for other in self.lab.nodes() if other not in nodes)

    def seen(self, node: str) -> Seen | None:
        return observe.seen(self.lab, node)

    def told(self, node: str, *events: str, since: float | None = None) -> list[Told]:
        """The node's entries since `since` (None: since this test began), oldest first."""
        after = self.begun if since is None else since
        return [one for one in observe.told(self.lab, node, *events, since=self.begun_clock - 1) if one.at >= after]

    def wait(self, predicate: Callable[[], object], timeout_s: float, what: str | Callable[[], str]) -> float:
        """See Lab.wait."""
        return self.lab.wait(predicate, timeout_s, what)

    def wait_until_started_on(self, node: str, *, on: tuple[str, ...] | None = None, timeout_s: float = 30.0) -> None:
        """The members `on` (None: all nodes) agree that webserv is started on `node`, and the page is served."""

        def started() -> bool:
            found = observe.agreed(self.lab, on)
            group = found.groups[GROUP] if found is not None else None
            return group is not None and (group.phase, group.owner) == ("started", node) and self.serves()

        self.wait(started, timeout_s, lambda: f"{GROUP} to be started on {node}; {normal.what_is_wrong(self.lab)}")

    def wait_for_good_answer(self, since: float, timeout_s: float = 30.0) -> float:
        """The client, which asks all the time, got the page again after an outage since `since`: its seconds."""

        def recovered() -> bool:
            after = [request for request in self.lab.client_requests() if request.t_start >= since]
            last_bad = max((request.t_start for request in after if not request.ok), default=None)
            return last_bad is not None and any(request.ok and request.t_start > last_bad for request in after)

        self.wait(recovered, timeout_s, "an outage that the client sees, and a good answer after it")
        return self.outage_s(since)

    def outage_s(self, since: float) -> float:
        """The client's longest time without a good answer, its last one from the second before `since`; noted."""
        self.outages_s.append(self.lab.outage_s(since=since - 1))
        return self.outages_s[-1]

    def term_age_s(self, node: str) -> float:
        """For how long the node's term has been open; 0.0 when none is."""
        (number,) = observe.properties(self.lab, node, "org.standfast.Groups1", "Term")
        opened = [one.at for one in observe.told(self.lab, node, "term-opened") if one.fields["TERM"] == str(number)]
        return time.monotonic() - opened[-1] if number and opened else 0.0

    # Faults

    def fault(self, what: str) -> float:
        """Notes that something is done to the cluster now; the audit wants the client's requests in its window."""
        fault = Fault(at=time.monotonic(), what=what)
        self.faults.append(fault)
        return fault.at

    def cut_power(self, *nodes: str) -> float:
        """These nodes lose their power; when."""
        at = self.fault(f"power cut of {' and '.join(nodes)}")
        for node in nodes:
            self.powered_off.append((node, at))
        observe.each(nodes, self.lab.kill)
        return at

    def shut_down(self, *nodes: str) -> float:
        """`systemctl poweroff` was asked for in each of these nodes at once; when. They stay off."""
        at = self.fault(f"shutdown of {' and '.join(nodes)}")
        self.powered_off += [(node, at) for node in nodes]
        observe.each(nodes, lambda node: self.lab.sh(node, "systemctl", "poweroff", check=False))
        return at

    def reboot(self, node: str) -> float:
        """`systemctl reboot` was asked for in the node; when. It boots again by itself."""
        at = self.fault(f"reboot of {node}")
        self.rebooted.append((node, at))
        self.lab.sh(node, "systemctl", "reboot", check=False)
        return at

    def wait_until_rebooted(self, node: str, boots: int, timeout_s: float = 60.0) -> None:
        """The node has booted more often than `boots` times, and its boot is over."""
        self.wait(lambda: self.lab.boots(node) > boots, timeout_s, f"{node} to go down and boot again")
        self.wait(lambda: self.lab.is_booted(node), timeout_s, f"{node} to finish its boot")


class Stage:
    """The lab while all tests run."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.spoilt = False  # by a test that failed: what it left need not come back to normal by itself
