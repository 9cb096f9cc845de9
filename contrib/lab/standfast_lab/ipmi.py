"""A second BMC for each node, where the lab was brought up with `--ipmi`: openipmi's ipmi_sim at an address of its own.

Spoken with by Debian's unmodified fence_ipmilan over RMCP+ (`lanplus`). Its "power off" is a power cut and its "on"
boots the node: ipmi_sim runs this module for that (`chassis_control` of ipmi_lan(5)). What it did is in the BMCs' log.
"""

import json
import sys
import time
from pathlib import Path

from . import behaviour, image, power, processes, progress
from .bmc import USER
from .place import LabError, NodePlace, Place

READY_S = 10.0
CIPHER = "3"  # ipmi_sim knows no suite that ipmitool would take by itself
LAN = """name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcd{index:02x}
  endlan
  chassis_control "{chassis}"
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
COMMANDS = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def start(lab: Place) -> None:
    """The IPMI BMC of every node that is to have one runs and listens."""
    password = (lab.folder / "bmc.password").read_text()
    nodes = [node for node in lab.nodes() if node.ipmi.exists()]
    for node in nodes:
        _configure(node, password)
        processes.linger(_pid_file(node), node.ipmi / "out", _command(node), namespace=lab.bridge_namespace)
    where = f"{lab.folder}/node*/ipmi/out"
    progress.wait(lambda: all(map(_listens, nodes)), READY_S, f"the IPMI BMCs (see {where})")


def alive(lab: Place) -> bool:
    """Every IPMI BMC that the lab was made with still runs."""
    return all(processes.recall(_pid_file(node)) is not None for node in lab.nodes() if node.ipmi.exists())


def _pid_file(node: NodePlace) -> Path:
    return node.lab.folder / f"ipmi-{node.name}.pid"


def _configure(node: NodePlace, password: str) -> None:
    chassis = " ".join(processes.python_module("ipmi", node.lab.name, str(node.index)))
    text = LAN.format(
        name=node.name, address=node.ipmi_address, index=node.index, chassis=chassis, user=USER, password=password
    )
    (node.ipmi / "state").mkdir(exist_ok=True)
    (node.ipmi / "lan.conf").touch(mode=0o600)
    (node.ipmi / "lan.conf").write_text(text)
    (node.ipmi / "commands").write_text(COMMANDS)


def _command(node: NodePlace) -> list[str]:
    folder = node.ipmi
    options = ("-n", "-c", str(folder / "lan.conf"), "-f", str(folder / "commands"), "-s", str(folder / "state"))
    return [*image.program("usr/bin/ipmi_sim", image.NODE), *options]


def _listens(node: NodePlace) -> bool:
    """Its port is bound, below the bridge's namespace."""
    pid = processes.recall(_pid_file(node))
    if pid is None:
        raise LabError(f"{node.name}'s IPMI BMC does not start: see {node.ipmi}/out")
    octets = reversed(node.ipmi_address.split("."))
    local = "".join(f"{int(octet):02X}" for octet in octets) + f":{623:04X}"
    return local in Path(f"/proc/{pid}/net/udp").read_text()


# What ipmi_sim runs: `get power` prints, `set power 0|1` and `set reset 1` answer when it is done


def chassis(node: NodePlace, words: list[str]) -> str:
    """What ipmi_sim is to be told, once the deed is done; twice is harmless: ipmitool repeats after a second."""
    begun = time.monotonic()
    match words:
        case ["get", "power"]:
            on = power.ask(node, "status").on
            _note(node, begun, "GET", power="On" if on else "Off")
            return f"power:{int(on)}"
        case ["get", "boot"]:
            return "boot:default"
        case ["set", "power", "1"]:
            power.ask(node, "on")
            _note(node, begun, "POST", "On")
        case ["set", "power" | "shutdown", _]:
            power.ask(node, "off")
            _note(node, begun, "POST", "ForceOff")
        case ["set", "reset", _]:
            power.ask(node, "off")
            power.ask(node, "on")
            _note(node, begun, "POST", "ForceRestart")
    return ""


def _note(node: NodePlace, begun: float, method: str, reset: str = "", power: str | None = None) -> None:
    body = json.dumps({"ResetType": reset}) if reset else ""
    entry = {"begun": begun, "ended": time.monotonic(), "node": node.name, "mode": "ok", "method": method}
    behaviour.note(node.lab, entry | {"path": "ipmi", "body": body, "status": 200, "power": power})


def main() -> None:
    """ipmi LAB INDEX get|set|check WHAT [VALUE]"""
    node = Place(sys.argv[1]).node(int(sys.argv[2]))
    if said := chassis(node, sys.argv[3:]):
        print(said)


if __name__ == "__main__":
    main()
