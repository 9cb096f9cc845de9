"""A thread that waits for Corosync's answers in the loop's place.

A Corosync that hangs (stopped, starved, stuck on a disk) answers no request and refuses none: the caller waits. A
daemon whose loop waits with it is killed by systemd's watchdog, again and again.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_Job = Callable[[], None]


class Requests:
    """One request at a time. The thread ends with the process, also while Corosync hangs."""

    def __init__(self, name: str) -> None:
        self._turn = asyncio.Lock()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def ask(
        self,
        request: Callable[[], Answer],
        *,
        timeout_s: float = 2.0,
        abandoned: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """What `request` returns or raises; TimeoutError when Corosync does not answer, or not the one before.

        An answer that comes when nobody waits any more goes to `abandoned`, in the loop's thread.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def settle(answer: Answer | None, error: BaseException | None) -> None:
            self._turn.release()
            if future.done():
                if error is None and abandoned is not None:
                    abandoned(answer)  # type: ignore[arg-type] # without an error there is an answer
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)  # type: ignore[arg-type] # as above

        def work() -> None:
            answer, error = None, None
            try:
                answer = request()
            except BaseException as problem:
                error = problem
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(settle, answer, error)

        try:
            async with asyncio.timeout(timeout_s):
                await self._turn.acquire()
                self._jobs.put(work)
                return await future
        except (TimeoutError, asyncio.CancelledError):
            # Where the loop stood still the answer and the end of the wait come in one turn, and nobody gets it.
            if abandoned is not None and future.done() and not future.cancelled() and future.exception() is None:
                abandoned(future.result())
            raise

    def _work(self) -> None:
        while True:
            self._jobs.get()()
