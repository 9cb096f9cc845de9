"""libcfg: the links to each node as this one sees them, and a reload of corosync.conf (cfg.h)."""

import asyncio
import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from standfast.corosync.common import Connection, Handle, HandlePointer, IntPointer, Library

LINKS: Final = 8  # CFG_MAX_LINKS
_STATUS_V1: Final = 1
_IMMEDIATE: Final = 2  # COROSYNC_CFG_SHUTDOWN_FLAG_IMMEDIATE: nobody is asked, the other nodes are told


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Link:
    number: int
    up: bool  # knet's pings on it are answered


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What knet knows of one other node."""

    reachable: bool  # over any link
    links: tuple[Link, ...]  # those in use, by number


class LinkStatus(ctypes.Structure):
    """struct corosync_knet_link_status_v1."""

    _fields_ = (
        ("enabled", ctypes.c_uint8),
        ("connected", ctypes.c_uint8),
        ("dynconnected", ctypes.c_uint8),
        ("mtu", ctypes.c_uint),
        ("source", ctypes.c_char * 256),
        ("destination", ctypes.c_char * 256),
    )


class Status(ctypes.Structure):
    """struct corosync_cfg_node_status_v1."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("nodeid", ctypes.c_uint),
        ("reachable", ctypes.c_uint8),
        ("remote", ctypes.c_uint8),
        ("external", ctypes.c_uint8),
        ("onwire_min", ctypes.c_uint8),
        ("onwire_max", ctypes.c_uint8),
        ("onwire_version", ctypes.c_uint8),
        ("links", LinkStatus * LINKS),
    )


_Shutdown = ctypes.CFUNCTYPE(None, Handle, ctypes.c_int)


class Callbacks(ctypes.Structure):
    """corosync_cfg_callbacks_t."""

    _fields_ = (("shutdown", _Shutdown),)


_LIBRARY: Final = Library(
    "libcfg.so.7",
    {
        "corosync_cfg_initialize": (HandlePointer, ctypes.c_void_p),
        "corosync_cfg_finalize": (Handle,),
        "corosync_cfg_fd_get": (Handle, IntPointer),
        "corosync_cfg_dispatch": (Handle, ctypes.c_int),
        "corosync_cfg_node_status_get": (Handle, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p),
        "corosync_cfg_reload_config": (Handle,),
        "corosync_cfg_try_shutdown": (Handle, ctypes.c_int),
    },
)


class Cfg:
    """Requests to this node's Corosync; each waits for its answer. Raises CorosyncError while Corosync does not run."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_dead: Callable[[], None]) -> None:
        self._connection = connection = Connection(loop, _LIBRARY, "corosync_cfg", on_dead)
        self._callbacks = Callbacks(_Shutdown(connection.guarded(_ignore)))
        callbacks = ctypes.cast(ctypes.byref(self._callbacks), ctypes.c_void_p)
        _LIBRARY.call("corosync_cfg_initialize", ctypes.byref(connection.handle), callbacks)
        connection.opened()

    def node_status(self, node: int) -> NodeStatus:
        """Raises CorosyncError: Corosync is gone, or knows no node of this id."""
        status = Status()
        pointer = ctypes.cast(ctypes.byref(status), ctypes.c_void_p)
        self._connection.call("node_status_get", node, _STATUS_V1, pointer)
        links = tuple(
            Link(number=number, up=bool(link.connected)) for number, link in enumerate(status.links) if link.enabled
        )
        return NodeStatus(reachable=bool(status.reachable), links=links)

    def reload(self) -> None:
        """Every Corosync of the ring was told to read its corosync.conf again. Raises CorosyncError."""
        self._connection.call("reload_config")

    def shut_down(self) -> None:
        """This node's Corosync leaves the ring and ends. Raises CorosyncError, also when it ends before it answers."""
        self._connection.call("try_shutdown", _IMMEDIATE)

    def close(self) -> None:
        """Nothing of it is left."""
        self._connection.close()


def _ignore(*_arguments: Any) -> None:
    """Nobody asks Corosync to shut down through us."""
