"""The certificates by which nodes and arbiter know each other (corosync-qdevice-net-certutil(8)).

The arbiter's authority signs one certificate for the whole cluster, which every node has with its key. Each step looks
first whether it was done already, so the whole can be typed again after a failure. Commands are run by whom it is
given, so that tests need neither ssh nor these programs.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit
from standfast.operations.ssh import Done

PORT: Final = 5403  # corosync-qnetd(8)
QNETD_DATABASE: Final = "/etc/corosync/qnetd/nssdb"
NODE_DATABASE: Final = "/etc/corosync/qdevice/net/nssdb"
MISSING: Final = 90  # of the scripts below: a program is not installed
FOREIGN: Final = 91  # there are certificates of another arbiter or cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a command runs: `address` is what ssh takes, "" = here."""

    name: str
    address: str


Run = Callable[[Machine, str, bytes], Done]  # the machine, a POSIX shell script, its stdin


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Makes the certificates of one cluster with one arbiter; `tell` gets a line before each step."""

    cluster: str
    arbiter: Machine
    nodes: tuple[Machine, ...]  # the first one asks for the certificate
    run: Run
    tell: Callable[[str], None]

    def perform(self) -> None:
        """Every node has the certificates and reaches the arbiter. Raises CommandError at the first failed step."""
        first, *others = self.nodes
        self._look_for_programs()
        authority = self._step(self.arbiter, "its own authority", _AUTHORITY)
        for node in self.nodes:
            self._step(node, "trust the arbiter's authority", _TRUST, authority)
        request = self._step(first, "ask for the cluster's certificate", _REQUEST.replace("CLUSTER", self._name))
        if request:
            signed = self._step(self.arbiter, "sign it", _SIGN.replace("CLUSTER", self._name), request)
            self._step(first, "take it", _TAKE, signed)
        certificate = self._step(first, "show it", _SHOW).decode(errors="replace")
        whole = self._step(first, "hand it out with its key", _EXPORT)
        for node in others:
            script = _IMPORT.replace("CERTIFICATE", shlex.quote(certificate.strip()))
            self._step(node, "take the cluster's certificate", script, whole)
        self._step(self.arbiter, "run corosync-qnetd.service", _SERVE)
        for node in self.nodes:
            self._step(node, f"reach {self.arbiter.name} at port {PORT}", _REACH.format(self._host))

    @property
    def _name(self) -> str:
        return shlex.quote(self.cluster)

    @property
    def _host(self) -> str:
        return shlex.quote(self.arbiter.name)

    def _look_for_programs(self) -> None:
        """Before anything is changed anywhere."""
        self._step(self.arbiter, "look for corosync-qnetd", _NEEDS.format("corosync-qnetd-certutil"))
        for node in self.nodes:
            self._step(node, "look for corosync-qdevice", _NEEDS.format("corosync-qdevice-net-certutil"))

    def _step(self, machine: Machine, what: str, script: str, data: bytes = b"") -> bytes:
        self.tell(f"{machine.name}: {what}")
        done = self.run(machine, script, data)
        if done.exit_code:
            raise CommandError(Exit.REFUSED, self._sentence(machine, what, done))
        return done.output

    def _sentence(self, machine: Machine, what: str, done: Done) -> str:
        if done.exit_code == ssh.FAILED and machine.address:
            why = done.said or "it says nothing"
            return f"ssh root@{machine.address} failed ({why}): root of this node must get in there."
        if done.exit_code == MISSING:
            package = "corosync-qnetd" if machine == self.arbiter else "corosync-qdevice"
            return f"{machine.name} has no {package}: apt install {package} there, then type this again."
        if done.exit_code == FOREIGN:
            return (
                f"{machine.name} has certificates of another arbiter or cluster: "
                f"rm -r {NODE_DATABASE} there, then type this again."
            )
        if what.startswith("reach "):
            return f"{machine.name} does not {what}: open that port on {self.arbiter.name}, then type this again."
        return f"{machine.name} could not {what}: {done.said or f'exit code {done.exit_code}'}."


_NEEDS: Final = f"command -v {{}} >/dev/null || exit {MISSING}"

_AUTHORITY: Final = f"""set -eu
[ -f {QNETD_DATABASE}/cert9.db ] || corosync-qnetd-certutil -i >&2
cat {QNETD_DATABASE}/qnetd-cacert.crt
"""

# The file on stdin has words for people around what counts.
_TRUST: Final = f"""set -eu
umask 077
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat >"$new"
pem() {{ tr -d '\\r' | sed -n '/-BEGIN CERT/,/-END CERT/p'; }}
if [ ! -f {NODE_DATABASE}/cert9.db ]; then
    corosync-qdevice-net-certutil -i -c "$new" >&2
fi
[ -n "$(pem <"$new")" ]
[ "$(certutil -L -d {NODE_DATABASE} -n 'QNet CA' -a | pem)" = "$(pem <"$new")" ] || exit {FOREIGN}
"""

# qnetd takes the certificate's name for the cluster's.
_REQUEST: Final = f"""set -eu
umask 077
if certutil -L -d {NODE_DATABASE} -n 'Cluster Cert' >/dev/null 2>&1; then
    certutil -L -d {NODE_DATABASE} -n 'Cluster Cert' | grep -qxF '        Subject: "CN='CLUSTER'"' || exit {FOREIGN}
    exit 0
fi
corosync-qdevice-net-certutil -r -n CLUSTER >&2
cat {NODE_DATABASE}/qdevice-net-node.crq
"""

_SIGN: Final = f"""set -eu
umask 077
request=$(mktemp)
trap 'rm -f "$request"' EXIT
cat >"$request"
corosync-qnetd-certutil -s -c "$request" -n CLUSTER >&2
cat {QNETD_DATABASE}/cluster-CLUSTER.crt
"""

_TAKE: Final = """set -eu
umask 077
signed=$(mktemp)
trap 'rm -f "$signed"' EXIT
cat >"$signed"
corosync-qdevice-net-certutil -M -c "$signed" >&2
"""

_SHOW: Final = f"certutil -L -d {NODE_DATABASE} -n 'Cluster Cert' -a | tr -d '\\r'"

_EXPORT: Final = f"""set -eu
umask 077
whole={NODE_DATABASE}/qdevice-net-node.p12
[ -s "$whole" ] || pk12util -d {NODE_DATABASE} -o "$whole" -W '' -n 'Cluster Cert' >&2
cat "$whole"
"""

_IMPORT: Final = f"""set -eu
umask 077
known=$(certutil -L -d {NODE_DATABASE} -n 'Cluster Cert' -a 2>/dev/null | tr -d '\\r' || true)
[ "$known" != CERTIFICATE ] || exit 0
[ -z "$known" ] || exit {FOREIGN}
whole=$(mktemp)
trap 'rm -f "$whole"' EXIT
cat >"$whole"
corosync-qdevice-net-certutil -m -c "$whole" >&2
"""

_SERVE: Final = """set -eu
systemctl enable corosync-qnetd.service >&2
systemctl is-active --quiet corosync-qnetd.service || systemctl restart corosync-qnetd.service
"""

_REACH: Final = (
    "/usr/bin/python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()' "
    f"{{}} {PORT}"
)
