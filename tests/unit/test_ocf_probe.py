"""Type=ocf: what a monitor's answer means to a probe, and which probe a resource agent has without one."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import REPOSITORY
from standfast.bus import Variant
from standfast.configuration.load import load
from standfast.configuration.model import Probe
from standfast.configuration.probes import usual_probe
from standfast.ocf.agent import words
from standfast.probes import ocf
from standfast.probes.output import Output
from standfast.probes.transient import End, HungError
from standfast.probes.verdict import BadAnswerError, CannotCheckError
from unit.ocf_agent import Bench
from unit.site import Site, site

__all__ = ["site"]

UNIT = "standfast-ocf@db.service"
PROBE = usual_probe(UNIT)


def look(monkeypatch: pytest.MonkeyPatch, end: End | HungError, said: bytes = b"", probe: Probe = PROBE) -> str:
    """The probe's word when its process ends so."""

    async def run(_: Probe, command: tuple[str, ...], __: dict[str, Variant], output: Output) -> End:
        commands.append(command)
        Path(output.name).write_bytes(said)  # noqa: ASYNC240 - a pipe of ours
        if isinstance(end, HungError):
            raise end
        return end

    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(ocf, "run", run)
    seen = bytearray()
    try:
        return asyncio.run(ocf.look(probe, seen))
    finally:
        assert bytes(seen) == said
        assert commands[0][-4:] == ("db", str(probe.depth), str(probe.interval_ms), str(probe.timeout_ms))


def test_success_is_good_also_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, End(result="success"), b"INFO: checking\nsuccess\n") == "success"
    degraded = End(result="exit-code", code=1, status=190)
    assert look(monkeypatch, degraded, b"it runs, degraded (half)\n") == "it runs, degraded (half)"


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 191])
def test_every_other_code_of_the_api_is_bad_in_its_words(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    said = f"stderr\n{words(code)} (no pid)\n"
    with pytest.raises(BadAnswerError, match=f"^{words(code)}"):
        look(monkeypatch, End(result="exit-code", code=1, status=code), said.encode())
    with pytest.raises(BadAnswerError, match=f"^{words(code)}$"):
        look(monkeypatch, End(result="exit-code", code=1, status=code))


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (HungError(), "no answer within 20 s"),
        (HungError(earlier=7), "it still runs since an earlier try"),
        (End(result="exit-code", code=1, status=124), "no answer within 20 s"),
        (End(result="exit-code", code=1, status=125), "it did not end as an agent does"),
        (End(result="exit-code", code=1, status=203), "it did not end as an agent does"),
        (End(result="signal", code=2, status=9), "it did not end as an agent does"),
        (End(result="timeout", code=2, status=15), "it did not end as an agent does"),
        (End(result="oom-kill", code=2, status=9), "it did not end as an agent does"),
    ],
)
def test_a_monitor_that_hangs_or_crashes_says_nothing_of_its_resource(
    monkeypatch: pytest.MonkeyPatch, end: End | HungError, told: str
) -> None:
    with pytest.raises(CannotCheckError, match=told):
        look(monkeypatch, end, b"whatever\n")


def test_the_program_says_in_its_last_line_what_the_agent_answered(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    code = (
        f"import pathlib; from standfast.ocf import agent, resource, settings\n"
        f"agent.ROOT = resource.ROOT = pathlib.Path('{bench.root}'); "
        f"resource.Resource.__init__.__kwdefaults__['root'] = agent.ROOT\n"
        f"settings.kept.__defaults__ = (pathlib.Path('{bench.kept}'),)\n"
        "from standfast.ocf.__main__ import main; import sys; sys.exit(main(['monitor', 'db', '10', '2000', '5000']))"
    )

    def ask() -> tuple[int, str]:
        environment = {"PYTHONPATH": str(REPOSITORY / "services"), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout.splitlines()[-1]

    bench.resource().start()
    assert ask() == (0, "success")
    assert (bench.environment("monitor")["OCF_CHECK_LEVEL"], bench.calls()[-1]) == ("10", "monitor")
    (bench.here / "running").unlink()
    bench.says("monitor", "ocf-exit-reason:no pid\n")
    assert ask() == (7, "not running (no pid)")
    bench.install(script="#!/bin/sh\nkill -9 $$\n")
    assert ask() == (125, "it was killed by signal 9")


def test_a_resource_agent_is_asked_also_where_no_probe_is_written(site: Site) -> None:
    Bench(site.folder)
    (site.vendor / "standfast-ocf@.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    site.edit("units/webserv.target", "apache2.service", f"apache2.service {UNIT}")
    agent = "[X-Ocf]\nAgent=ocf:test:Thing\nParameter=here=/srv\n"
    drop_in = f"units/{UNIT}.d/agent.conf"
    site.write(drop_in, agent)
    assert probes(site) == (PROBE,)
    assert (PROBE.interval_ms, PROBE.timeout_ms, PROBE.fail_after, PROBE.depth) == (10_000, 20_000, 2, 0)
    site.write(drop_in, f"{agent}[X-Probe]\nType=ocf\nInterval=1s\n[X-Probe deep]\nType=ocf\nDepth=20\nTimeout=1min\n")
    assert [(one.name, one.depth, one.interval_ms, one.timeout_ms) for one in probes(site)] == [
        ("", 0, 1_000, 20_000),
        ("deep", 20, 10_000, 60_000),
    ]
    site.write("units/apache2.service.d/page.conf", "[X-Probe]\nType=ocf\nDepth=10\n")
    assert site.errors() == [
        "units/apache2.service.d/page.conf:2: Type=ocf is for standfast-ocf@NAME.service, not for apache2.service; "
        "remove it, or correct Type="
    ]


def probes(site: Site) -> tuple[Probe, ...]:
    group = load(site.root, system=site.machine.system).group("webserv")
    assert group is not None
    return group.resources[-1].probes
