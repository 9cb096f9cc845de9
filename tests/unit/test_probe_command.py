"""`standfast probe`: a probe is made here and now, and what comes back is shown."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from sim.machine import configuration
from standfast.configuration.model import Configuration, Group, Level, Probe, Problem, Resource, Source
from standfast.ctl import probing as command
from standfast.ctl.__main__ import main
from unit.probing import OK, UNIT, hang, in_loop, probe, send, serving


async def run(*arguments: str) -> Result:
    runner = CliRunner(mix_stderr=False)
    return await asyncio.to_thread(runner.invoke, main, ("probe", *arguments), env={"COLUMNS": "80"})


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Probe]]:
    """The probes of UNIT in the version in force."""
    probes: list[Probe] = []

    def load(**_: object) -> tuple[Configuration, tuple[Problem, ...]]:
        resources = (Resource(unit="a.mount"), Resource(unit=UNIT, probes=tuple(probes)))
        group = Group(name="webserv", description="", resources=resources)
        return replace(configuration(["n1"]), groups=(group,)), ()

    monkeypatch.setattr(command, "load_in_force", load)
    yield probes


@in_loop
async def test_a_good_probe_is_one_line(force: list[Probe]) -> None:
    async with serving(send(OK)) as url:
        force.append(probe(url, timeout_ms=5000))
        result = await run("apache2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"the probe of {UNIT} (live) is good, ")
    assert result.stdout.endswith(f" ms: GET {url}: status 200\n")


@in_loop
async def test_of_a_bad_one_every_byte_is_shown(force: list[Probe]) -> None:
    answer = b"HTTP/1.1 500 No\r\n\r\n\x00\xff~" + b"x" * 2000
    async with serving(send(answer)) as url:
        force.append(probe(url, name="page", level=Level.READY, timeout_ms=5000))
        result = await run(UNIT, "page")
        shown = json.loads((await run(UNIT, "--json")).stdout)
    assert result.exit_code == 1
    first, *rows = result.stdout.splitlines()
    assert f"probe page of {UNIT} (ready) is bad, " in first
    assert rows[0] == "  0000  48 54 54 50 2f 31 2e 31 20 35 30 30 20 4e 6f 0d  HTTP/1.1 500 No."
    assert rows[1] == "  0010  0a 0d 0a 00 ff 7e 78 78 78 78 78 78 78 78 78 78  .....~xxxxxxxxxx"
    assert bytes.fromhex("".join(row[8:55] for row in rows)) == answer[:512]
    assert [(one["probe"], one["outcome"], one["level"]) for one in shown] == [("page", "bad", "ready")]


@in_loop
async def test_what_could_not_be_made_is_unknown_and_what_is_bad_counts_more(force: list[Probe]) -> None:
    force.append(Probe(name="", unit=UNIT, type="missing"))
    alone = await run(UNIT)
    async with serving(hang) as url:
        force.append(probe(url, name="page"))
        both = await run(UNIT)
    assert (alone.exit_code, both.exit_code) == (6, 1)
    assert f"the probe of {UNIT} (live) is unknown, 0 ms: the probe of {UNIT} itself failed: " in alone.stdout


@in_loop
async def test_of_one_that_takes_anothers_result_the_other_is_made(force: list[Probe]) -> None:
    async with serving(send(OK)) as url:
        taken = Probe(name="taken", unit=UNIT, type="probe", other="page")
        force.extend((probe(url, name="page", timeout_ms=5000), taken))
        result = await run(UNIT, "taken")
    assert result.stdout.startswith(f"probe page of {UNIT} (live) is good, ")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("b.service",), f"standfast: b.service is in no group. Units with probes: {UNIT}. Did you mean {UNIT}?\n"),
        (("a.mount",), "standfast: a.mount has no [X-Probe].\n"),
        ((UNIT, "x"), f"standfast: There is no probe x of {UNIT}: its probes are called page.\n"),
    ],
)
@in_loop
async def test_what_is_not_there_is_refused_with_what_is(force: list[Probe], words: tuple[str, ...], text: str) -> None:
    force.append(probe(name="page"))
    result = await run(*words)
    assert (result.exit_code, result.stderr, result.stdout) == (1, text, "")


@in_loop
async def test_without_a_version_in_force_there_is_nothing_to_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Problem(source=Source(path="/var/lib/standfast/config", line=0), text="there is none")
    monkeypatch.setattr(command, "load_in_force", lambda **_: (None, (nothing,)))
    result = await run(UNIT)
    assert result.exit_code == 1
    assert result.stderr == "standfast: There is nothing to probe: /var/lib/standfast/config: there is none.\n"
