"""A lab as tests and the demo use it."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import behaviour, cockpit, disks, image, lifecycle, network, power, processes, progress, shell, witness
from . import client as asking
from .network import VIRTUAL_ADDRESS
from .place import LINKS, LabError, NodePlace, Place, here


class Lab:
    """The lab of one name, running or not; nodes are named as their hosts are: node1, node2 …

    The arbiter, where there is one, is called `arbiter` wherever a node may be named.

    Times that go in or come out are CLOCK_MONOTONIC seconds (time.monotonic()), but for the journal's.
    """

    def __init__(self, name: str | None = None) -> None:
        self.place: Place = here() if name is None else Place(name)

    # Life

    def up(
        self,
        nodes: int | None = None,
        *,
        bare: bool = False,
        with_package: bool = True,
        links: int | None = None,
        watchdogs: bool = False,
        second_bmcs: bool = False,
        arbiter: bool = False,
        servers: bool = False,
        layer: image.Layer | None = None,
        disk: bool = False,
        with_cockpit: bool = False,
    ) -> None:
        """See lifecycle.up; with `disk` the nodes share one (see disks), `with_cockpit`: see cockpit."""
        lifecycle.up(
            self.place,
            nodes,
            bare=bare,
            with_package=with_package,
            links=links,
            watchdogs=watchdogs,
            second_bmcs=second_bmcs,
            arbiter=arbiter,
            servers=servers,
            layer=layer or (image.COCKPIT if with_cockpit else None),
        )
        if disk:
            disks.add(self.place)
        if with_cockpit:
            cockpit.add(self.place)

    def down(self) -> None:
        """Nothing of the lab is left but the image."""
        lifecycle.down(self.place)

    def nodes(self) -> tuple[str, ...]:
        """The names of the lab's nodes, in order."""
        return tuple(node.name for node in self.place.nodes())

    # Nodes

    def sh(
        self, node: str, *command: str, check: bool = True, text: str | None = None, timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as root in the node, `text` on its standard input; LabError if `check` and it failed."""
        result = shell.run(self.place.find(node), *command, text=text, timeout_s=timeout_s)
        if check and result.returncode != 0:
            words = (result.stderr or result.stdout).strip()[-2000:]
            raise LabError(f"{node}: {' '.join(command)}: exit {result.returncode}: {words}")
        return result

    def root(self, node: str) -> Path:
        """The node's file system, also while it is off."""
        return self.place.find(node).root

    def leader_pid(self, node: str) -> int:
        """The node's PID 1 as numbered on this machine; LabError when it is off."""
        return power.leader(self.place.find(node))

    def is_on(self, node: str) -> bool:
        """The node has power and a PID 1."""
        return power.ask(self.place.find(node), "status").on

    def boots(self, node: str) -> int:
        """How often the node has booted since the lab was made."""
        return power.ask(self.place.find(node), "status").boots

    def is_booted(self, node: str) -> bool:
        """The node is on, and its systemd says that the boot is over."""
        return lifecycle.booted(self.place.find(node))

    def journal(self, node: str, *matches: str, since: float | None = None) -> list[dict[str, Any]]:
        """The node's entries, of all its boots and also while it is off, oldest first.

        `matches` as journalctl takes them (FIELD=value); `since` is CLOCK_REALTIME seconds (time.time()).
        """
        folder = self.place.find(node).root / "var/log/journal"
        command = ["journalctl", f"--directory={folder}", "--output=json", "--all", "--no-pager", "--quiet"]
        if since is not None:
            command.append(f"--since=@{since:.6f}")
        lines = processes.run(*command, *matches).stdout.splitlines()
        return [json.loads(line) for line in lines]

    # Faults

    def kill(self, node: str) -> None:
        """The node's power is cut; it stays off until `boot`, or until its BMC is told so."""
        power.ask(self.place.find(node), "off")

    def boot(self, node: str) -> None:
        """The node has power and has booted."""
        lifecycle.boot(self.place.find(node))

    def cut(
        self, node: str, peer: str | Sequence[str] | None = None, *, one_way: bool = False, link: int | None = None
    ) -> None:
        """The node and the peer (or peers; None: all other nodes) do not hear each other, on one link or on all.

        With `one_way` the peers do not hear the node, but it hears them. Adds to earlier cuts.
        """
        place = self.place.find(node)
        if link is not None and not 0 <= link < LINKS:
            raise LabError(f"the links are 0 to {LINKS - 1}, not {link}")
        links = tuple(range(LINKS)) if link is None else (link,)
        network.cut(place, self._peers(place, peer), links, one_way=one_way)

    def _peers(self, place: NodePlace, peer: str | Sequence[str] | None) -> tuple[NodePlace, ...]:
        if peer is None:
            return tuple(other for other in self.place.nodes() if other != place)
        names = (peer,) if isinstance(peer, str) else tuple(peer)
        if place.name in names:
            raise LabError(f"{place.name} cannot be cut off from itself")
        return tuple(self.place.find(name) for name in names)

    def heal(self) -> None:
        """No cut is left."""
        network.heal(self.place)

    def cuts(self) -> tuple[tuple[str, str], ...]:
        """Between which ports nothing is forwarded, as (from, to); node1-0 is node1's port on link 0."""
        return network.cuts(self.place)

    def bmc(self, node: str, mode: behaviour.Mode | str = behaviour.Mode.OK, delay_s: float = 0.0) -> None:
        """The node's BMC behaves like this from its next request on (see behaviour.Mode)."""
        place = self.place.find(node)
        behaviour.set_mode(place, behaviour.Mode(mode), delay_s)
        network.set_bmc_reachable(place, behaviour.Mode(mode) is not behaviour.Mode.DEAD)

    def bmc_requests(self, node: str | None = None, since: float = 0.0) -> list[dict[str, Any]]:
        """What the BMCs were asked and answered: begun, ended, node, mode, method, path, body, status, power."""
        entries = behaviour.requests(self.place)
        return [entry for entry in entries if entry["begun"] >= since and node in (None, entry["node"])]

    # Client and witness

    def client(self, *command: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command of this machine on the bridge, as a client of the cluster would."""
        return shell.run_client(self.place, *command, timeout_s=timeout_s)

    def client_start(self, host: str = VIRTUAL_ADDRESS, path: str = "/") -> None:
        """A client asks every 20 ms, in a new log, until `client_stop`."""
        self._stop_client()
        self._client_log.unlink(missing_ok=True)
        command = processes.python_module("client", host, path, str(self._client_log))
        folder, namespace = self.place.folder, self.place.bridge_namespace
        processes.linger(folder / "client.pid", folder / "client.out", command, namespace=namespace)
        progress.wait(self._client_log.exists, 20, "the client's first answer")

    def client_stop(self) -> list[asking.Request]:
        """The client has ended; all its requests (those under way are lost: wait a second if they matter)."""
        self._stop_client()
        return self.client_requests()

    def client_requests(self) -> list[asking.Request]:
        """The requests that have ended so far."""
        return asking.read(self._client_log)

    def outage_s(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The client's longest time from a good answer to the next good one (see client.outage_s)."""
        return asking.outage_s(self.client_requests(), since, until)

    def _stop_client(self) -> None:
        processes.end(self.place.folder / "client.pid")

    @property
    def _client_log(self) -> Path:
        return self.place.folder / "client.log"

    def holders(self, address: str = VIRTUAL_ADDRESS) -> Mapping[str, tuple[witness.Interval, ...]]:
        """For each node, when it held the address, by the witness in its namespace."""
        return witness.holders(self.place, address)

    def holder(self, address: str = VIRTUAL_ADDRESS) -> str | None:
        """The node that holds the address now; LabError if more than one does."""
        names = [node for node, spans in self.holders(address).items() if spans and spans[-1][1] is None]
        if len(names) > 1:
            raise LabError(f"{address} is held by {' and '.join(names)}")
        return names[0] if names else None

    def overlap_ms(self, address: str = VIRTUAL_ADDRESS, since: float = 0.0) -> float:
        """For how many milliseconds two or more nodes held the address."""
        return witness.overlap_ms(self.place, address, since)

    def wait(self, predicate: Callable[[], object], timeout_s: float, what: str | Callable[[], str]) -> float:
        """`predicate` has been true once; the seconds it took. Tells what it waits for; LabError after `timeout_s`."""
        return progress.wait(predicate, timeout_s, what)


def monotonic_of(entry: Mapping[str, Any]) -> float:
    """CLOCK_MONOTONIC seconds at which journald took a journal entry, comparable across nodes: they share a kernel."""
    return int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6


def now() -> float:
    """CLOCK_MONOTONIC seconds, the clock of witness, client and BMC log."""
    return time.monotonic()
