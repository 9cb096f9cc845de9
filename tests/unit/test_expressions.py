"""Regular expressions of probes: whatever is searched in whatever, this process goes on."""

import asyncio
import time

import pytest

from standfast.configuration.expressions import _size, check_expression
from standfast.configuration.model import Source
from standfast.configuration.probe_checks import _of_expression
from standfast.probes import expressions
from standfast.probes.checking import check
from standfast.probes.databases import _typed
from standfast.probes.expressions import found
from standfast.probes.verdict import CannotCheckError, Outcome
from unit.probing import in_loop, probe, send, serving

EVIL = "(a+)+$"
LONG = "a" * 65_535 + "!"


@pytest.fixture(autouse=True)
def nothing_rests() -> None:
    expressions._resting.clear()


@pytest.mark.parametrize(
    ("expression", "text", "multiline", "expected"),
    [
        ("^ok$", "not\nok\n", False, False),
        ("^ok$", "not\nok\n", True, True),
        (r"\xff\d", b"\xff7", False, True),
        ("(?i)fine", "FINE", False, True),
        ("", "", False, True),
    ],
)
def test_it_is_found_as_pythons_own_module_would(
    expression: str, text: str | bytes, multiline: bool, expected: bool
) -> None:
    assert found(expression, text, multiline=multiline) is expected


@pytest.mark.parametrize("text", [LONG, LONG.encode()], ids=["text", "bytes"])
@pytest.mark.parametrize("expression", [EVIL, "(a|aa)+$", r"(\w+\s?)+$"])
def test_what_takes_long_is_ended_and_left_alone_for_a_while(
    expression: str, text: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = time.process_time()
    with pytest.raises(CannotCheckError, match="takes longer than 50 ms; write a simpler expression"):
        found(expression, text)
    assert time.process_time() - begin < 0.5
    begin = time.process_time()
    for _ in range(200):
        with pytest.raises(CannotCheckError):
            found(expression, "a")
    assert time.process_time() - begin < 0.5
    monkeypatch.setitem(expressions._resting, expression, time.monotonic() - 1)
    assert found(expression, "a")


@pytest.mark.parametrize(
    ("expression", "size"),
    [
        (r"^ok$", 4),
        (r"\d{1,3}(\.\d{1,3}){3}", 7),
        ("[0-9a-f]{64}", 64),
        ("[]{2}]{3}", 3),
        (r"a\{5000\}", 7),
        ("(a|b){0,9}x{2,}", 5),
        ("((ab){10}){10}", 200),
        (")(", 1),
    ],
)
def test_an_expression_is_as_large_as_its_repeats_make_it(expression: str, size: int) -> None:
    assert _size(expression) == size


def test_brackets_in_brackets_without_end_are_no_expression() -> None:
    with pytest.raises(ValueError, match="is no regular expression: maximum recursion depth exceeded"):
        check_expression("(" * 500 + ")" * 500)


def test_what_cannot_be_searched_is_told_before_it_counts() -> None:
    source = Source(path="units/a.service", line=3)
    for key in ("Body", "Expect"):
        (told,) = _of_expression(source, key, "{e}")
        assert str(told).startswith(f"units/a.service:3: {key}= cannot be searched: nothing for fuzzy constraint")
        assert list(_of_expression(source, key, EVIL)) == []


def test_what_a_database_answers_is_no_number_at_once() -> None:
    begin = time.process_time()
    for text in ("1" * 262_000 + "x", "1" * 131_000 + "." + "1" * 131_000 + "x", "." * 262_000):
        assert _typed(text, 1) == text
    assert time.process_time() - begin < 1.0
    assert [_typed(text, 1) for text in ("1", "-1.5", ".5", "2.", "1e3", "1.", "+7")] == [1, -1.5, 0.5, 2, 1000, 1, 7]


def test_what_is_known_of_slow_ones_is_bounded() -> None:
    for number in range(1000):
        expressions._rest(str(number))
    assert len(expressions._resting) == 256
    assert "999" in expressions._resting


@in_loop
async def test_a_page_that_would_be_searched_for_ever_does_not_stop_this_process() -> None:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            begin = time.process_time()
            await asyncio.sleep(0)
            longest = max(longest, time.process_time() - begin)

    ticking = asyncio.create_task(tick())
    head = f"HTTP/1.1 200 OK\r\nX: {LONG[-20_000:]}\r\nContent-Length: {len(LONG)}\r\n\r\n".encode()
    async with serving(send(head + LONG.encode())) as url:
        told = [await check(probe(url, body=EVIL, timeout_ms=60_000)) for _ in range(3)]
    ticking.cancel()
    assert {one.outcome for one in told} == {Outcome.UNKNOWN}
    assert told[0].text.endswith(f"searching {EVIL} takes longer than 50 ms; write a simpler expression")
    assert 0.04 < longest < 0.5
