"""What resourceds ask each other. `standfast probe --on NODE` on the bus: that node makes the probes, and says what it
saw; so it does with the fault of a fire drill.

Nothing of the core takes part: a question that is lost, or that nobody understands, is a time-out for who asked.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from standfast.bus import BusError, Call, ErrorName, Server
from standfast.configuration.keys import did_you_mean
from standfast.probes.making import NoProbeError, find, make
from standfast.resourced import later
from standfast.resourced.codec import MessageError, decode, encode
from standfast.resourced.core import Core
from standfast.resourced.questions import FaultAnswered, FaultAsked, ProbeAnswered, ProbeAsked, Question

INTERFACE: Final = "org.standfast.Groups1"
AT_ONCE: Final = 4  # questions that this node answers at the same time, and that it asks
LONGEST_NAME: Final = 255  # of what is asked for
LARGEST: Final = 64 * 1024  # bytes of an answer
LARGEST_MESSAGE: Final = 2 * LARGEST  # with what JSON adds to it
MARGIN_S: Final = 5.0  # beyond the probe's own Timeout=


class Asking:
    """Answers Groups1.Probe and the other nodes' questions."""

    def __init__(self, core: Core, server: Server, send: Callable[[bytes], None], tasks: asyncio.TaskGroup) -> None:
        """`send`: the message goes to the resourceds of all nodes, this one too."""
        self._core = core
        self._send = send
        self._tasks = tasks
        self._waiting: dict[tuple[str, str], asyncio.Future[Any]] = {}  # by node and id
        self.fault: Callable[[FaultAsked], Awaitable[str]] | None = None  # does it here; the refusal, "" = done
        self._answering = 0
        server.handle(INTERFACE, "Probe", self._probe)

    async def _probe(self, call: Call) -> tuple[Any, ...]:
        unit, name, node = call.arguments
        if max(map(len, (unit, name, node))) > LONGEST_NAME:
            raise BusError(ErrorName.INVALID_ARGUMENTS, f"Nothing has a name of more than {LONGEST_NAME} characters.")
        nodes = {one.name for one in self._core.configuration.nodes}
        if node not in nodes:
            hint = did_you_mean(node, nodes) or f"; there are {', '.join(sorted(nodes))}"
            raise BusError(ErrorName.REFUSED, f"there is no node {node}{hint}")
        try:
            probes = find(self._core.configuration.groups, unit, name)
        except NoProbeError as error:
            raise BusError(ErrorName.REFUSED, str(error)) from error
        if node == self._core.me:
            return (_document(await make(probes)),)
        if node not in self._core.terms.ring_nodes:
            raise BusError(ErrorName.REFUSED, f"{node} is not heard, so it cannot be asked: see `standfast status`")
        if len(self._waiting) >= AT_ONCE:
            raise BusError(ErrorName.REFUSED, f"{AT_ONCE} probes are asked for already: try again")
        return (await self._ask(unit, name, node, max(one.timeout_ms for one in probes) / 1000 + MARGIN_S),)

    async def _ask(self, unit: str, name: str, node: str, wait_s: float) -> str:
        answer: ProbeAnswered = await self.put(ProbeAsked(id=uuid.uuid4().hex, node=node, unit=unit, name=name), wait_s)
        return answer.document

    async def put(self, question: ProbeAsked | FaultAsked, wait_s: float) -> Any:
        """The other node's answer. Raises BusError: it refuses, or says nothing."""
        node = question.node
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[node, question.id] = answered
        try:
            self._send(encode(question))
            async with asyncio.timeout(wait_s):
                answer = await answered
        except TimeoutError as error:
            text = f"{node} did not answer within {wait_s:g} s: systemctl status standfast-resourced.service there"
            raise BusError(ErrorName.TIMED_OUT, text) from error
        finally:
            del self._waiting[node, question.id]
        if answer.refusal:
            raise BusError(ErrorName.REFUSED, f"{node} says: {answer.refusal}")
        return answer

    def heard(self, sender: str, data: bytes) -> None:
        """A message of that group came from a node. What cannot be read is passed over: it decides nothing."""
        try:
            message: Question = decode(Question, data, LARGEST_MESSAGE)
        except MessageError:
            return
        match message:
            case ProbeAsked(node=node) if node == self._core.me:
                later.begin(self._tasks, self._answer(message))
            case FaultAsked(node=node) if node == self._core.me:
                later.begin(self._tasks, self._answer_fault(message))
            case ProbeAnswered(id=identity) | FaultAnswered(id=identity):
                answered = self._waiting.get((sender, identity))
                if answered is not None and not answered.done():
                    answered.set_result(message)

    async def _answer(self, question: ProbeAsked) -> None:
        document = refusal = ""
        self._answering += 1
        try:
            if self._answering > AT_ONCE:
                refusal = f"it makes {AT_ONCE} probes for others already: try again"
            else:
                document = _document(await make(find(self._core.configuration.groups, question.unit, question.name)))
        except NoProbeError as error:
            refusal = str(error)
        except BusError as error:
            refusal = error.text
        finally:
            self._answering -= 1
        self._send(encode(ProbeAnswered(id=question.id, document=document, refusal=refusal)))

    async def _answer_fault(self, asked: FaultAsked) -> None:
        refusal = await self.fault(asked) if self.fault is not None else "it knows nothing of fire drills"
        self._send(encode(FaultAnswered(id=asked.id, refusal=refusal)))


def _document(made: list[dict[str, Any]]) -> str:
    """Raises BusError."""
    text = json.dumps(made, ensure_ascii=False)
    if len(text.encode()) > LARGEST:
        raise BusError(ErrorName.REFUSED, "All that these probes saw is more than 64 KiB: name one of them.")
    return text
