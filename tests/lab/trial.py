"""One test's hold on the cluster: it brings it to its normal state, injects faults, and remembers what it did.

What was not injected here must not have happened: the audit compares.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from standfast_lab import observe
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab
from standfast_lab.network import VIRTUAL_ADDRESS
from standfast_lab.observe import Seen, Told
from standfast_lab.place import LabError

GROUP = "webserv"
APACHE = "apache2.service"
ADDRESS = f"standfast-ip@{VIRTUAL_ADDRESS}.service"
DAEMONS = ("membershipd", "quorumd", "fenced", "resourced")
NORMAL_WITHIN_S = 75.0


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
        self.first_owner: str | None = None  # who held the group when the test began

    # The normal state

    def make_normal(self) -> None:
        """Nothing is cut or off, every node takes part, webserv is started; LabError when it does not come to that."""
        lab = self.lab
        lab.heal()
        for node in lab.nodes():
            lab.bmc(node, Mode.OK)
        if not self._normal():
            observe.each(lab.nodes(), self._make_node_normal)
            lab.wait(self._without_wishes, NORMAL_WITHIN_S, self._what_is_wrong)
            lab.wait(self._normal, NORMAL_WITHIN_S, self._what_is_wrong)

    def wait_until_normal(self, timeout_s: float = NORMAL_WITHIN_S) -> float:
        """All nodes are online and say so, webserv is started and served; the seconds it took."""
        return self.lab.wait(self._normal, timeout_s, self._what_is_wrong)

    def _make_node_normal(self, node: str) -> None:
        self.lab.boot(node)
        self.lab.sh(node, "systemctl", "start", "standfast.target")

    def _without_wishes(self) -> bool:
        """No node is in standby and the group is not stopped by an operator."""
        found = observe.agreed(self.lab)
        if found is None:
            return False
        first = self.lab.nodes()[0]
        for node in found.standby:
            self.lab.sh(first, "standfast", "node", "resume", node, check=False)
        group = found.groups.get(GROUP)
        if group is not None and "stopped" in group.flags:
            self.lab.sh(first, "standfast", "group", "start", GROUP, check=False)
        return group is not None and not found.standby and "stopped" not in group.flags

    def _normal(self) -> bool:
        found = observe.agreed(self.lab)
        return found is not None and is_normal(found) and self.serves()

    def _what_is_wrong(self) -> str:
        views = observe.each(self.lab.nodes(), lambda node: observe.seen(self.lab, node))
        words = [f"{node} sees {_in_words(view)}" for node, view in views.items()]
        return "the normal state; " + "; ".join(words)

    # Looking

    def serves(self) -> bool:
        """A client gets the page now."""
        return self.lab.client("curl", "-sf", "-m", "1", f"http://{VIRTUAL_ADDRESS}/").returncode == 0

    def owner(self) -> str:
        """The node that holds webserv, as all say that are in the cluster."""
        for node in self.lab.nodes():
            found = observe.seen(self.lab, node)
            if found is not None and found.groups[GROUP].phase == "started":
                return found.groups[GROUP].owner
        raise LabError(f"nobody says that {GROUP} is started")

    def others(self, node: str) -> tuple[str, ...]:
        """Every node but this one, in order."""
        return tuple(other for other in self.lab.nodes() if other != node)

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

        self.wait(started, timeout_s, lambda: f"{GROUP} to be started on {node}; {self._what_is_wrong()}")

    def wait_for_good_answer(self, since: float, timeout_s: float = 30.0) -> float:
        """The client, which asks all the time, got the page again after an outage since `since`: its seconds."""

        def recovered() -> bool:
            after = [request for request in self.lab.client_requests() if request.t_start >= since]
            last_bad = max((request.t_start for request in after if not request.ok), default=None)
            return last_bad is not None and any(request.ok and request.t_start > last_bad for request in after)

        self.wait(recovered, timeout_s, "an outage that the client sees, and a good answer after it")
        return self.lab.outage_s(since=since - 1)

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


def is_normal(found: Seen) -> bool:
    """Every node is online with nothing against it, and the group is started."""
    group = found.groups.get(GROUP)
    return (
        set(found.nodes.values()) == {"online"}
        and not found.standby | found.drifted | found.unhealthy
        and group is not None
        and (group.phase, group.flags) == ("started", ())
    )


def _in_words(found: Seen | None) -> str:
    if found is None:
        return "nothing (no answer)"
    nodes = " ".join(f"{name}={state}" for name, state in sorted(found.nodes.items()))
    groups = " ".join(f"{name}={one.phase}@{one.owner} ({one.reason})" for name, one in sorted(found.groups.items()))
    against = sorted(found.standby | found.drifted | found.unhealthy)
    return f"{nodes}, {groups}" + (f", standby, drifted or unhealthy: {' '.join(against)}" if against else "")
