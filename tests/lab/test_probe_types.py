"""Probes against real servers, and what they find that systemd does not (issue 6, lines 1 to 3).

One node and one wait for all of it: the page that takes 40 s to start does so meanwhile.
"""

import re
import time
from collections.abc import Iterator
from functools import partial

import pytest
from standfast_lab import observe

from lab.own import own_lab
from lab.pages import FLAPS, ILLNESSES, SLOW, STARTED_WITHIN_S, Pages, unit
from lab.probe_table import KINDS, TABLE, differences
from lab.probed_servers import ProbedNode

FOUND_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def probed() -> Iterator[ProbedNode]:
    """A cluster of one node with real servers."""
    with own_lab("probed", 1, servers=True) as lab:
        node = ProbedNode(lab, lab.nodes()[0])
        node.prepare()
        yield node


@pytest.fixture(scope="module")
def pages(probed: ProbedNode) -> Pages:
    made = Pages(probed)
    made.begin()
    return made


def test_what_runs_and_does_not_serve_is_found_and_told_apart_and_systemctl_finds_none(pages: Pages) -> None:
    lab, node = pages.lab, pages.node
    pages.certify(days=3)
    for name, illness in ILLNESSES.items():
        pages.probed.run(illness.do.format(pid=pages.pid(name)))
    for name, illness in ILLNESSES.items():
        lab.wait(partial(pages.bad, name), FOUND_WITHIN_S, f"{name} to be found")
        (text,) = pages.bad(name)
        print(f"{name:12} {text}")
        assert re.search(illness.said, text)
    units = [unit(name) for name in ILLNESSES]
    assert lab.sh(node, "systemctl", "is-active", *units).stdout.split() == ["active"] * len(units)
    assert lab.sh(node, "systemctl", "status", *units).returncode == 0
    assert all(pages.phase(name) == "started" for name in ILLNESSES)


def test_a_page_that_flaps_is_damped_and_the_journal_says_so(pages: Pages) -> None:
    pages.probed.run(f"echo flaps >/run/page.{FLAPS}")
    pages.lab.wait(lambda: pages.told(FLAPS, "probe-flaps"), 60, "the journal to say that it flaps")
    (flaps,) = pages.told(FLAPS, "probe-flaps")
    print(flaps.text)
    assert "flaps and is held as good" in flaps.text
    time.sleep(5)  # it goes on flapping
    assert not [one for one in pages.told(FLAPS, "probe-changed") if one.at > flaps.at]


def test_every_type_tells_six_kinds_of_answers_apart(probed: ProbedNode) -> None:
    seen = {}
    for kind in KINDS:
        begun = time.monotonic()
        with probed.answers(kind):
            seen[kind] = probed.ask()
            if kind == "hung":
                seen[kind]["unit"] = probed.ask_while_systemd_hangs("unit")
        print(f"{kind}: {time.monotonic() - begun:.1f} s")
    wrong = list(differences(seen))
    assert not wrong, "\n".join(wrong)
    assert set(TABLE) == set(seen["good"])


def test_a_start_of_40_seconds_within_its_start_timeout_is_not_disturbed(pages: Pages) -> None:
    lab, pid = pages.lab, pages.pid(SLOW)
    lab.wait(lambda: pages.phase(SLOW) == "started", STARTED_WITHIN_S, "the slow one to be started")
    assert pages.pid(SLOW) == pid
    assert pages.bad(SLOW) == []
    said = [
        one for one in observe.told(lab, pages.node, since=pages.begun_clock - 1) if one.fields.get("GROUP") == SLOW
    ]
    print("\n".join(f"{one.at - pages.begun:5.1f} s  {one.event}: {one.text}" for one in said))
    good = [one for one in pages.told(SLOW, "probe-changed") if " is good" in one.text]
    assert good[0].at - pages.begun > 40
    assert [one.event for one in said if "fail" in one.event] == []
