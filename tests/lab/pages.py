"""Pages in a node that is probed: one for each way to run and not to serve, one that flaps, one that starts slowly."""

import time
from dataclasses import dataclass
from functools import partial

from standfast_lab import observe
from standfast_lab.observe import Told

from lab.probed_servers import ProbedNode, certify

FOUND_WITHIN_S = 30.0
STARTED_WITHIN_S = 90.0
FLAPS, SLOW = "flaps", "slow"
TARGET = "[X-Standfast]\nResources=page-{name}.service\nDomain=web\n"
# With Level=degraded nobody acts: what systemd says stays to be seen.
SERVICE = """[Service]
ExecStart=/usr/bin/python3 /srv/probed/page.py {name} {port}
[X-Probe]
URL={scheme}://127.0.0.1:{port}/
Body=^well$
Interval=500ms
FailAfter={fail_after}
{more}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """What is done to a page that was well, in the node, and what the journal must say of it."""

    do: str
    said: str


ILLNESSES = {
    "zombie": Illness(do="pkill -KILL -P {pid}", said="connection refused; its process .* is a zombie$"),
    "hung": Illness(do="kill -STOP {pid}", said="no answer within 1 s; its process .* is stopped$"),
    "mute": Illness(do="echo mute >/run/page.mute", said="no answer within 1 s$"),
    "error": Illness(do="echo error >/run/page.error", said="status 500, expected 200$"),
    "wrong": Illness(
        do="echo another page >/run/page.wrong",
        said=r"status 200, but the body does not match \^well\$: “Welcome to nginx!”$",
    ),
    "certificate": Illness(do="kill -HUP {pid}", said="its certificate is good for 2 more days only, until "),
}
GROUPS = (*ILLNESSES, FLAPS, SLOW)


def unit(name: str) -> str:
    return f"page-{name}.service"


def files() -> dict[str, str]:
    """A group with one page for each illness, one that will flap, and one that takes long to start."""
    units = {}
    for port, name in enumerate(GROUPS, 9001):
        tls = name == "certificate"
        more = "CAFile=/srv/probed/authority.crt\nCertificateDays=7\n" if tls else ""
        more += "StartTimeout=60s\n" if name == SLOW else "Level=degraded\n"
        units[f"units/{name}.target"] = TARGET.format(name=name)
        units[f"units/{unit(name)}"] = SERVICE.format(
            name=name, port=port, scheme="https" if tls else "http", fail_after=1 if name == FLAPS else 2, more=more
        )
    return units


class Pages:
    """The pages in the node, and what the cluster says of them."""

    def __init__(self, probed: ProbedNode) -> None:
        self.probed, self.lab, self.node = probed, probed.lab, probed.node
        self.begun, self.begun_clock = time.monotonic(), time.time()

    def phase(self, name: str) -> str:
        found = observe.seen(self.lab, self.node)
        return found.groups[name].phase if found and name in found.groups else ""

    def pid(self, name: str) -> str:
        return observe.unit_property(self.lab, self.node, unit(name), "MainPID")

    def told(self, name: str, *events: str) -> list[Told]:
        """The entries about the page, oldest first."""
        entries = observe.told(self.lab, self.node, *events, since=self.begun_clock - 1)
        return [one for one in entries if one.at >= self.begun and one.fields.get("RESOURCE") == unit(name)]

    def bad(self, name: str) -> list[str]:
        return [one.text for one in self.told(name, "probe-changed") if " is bad" in one.text]

    def certify(self, days: int) -> None:
        certify(self.lab.root(self.node) / "srv/probed/page", "127.0.0.1", days)

    def begin(self) -> None:
        """The cluster has all pages, and all but the slow one are good."""
        self.certify(days=90)
        self.probed.push(files())
        for name in (name for name in GROUPS if name != SLOW):
            self.lab.wait(partial(self._good, name), STARTED_WITHIN_S, f"{name} to be started and its probe good")

    def _good(self, name: str) -> bool:
        return self.phase(name) == "started" and bool(self.told(name, "probe-changed"))
