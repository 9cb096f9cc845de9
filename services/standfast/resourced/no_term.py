"""Why no term is open on this node: one sentence for people (DESIGN section 4)."""

from collections.abc import Collection

from standfast.resourced.terms import Terms


def why_no_term(terms: Terms) -> str:
    """What the next term waits for, and what to do about it; "" = a term is open."""
    if terms.term is not None:
        return ""
    if terms.me not in terms.members:
        return "this node has not joined the others yet: systemctl status corosync.service"
    here = frozenset(terms.members) & terms.order.keys()
    absent = [name for name in terms.order if name not in here]
    if not terms.may_hold(here):
        return f"too few nodes are here: {_bring(absent, terms.ring_nodes)}"
    if terms.word != (terms.ring, True):
        return "Corosync does not call this view quorate: standfast quorum" + _after_a_start(absent)
    calling = terms.calling
    if calling is None or calling.call.nonce == "":
        return "its members are being called"
    if calling.missing:
        return f"{_list(sorted(calling.missing))} did not answer yet: systemctl status standfast-resourced there"
    if terms.best(calling) is None:
        return f"a later record may be on {_list(absent)}: {_bring(absent, terms.ring_nodes)}"
    return "its members are storing the record"


def _list(names: Collection[str]) -> str:
    return ", ".join(names)


def _bring(absent: Collection[str], ring_nodes: Collection[str]) -> str:
    """What brings them here, or makes it go on without them."""
    away = [name for name in absent if name in ring_nodes]
    off = [name for name in absent if name not in ring_nodes]
    steps = [f"start standfast-resourced on {_list(away)}"] if away else []
    steps += [f"boot {_list(off)}"] if off else []
    text = " and ".join(steps)
    if off and not away:
        text += f", or, if that cannot be, standfast quorum start-alone {' '.join(off)}"
    return text


def _after_a_start(absent: Collection[str]) -> str:
    return f" (after a cold start all must have been here once: boot {_list(absent)})" if absent else ""
