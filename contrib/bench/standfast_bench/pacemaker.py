"""Pacemaker of Debian 12 as the peer: as it comes, and tuned as its own manuals allow."""

import secrets
import time
from collections.abc import Mapping
from typing import ClassVar
from xml.sax.saxutils import quoteattr

from standfast_lab.bmc import USER
from standfast_lab.cluster import served
from standfast_lab.lab import Lab
from standfast_lab.network import VIRTUAL_ADDRESS
from standfast_lab.place import LabError

from standfast_bench.many import UNIT, Many
from standfast_bench.peer import Peer
from standfast_bench.sides import serve_everywhere

READY_S = 240.0
RESOURCE = "webserv"


class Pacemaker(Peer):
    """Corosync with its default token, a monitor every 10 s, Apache as its systemd unit."""

    units = ("corosync.service", "pacemaker.service")
    places = ("system.slice/pacemaker.service",)
    options: ClassVar[Mapping[str, str]] = {}
    stickiness = "100"
    package = "pacemaker"
    monitor = "10s"
    settings = (
        "token 1 s (Corosync's own coefficient for three nodes), monitor 10 s, systemd:apache2; off by fence_redfish"
    )

    def form(self) -> None:
        self._write_corosync()
        self.start()
        self.lab.wait(self._joined, READY_S, "all nodes to be online in Pacemaker")
        self._load()

    def settle(self) -> None:
        super().settle()
        self.lab.wait(self._joined, READY_S, "all nodes to be online in Pacemaker")
        first = self.lab.nodes()[0]
        self.lab.sh(first, "crm_resource", "--cleanup", check=False)
        self.lab.sh(first, "crm_resource", "--clear", "-r", RESOURCE, check=False)
        self.lab.wait(lambda: self.serves() and self._idle(), READY_S, "the page, and Pacemaker to be idle")

    def serves(self) -> bool:
        return served(self.lab.place)

    def relocate(self, node: str) -> None:
        self.lab.sh(self.lab.nodes()[0], "crm_resource", "--move", "-r", RESOURCE, "-N", node)

    def _joined(self) -> bool:
        seen = self.lab.sh(self.lab.nodes()[0], "crm_mon", "--output-as=xml", check=False).stdout
        return seen.count('online="true"') == len(self.lab.nodes()) and 'unclean="true"' not in seen

    def _idle(self) -> bool:
        words = self.lab.sh(self.lab.nodes()[0], "crmadmin", "--status", self._coordinator(), check=False).stdout
        return "S_IDLE" in words

    def _coordinator(self) -> str:
        words = self.lab.sh(self.lab.nodes()[0], "crmadmin", "--dc_lookup", "--quiet", check=False).stdout.split()
        return words[-1] if words else self.lab.nodes()[0]

    def _write_corosync(self) -> None:
        key, text = secrets.token_bytes(1024), corosync(self.lab)
        for node in self.lab.nodes():
            folder = self.lab.root(node) / "etc/corosync"
            (folder / "corosync.conf").write_text(text)
            (folder / "authkey").write_bytes(key)
            (folder / "authkey").chmod(0o400)

    def _load(self) -> None:
        first = self.lab.nodes()[0]
        for section, text in self.cib().items():
            done = self.lab.sh(first, "cibadmin", "--modify", "--allow-create", "-o", section, "-X", text, check=False)
            if done.returncode:
                raise LabError(f"cibadmin does not take {section}: {done.stderr}")

    def cib(self) -> dict[str, str]:
        """The configuration by section."""
        password = (self.lab.place.folder / "bmc.password").read_text()
        devices = "".join(
            fence_device(node.name, node.index, node.bmc_address, password) for node in self.lab.place.nodes()
        )
        options = {
            "stonith-enabled": "true",
            "stonith-action": "off",
            "have-watchdog": "false",
            "no-quorum-policy": "stop",
            **self.options,
        }
        stickiness = [("options-stickiness", "resource-stickiness", self.stickiness)]
        return {
            "crm_config": f'<cluster_property_set id="bootstrap">{pairs("option", options)}</cluster_property_set>',
            "rsc_defaults": "".join(
                f'<meta_attributes id="{name}"><nvpair id="{name}-1" name="{key}" value="{value}"/></meta_attributes>'
                for name, key, value in stickiness
            ),
            "resources": f"<resources>{devices}{self.group()}</resources>",
        }

    def group(self) -> str:
        address = pairs("vip", {"ip": VIRTUAL_ADDRESS, "cidr_netmask": "24", "nic": "eth0"})
        return (
            f'<group id="{RESOURCE}"><primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">'
            f'<instance_attributes id="vip-attributes">{address}</instance_attributes>'
            f"{operations('vip', self.monitor)}</primitive>{self.apache()}</group>"
        )

    def apache(self) -> str:
        return f'<primitive id="web" class="systemd" type="apache2">{operations("web", self.monitor)}</primitive>'


