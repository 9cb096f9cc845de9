"""Random changes of the example's configuration, each valid; none moves what is served."""

import random
import re
from collections.abc import Callable
from enum import StrEnum

from standfast_lab import normal

from lab.versions_seen import Files

CLUSTER, TARGET = "cluster.conf", f"units/{normal.GROUP}.target"
PROBE = f"units/{normal.APACHE}.d/standfast.conf"
ADDED = ("one", "two")  # groups that come and go


class Change(StrEnum):
    PROBE = "probe"
    DESCRIPTION = "description"
    DOMAIN_ORDER = "domain order"
    RECOVERY = "recovery"
    START_TIMEOUT = "start timeout"
    NEW_GROUP = "new group"
    GROUP_REMOVED = "group removed"
    DEVICE_TIMEOUT = "fence device's timeout"


def make(change: Change, files: Files, dice: random.Random) -> dict[str, bytes]:
    """The files after the change; they differ from those before it."""
    after = MAKERS[change](dict(files), dice)
    assert after != files, change
    return after


def possible(files: Files) -> list[Change]:
    there = [name for name in ADDED if _target(name) in files]
    impossible = {Change.NEW_GROUP: len(there) == len(ADDED), Change.GROUP_REMOVED: not there}
    return [change for change in Change if not impossible.get(change)]


def _probe(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    return _set(files, PROBE, "[X-Probe]", "FailAfter", [str(count) for count in range(2, 9)], dice)


def _description(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    return _set(files, TARGET, "[Unit]", "Description", [f"Web site {dice.randrange(10**6)}"], dice)


def _domain_order(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    nodes = _value(files[CLUSTER].decode(), "[Domain]", "Nodes").split()
    orders = [" ".join(dice.sample(nodes, len(nodes))) for _ in range(20)]
    return _set(files, CLUSTER, "[Domain]", "Nodes", orders, dice)


def _recovery(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    return _set(files, TARGET, "[X-Standfast]", "Recovery", ["restart", "relocate"], dice)


def _start_timeout(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    return _set(files, TARGET, "[X-Standfast]", "StartTimeout", [f"{span}s" for span in range(60, 120)], dice)


def _device_timeout(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    names = re.findall(r"^\[FenceDevice\]\nName=(\S+)$", files[CLUSTER].decode(), re.MULTILINE)
    section = f"[FenceDevice]\nName={dice.choice(names)}\n"
    return _set(files, CLUSTER, section, "Timeout", [f"{span}s" for span in range(40, 90)], dice)


def _new_group(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    name = dice.choice([name for name in ADDED if _target(name) not in files])
    target = f"[X-Standfast]\nResources={name}.service\nDomain=web\n"
    service = "[Service]\nExecStart=/usr/bin/sleep infinity\n"
    return {**files, _target(name): target.encode(), _service(name): service.encode()}


def _group_removed(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    name = dice.choice([name for name in ADDED if _target(name) in files])
    return {file: content for file, content in files.items() if file not in (_target(name), _service(name))}


def _target(group: str) -> str:
    return f"units/{group}.target"


def _service(group: str) -> str:
    return f"units/{group}.service"


def _set(
    files: dict[str, bytes], file: str, section: str, key: str, values: list[str], dice: random.Random
) -> dict[str, bytes]:
    """`key` of the section has another value than it had, one of `values`."""
    text = files[file].decode()
    value = dice.choice([one for one in values if one != _value(text, section, key)])
    block = _block(text, section)
    lines = [line for line in block.split("\n") if not line.startswith(f"{key}=")]
    first = next(number for number, line in enumerate(lines) if line.startswith("["))
    lines.insert(first + 2 if section.startswith("[FenceDevice]") else first + 1, f"{key}={value}")
    return {**files, file: text.replace(block, "\n".join(lines)).encode()}


def _value(text: str, section: str, key: str) -> str:
    found = re.search(rf"^{key}=(.*)$", _block(text, section), re.MULTILINE)
    return found[1] if found else ""


def _block(text: str, section: str) -> str:
    """The section's lines: sections are parted by empty lines here."""
    return next(block for block in text.split("\n\n") if section in f"{block}\n")


MAKERS: dict[Change, Callable[[dict[str, bytes], random.Random], dict[str, bytes]]] = {
    Change.PROBE: _probe,
    Change.DESCRIPTION: _description,
    Change.DOMAIN_ORDER: _domain_order,
    Change.RECOVERY: _recovery,
    Change.START_TIMEOUT: _start_timeout,
    Change.NEW_GROUP: _new_group,
    Change.GROUP_REMOVED: _group_removed,
    Change.DEVICE_TIMEOUT: _device_timeout,
}
