"""What must be true after every lab test, whatever the test was about (DESIGN section 16).

Each audit reads what happened from outside (the witness, the BMCs' log, the supervisors' log, the journals, systemd)
and yields a sentence for each violation.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator

from standfast_lab import observe
from standfast_lab.observe import Told
from standfast_lab.place import LabError

from lab.trial import ADDRESS, APACHE, GROUP, Trial

RECORDS_EQUAL_WITHIN_S = 10.0
WINDOW_S = 1.0  # of a fault, in which the client must have asked
REBOOT = 133  # systemd-nspawn's exit status
SLACK_S = 5.0  # between a cut and the supervisor's line about it
HELD = f"/run/standfast/held/{GROUP}"
DOWN = re.compile(r"([\d.]+) (\S+): PID 1 has ended, systemd-nspawn exit (-?\d+)")
OPENED = re.compile(r"Term \d+ is open: ([^;]*);")


def violations(trial: Trial, *, settled: bool = True) -> list[str]:
    """Everything that is wrong, as sentences. `settled` False: the test failed midway, so records may differ."""
    audits = [*AUDITS, _all_healed, _equal_records] if settled else AUDITS
    return [text for audit in audits for text in audit(trial)]


def _no_two_holders(trial: Trial) -> Iterator[str]:
    overlap_ms = trial.lab.overlap_ms(since=trial.begun)
    if overlap_ms > 0:
        yield f"two nodes held the address for {overlap_ms:.1f} ms"


def _proof_before_start(trial: Trial) -> Iterator[str]:
    """In every node's journal: between a loss and its proof (or its end) no start is ordered but of what a member has.

    A loss ends when its node is named in a term again; a start that had begun goes on where it is.
    """
    ends = list(_ends(trial))
    for node in trial.lab.nodes():
        own = [at for name, at, _ in ends if name == node]
        told = trial.told(node)
        for group in sorted({GROUP, *(entry.fields["GROUP"] for entry in told if "GROUP" in entry.fields)}):
            for text in starts_before_proof(told, trial.first_owner if group == GROUP else None, own, group):
                yield f"{node}'s journal: {text}"


def starts_before_proof(
    entries: Iterable[Told], holder: str | None, ends: Iterable[float] = (), group: str = GROUP
) -> Iterator[str]:
    """The violations in one journal that are about the group; `holder` held it before the first entry.

    At each of `ends` its node went down: a proof that was given while it was off is told by the others only.
    """
    pending: dict[str, str] = {}  # node: loss
    to_come = sorted(ends)
    for entry in (entry for entry in entries if entry.fields.get("GROUP", group) == group):
        while to_come and entry.at > to_come[0]:
            del to_come[0]
            pending.clear()
        _follow(entry, pending)
        if _is_start(entry):
            awaited = {name: loss for name, loss in pending.items() if _may_have(name, group)}
            if awaited and (entry.fields["SUBJECT"] != holder or holder in awaited):
                waiting = ", ".join(f"loss {loss} of {name}" for name, loss in sorted(awaited.items()))
                yield f"“{entry.text}” although there was no proof yet: {waiting}"
            holder = entry.fields["SUBJECT"]
        elif entry.event == "group-stopped":
            holder = None


def _may_have(node: str, group: str) -> bool:
    """A copy of a group can be on its own node only."""
    return group.partition("@")[2] in ("", node)


def _follow(entry: Told, pending: dict[str, str]) -> None:
    match entry.event:
        case "node-lost":
            pending[entry.fields["SUBJECT"]] = entry.fields["INCIDENT"]
        case "node-proven":
            for name in [name for name, loss in pending.items() if loss == entry.fields["INCIDENT"]]:
                del pending[name]
        case "term-opened":
            found = OPENED.match(entry.text)
            for name in found[1].split(", ") if found else ():
                pending.pop(name, None)


def _is_start(entry: Told) -> bool:
    return entry.event == "group-starting" or (entry.event == "order" and entry.fields["DECISION"] == "start")


def _no_daemon_failed(trial: Trial) -> Iterator[str]:
    for node in trial.lab.nodes():
        for entry in trial.told(node, "daemon-failed"):
            yield f"{node}: {entry.daemon} ended with an error: {entry.text}"


def _nothing_unheld(trial: Trial) -> Iterator[str]:
    """No unit of the group is active, and no process of it is left, on a node that does not hold the group."""
    for node in trial.lab.nodes():
        try:
            held = trial.lab.sh(node, "test", "-e", HELD, check=False).returncode == 0
            for unit in (ADDRESS, APACHE):
                state = observe.unit_property(trial.lab, node, unit, "ActiveState")
                if not held and (state not in ("inactive", "failed") or observe.processes(trial.lab, node, unit)):
                    yield f"{node}: {unit} is {state} without {HELD}"
        except LabError as error:
            if trial.lab.is_on(node):
                yield f"{node} could not be asked: {error}"


def _only_wanted_power_cuts(trial: Trial) -> Iterator[str]:
    """Each end of a PID 1 is a fault of this test, or a BMC's doing, and that one was expected."""
    resets = [entry for entry in trial.lab.bmc_requests(since=trial.begun) if entry["method"] == "POST"]
    cuts = [(one["node"], one["begun"], one["ended"]) for one in resets if _kind(one) not in ("", "On")]
    for node, begun, _ in cuts:
        if node not in trial.to_be_fenced:
            yield f"{node} was switched off by its BMC {begun - trial.begun:.1f} s after the test began"
    for node, at, code in _ends(trial):
        asked = [begun for name, begun in (trial.rebooted if code == REBOOT else trial.powered_off) if name == node]
        by_us = any(begun <= at for begun in asked)
        by_bmc = any(name == node and begun <= at <= ended + SLACK_S for name, begun, ended in cuts)
        if not by_us and not by_bmc:
            how = "rebooted" if code == REBOOT else f"went down (exit {code})"
            yield f"{node} {how} by itself {at - trial.begun:.1f} s after the test began"


