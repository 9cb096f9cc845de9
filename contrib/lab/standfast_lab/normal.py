"""The example cluster in its normal state: every node takes part, webserv is started and served."""

from . import observe
from .behaviour import Mode
from .cluster import served
from .lab import Lab
from .observe import Seen

GROUP = "webserv"
APACHE = "apache2.service"
NORMAL_WITHIN_S = 75.0
SHOWN = 9  # of hundreds of groups


def make(lab: Lab) -> None:
    """Whatever was done to the cluster is undone, and it is normal; LabError when it does not come to that."""
    lab.heal()
    for node in lab.nodes():
        lab.bmc(node, Mode.OK)
    if not reached(lab):
        observe.each(lab.nodes(), lambda node: _let_take_part(lab, node))
        lab.wait(lambda: _end_wishes(lab), NORMAL_WITHIN_S, lambda: what_is_wrong(lab))
        wait(lab)


def wait(lab: Lab, timeout_s: float = NORMAL_WITHIN_S) -> float:
    """The cluster is normal; the seconds it took. LabError when it does not come to that by itself."""
    return lab.wait(lambda: reached(lab), timeout_s, lambda: what_is_wrong(lab))


def reached(lab: Lab) -> bool:
    """All nodes say so alike, and a client gets its page."""
    found = observe.agreed(lab)
    return found is not None and is_normal(found) and served(lab.place)


def is_normal(found: Seen) -> bool:
    """Every node is online with nothing against it, and the group is started."""
    group = found.groups.get(GROUP)
    return (
        set(found.nodes.values()) == {"online"}
        and not found.standby | found.drifted | found.unhealthy
        and group is not None
        and (group.phase, group.flags) == ("started", ())
    )


def owner(lab: Lab) -> str | None:
    """The node on which the group is started, as the first node says that can tell; None: nobody says so."""
    for node in lab.nodes():
        found = observe.seen(lab, node)
        group = found.groups.get(GROUP) if found is not None else None
        if group is not None and group.phase == "started" and group.owner:
            return group.owner  # "": the one that had it is gone, and nobody has taken it yet
    return None


def what_is_wrong(lab: Lab) -> str:
    """What is waited for, and what each node sees."""
    views = observe.each(lab.nodes(), lambda node: observe.seen(lab, node))
    words = [f"{node} sees {_in_words(view)}" for node, view in views.items()]
    return "every node online and webserv started; " + "; ".join(words)


def _in_words(found: Seen | None) -> str:
    if found is None:
        return "nothing (no answer)"
    nodes = " ".join(f"{name}={state}" for name, state in sorted(found.nodes.items()))
    told = [name for name, one in sorted(found.groups.items()) if name == GROUP or one.phase != "started"]
    shown = [(name, found.groups[name]) for name in told[:SHOWN]]
    groups = " ".join(f"{name}={one.phase}@{one.owner} ({one.reason})" for name, one in shown)
    against = sorted(found.standby | found.drifted | found.unhealthy)
    return f"{nodes}, {groups}" + (f", standby, drifted or unhealthy: {' '.join(against)}" if against else "")


def _let_take_part(lab: Lab, node: str) -> None:
    lab.boot(node)
    lab.sh(node, "systemctl", "start", "standfast.target")


def _end_wishes(lab: Lab) -> bool:
    """No node is in standby and the group is not stopped, by an operator or by an administrator's systemctl."""
    found = observe.agreed(lab)
    if found is None:
        return False
    first = lab.nodes()[0]
    for node in found.standby:
        lab.sh(first, "standfast", "node", "resume", node, check=False)
    group = found.groups.get(GROUP)
    stopped = group is not None and not {"stopped", "held-by-administrator"}.isdisjoint(group.flags)
    if stopped:
        lab.sh(first, "standfast", "group", "start", GROUP, check=False)
    return group is not None and not found.standby and not stopped
