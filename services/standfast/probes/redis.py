"""A login to Redis or what speaks its protocol, one command, and its answer."""

import shlex
from typing import Any

from standfast.configuration.model import Probe
from standfast.probes import databases
from standfast.probes.expressions import found
from standfast.probes.libraries import client
from standfast.probes.verdict import BadAnswerError

subject = databases.subject


async def look(probe: Probe, seen: bytearray) -> str:
    """The command is done, and its answer is as wanted. Raises as any checker does."""
    library = await client(probe)
    async with databases.session(probe, tls_at_once=True) as session:
        answer = await library.answer(session, shlex.split(probe.query or "PING"))
    if probe.expect is not None and not found(probe.expect, _whole(answer)):
        raise BadAnswerError(f"the answer does not match {probe.expect}")  # it may be long and secret
    if probe.value is not None:
        return databases.judge(probe, answer if isinstance(answer, list) else [answer])
    return f"the answer matches {probe.expect}" if probe.expect is not None else "it answers the query"


def _whole(answer: Any) -> bytes:
    """The answer in lines."""
    if isinstance(answer, list):
        return b"\n".join(_whole(one) for one in answer)
    return (databases.readable(answer) or "").encode() if not isinstance(answer, bytes) else answer
