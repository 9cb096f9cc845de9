"""`standfast group` and `status` with a group that has copies, against fake daemons on a private bus."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bus.private import PrivateBus
from bus.test_command_line import GROUPS, with_daemons
from fakes.daemons import ROOT, SINCE, Cluster
from standfast.bus import escape

METHODS = ("Start", "Stop", "Enable", "Disable", "Freeze", "Thaw")
STARTED, STOPPED = ("started", "started", "stopped"), ("stopped",) * 3
Prepare = Callable[[Cluster], None]


def show(cluster: Cluster, phases: tuple[str, ...], *, wanted: int = 2, flags: tuple[str, ...] = ()) -> None:
    """The copies of the group proxy are in these phases, on node1 and so on."""
    names = [f"proxy@node{number}" for number in (1, 2, 3)]
    for name, phase in zip(names, phases, strict=True):
        path = f"{ROOT}/group/{escape(name)}"
        owner = name.partition("@")[2] if phase == "started" else ""
        values = {"Name": name, "Phase": phase, "Flags": list(flags), "Owner": owner, "LastOwner": ""}
        cluster.publish(path, "Group1", **values, Since=SINCE, Reason="so it is", WantedOn="", Drilled=("", "", 0))
        state = "active" if owner else "inactive"
        report = {"Unit": "haproxy.service", "Place": 1, "State": state, "Probe": "none", "Cause": ""}
        cluster.publish(f"{path}/resource/haproxy_2eservice", "Resource1", **report)
    cluster.publish(f"{ROOT}/group/proxy", "Copies1", Name="proxy", Copies=names, Wanted=wanted)


def copies(phases: tuple[str, ...], then: Callable[[Cluster], None] = lambda _: None) -> Prepare:
    """The copies are so; a wish is taken, and a moment later `then`."""

    def prepare(cluster: Cluster) -> None:
        for method in METHODS:
            cluster.servers[GROUPS].handle("org.standfast.Copies1", method, cluster._wished)
        show(cluster, phases)

        async def wished(_: str, __: tuple[Any, ...]) -> None:
            asyncio.get_running_loop().call_later(0.1, lambda: then(cluster))

        cluster.on_wish = wished

    return prepare


def test_status_has_one_line_for_all_copies_and_one_for_each(private_bus: PrivateBus) -> None:
    shown = with_daemons("status", prepare=copies(STARTED)).stdout.splitlines()
    line = shown.index("proxy    2 of 2 copies run")
    words = [" ".join(text.split()[:2]) for text in shown[line + 1 : line + 4]]
    assert words == ["proxy@node1 started", "proxy@node2 started", "proxy@node3 stopped"]


def test_status_for_programs_says_which_groups_are_copies(private_bus: PrivateBus) -> None:
    report = json.loads(with_daemons("status", "--json", prepare=copies(STARTED)).stdout)
    names = ["proxy@node1", "proxy@node2", "proxy@node3"]
    assert report["copies"] == [{"name": "proxy", "wanted": 2, "groups": names}]
    assert [one["name"] for one in report["groups"]] == [*names, "webserv"]


@pytest.mark.parametrize(
    ("word", "before", "then", "said"),
    [
        ("stop", STARTED, lambda c: show(c, STOPPED, wanted=0), "proxy is stopped\n"),
        ("disable", STARTED, lambda c: show(c, STOPPED, wanted=0), "proxy is stopped\n"),
        ("start", STOPPED, lambda c: show(c, STARTED), "proxy: 2 of 2 copies run: node1, node2\n"),
        ("enable", STOPPED, lambda c: show(c, STARTED), "proxy: 2 of 2 copies run: node1, node2\n"),
        ("freeze", STARTED, lambda c: show(c, STARTED, flags=("frozen",)), "proxy: 2 of 2 copies run: node1, node2\n"),
        ("thaw", STARTED, lambda c: show(c, STARTED), "proxy: 2 of 2 copies run: node1, node2\n"),
    ],
)
def test_a_wish_for_all_copies_waits_until_it_is_so(
    private_bus: PrivateBus, word: str, before: tuple[str, ...], then: Prepare, said: str
) -> None:
    result = with_daemons("group", word, "proxy", prepare=copies(before, then))
    assert (result.exit_code, result.stdout) == (0, said), result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("relocate", "proxy"), "standfast: Each copy stays on its node; standfast group stop proxy@NODE"),
        (("start", "proxy", "node3"), "standfast: Each copy has its own node: standfast group start proxy@node3"),
    ],
)
def test_what_cannot_be_asked_of_all_copies_is_refused(
    private_bus: PrivateBus, words: tuple[str, ...], said: str
) -> None:
    result = with_daemons("group", *words, prepare=copies(STARTED))
    assert result.exit_code == 1
    assert result.stderr.startswith(said)


def test_a_copy_that_does_not_stop_ends_the_wait(private_bus: PrivateBus) -> None:
    blocked = ("stopped", "blocked", "stopped")
    result = with_daemons("group", "stop", "proxy", prepare=copies(STARTED, lambda c: show(c, blocked)))
    assert result.exit_code == 1
    assert "standfast: proxy@node2 is blocked: so it is." in result.stderr


def test_copies_are_restarted_one_after_the_other(private_bus: PrivateBus) -> None:
    seen: list[str] = []

    def prepare(cluster: Cluster) -> None:
        copies(STARTED)(cluster)

        async def wished(method: str, _: tuple[Any, ...]) -> None:
            seen.append(method)
            name = f"proxy@node{len(seen)}"
            values = {"Name": name, "Phase": "started", "Flags": [], "Owner": f"node{len(seen)}", "LastOwner": ""}
            path = f"{ROOT}/group/{escape(name)}"
            publish = cluster.publish
            later = {"Since": "2026-01-01T00:01:00Z", "Reason": "restarted"}
            asyncio.get_running_loop().call_later(0.1, lambda: publish(path, "Group1", **values, **later))

        cluster.on_wish = wished

    result = with_daemons("group", "restart", "proxy", prepare=prepare)
    assert result.stdout == "proxy@node1 is started on node1\nproxy@node2 is started on node2\n", result.stderr
    assert seen == ["Restart", "Restart"]
