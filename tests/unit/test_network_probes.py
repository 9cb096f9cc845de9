"""Probes of the network: a host that answers, an interface with its carrier, an address that is here."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from standfast.addresses.netlink import IFF_LOWER_UP, IFF_UP, Link, Netlink
from standfast.configuration.model import Probe
from standfast.probes import icmp
from standfast.probes.checking import check
from standfast.probes.verdict import CannotCheckError, Outcome, Try
from unit.probing import UNIT, in_loop


def of(kind: str, **fields: Any) -> Probe:
    return Probe(name="", unit=UNIT, type=kind, timeout_ms=300, **fields)


def _may_ping() -> bool:
    try:
        icmp._open("127.0.0.1").close()
    except (CannotCheckError, OSError):
        return False
    return True


@pytest.mark.skipif(not _may_ping(), reason="only root may ping here")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
@in_loop
async def test_a_host_that_answers_is_good(host: str) -> None:
    assert await check(of("icmp", host=host)) == Try(outcome=Outcome.GOOD, text=f"ping {host}: it answers")


@in_loop
async def test_without_the_right_to_ping_nothing_is_said_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    one = await check(of("icmp", host="127.0.0.1"))
    assert one == Try(
        outcome=Outcome.UNKNOWN, text="ping 127.0.0.1: only root may ask here (net.ipv4.ping_group_range)"
    )


def reply(request: bytes, kind: int = 0) -> bytes:
    return bytes((kind, *request[1:]))


@pytest.mark.parametrize(
    ("answers", "outcome", "text"),
    [
        (lambda request: [reply(request)], Outcome.GOOD, "it answers"),
        (lambda request: [request, b"", b"x", reply(request)[:-1], reply(request)], Outcome.GOOD, "it answers"),
        (lambda _: [], Outcome.BAD, "no answer within 0.3 s"),
        (lambda request: [reply(request, 3), reply(request)[:-1] + b"?"], Outcome.BAD, "no answer within 0.3 s"),
    ],
    ids=["good", "others' and then ours", "hung", "unreachable and malformed"],
)
@in_loop
async def test_only_the_reply_to_our_request_counts(
    answers: Callable[[bytes], list[bytes]], outcome: Outcome, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    theirs.setblocking(False)
    monkeypatch.setattr(icmp, "_open", lambda _: ours)

    def answer() -> None:
        for one in answers(theirs.recv(2048)):
            theirs.send(one)

    loop = asyncio.get_running_loop()
    loop.add_reader(theirs, answer)
    one = await check(of("icmp", host="192.0.2.1"))
    loop.remove_reader(theirs)
    theirs.close()
    assert (one.outcome, one.text) == (outcome, f"ping 192.0.2.1: {text}")


@in_loop
async def test_a_host_without_a_route_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: str) -> socket.socket:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(icmp, "_open", unreachable)
    assert await check(of("icmp", host="192.0.2.1")) == Try(
        outcome=Outcome.BAD, text="ping 192.0.2.1: No route to host"
    )


@pytest.mark.parametrize(
    ("interface", "outcome", "text"),
    [
        ("up", Outcome.GOOD, "it is up and has its carrier"),
        ("unplugged", Outcome.BAD, "it has no carrier"),
        ("down", Outcome.BAD, "it is down"),
        ("eth9", Outcome.BAD, "there is none of that name"),
    ],
)
@in_loop
async def test_an_interface_without_a_carrier_is_bad(
    interface: str, outcome: Outcome, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = (("up", IFF_UP | IFF_LOWER_UP), ("unplugged", IFF_UP), ("down", 0))
    links = [Link(index, name, flags, 1, b"", b"") for index, (name, flags) in enumerate(states)]
    monkeypatch.setattr(Netlink, "links", lambda _: links)
    assert await check(of("link", interface=interface)) == Try(outcome=outcome, text=f"interface {interface}: {text}")


@in_loop
async def test_the_kernel_is_asked() -> None:
    assert (await check(of("link", interface="lo"))).outcome is Outcome.GOOD
    assert await check(of("address", address="127.0.0.1")) == Try(
        outcome=Outcome.GOOD, text="address 127.0.0.1: it is on lo"
    )
    assert await check(of("address", address="192.0.2.77")) == Try(
        outcome=Outcome.BAD, text="address 192.0.2.77: no interface has it"
    )


@pytest.mark.parametrize("fields", [{"kind": "link", "interface": "lo"}, {"kind": "address", "address": "127.0.0.1"}])
@in_loop
async def test_a_kernel_that_does_not_answer_says_nothing(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Netlink) -> None:
        raise OSError(105, "No buffer space available")

    monkeypatch.setattr(Netlink, "links", refuse)
    assert (await check(of(**fields))).outcome is Outcome.UNKNOWN
