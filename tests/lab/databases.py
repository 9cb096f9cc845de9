"""Databases on shared storage, and for each a client that writes all the time: what it was told must stay true."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from standfast_lab import observe, processes
from standfast_lab.lab import Lab

from lab import lives, row_writer
from lab.examples import owner_of
from lab.lives import Life, Line
from lab.row_writer import Row
from lab.trial import Trial
from lab.typed_pages import Step
from lab.typist import type_in

STARTED_WITHIN_S = 60.0
WRITES_WITHIN_S = 90.0
SETTINGS = "host=192.0.2.111 user=shop password=secret dbname=shop sslmode=disable connect_timeout=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What differs between the servers; the names are those of the example's page."""

    group: str
    unit: str
    mount: str
    client: tuple[str, ...]  # reads statements, prints values; ends at the first error
    told: Callable[[Lab, str, float], list[Line]]


MARIADB = Kind(
    group="mysql",
    unit="mariadb.service",
    mount="srv-mysql.mount",
    client=("mariadb", "-h192.0.2.110", "-ushop", "-psecret", "-NBn", "--connect-timeout=1", "shop"),
    told=lives.mariadb,
)
POSTGRESQL = Kind(
    group="pgsql",
    unit="postgresql@15-main.service",
    mount="srv-pgsql.mount",
    client=("psql", "-qAtX", "-vON_ERROR_STOP=1", SETTINGS),
    told=lives.postgresql,
)


class Database:
    """One of them, while a client writes to it."""

    def __init__(self, kind: Kind, trial: Trial, steps: tuple[Step, ...]) -> None:
        """The group is started, and the client writes from now on."""
        self.kind, self._lab, self._begun = kind, trial.lab, trial.begun
        self._log = trial.lab.place.folder / f"{kind.group}-rows.log"
        self._pid = self._log.with_suffix(".pid")
        trial.wait(lambda: self.owner(trial), STARTED_WITHIN_S, f"{kind.group} to be started")
        for step in steps:
            type_in(trial.lab, step, self.owner(trial) or "")
        self._ask("create table noted (number bigint primary key);")
        self._log.unlink(missing_ok=True)
        command = [sys.executable, str(Path(row_writer.__file__)), str(self._log), *self._client()]
        namespace = trial.lab.place.bridge_namespace
        processes.linger(self._pid, self._log.with_suffix(".out"), command, namespace=namespace)
        self.wait_until_written(trial)

    def end(self) -> None:
        """Nobody writes any more."""
        processes.end(self._pid)

    def owner(self, trial: Trial) -> str | None:
        return owner_of(trial, self.kind.group)

    def wait_until_on(self, trial: Trial, *nodes: str) -> None:
        """The members `nodes` agree that it is started on one of them."""

        def started() -> bool:
            found = observe.agreed(trial.lab, nodes)
            group = found.groups.get(self.kind.group) if found is not None else None
            return group is not None and group.phase == "started" and group.owner in nodes

        trial.wait(started, WRITES_WITHIN_S, f"{self.kind.group} to be started on {' or '.join(nodes)}")

    def wait_until_written(self, trial: Trial) -> None:
        """A row that is sent after this call is acknowledged."""
        since = time.monotonic()

        def written() -> bool:
            return any(row.sent >= since for row in self._acknowledged())

        trial.wait(written, WRITES_WITHIN_S, f"{self.kind.group} to acknowledge rows")

    def check(self, trial: Trial, fault: float, *, recovered: bool | None) -> float:
        """It writes again, in one new instance, and nothing that it acknowledged is lost; the client's pause, seconds.

        `recovered`: whether that instance found its data as after a crash; None: it may be so.
        """
        self.wait_until_written(trial)
        rows = row_writer.read(self._log)
        there = set(map(int, self._ask("select number from noted;").split()))
        under_way = row_writer.read(self._log)[-1].number + 1
        assert row_writer.faults(rows, there, under_way) == []
        assert self.wrong() == []
        (life,) = [one for one in self.instances() if one.begun > fault]
        assert recovered in (None, life.recovered), f"{life}"
        return self._pause_s(fault)

    def instances(self) -> list[Life]:
        """The server's, by its own log."""
        return lives.of_all(self._told())

    def wrong(self) -> list[str]:
        """What says that two had the data open, or that a second mount was so much as tried."""
        mounted = {node: lives.mounts(self._lab, node, self.kind.mount, self._begun) for node in self._lab.nodes()}
        assert lives.of_all(mounted), f"no journal tells of {self.kind.mount}"
        return lives.wrong(self._told()) + [f"{self.kind.mount}: {text}" for text in lives.wrong(mounted)]

    def _told(self) -> Mapping[str, list[Line]]:
        return {node: self.kind.told(self._lab, node, self._begun) for node in self._lab.nodes()}

    def _acknowledged(self) -> list[Row]:
        return [row for row in row_writer.read(self._log) if row.acknowledged is not None]

    def _pause_s(self, since: float) -> float:
        """The longest time between two acknowledgements, of which the second came after `since`."""
        times = [row.acknowledged for row in self._acknowledged() if row.acknowledged is not None]
        return max(later - earlier for earlier, later in pairwise(times) if later >= since)

    def _client(self) -> list[str]:
        """The client's command on the bridge: a node's programs are used, also while the node is off."""
        return ["chroot", str(self._lab.root(self._lab.nodes()[0])), *self.kind.client]

    def _ask(self, statement: str) -> str:
        beside = ("nsenter", f"--net=/run/netns/{self._lab.place.bridge_namespace}", "--")
        return processes.run(*beside, *self._client(), text=statement).stdout
