"""What a cluster.conf of RHCS says, typed. Each record keeps the element that it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass

from standfast.rhcs.document import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One <device> of a fence method: a use of a fence device against one node."""

    element: Element
    device: str
    action: str  # off, on, reboot …
    plug: str  # "": none
    delay_s: int
    options: Mapping[str, str]  # whatever else it says to the agent
    secrets: Mapping[str, str]  # likewise, what nobody may see


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One level of a node: all of its uses must succeed."""

    element: Element
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    element: Element
    name: str
    id: int  # 0: none is written
    votes: int
    names: tuple[str, ...]  # what each of its links is called: its own name, then alternative ones
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One <fencedevice>."""

    element: Element
    name: str
    agent: str
    delay_s: int
    options: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    element: Element
    name: str
    ordered: bool
    restricted: bool
    nofailback: bool
    members: tuple[tuple[str, int], ...]  # nodes, each with its priority: the lower the better


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One <service>, or one <vm> that stands where services do."""

    element: Element
    name: str
    domain: str
    autostart: bool
    exclusive: bool
    recovery: str
    max_restarts: int
    restart_expire_s: int
    depend: str
    depend_hard: bool
    priority: int