def _kind(request: dict[str, object]) -> str:
    try:
        return str(json.loads(str(request["body"]))["ResetType"])
    except (ValueError, KeyError, TypeError):
        return ""


def _ends(trial: Trial) -> Iterator[tuple[str, float, int]]:
    """Node, time and exit status of each life that ended since the test began."""
    for place in trial.lab.place.nodes():
        for line in (place.folder / "supervisor.out").read_text().splitlines():
            found = DOWN.match(line)
            if found and float(found[1]) >= trial.begun:
                yield found[2], float(found[1]), int(found[3])


def _requests_in_window(trial: Trial) -> Iterator[str]:
    """A fault that no client could have noticed proves nothing."""
    requests = trial.lab.client_requests()
    for fault in trial.faults:
        inside = [one for one in requests if fault.at <= one.t_start <= fault.at + WINDOW_S]
        if not inside:
            yield f"the client asked nothing within {WINDOW_S:g} s of: {fault.what}"


def _all_healed(trial: Trial) -> Iterator[str]:
    """What looks normal a moment after a cut is not: the loss is only not noticed yet."""
    if trial.lab.cuts():
        yield "the test left a cut between nodes"


def _equal_records(trial: Trial) -> Iterator[str]:
    def differ() -> dict[str, tuple[str, str]]:
        found = observe.records(trial.lab, trial.lab.nodes())
        return {} if len(set(found.values())) == 1 else found

    try:
        trial.wait(lambda: not differ(), RECORDS_EQUAL_WITHIN_S, "equal records on all nodes")
    except LabError as error:
        yield f"{error}: {differ()}"


AUDITS: list[Callable[[Trial], Iterator[str]]] = [
    _no_two_holders,
    _proof_before_start,
    _no_daemon_failed,
    _nothing_unheld,
    _only_wanted_power_cuts,
    _requests_in_window,
]
