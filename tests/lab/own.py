"""A cluster of its own for tests that need other nodes than the three that all share."""

import contextlib
import os
from collections.abc import Iterator

from standfast_lab import normal
from standfast_lab.lab import Lab

from lab.audit import violations
from lab.evidence import gather
from lab.trial import Trial


@contextlib.contextmanager
def own_lab(
    name: str,
    nodes: int,
    *,
    watchdogs: bool = False,
    second_bmcs: bool = False,
    arbiter: bool = False,
    servers: bool = False,
    with_cockpit: bool = False,
    disk: bool = False,
) -> Iterator[Lab]:
    """A new lab, in its normal state; nothing of it is left at the end."""
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'check')}-{name}")
    lab.down()
    try:
        lab.up(
            nodes,
            watchdogs=watchdogs,
            second_bmcs=second_bmcs,
            arbiter=arbiter,
            servers=servers,
            with_cockpit=with_cockpit,
            disk=disk,
        )
        normal.wait(lab)
        yield lab
    finally:
        lab.down()


@contextlib.contextmanager
def bare_lab(name: str, nodes: int, *, with_package: bool = True, with_cockpit: bool = False) -> Iterator[Lab]:
    """Nodes with the package (unless told otherwise) and nothing else; nothing of them is left at the end."""
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'check')}-{name}")
    lab.down()
    try:
        lab.up(nodes, bare=True, with_package=with_package, with_cockpit=with_cockpit)
        yield lab
    finally:
        lab.client_stop()
        lab.down()


@contextlib.contextmanager
def trial_in(lab: Lab) -> Iterator[Trial]:
    """The cluster in its normal state and a client that asks; at its end normal again, and the audit."""
    normal.wait(lab)
    lab.client_start()
    trial = Trial(lab)
    trial.first_owner = trial.owner()
    try:
        yield trial
        trial.wait_until_normal()
        wrong = violations(trial)
        assert not wrong, "\n".join(wrong)
    except BaseException:
        folder = gather(lab, os.environ.get("PYTEST_CURRENT_TEST", "test").partition("::")[2].partition(" ")[0])
        print(f"journals of all machines, client, witness and BMC: {folder}")
        raise
    finally:
        lab.client_stop()
