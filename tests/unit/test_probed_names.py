"""Names of hosts that probes ask: a resolver that hangs holds up its own names and nothing else."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from standfast.probes import names
from standfast.probes.names import resolve
from standfast.probes.verdict import CannotCheckError
from unit.probing import in_loop


class Resolver:
    """It knows `fast.example.com`; of names that hang nobody hears until `answers` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.answers.wait()
        addresses = ((socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "192.0.2.1"))
        return [(family, 0, 0, "", (address, 0)) for family, address in addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    one = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", one.getaddrinfo)
    monkeypatch.setattr(names, "_asked", {})
    yield one
    one.answers.set()


async def no_answer(host: str) -> str:
    with pytest.raises(CannotCheckError) as failed:
        await resolve(host, 20)
    return str(failed.value)


@in_loop
async def test_a_name_that_hangs_has_one_thread_and_holds_up_no_other(resolver: Resolver) -> None:
    before = threading.active_count()
    for _ in range(5):
        told = await asyncio.gather(*(no_answer("hangs.example.com") for _ in range(20)))
        assert set(told) == {"hangs.example.com cannot be looked up: no name server answers"}
    assert threading.active_count() == before + 1
    assert resolver.asked == ["hangs.example.com"]
    assert await resolve("fast.example.com", 60_000) == "192.0.2.1"
    resolver.answers.set()
    assert await resolve("hangs.example.com", 60_000) == "192.0.2.1"


@in_loop
async def test_names_that_hang_have_a_bound(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_MOST", 3)
    await asyncio.gather(*(no_answer(f"hangs{number}.example.com") for number in range(3)))
    assert await no_answer("fast.example.com") == (
        "fast.example.com cannot be looked up: 3 other names have no answer yet"
    )
    assert await resolve("192.0.2.7", 20) == "192.0.2.7"
    resolver.answers.set()
    assert await resolve("hangs0.example.com", 60_000) == "192.0.2.1"
    while names._asked:  # the others are settled too
        await asyncio.wait(names._asked.values())
    assert await resolve("fast.example.com", 60_000) == "192.0.2.1"


@in_loop
async def test_a_try_that_is_cancelled_leaves_the_look_up_to_others(resolver: Resolver) -> None:
    first, second = (asyncio.create_task(resolve("hangs.example.com", 60_000)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    resolver.answers.set()
    assert await second == "192.0.2.1"
    assert resolver.asked == ["hangs.example.com"]
