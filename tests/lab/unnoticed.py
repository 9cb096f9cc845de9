"""That a fault costs nothing: what is served goes on, on the same node, and each request is answered."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from standfast_lab import observe
from standfast_lab.client import failures

from lab.trial import ADDRESS, APACHE, Trial


@contextmanager
def nothing_noticed(trial: Trial) -> Iterator[None]:
    """No unit of the group was restarted, no address dropped, and no request of the client failed but by being late."""
    owner, since = trial.owner(), time.monotonic()
    before = {unit: observe.unit_property(trial.lab, owner, unit, "InvocationID") for unit in (ADDRESS, APACHE)}
    held = trial.lab.holders()
    yield
    assert {unit: observe.unit_property(trial.lab, owner, unit, "InvocationID") for unit in before} == before
    assert trial.lab.holders() == held
    check_requests(trial, since)


def check_requests(trial: Trial, since: float) -> None:
    """No request of the client begun since then was refused or answered badly, nor all of them late."""
    ended = time.monotonic() + 1
    trial.wait(lambda: time.monotonic() > ended, 2, "the last requests' answers")
    asked = [one for one in trial.lab.client_requests() if one.t_start >= since]
    bad = failures(asked)
    assert not bad, f"{len(bad)} of {len(asked)} requests failed; the first: {bad[0]}"
    assert len(asked) > 10
