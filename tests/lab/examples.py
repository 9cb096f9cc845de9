"""The examples of contrib/examples, put to work as their pages in contrib/docs/examples tell it."""

from collections.abc import Iterator
from contextlib import contextmanager

from standfast_lab import observe

from lab.test_quiet_changes import PUSHED_WITHIN_S, in_force
from lab.trial import Trial
from lab.typed_pages import Step, steps
from lab.typist import type_in

PUSH = "standfast config push"


@contextmanager
def example(trial: Trial, name: str, node: str, *left: str) -> Iterator[tuple[Step, ...]]:
    """The example is in force, pushed from `node`, and the page's other steps are to be done.

    The steps up to the push put the files of contrib/examples in place; what comes after is looked at and tried.

    At the end it is gone, and with it `left`, the files that it made on each node.
    """
    every = steps(f"examples/{name}")
    pushed = 1 + next(index for index, step in enumerate(every) if PUSH in step.commands)
    with taken_back(trial, node, *left):
        for step in every[:pushed]:
            type_in(trial.lab, step, node)
        yield every[pushed:]


@contextmanager
def taken_back(trial: Trial, node: str, *left: str) -> Iterator[None]:
    """At the end the version is in force that was so before, `node` has its files, and no node has `left`."""
    lab = trial.lab
    before = in_force(trial, node)
    lab.sh(node, "sh", "-euc", "rm -rf /root/etc-standfast; cp -a /etc/standfast /root/etc-standfast")
    try:
        yield
    finally:
        try:
            if in_force(trial, node) != before:
                lab.sh(node, "standfast", "config", "rollback", "--yes", before, timeout_s=PUSHED_WITHIN_S)
        finally:
            lab.sh(node, "sh", "-euc", "rm -r /etc/standfast; mv /root/etc-standfast /etc/standfast")
            gone = f"rm -rf {' '.join(left)}; systemctl daemon-reload"
            observe.each(lab.nodes(), lambda one: lab.sh(one, "sh", "-c", gone))


def owner_of(trial: Trial, group: str, on: tuple[str, ...] | None = None) -> str | None:
    """The node on which all, or those `on`, agree that the group is started, whatever else they differ about."""
    found = observe.each(on if on is not None else trial.lab.nodes(), lambda node: observe.seen(trial.lab, node))
    told = [one.groups.get(group) if one is not None else None for one in found.values()]
    owners = {one.owner if one is not None and one.phase == "started" else None for one in told}
    return owners.pop() if len(owners) == 1 else None


def known_owner(trial: Trial, group: str, *but: str | None, timeout_s: float = 40.0) -> str:
    """The node on which all agree that the group is started, once they do, and it is none of `but`."""
    found: list[str] = []

    def known() -> bool:
        owner = owner_of(trial, group)
        found[:] = [owner] if owner is not None and owner not in but else []
        return bool(found)

    trial.wait(known, timeout_s, lambda: f"{group} to be started, not on {but}; {observe.agreed(trial.lab)}")
    return found[0]


def wait_until_started(trial: Trial, group: str, url: str, *, on: str = "", timeout_s: float = 40.0) -> str:
    """The group is started (on this node), and a client gets the page; where it runs."""

    def serves() -> bool:
        owner = owner_of(trial, group)
        good = trial.lab.client("curl", "-sf", "-m", "1", url).returncode == 0
        return owner is not None and owner == (on or owner) and good

    trial.wait(serves, timeout_s, lambda: f"{group} to serve {url}; {observe.agreed(trial.lab)}")
    return known_owner(trial, group)


def wait_until_fails(trial: Trial, group: str, node: str, since: float) -> str:
    """Why the group failed on the node, as its own journal has it."""

    def told() -> list[str]:
        entries = trial.told(node, "group-failed", since=since)
        return [one.text for one in entries if one.fields.get("GROUP") == group]

    trial.wait(told, 30.0, f"{node} to say why {group} failed")
    return told()[0]
