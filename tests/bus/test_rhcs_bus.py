"""clusvcadm, and what else of RHCS's commands asks the daemons, against fake daemons on a private bus."""

import asyncio
import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from standfast_rhcs import clustat, clusvcadm, cman_tool, fence_ack_manual, fence_node, fence_tool
from standfast_rhcs.cluster import EndedError

from bus.private import PrivateBus
from fakes.daemons import ALL, Cluster
from standfast.bus import ErrorName

Main = Callable[[Sequence[str]], int]
Prepare = Callable[[Cluster], None]
LATER = "2026-01-01T00:01:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    code: int
    out: str
    err: str
    wishes: list[tuple[str, tuple[Any, ...]]]


def call(main: Main, *words: str, prepare: Prepare = lambda _: None, names: Sequence[str] = ALL) -> Done:
    """What the command did while these daemons ran."""

    def run() -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(words)
            except EndedError as error:
                print(error.text, file=err)
                code = error.code
        return code, out.getvalue(), err.getvalue()

    async def play() -> Done:
        async with Cluster().running(names) as cluster:
            prepare(cluster)
            code, out, err = await asyncio.to_thread(run)
            return Done(code=code, out=out, err=err, wishes=cluster.wishes)

    return asyncio.run(play())


def obeys(cluster: Cluster) -> None:
    """The group becomes what is wished, at once."""

    async def become(method: str, arguments: tuple[Any, ...]) -> None:
        shown: dict[str, dict[str, Any]] = {
            "Start": {"Phase": "started", "Flags": [], "Owner": (arguments or ("",))[0] or "node1"},
            "Relocate": {"Phase": "started", "Owner": (arguments or ("",))[0] or "node2", "LastOwner": "node1"},
            "Restart": {"Phase": "started"},
            "Stop": {"Phase": "stopped", "Flags": ["stopped"], "Owner": "", "LastOwner": "node1"},
            "Disable": {"Phase": "stopped", "Flags": ["disabled"], "Owner": "", "LastOwner": "node1"},
            "Freeze": {"Flags": ["frozen"]},
            "Thaw": {"Flags": []},
            "Enable": {"Flags": []},
        }
        cluster.group(since=LATER, **shown[method])

    cluster.on_wish = become


def is_so(**values: Any) -> Prepare:
    def prepare(cluster: Cluster) -> None:
        obeys(cluster)
        cluster.group(**values)

    return prepare


STOPPED = is_so(Phase="stopped", Flags=["stopped"], Owner="")
DISABLED = is_so(Phase="stopped", Flags=["disabled"], Owner="")
FROZEN = is_so(Flags=["frozen"])
PARTIAL = is_so(Flags=["partial"])
HERE, THERE = "Local machine {} service:webserv...{}\n", "service:webserv is now running on {}\n"


