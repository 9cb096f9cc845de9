"""What is checked of resource agents before a configuration counts: they are run, and what they say is a stranger's."""

import asyncio
import re
from pathlib import Path

import pytest

from standfast.configuration import agent_answers
from standfast.configuration.load import load
from standfast.configuration.ocf_checks import OcfAgents
from unit.ocf_agent import METADATA, Bench
from unit.site import Site, site

__all__ = ["site"]

DROP_IN = "units/standfast-ocf@db.service.d/agent.conf"
GOOD = "[X-Ocf]\nAgent=ocf:test:Thing\nParameter=here=/srv\n"


@pytest.fixture
def bench(site: Site) -> Bench:
    """A group with a resource of ocf:test:Thing."""
    bench = Bench(site.folder)
    (site.vendor / "standfast-ocf@.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    site.edit("units/webserv.target", "apache2.service", "apache2.service standfast-ocf@db.service")
    site.write(DROP_IN, GOOD)
    return bench


def test_a_good_one_has_no_problem_and_its_agent_is_in_the_configuration(site: Site, bench: Bench) -> None:
    assert site.lines() == []
    group = load(site.root, system=site.machine.system).group("webserv")
    assert group is not None
    (ocf,) = [one.ocf for one in group.resources if one.ocf is not None]
    assert (ocf.name, ocf.parameters) == ("ocf:test:Thing", {"here": "/srv"})
    assert ocf.setting("Parameter=here") == f"{DROP_IN}:3"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("here=", "hre=", f"{DROP_IN}:3: ocf:test:Thing knows no parameter hre; did you mean here?"),
        ("Parameter=here=/srv\n", "", f"{DROP_IN}:2: ocf:test:Thing needs Parameter=here=; add it to [X-Ocf]"),
        ("Thing", "Thin", f"{DROP_IN}:2: there is no FOLDER for ocf:test:Thin; did you mean ocf:test:Thing?"),
        (
            "test:Thing",
            "linbit:drbd",
            f"{DROP_IN}:2: there is no FOLDER for ocf:linbit:drbd; install it (Debian: resource-agents)",
        ),
    ],
)
def test_what_an_agent_does_not_know_is_one_sentence_with_its_line(
    site: Site, bench: Bench, old: str, new: str, told: str
) -> None:
    site.edit(DROP_IN, old, new)
    assert told in [re.sub(r"/\S+/resource.d/\S+", "FOLDER", line) for line in site.errors()]


def test_what_pacemaker_would_have_to_promote_is_refused(site: Site, bench: Bench) -> None:
    promoted = METADATA.replace("</actions>", '<action name="promote"/><action name="demote"/></actions>')
    bench.install(metadata=promoted)
    assert site.errors() == [
        f"{DROP_IN}:2: ocf:test:Thing is made to be promoted and demoted, which needs Pacemaker; "
        "make the server's own unit the resource, with an [X-Probe]"
    ]


def test_an_agent_without_a_monitor_is_refused(site: Site, bench: Bench) -> None:
    bench.install(metadata=METADATA.replace('<action name="monitor"', '<action name="status"'))
    assert site.errors() == [
        f"{DROP_IN}:2: ocf:test:Thing cannot “monitor”, which every resource must; use another agent"
    ]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><resource-agent>&b;</resource-agent>'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "what it says of itself is no XML: no element found: line 1, column 0"),
        ("usage: Thing", "what it says of itself is no XML: syntax error: line 1, column 0"),
        ("<other/>", "what it says of itself is no <resource-agent> but <other>"),
        (BOMB, "what it says of itself has entities of its own"),
        ("<resource-agent>" * 100, "what it says of itself has more than 20000 elements or 64 levels"),
        (f"<resource-agent>{'<a/>' * 20_001}</resource-agent>", "what it says of itself has more than 20000 elements"),
        (f"<resource-agent>{' ' * (3 << 20)}</resource-agent>", "what it says of itself is longer than 1 MiB"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><resource-agent>&x;</resource-agent>', "cannot “start”"),
    ],
)
def test_what_a_hostile_agent_says_is_one_problem(site: Site, bench: Bench, said: str, told: str) -> None:
    bench.install(metadata=said)
    first = site.errors()[0]
    assert first.startswith(f"{DROP_IN}:2: ocf:test:Thing")
    assert told in first


def test_an_agent_that_does_not_answer_costs_its_time_and_no_more(
    site: Site, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_answers, "_LONGEST_S", 1.0)
    monkeypatch.setattr(agent_answers.ask_agent, "__defaults__", (None, 1.0))
    for script in ("sleep 600", "yes '<a/>'", "sleep 600 & exit 0"):
        bench.install(script=f"#!/bin/sh\n{script}\n")
        assert site.errors() == [f"{DROP_IN}:2: ocf:test:Thing does not say within 1 s what it can do"]
    bench.install(script="#!/bin/sh\nexit 5\n")
    assert site.errors() == [f"{DROP_IN}:2: ocf:test:Thing does not say what it can do: exit code 5"]
    bench.install().chmod(0o644)
    (told,) = site.errors()
    assert told.endswith("Thing is no program; chmod 0755 it")


def test_an_agent_is_asked_again_only_when_its_program_is_another_one(site: Site, bench: Bench, tmp_path: Path) -> None:
    counting = '#!/bin/sh\necho >>"$(dirname "$0")/asked"; exec cat "$0.xml"\n'
    program = bench.install(script=counting)
    site.edit("units/webserv.target", "standfast-ocf@db.service", "standfast-ocf@db.service standfast-ocf@two.service")
    site.write("units/standfast-ocf@two.service.d/agent.conf", GOOD)
    configuration = load(site.root, system=site.machine.system)
    agents = OcfAgents(bench.root)
    asked = program.with_name("asked")
    for times, script in ((1, counting), (1, counting), (2, f"{counting}# newer\n")):
        if program.read_text() != script:
            program.write_text(script)
        assert asyncio.run(agents.problems(configuration.groups)) == ()
        assert len(asked.read_text().splitlines()) == times