class Tuned(Pacemaker):
    """The page is asked every second by the OCF agent, with short timeouts."""

    monitor = "1s"
    settings = (
        "token 1 s, monitor 1 s with timeout 2 s, stop timeout 10 s, ocf:heartbeat:apache with statusurl; "
        "off by fence_redfish"
    )

    def apache(self) -> str:
        page = {"statusurl": "http://127.0.0.1/healthz", "testregex": "^ok", "configfile": "/etc/apache2/apache2.conf"}
        return (
            '<primitive id="web" class="ocf" provider="heartbeat" type="apache">'
            f'<instance_attributes id="web-attributes">{pairs("web", page)}</instance_attributes>'
            f"{operations('web', self.monitor, timeout='2s', stop='10s')}</primitive>"
        )


class PeerAddress(Pacemaker):
    """Nothing but the address: Apache runs on every node anyway."""

    settings = "token 1 s, monitor 10 s, IPaddr2 alone; off by fence_redfish"

    def form(self) -> None:
        serve_everywhere(self.lab)
        super().form()

    def apache(self) -> str:
        return ""


class PeerMany(Pacemaker):
    """Hundreds of services, with no regard to the machine's load: with its defaults it starts one of them in 2 s."""

    options: ClassVar[Mapping[str, str]] = {"load-threshold": "10000%"}
    stickiness = "0"
    settings = "token 1 s, systemd:dummy@N with a monitor every 10 s, load-threshold=10000%; off by fence_redfish"

    def form(self) -> None:
        for node in self.lab.nodes():
            (self.lab.root(node) / "etc/systemd/system/dummy@.service").write_text(UNIT)
        super().form()

    def serves(self) -> bool:
        return True

    def group(self) -> str:
        return ""

    def load(self, groups: Many) -> float:
        """All in one change of its configuration."""
        primitives = "".join(
            f'<primitive id="many-{name}" class="systemd" type="dummy@{name}">'
            f"{operations(f'many-{name}', self.monitor)}</primitive>"
            for name in groups.names()
        )
        first, at = self.lab.nodes()[0], time.monotonic()
        file = self.lab.root(first) / "root/many.xml"
        file.write_text(f"<resources>{primitives}</resources>")
        self.lab.sh(first, "cibadmin", "--modify", "--allow-create", "-o", "resources", "-x", "/root/many.xml")
        return at


def operations(name: str, interval: str, *, timeout: str = "20s", stop: str = "60s") -> str:
    """The primitive's operations."""
    return (
        f'<operations><op id="{name}-monitor" name="monitor" interval="{interval}" timeout="{timeout}"/>'
        f'<op id="{name}-start" name="start" interval="0" timeout="40s"/>'
        f'<op id="{name}-stop" name="stop" interval="0" timeout="{stop}"/></operations>'
    )


def fence_device(node: str, index: int, address: str, password: str) -> str:
    """The primitive that switches this node off, by the agent and the BMC that ours use."""
    name = f"fence-{node}"
    options = {
        "ip": address,
        "ipport": "443",
        "systems_uri": f"/redfish/v1/Systems/{index}",
        "ssl_insecure": "1",
        "username": USER,
        "password": password,
        "pcmk_host_list": node,
        "pcmk_host_check": "static-list",
    }
    return (
        f'<primitive id="{name}" class="stonith" type="fence_redfish"><instance_attributes id="{name}-attributes">'
        f"{pairs(name, options)}</instance_attributes>"
        f'<operations><op id="{name}-monitor" name="monitor" interval="60s" timeout="20s"/></operations></primitive>'
    )


def pairs(prefix: str, values: dict[str, str]) -> str:
    """The values as nvpair elements."""
    return "".join(
        f"<nvpair id={quoteattr(f'{prefix}-{key}')} name={quoteattr(key)} value={quoteattr(value)}/>"
        for key, value in values.items()
    )


def corosync(lab: Lab) -> str:
    """corosync.conf of all nodes: both links, encrypted, Corosync's defaults otherwise."""
    nodes = "".join(
        f"  node {{\n    nodeid: {node.index}\n    name: {node.name}\n"
        + "".join(f"    ring{link}_addr: {address}\n" for link, address in enumerate(node.addresses))
        + "  }\n"
        for node in lab.place.nodes()
    )
    totem = "  version: 2\n  cluster_name: peer\n  transport: knet\n  token: 1000\n"
    crypto = "  crypto_cipher: aes256\n  crypto_hash: sha256\n"
    return (
        f"totem {{\n{totem}{crypto}}}\nnodelist {{\n{nodes}}}\n"
        "quorum {\n  provider: corosync_votequorum\n}\nlogging {\n  to_syslog: yes\n}\n"
    )
