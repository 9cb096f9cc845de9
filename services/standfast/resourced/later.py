"""Work that a word from outside begins, at any moment: also while this daemon is ending."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def begin(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
    """`work` runs in the group; a group that is ending takes no task any more, and nobody needs its answer: dropped."""
    try:
        tasks.create_task(work)
    except RuntimeError:  # a signal may still come in before the connection is closed
        work.close()
