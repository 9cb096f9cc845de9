"""What of the status needs a person, the most urgent first, each with what to type: pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from standfast.status_report import Report
from standfast.vocabulary import BY_HAND

_WANTED_SO: Final = {"stopped", "disabled", BY_HAND, "frozen"}
_NAMED: Final = 4
_MISSING: Final = ("left", "lost", "fencing", "fenced", "unresponsive", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A sentence; `urgent`: something is not served, or would not be after the next failure."""

    text: str
    urgent: bool = False


def troubles(report: Report) -> list[Trouble]:
    """All that there is; empty: nobody is needed."""
    found = [
        *_here(report),
        *_losses(report),
        *_groups(report),
        *_nodes(report),
        *_fencing(report),
        *_wishes(report),
    ]
    return sorted(found, key=lambda one: not one.urgent)


def is_well(resource: Report) -> bool:
    """It runs, and serves as far as anybody looks."""
    probes = [one["state"] for one in resource["probes"]]
    return bool(resource["state"] == "active" and resource["probe"] in ("good", "none") and set(probes) <= {"good"})


def going_without(report: Report) -> str:
    """What an operator's start-alone waits for, or what was promised with it."""
    them = ", ".join(report["without"])
    if not report["term"]:
        return f"On an operator's word this cluster goes on without {them} once each is proven off."
    return (
        f"This cluster goes on without {them} on an operator's word: keep them off. "
        "Until more than half of all votes are here again every wish is answered with “unknown”."
    )


def _here(report: Report) -> Iterator[Trouble]:
    """This node's own part of the cluster."""
    for daemon, why in report["away"].items():
        text = f"standfast-{daemon} {why} here, so a part is missing: systemctl status standfast-{daemon}.service"
        yield Trouble(text=text, urgent=True)
    if report["withdrawn"]:
        yield Trouble(text=f"Withdrawn: {report['withdrawn']}", urgent=True)
    if report["quorate"] is False:
        yield Trouble(text=_not_quorate(report), urgent=True)
    if report["no_term"]:
        yield Trouble(text=f"No term is open, so nothing is decided here: {report['no_term']}", urgent=True)
    if report["arbiter"] and report["arbiter"]["state"] != "votes":
        yield Trouble(text=f"The arbiter {report['arbiter']['host']} gives no vote to this view: standfast quorum")


def _not_quorate(report: Report) -> str:
    missing = [node["name"] for node in report["nodes"] if node["state"] in _MISSING and node["name"] != report["node"]]
    alone = f"; if they stay off for good: standfast quorum start-alone {' '.join(missing)}" if missing else ""
    return f"Too few votes are here, so this side starts nothing. Bring back what is missing{alone}"


def _losses(report: Report) -> Iterator[Trouble]:
    for loss in report["fencing"]["pending"] or ():
        line = f"{loss['node']} waits for proof that it is off (loss {loss['loss']}): {loss['reason']}"
        done = f"; {loss['attempt']} failed" if loss["attempt"] else ""
        yield Trouble(text=line + done + _due(loss), urgent=True)


def _due(loss: Report) -> str:
    """The countdown to the next attempt, how not to wait for the first one, and what a person can do when it fails."""
    seconds = loss["next_attempt_in_s"]
    if not loss["attempt"]:
        if not seconds:
            return ": standfast status -w shows how it goes"
        return f"; it is fenced in {seconds} s, or at once: standfast fence now {loss['node']}"
    due = f"; next attempt in {seconds} s" if seconds else ""
    confirm = f"standfast fence confirm {loss['node']} {loss['loss']}"
    return f"{due}. Why: standfast fence history {loss['node']}; or cut its power, and: {confirm}"


def _groups(report: Report) -> Iterator[Trouble]:
    idle: dict[str, list[str]] = {}  # by why they do not run
    for group in report["groups"] or ():
        name, flags = group["name"], set(group["flags"])
        if BY_HAND in flags:
            yield Trouble(text=f"{name}: {group['reason']}")
        elif group["phase"] == "blocked":
            text = f"{name} is blocked on {group['owner']}: {_clause(group['reason'])}: standfast explain {name}"
            yield Trouble(text=text, urgent=True)
        elif group["phase"] == "stopped" and not flags & _WANTED_SO and not _is_copy(report, name):
            idle.setdefault(_clause(group["reason"]), []).append(name)
        elif "partial" in flags:
            yield Trouble(text=f"{name} runs without {_missing(group)}: standfast explain {name}")
        elif group["phase"] == "started":
            yield from _sick(group)
    for why, names in idle.items():
        verb = "does" if len(names) == 1 else "do"
        text = f"{_some(names)} {verb} not run: {why}: standfast explain {names[0]}"
        yield Trouble(text=text, urgent=True)
    for one in report["copies"] or ():
        running = [
            group for group in report["groups"] if group["name"] in one["groups"] and group["phase"] == "started"
        ]
        if len(running) < one["wanted"]:
            text = f"{one['name']}: {len(running)} of {one['wanted']} copies run: standfast explain {one['name']}"
            yield Trouble(text=text, urgent=not running)


