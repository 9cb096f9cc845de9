"""Real servers in a node, and what can be done to all of them at once; tests/lab/probed has their files."""

import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from standfast_lab import processes, stuckfs
from standfast_lab.lab import Lab

from lab.pushing import Result, push
from lab.versions_seen import in_force

FILES = Path(__file__).parent / "probed"
UNIT = "probed.service"
WIRE = "198.18.0.2"  # where every probe asks; see probed/node/srv/probed/wire.py
SERVERS = "echo mail mariadb nginx postgresql@15-main redis-server unbound"
SECRET = "open sesame"
COMMON = "Level=degraded\nInterval=1h\nTimeout=6s\nSlowAfter=2500ms\n"
PREPARE = f"""
chmod 0644 /srv/probed/*
echo 'host all all 198.18.0.0/30 scram-sha-256' >>/etc/postgresql/15/main/pg_hba.conf
systemctl daemon-reload
systemctl start wire {SERVERS}
mkdir -p /srv/backing /srv/stuck
redis-cli config set protected-mode no >/dev/null
redis-cli config set bind '*' >/dev/null
redis-cli acl setuser standfast on '>{SECRET}' '~*' +@all >/dev/null
mariadb -e "create database shop; create table shop.health (alive text); insert into shop.health values ('yes');
    create user standfast identified by '{SECRET}'; grant select on shop.* to standfast"
runuser -u postgres -- psql -q -c "create role standfast login password '{SECRET}'" -c "create database shop"
runuser -u postgres -- psql -q shop -c "create table health (alive text)" -c "insert into health values ('yes')" \\
    -c "grant select on health to standfast"
ip link add probed0 type veth peer name probed1
ip link set probed1 up
"""
GOOD = """
rm -f /srv/probed/bad /run/wire.delay /run/stuck
echo good >/srv/probed/kind
echo well >/srv/backing/alive
systemctl restart stuckfs
printf 'local-data: "www.lab.test. A 192.0.2.100"\\n' >/srv/probed/zone.conf
systemctl kill --signal HUP unbound
redis-cli acl setuser default +ping >/dev/null
redis-cli set alive yes >/dev/null
mariadb -e "update shop.health set alive = 'yes'"
runuser -u postgres -- psql -q shop -c "update health set alive = 'yes'"
ip link set probed0 up
ip address replace 198.18.1.1/32 dev probed0
echo ready for work >/srv/probed/status
systemctl restart told
"""
RULES = """
table inet fault { chain input { type filter hook input priority 0; iifname != wire accept; }; }
table ip elsewhere { chain prerouting { type nat hook prerouting priority -100; iifname != wire accept; }; }
"""
WHEN_LOOKED_AT = "until pgrep -x standfast-look; do sleep 0.05; done"
BREAK = {
    "bad": """
systemctl stop stuckfs
touch /srv/probed/bad
printf 'local-data: "www.lab.test. A 192.0.2.99"\\n' >/srv/probed/zone.conf
systemctl kill --signal HUP unbound
redis-cli acl setuser default -ping >/dev/null
redis-cli set alive no >/dev/null
mariadb -e "update shop.health set alive = 'no'"
runuser -u postgres -- psql -q shop -c "update health set alive = 'no'"
nft add rule inet fault input icmp type echo-request reject with icmp type host-prohibited
ip link set probed0 down
ip address flush dev probed0
systemctl stop told
""",
    "hung": f"""
systemctl kill --signal STOP {SERVERS}
nft add rule inet fault input icmp type echo-request drop
touch /run/stuck
""",
    "slow": f"""
echo 1.5 >/run/wire.delay
touch /run/stuck
({WHEN_LOOKED_AT}; sleep 2.6; rm -f /run/stuck) >/dev/null 2>&1 &
""",
    "reset": """
nft add rule inet fault input tcp dport 1-32767 'tcp flags & psh == psh' reject with tcp reset
nft add rule inet fault input udp dport 1-32767 reject
systemctl kill --signal KILL stuckfs
""",
    "malformed": """
nft add rule ip elsewhere prerouting 'tcp dport { 3306, 6379, 8080, 8443 } redirect to :2525'
nft add rule ip elsewhere prerouting tcp dport 2525 redirect to :3306
nft add rule ip elsewhere prerouting tcp dport 5432 redirect to :8080
nft add rule ip elsewhere prerouting udp dport 53 redirect to :5300
echo nonsense >/srv/backing/alive
echo on holiday >/srv/probed/status
systemctl restart told
""",
}


