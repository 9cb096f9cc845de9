"""The demo: Apache with a virtual address survives a killed process, a hung process and a power cut."""

import io
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import normal, observe
from .lab import Lab
from .network import VIRTUAL_ADDRESS
from .normal import APACHE, GROUP
from .package import CONTRIB
from .place import LabError
from .progress import say

SURVIVED_WITHIN_S = 60.0
AFTER_S = 1.0  # for which the page must have been there again


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fault did to the client."""

    fault: str
    outage_s: float
    requests: int
    failed: int
    before: str  # the node that served
    after: str
    why: str  # from the journal


def main() -> int:
    """0: every fault was survived, 1: one was not, 130: interrupted. The cluster stays up."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in step with what the lab tells on standard error
    lab = Lab()
    try:
        return _run(lab)
    except (LabError, subprocess.SubprocessError) as error:
        print(f"\ndemo: {error}\nThe lab stays as it is: {_lab_command(lab, 'status')}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ndemo: interrupted; run it again, or {_lab_command(lab, 'down')}", file=sys.stderr)
        return 130


def _run(lab: Lab) -> int:
    begun = time.monotonic()
    _title("Three nodes, one Apache with a virtual address")
    if subprocess.run([CONTRIB / "install-packages", "build", "lab"], stdin=subprocess.DEVNULL).returncode != 0:
        raise LabError("contrib/install-packages could not install what the demo needs")
    lab.up()
    normal.make(lab)
    print(lab.sh(lab.nodes()[0], "standfast", "status").stdout)
    lab.client_start()
    since = time.monotonic()
    try:
        outcomes = [_kill(lab), _hang(lab), _cut_power(lab)]
    finally:
        lab.client_stop()
    print(lab.sh(lab.nodes()[0], "standfast", "status").stdout)
    overlap_ms = lab.overlap_ms(since=since)
    _print_result(outcomes, overlap_ms, time.monotonic() - begun)
    if overlap_ms > 0:
        return 1
    _print_next(lab)
    return 0


# The faults


def _kill(lab: Lab) -> Outcome:
    before = _owner(lab)
    _title(f"kill -9 of every Apache process on {before}")
    return _survive(lab, "kill -9", lambda: observe.signal_all(lab, before, APACHE, "KILL"))


def _hang(lab: Lab) -> Outcome:
    before = _owner(lab)
    _title(f"SIGSTOP to every Apache process on {before}: it hangs, and to systemd it is still active")
    return _survive(lab, "SIGSTOP", lambda: observe.signal_all(lab, before, APACHE, "STOP"))


def _cut_power(lab: Lab) -> Outcome:
    victim = _owner(lab)
    _title(f"power cut of {victim}, which serves")
    begun = time.monotonic()
    outcome = _survive(lab, "power cut", lambda: lab.kill(victim), but=victim)
    say(f"{victim} is switched on by the cluster once it is proven off, and boots")
    normal.wait(lab)
    print(f"  {victim} is a healthy member again {time.monotonic() - begun:.1f} s after it lost its power; ", end="")
    print(f"{GROUP} stays on {_owner(lab)} (Failback=no)")
    return outcome


def _survive(lab: Lab, fault: str, inject: Callable[[], object], *, but: str = "") -> Outcome:
    """The fault was injected, the client had its outage and gets its page again; LabError when it does not."""
    before, clock = _owner(lab), time.time()
    at = time.monotonic()
    inject()
    lab.wait(lambda: _survived(lab, at), SURVIVED_WITHIN_S, f"a client to get its page again after the {fault}")
    nodes = tuple(node for node in lab.nodes() if node != but)
    requests = [one for one in lab.client_requests() if one.t_start >= at]
    outcome = Outcome(
        fault=fault,
        outage_s=lab.outage_s(since=at - 1),
        requests=len(requests),
        failed=sum(not one.ok for one in requests),
        before=before,
        after=requests[-1].text,
        why=_why(lab, nodes, clock),
    )
    print(f"  outage {outcome.outage_s:.2f} s, now served by {outcome.after}. The journal says why:")
    print(f"  “{outcome.why}”")
    return outcome


def _survived(lab: Lab, at: float) -> bool:
    """Some request failed since then; for a while now the page has been there all the time."""
    requests = [one for one in lab.client_requests() if one.t_start >= at]
    bad = [one.t_end for one in requests if not one.ok]
    good = [one for one in requests if one.ok and bad and one.t_start > bad[-1]]
    return bool(good) and good[-1].t_end - good[0].t_start >= AFTER_S


def _why(lab: Lab, nodes: tuple[str, ...], clock: float) -> str:
    """The decision, with its reason, as the first of these nodes has it in its journal."""
    told = [one for node in nodes for one in observe.told(lab, node, "order", since=clock)]
    if not told:
        raise LabError(f"no journal of {', '.join(nodes)} tells of a decision")
    return told[0].text


def _owner(lab: Lab) -> str:
    found = normal.owner(lab)
    if found is None:
        raise LabError(f"{GROUP} is started nowhere: {normal.what_is_wrong(lab)}")
    return found


# What is printed


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _print_result(outcomes: list[Outcome], overlap_ms: float, took_s: float) -> None:
    _title(f"Result, after {took_s:.0f} s")
    print(f"  {'fault':<10} {'outage':>8}  {'requests':>8} {'failed':>7}  served by")
    for one in outcomes:
        served = one.before if one.before == one.after else f"{one.before}, then {one.after}"
        print(f"  {one.fault:<10} {one.outage_s:>6.2f} s  {one.requests:>8} {one.failed:>7}  {served}")
    if overlap_ms > 0:
        print(f"  NOT survived: two nodes held {VIRTUAL_ADDRESS} for {overlap_ms:.1f} ms")
    else:
        print(f"  All survived; at no moment did two nodes hold {VIRTUAL_ADDRESS}.")


def _print_next(lab: Lab) -> None:
    _title("The cluster stays up. Try next")
    first = lab.nodes()[0]
    for words, meaning in (
        (f"sh {first} standfast status", "the cluster as it is now"),
        (f"sh {first} standfast timeline", "what happened, from cause to served, in milliseconds"),
        (f"sh {first} standfast group relocate {GROUP} {first}", "move the group"),
        (f"cut {first}", "cut a node off from the others (heal: undo it)"),
        (f"client curl http://{VIRTUAL_ADDRESS}/", "ask as a client does"),
        ("down", "take it all down"),
    ):
        print(f"  {_lab_command(lab, words):<66} # {meaning}")


def _lab_command(lab: Lab, words: str) -> str:
    program = CONTRIB / "lab/lab"
    shown = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    name = "" if lab.place.name == "standfast" else f"STANDFAST_LAB_NAME={lab.place.name} "
    return f"{name}{shown} {words}"
