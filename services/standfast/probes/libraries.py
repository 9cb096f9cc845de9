"""Parts of ours that need a library of Debian which not every node has.

They are imported in a thread, once, when a probe needs one: that takes up to a second on a busy machine.
"""

import asyncio
from importlib import import_module
from typing import Any, Final

from standfast.configuration.model import Probe
from standfast.probes.verdict import CannotCheckError
from standfast.probes.waiting import settled

PACKAGES: Final = {"dns": "python3-dnspython", "mysql": "python3-aiomysql", "redis": "python3-redis"}  # by type
MODULES: Final = {"dns": "dns", "mysql": "aiomysql", "redis": "redis"}

_imports: Final[dict[str, asyncio.Task[Any]]] = {}


async def client(probe: Probe) -> Any:
    """Our module TYPE_client. Raises CannotCheckError, naming what to install."""
    known = _imports.get(probe.type)
    if known is None or (known.done() and (known.cancelled() or isinstance(known.result(), CannotCheckError))):
        known = _imports[probe.type] = asyncio.create_task(_import(probe.type), name=f"import {probe.type}")
    return await settled(known, probe, f"{MODULES[probe.type]} is still being imported")


async def _import(kind: str) -> Any:
    try:
        return await asyncio.to_thread(import_module, f"standfast.probes.{kind}_client")
    except ImportError as error:
        return CannotCheckError(missing(kind) + (f" ({error})" if error.name != MODULES[kind] else ""))


def missing(kind: str) -> str:
    """What to say where there is no library for this type."""
    return f"Type={kind} needs a library that is not on this node: apt install {PACKAGES[kind]}"