@pytest.mark.parametrize(
    ("words", "prepare", "code", "out", "wishes"),
    [
        ("-d webserv", obeys, 0, HERE.format("disabling", "Success"), [("Disable", ())]),
        ("-d service:webserv", obeys, 0, HERE.format("disabling", "Success"), [("Disable", ())]),
        (
            "-e webserv",
            STOPPED,
            0,
            HERE.format("trying to enable", "Success") + THERE.format("node1"),
            [("Start", ("node1",))],
        ),
        (
            "-e webserv -F",
            DISABLED,
            0,
            HERE.format("trying to enable", "Success") + THERE.format("node1"),
            [("Enable", ()), ("Start", ("",))],
        ),
        (
            "-e webserv -m node2",
            STOPPED,
            0,
            "Member node2 trying to enable service:webserv...Success\n" + THERE.format("node2"),
            [("Start", ("node2",))],
        ),
        ("-e webserv", obeys, 0, HERE.format("trying to enable", "Service is already running"), []),
        (
            "-r webserv -m node2",
            obeys,
            0,
            "Trying to relocate service:webserv to node2...Success\n" + THERE.format("node2"),
            [("Relocate", ("node2",))],
        ),
        (
            "-r webserv -n node2",
            obeys,
            0,
            "Trying to relocate service:webserv to node2...Success\n" + THERE.format("node2"),
            [("Relocate", ("node2",))],
        ),
        (
            "-r webserv",
            obeys,
            0,
            "Trying to relocate service:webserv...Success\n" + THERE.format("node2"),
            [("Relocate", ("",))],
        ),
        ("-q -r webserv -m node2", obeys, 0, "", [("Relocate", ("node2",))]),
        ("-r webserv", DISABLED, 248, "Trying to relocate service:webserv...Invalid operation for resource\n", []),
        ("-R webserv", obeys, 0, HERE.format("trying to restart", "Success"), [("Restart", ())]),
        ("-R webserv", DISABLED, 248, HERE.format("trying to restart", "Invalid operation for resource"), []),
        ("-s webserv", obeys, 0, HERE.format("stopping", "Success"), [("Stop", ())]),
        ("-Z webserv", obeys, 0, HERE.format("freezing", "Success"), [("Freeze", ())]),
        ("-U webserv", FROZEN, 0, HERE.format("unfreezing", "Success"), [("Thaw", ())]),
        ("-d webserv", FROZEN, 245, HERE.format("disabling", "Failure: Service is frozen"), []),
        ("-s webserv", FROZEN, 245, HERE.format("stopping", "Failure: Service is frozen"), []),
        ("-r webserv", FROZEN, 245, "Trying to relocate service:webserv...Failure: Service is frozen\n", []),
        ("-c webserv", obeys, 0, HERE.format("convalescing", "Service is already running"), []),
        ("-c webserv", PARTIAL, 248, HERE.format("convalescing", "Invalid operation for resource"), []),
        (
            "-M webserv -m node2",
            obeys,
            248,
            "Trying to migrate service:webserv to node2...Invalid operation for resource\n",
            [],
        ),
        ("-d db", obeys, 252, "Local machine disabling service:db...Service does not exist\n", []),
        ("-S", obeys, 0, "Resource groups unlocked\n", []),
        ("-u", obeys, 0, "Resource groups unlocked\n", []),
    ],
)
def test_clusvcadm_prints_and_ends_as_rhcs_did(
    private_bus: PrivateBus,
    words: str,
    prepare: Prepare,
    code: int,
    out: str,
    wishes: list[tuple[str, tuple[Any, ...]]],
) -> None:
    done = call(clusvcadm.main, *words.split(), prepare=prepare)
    assert (done.code, done.out, done.wishes) == (code, out, wishes), done.err


def refuses(name: str) -> Prepare:
    return lambda cluster: cluster.refuse(name, "the daemon says why")


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        (ErrorName.NOT_QUORATE, 247, "Operation requires quorum"),
        (ErrorName.ACCESS_DENIED, 238, "Permission denied"),
        (ErrorName.OUTCOME_UNKNOWN, 250, "Temporary failure; try again"),
        (ErrorName.REFUSED, 241, "Service not runnable"),
        (ErrorName.FAILED, 255, "Failure"),
    ],
)
def test_a_refusal_is_rhcs_result_and_the_daemons_sentence(
    private_bus: PrivateBus, name: str, code: int, text: str
) -> None:
    done = call(clusvcadm.main, "-r", "webserv", "-m", "node2", prepare=refuses(name))
    assert (done.code, done.out.splitlines()[-1].rpartition("...")[2] or done.out.splitlines()[-1]) == (code, text)
    assert "the daemon says why" in done.err


def comes_to(**values: Any) -> Prepare:
    def prepare(cluster: Cluster) -> None:
        async def become(_: str, __: tuple[Any, ...]) -> None:
            cluster.group(since=LATER, **values)

        cluster.on_wish = become

    return prepare


def test_a_service_that_comes_back_to_its_old_owner_or_goes_elsewhere_is_told(private_bus: PrivateBus) -> None:
    back = call(clusvcadm.main, "-r", "webserv", prepare=comes_to(Phase="started", Owner="node1"))
    assert (back.code, back.out) == (
        239,
        "Trying to relocate service:webserv...Failed; service running on original owner\n",
    )
    other = call(clusvcadm.main, "-r", "webserv", "-m", "node2", prepare=comes_to(Phase="started", Owner="node3"))
    assert other.out.endswith("Success\nWarning: service:webserv is now running on node3\n")
    failed = call(clusvcadm.main, "-r", "webserv", prepare=comes_to(Phase="blocked"))
    assert (failed.code, failed.out) == (254, "Trying to relocate service:webserv...Aborted; service failed\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("-r webserv -m nod", "More than one possible match for 'nod' found"),
        ("-r webserv -m x", "No matches for 'x' found"),
        ("-e webserv -F -m node2", "Cannot use '-F' with '-n' or '-m'"),
        ("-M webserv", "Migration requires a target cluster member"),
        ("-e webserv -d webserv", "usage: clusvcadm"),
        ("", "usage: clusvcadm"),
        ("-e", "usage: clusvcadm"),
    ],
)
def test_what_is_typed_wrong_ends_with_1_and_asks_for_nothing(private_bus: PrivateBus, words: str, text: str) -> None:
    done = call(clusvcadm.main, *words.split(), prepare=obeys)
    assert (done.code, done.wishes) == (1, [])
    assert text in done.err