class ProbedNode:
    """One node with the servers, and UNIT whose probes ask all of them."""

    def __init__(self, lab: Lab, node: str) -> None:
        self.lab, self.node = lab, node
        self._names: list[str] = []

    def run(self, script: str) -> None:
        self.lab.sh(self.node, "sh", "-euc", script)

    def push(self, files: Mapping[str, str]) -> None:
        """The cluster has these files in force, too."""
        added = {name: text.encode() for name, text in files.items()}
        pushed = push(self.lab, self.node, in_force(self.lab, self.node) | added)
        assert pushed.result is Result.ACKNOWLEDGED, pushed.said

    def prepare(self) -> None:
        """The servers run, and the cluster has the unit in force."""
        root = self.lab.root(self.node)
        shutil.copytree(FILES / "node", root, dirs_exist_ok=True)
        certify(root / "srv/probed/server", WIRE, days=90)
        stuckfs.install(self.lab, self.node)
        self.run(PREPARE + GOOD)
        units = {file.name: file.read_text() for file in sorted((FILES / "units").iterdir())}
        units[UNIT] = re.sub(r"^\[X-Probe .*\]\n(?!Type=probe)", rf"\g<0>{COMMON}", units[UNIT], flags=re.M)
        self._names = re.findall(r"^\[X-Probe (.*)\]", units[UNIT], flags=re.M)
        secret = root / "etc/standfast/database.secret"
        secret.touch(mode=0o600)
        secret.write_text(f"{SECRET}\n")
        files = {f"units/{name}": text for name, text in units.items()}
        self.push(files | {secret.name: f"{SECRET}\n"})

    def ask(self) -> dict[str, dict[str, Any]]:
        """What each probe sees now, by its name."""
        return dict(zip(self._names, self._ask(), strict=True))

    def ask_while_systemd_hangs(self, name: str) -> dict[str, Any]:
        """What one probe sees while PID 1 is stopped."""
        pid_1 = self.lab.leader_pid(self.node)
        os.kill(pid_1, signal.SIGSTOP)
        try:
            (one,) = self._ask(name)
        finally:
            os.kill(pid_1, signal.SIGCONT)
        return one

    def _ask(self, *names: str) -> list[dict[str, Any]]:
        answer = self.lab.sh(self.node, "standfast", "probe", UNIT, *names, "--json", check=False, timeout_s=60)
        found: list[dict[str, Any]] = json.loads(answer.stdout)
        return found

    @contextlib.contextmanager
    def answers(self, kind: str) -> Iterator[None]:
        """All servers answer in this way meanwhile: good, or one of BREAK."""
        self.lab.sh(self.node, "nft", "-f", "-", text=RULES)
        self.run(f"echo {kind} >/srv/probed/kind; {BREAK.get(kind, '')}")
        try:
            yield
        finally:
            self.run(
                f"nft delete table inet fault; nft delete table ip elsewhere; systemctl kill --signal CONT {SERVERS}"
            )
            self.run(GOOD)


def certify(name: Path, host: str, days: int) -> None:
    """NAME.crt and NAME.key are a certificate of a host, an address, good for so many days, by authority.crt beside."""
    authority = name.with_name("authority")
    if not authority.with_suffix(".crt").exists():
        _request(authority, "/CN=lab", days=90)
    signed = ("-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-addext", f"subjectAltName=IP:{host}")
    _request(name, f"/CN={host}", *signed, days=days)


def _request(name: Path, subject: str, *options: str, days: int) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", subject, "-days", str(days))
    processes.run("openssl", "req", "-x509", *key, *files, *options)