def _sick(group: Report) -> Iterator[Trouble]:
    """What somebody sees to be wrong with what runs."""
    for one in group["resources"]:
        wrong = [probe for probe in one["probes"] if probe["state"] not in ("good", "unknown")]
        if one["state"] == "failed" or one["probe"] in ("bad", "degraded", "not-ready") or wrong:
            why = one["cause"] or (wrong[0]["seen"] if wrong else f"its probe says {one['probe']}")
            text = f"{group['name']}: {one['unit']} is not well: {_clause(why)}: standfast probe {one['unit']}"
            yield Trouble(text=text)


def _some(names: Sequence[str]) -> str:
    """At most a few of them by name."""
    shown = names if len(names) <= _NAMED else names[: _NAMED - 1]
    more = [f"{len(names) - len(shown)} more"] if len(shown) < len(names) else []
    return " and ".join(filter(None, (", ".join([*shown, *more][:-1]), [*shown, *more][-1])))


def _clause(reason: str) -> str:
    return reason.rstrip(".") or "nobody says why"


def _is_copy(report: Report, name: str) -> bool:
    """It is one of several, so what counts is how many run."""
    return any(name in one["groups"] for one in report["copies"] or ())


def _missing(group: Report) -> str:
    return ", ".join(one["unit"] for one in group["resources"] if not is_well(one)) or "a part"


def _nodes(report: Report) -> Iterator[Trouble]:
    told = {loss["node"] for loss in report["fencing"]["pending"] or ()}
    if report["quorate"] is False:
        told |= {node["name"] for node in report["nodes"]}
    for node in report["nodes"]:
        name = node["name"]
        if node["state"] in ("lost", "unresponsive") and name not in told:
            text = f"{name} is {node['state']}: standfast explain {name}"
            yield Trouble(text=text, urgent=True)
        if node["state"] == "fenced" and name not in told:
            yield Trouble(text=f"{name} was fenced and is not back yet; if it stays away look at its console and power")
        if node["healthy"] is False:
            yield Trouble(text=f"{name} is not healthy, so it gives its groups away: standfast quorum, there")
        if node["drifted"]:
            yield Trouble(
                text=f"{name} has not the configuration in force, so it is given nothing: standfast config show"
            )
        down = [str(link["link"]) for link in node["links"] or () if not link["up"]]
        if down and node["state"] == "online":
            word = "link" if len(down) == 1 else "links"
            yield Trouble(
                text=f"{name} is not heard on {word} {', '.join(down)}: look at cable, switch and address there"
            )


def _fencing(report: Report) -> Iterator[Trouble]:
    fencing = report["fencing"]
    for problem in fencing["problems"]:
        if ": warning: " not in problem:
            yield Trouble(text=f"Fence devices: {problem}")
    if fencing["unfenced"] is False:
        text = "This node is not let in at its fence device yet, so nothing is started here: standfast fence test"
        yield Trouble(text=text, urgent=True)
    for device in fencing["devices"] or ():
        if device["ok"] is False:
            said = _clause(device["answer"] or "no answer")
            text = f"Fence device {device['name']} {says(device)}: {said}: standfast fence test {device['name']}"
            yield Trouble(text=text)
    for sentence in fencing["unsafe"]:
        yield Trouble(text=f"Unsafe: {sentence}")
    if report["safe"] is False and not fencing["unsafe"]:
        yield Trouble(text="Unsafe: not every node has a fence device, so some losses can never be proven.")


def says(device: Report) -> str:
    """How its last answer is."""
    if device["ok"] is None:
        return "was not asked yet"
    if device["ok"]:
        return "answers"
    answered = device["last_answer"] and device["last_answer"] == device["last_test"]
    return "says what cannot be" if answered else "does not answer"


def _wishes(report: Report) -> Iterator[Trouble]:
    """What somebody asked for that should not stay so."""
    for problem in report["problems"]:
        yield Trouble(text=f"Configuration: {problem}")
    if report["unconfirmed"]:
        seconds = report["unconfirmed"]["left_ms"] // 1000
        text = f"The configuration before comes back in {seconds} s, unless: standfast config confirm"
        yield Trouble(text=text)
    if report["without"]:
        yield Trouble(text=going_without(report))
    if report["maintenance"]:
        text = "Maintenance: nothing is done with any group, nobody is fenced: standfast maintenance off"
        yield Trouble(text=text)