def test_a_lock_is_refused_with_what_there_is_instead(private_bus: PrivateBus) -> None:
    done = call(clusvcadm.main, "-l")
    assert done.code == 1
    assert done.out.startswith("Lock operation failed\n")
    assert "standfast maintenance on" in done.out


def test_clustat_ends_as_the_member_and_the_service_are(private_bus: PrivateBus) -> None:
    assert call(clustat.main, "-m", "node1").code == 0
    assert call(clustat.main, "-m", "nobody").code == 255
    assert call(clustat.main, "-s", "webserv").code == 0
    assert call(clustat.main, "-s", "service:webserv", prepare=STOPPED).code == 110
    assert call(clustat.main, "-s", "webserv", prepare=DISABLED).code == 119
    assert call(clustat.main, "-s", "webserv", prepare=is_so(Phase="blocked")).code == 114
    assert call(clustat.main, "-s", "db").code == 255
    quorate = call(clustat.main, "-Q")
    assert (quorate.code, quorate.out) == (0, "")
    assert call(clustat.main, "-I").out == "0x00000001\n"
    assert "clustat version" in call(clustat.main, "-v").out
    assert "Online, Local, rgmanager" in call(clustat.main, "-f").out
    away = call(clustat.main, names=ALL[:2])
    assert "Service Name" not in away.out
    assert "Online" in away.out


@pytest.mark.parametrize(
    "main", [clustat.main, lambda _: cman_tool.main(["status"]), lambda _: fence_tool.main(["ls"])]
)
def test_without_daemons_there_is_no_cluster(private_bus: PrivateBus, main: Main) -> None:
    done = call(main, names=())
    assert (done.code, done.err) == (1, "Could not connect to CMAN: Connection refused\n")


def test_cman_tool_waits_and_tells_version_and_members(private_bus: PrivateBus) -> None:
    assert call(cman_tool.main, "version").out == "6.2.0 config 4\n"
    assert call(cman_tool.main, "wait", "-q", "-t", "5").code == 0
    assert call(cman_tool.main, "nodes", "-F", "id,type,name").out == "1 M node1\n2 M node2\n3 M node3\n"
    assert call(cman_tool.main, "nodes", "-n", "node9").code == 1
    inquorate = lambda cluster: cluster.servers[ALL[1]].publish(  # noqa: E731 - one line, used once
        "/org/standfast", "org.standfast.Quorum1", {"Quorate": False}
    )
    late = call(cman_tool.main, "wait", "-q", "-t", "1", prepare=inquorate)
    assert (late.code, "Timed-out" in late.err) == (2, True)


def test_a_node_is_fenced_and_vouched_for_by_rhcs_words(
    private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(cluster: Cluster) -> None:
        async def answer(received: Any) -> tuple[Any, ...]:
            cluster.wishes.append((received.member, received.arguments))
            return ()

        for method in ("FenceNow", "Confirm"):
            cluster.servers[ALL[3]].handle("org.standfast.Groups1", method, answer)

    done = call(fence_node.main, "node3", prepare=answered)
    assert (done.code, done.out, done.wishes) == (0, "fence node3 success\n", [("FenceNow", ("node3",))])
    assert call(fence_node.main, "node9", prepare=answered).out == "fence node9 failed\n"

    def lost(cluster: Cluster) -> None:
        answered(cluster)
        cluster.publish("/org/standfast", "Groups1", Losses=[("8.1", "node3", 2, 5, "no answer")])

    for word, code, last in (("absolutely", 0, "Done"), ("yes", 1, "Aborted.")):
        monkeypatch.setattr("builtins.input", lambda _, word=word: word)
        vouched = call(fence_ack_manual.main, "node3", prepare=lost)
        assert (vouched.code, vouched.out.splitlines()[-1]) == (code, last)
        assert vouched.wishes == ([("Confirm", ("node3", "8.1", []))] if code == 0 else [])
    nobody = call(fence_ack_manual.main, "node3", prepare=answered)
    assert (nobody.code, nobody.wishes) == (1, [])
