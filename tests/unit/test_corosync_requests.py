"""Requests to a Corosync that may hang."""

import asyncio
import contextlib
import threading
import time

import pytest

from standfast.corosync.common import Code, CorosyncError
from standfast.corosync.requests import Requests


def test_an_answer_and_an_error_come_back() -> None:
    async def scenario() -> None:
        requests = Requests("test")
        assert await requests.ask(lambda: threading.current_thread().name) == "test"

        def refuse() -> None:
            raise CorosyncError("cpg_join", Code.TRY_AGAIN)

        with pytest.raises(CorosyncError, match="TRY_AGAIN"):
            await requests.ask(refuse)

    asyncio.run(scenario())


def test_while_one_request_hangs_every_other_times_out_and_the_loop_runs_on() -> None:
    async def scenario() -> None:
        requests, hang, late = Requests("test"), threading.Event(), list[str]()

        def slow() -> str:
            hang.wait()
            return "too late"

        with pytest.raises(TimeoutError):
            await requests.ask(slow, timeout_s=0.05, abandoned=late.append)
        asked = list[int]()
        for number in range(3):
            with pytest.raises(TimeoutError):
                await requests.ask(lambda number=number: asked.append(number), timeout_s=0.02)  # type: ignore[misc]
        hang.set()
        assert await requests.ask(lambda: "answers again") == "answers again"
        assert late == ["too late"]
        assert not asked, "nothing is queued behind a request that hangs"

    asyncio.run(scenario())


def test_the_process_can_end_while_a_request_hangs() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await Requests("test").ask(threading.Event().wait, timeout_s=0.02)

    began = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - began < 1


def test_an_answer_that_comes_in_the_same_turn_as_the_end_of_the_wait_is_not_lost() -> None:
    async def main() -> None:
        requests, abandoned = Requests("test"), list[str]()
        asked = asyncio.ensure_future(requests.ask(lambda: "answer", timeout_s=0.05, abandoned=abandoned.append))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 # the loop is to stand still
        with contextlib.suppress(TimeoutError):
            abandoned.append(await asked)
        assert abandoned == ["answer"]

    asyncio.run(main())
