"""`standfast config push`, `rollback` and `confirm` in a cluster that prepares and installs what it is given."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bus.desk import Desk
from bus.private import REPOSITORY, until
from bus.test_command_line import NOT_RUNNING
from fakes.daemons import ALL
from fakes.pushing import TARGET, Pushing
from standfast.bus import BusError, ErrorName
from standfast.configuration import versions
from standfast.configuration.tree import Tree, read_tree
from standfast.operations import config_nodes, config_versions

Prepare = Callable[[Pushing], None]


# push


def test_a_push_is_shared_prepared_planned_put_in_force_and_installed(desk: Desk) -> None:
    base, tree = desk.pushing.history[0][1], desk.changed()
    row = {"about": "group", "subject": "webserv", "kind": "restart", "reason": "its unit is another", "setting": ""}
    desk.pushing.plan = [row]
    result = desk.type("push", "--yes", "--why", "a better name", "--without", "node3")
    assert result.exit_code == 0, result.stderr
    assert [method for method, _ in desk.wishes] == ["Share", "PlanConfiguration", "PutInForce"]
    assert desk.put() == (tree.digest, base, ["node3"], "a better name", 0)
    assert "changed units/webserv.target (+1 -1)" in result.stderr
    assert "prepared by node1, node2, node3\n" in result.stderr
    assert re.search(r"webserv\W+restart", result.stdout)
    assert "Version 2 is in force.\n" in result.stdout
    for name in ("node1", "node2", "node3"):
        assert re.search(rf"{name} +installed", result.stdout), name


def test_a_push_for_programs_says_what_each_node_has(desk: Desk) -> None:
    tree = desk.changed()
    desk.pushing.nodes["node2"][3] = ["cluster.conf"]
    result = desk.type("push", "--yes", "--json")
    made = json.loads(result.stdout)
    assert made | {"changed": True, "version": 2, "digest": tree.digest, "confirm_within_ms": None} == made
    assert [(node["name"], node["installed"], node["drifted"]) for node in made["nodes"]] == [
        ("node1", True, []),
        ("node2", True, ["cluster.conf"]),
        ("node3", True, []),
    ]


def test_what_is_in_force_need_not_be_pushed(desk: Desk) -> None:
    result = desk.type("push", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Nothing to push: these files are in force.\n")
    assert json.loads(desk.type("push", "--yes", "--json").stdout) == {"changed": False}
    assert desk.wishes == []


def test_files_that_do_not_pass_the_check_are_not_sent_anywhere(desk: Desk) -> None:
    desk.write("units/webserv.target", TARGET + "Recovery=never\n")
    result = desk.type("push", "--yes")
    assert result.exit_code == 1
    assert "units/webserv.target:5: " in result.stderr
    assert "does not pass the check: 1 to correct, named above. Nothing was changed." in result.stderr
    assert desk.wishes == []


def test_without_a_terminal_it_wants_a_yes_before_anything_is_sent(desk: Desk) -> None:
    desk.changed()
    for words in (["push"], ["rollback", "1"]):
        result = desk.type(*words)
        assert result.exit_code == 1
        assert "There is no terminal to ask on" in result.stderr
    assert desk.wishes == []


@pytest.mark.parametrize(("typed", "put"), [("y\n", 1), ("n\n", 0), ("", 0)])
def test_on_a_terminal_it_asks_after_the_plan(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, put: int
) -> None:
    monkeypatch.setattr(config_versions, "has_terminal", lambda: True)
    desk.changed()
    result = desk.type("push", typed=typed)
    assert "Bring it into force on node1, node2, node3? [y/N]" in result.stderr
    assert result.exit_code == 1 - put
    assert [method for method, _ in desk.wishes].count("PutInForce") == put
    assert put or result.stderr.endswith("standfast: Nothing was changed.\n")


def test_nodes_that_object_are_named_with_their_objections(desk: Desk) -> None:
    desk.changed()
    desk.pushing.objections = {
        "node2": ("units/webserv.target:4: there is no unit site.service", "bmc.secret: cannot be used"),
        "node3": ("site.service is enabled: systemctl disable site.service",),
    }
    result = desk.type("push", "--yes")
    assert result.exit_code == 1
    for line in (
        "node2: units/webserv.target:4: there is no unit site.service\n",
        "node2: bmc.secret: cannot be used\n",
        "node3: site.service is enabled: systemctl disable site.service\n",
        "node2, node3 object, as told above: mend that and push again. Nothing was changed.\n",
    ):
        assert line in result.stderr
    assert [method for method, _ in desk.wishes] == ["Share"]


def test_what_a_node_said_of_an_earlier_version_is_not_taken_for_its_answer(desk: Desk) -> None:
    desk.changed()
    desk.pushing.nodes["node3"][2] = ["of long ago"]
    desk.pushing.publish()
    desk.pushing.delays = {"node3": 1.0}
    result = desk.type("push", "--yes")
    assert result.exit_code == 0, result.stderr


def test_an_objection_that_is_the_same_as_before_counts_after_a_while(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_nodes, "_OLD_S", 0.3)
    desk.changed()
    desk.pushing.objections = {"node3": ("as ever",)}
    desk.pushing.nodes["node3"][2] = ["as ever"]
    desk.pushing.publish()
    result = desk.type("push", "--yes")
    assert result.exit_code == 1
    assert "node3 objects, as told above" in result.stderr


def test_a_node_that_does_not_prepare_it_in_time_changes_nothing(desk: Desk) -> None:
    desk.changed()
    desk.pushing.silent = {"node2"}
    result = desk.type("push", "--yes", "--timeout", "1.5")
    assert result.exit_code == 6
    assert re.search(r"\d\.\d s  node1: prepared\n", result.stderr)
    assert "(node1: prepared; node2: has not prepared it yet; node3: prepared). Nothing was changed." in result.stderr
    assert result.stderr.endswith("Nothing was changed.\n")
    assert [method for method, _ in desk.wishes] == ["Share"]


def test_without_an_open_term_it_is_refused_with_the_reason(desk: Desk) -> None:
    desk.changed()
    desk.pushing.publish(Term=0, Members=[], NoTerm="node1 holds 1 of 3 votes: boot another node")
    result = desk.type("push", "--yes")
    assert result.exit_code == 4
    assert "No term is open: node1 holds 1 of 3 votes: boot another node. Nothing was changed." in result.stderr
    assert desk.wishes == []


def test_without_membershipd_it_is_named(desk: Desk) -> None:
    desk.changed()
    result = desk.type("push", "--yes", names=ALL[1:])
    assert result.exit_code == 3
    assert "standfast-membershipd does not run here: systemctl status standfast-membershipd.service" in result.stderr


def test_the_same_objection_said_anew_counts_at_once(desk: Desk) -> None:
    desk.changed()
    desk.pushing.objections = {"node3": ("as ever",)}
    desk.pushing.nodes["node3"][2] = ["as ever"]
    desk.pushing.publish()
    share = desk.pushing.store

    def forget(tree: Tree) -> None:
        share(tree)
        desk.pushing.nodes["node3"][2] = []
        asyncio.get_running_loop().call_later(0.01, desk.pushing.publish)

    desk.pushing.store = forget  # type: ignore[method-assign]
    desk.pushing.delays = {"node3": 1.0}
    result = desk.type("push", "--yes", "--timeout", "8")
    assert "node3 objects, as told above" in result.stderr


@pytest.mark.parametrize("installed", [False, True])
def test_files_that_are_based_on_an_older_version_are_refused_with_what_came_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """Also when that is installed here while the files are read."""
    old, real = read_tree(desk.etc), config_versions.read_folder

    def read() -> Tree:
        tree = real()
        if installed:
            versions.point(desk.pushing.history[0][1], desk.disk)
        return tree

    monkeypatch.setattr(config_versions, "read_folder", read)
    desk.pushing.install(desk.changed(), "the second one")
    versions.point(old.digest, desk.disk)
    desk.write("units/webserv.target", TARGET + "MaxRestarts=3\n")
    result = desk.type("push", "--yes")
    assert result.exit_code == 1
    told = "is based on version 1; in force is version 2 since 2026-01-01T00:00:00Z, pushed by root on node1."
    assert told in result.stderr
    assert "+Description=The new site\n" in result.stderr
    assert desk.wishes == []


def test_groups_that_go_away_are_stopped_before_it_comes_into_force(desk: Desk) -> None:
    (desk.etc / "units/webserv.target").unlink()
    desk.write("units/shop.target", TARGET)
    result = desk.type("push", "--yes")
    assert result.exit_code == 0, result.stderr
    assert [method for method, _ in desk.wishes] == ["Share", "PlanConfiguration", "Stop", "PutInForce"]
    assert "webserv is no group any more: it is stopped first.\n" in result.stderr


def test_what_was_stopped_is_named_when_it_does_not_come_into_force(desk: Desk) -> None:
    (desk.etc / "units/webserv.target").unlink()
    desk.write("units/shop.target", TARGET)
    stop = desk.cluster.on_wish
    assert stop is not None

    async def refuse(method: str, arguments: tuple[Any, ...]) -> None:
        await stop(method, arguments)
        if method == "PutInForce":
            raise BusError(ErrorName.REFUSED, "node3 is lost and not proven off.")

    desk.cluster.on_wish = refuse
    result = desk.type("push", "--yes")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Stopped for this push, or about to be: webserv. To undo it: standfast group start NAME\n"
        "standfast: node3 is lost and not proven off.\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ErrorName.REFUSED, 1),
        (ErrorName.NOT_QUORATE, 4),
        (ErrorName.ACCESS_DENIED, 5),
        (ErrorName.OUTCOME_UNKNOWN, 6),
    ],
)
def test_an_answer_that_is_no_yes_has_its_exit_code(desk: Desk, error: ErrorName, code: int) -> None:
    desk.changed()
    desk.cluster.refuse(error, "it cannot be")
    result = desk.type("push", "--yes")
    assert result.exit_code == code
    assert "standfast: It cannot be." in result.stderr


def test_a_node_that_installs_it_later_leaves_it_in_force_and_exits_6(desk: Desk) -> None:
    desk.changed()
    desk.pushing.idle = {"node3"}
    result = desk.type("push", "--yes", "--timeout", "1.5")
    assert result.exit_code == 6
    assert re.search(r"\d\.\d s  node1: installed\n", result.stderr)
    assert "node3: has not installed it yet" in result.stderr
    assert "It is in force, and the nodes go on installing it by themselves" in result.stderr


def test_another_version_that_comes_meanwhile_ends_the_wait(desk: Desk) -> None:
    desk.changed()
    desk.pushing.idle = {"node3"}
    other = Tree(files={"cluster.conf": read_tree(desk.etc).files["cluster.conf"]}, problems=())

    async def overtake(method: str, _: tuple[Any, ...]) -> None:
        if method == "PutInForce":
            asyncio.get_running_loop().call_later(0.5, desk.pushing.install, other, "taken back")

    desk.cluster.on_wish = overtake
    result = desk.type("push", "--yes", "--timeout", "5")
    assert result.exit_code == 1
    assert "Another version came into force since, version 3: standfast config history" in result.stderr


def test_a_version_that_is_to_be_confirmed_says_how_and_until_when(desk: Desk) -> None:
    desk.changed()
    result = desk.type("push", "--yes", "--confirm-within", "5min")
    assert desk.put()[4] == 300_000
    assert result.stdout.endswith("Within 5min type `standfast config confirm`, or version 1 comes back.\n")


@pytest.mark.parametrize("words", [["--confirm-within", "1s"], ["--confirm-within", "soon"], ["--why", "a\nb"]])
def test_an_option_that_means_nothing_is_a_usage_error(desk: Desk, words: list[str]) -> None:
    assert desk.type("push", "--yes", *words).exit_code == 2
    assert desk.wishes == []


@pytest.mark.parametrize(
    ("prepare", "waited", "told"),
    [
        (lambda pushing: pushing.silent.add("node3"), "Share", "Nothing was changed."),
        (lambda pushing: pushing.idle.add("node3"), "PutInForce", "the nodes go on installing it by themselves"),
    ],
)
def test_ctrl_c_says_in_which_state_the_push_is_left(desk: Desk, prepare: Prepare, waited: str, told: str) -> None:
    desk.changed()
    prepare(desk.pushing)
    script = (
        "from pathlib import Path\n"
        "from standfast.configuration.machine_checks import Machine\n"
        "from standfast.configuration.system import System\n"
        "from standfast.operations import config_checking, config_versions as versions\n"
        "from standfast.ctl.__main__ import main\n"
        f"versions.FOLDER, versions.DISK = Path({str(desk.etc)!r}), Path({str(desk.disk)!r})\n"
        f"here = Path({str(desk.machine)!r})\n"
        "system = System(unit_paths=(), vendor_paths=(), init_scripts=here, programs=here)\n"
        "other = {'fstab': here / 'fstab', 'units': here / 'system', 'manifest': here / 'installed', 'root': here}\n"
        "found = Machine(system=system, analyze='no-such-program', **other)\n"
        "config_checking.Machine = lambda: found\n"
        "main(['config', 'push', '--yes'])\n"
    )

    async def play() -> tuple[int | None, str]:
        async with desk.cluster.running():
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", script),
                env=os.environ | {"PYTHONPATH": str(REPOSITORY / "services")},
                stderr=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
            )
            assert process.stderr is not None
            lines: list[bytes] = []
            wanted = b"node3: has not prepared" if waited == "Share" else b"node3: has not installed"
            while wanted not in b"".join(lines):
                lines.append(await asyncio.wait_for(process.stderr.readline(), 30))
                assert lines[-1], lines
            await until(lambda: waited in [method for method, _ in desk.wishes])
            process.send_signal(signal.SIGINT)
            rest = await asyncio.wait_for(process.stderr.read(), 30)
            return await process.wait(), rest.decode()

    code, rest = asyncio.run(play())
    assert code == 6
    assert told in rest


# rollback


def test_a_rollback_pushes_what_the_version_in_force_was_made_from(desk: Desk) -> None:
    old = read_tree(desk.etc)
    desk.pushing.install(desk.changed(), "a mistake")
    base = desk.pushing.history[0][1]
    result = desk.type("rollback", "--yes")
    assert result.exit_code == 0, result.stderr
    assert desk.put() == (old.digest, base, [], "rollback to version 1", 0)
    assert "Version 3 is in force.\n" in result.stdout


def test_a_rollback_names_what_was_edited_here_and_leaves_it(desk: Desk) -> None:
    old = read_tree(desk.etc)
    desk.pushing.install(desk.changed(), "a mistake")
    desk.write("units/site.service", "[Service]\nExecStart=/bin/false\n")
    result = desk.type("rollback", "1", "--yes", "--why", "it was one")
    assert result.exit_code == 0, result.stderr
    assert desk.put()[0] == old.digest
    assert desk.put()[3] == "it was one"
    assert f"Edited in {desk.etc} and left as it is: units/site.service\n" in result.stderr
    assert "/bin/false" in (desk.etc / "units/site.service").read_text()


def test_the_first_version_has_nothing_before_it(desk: Desk) -> None:
    result = desk.type("rollback", "--yes")
    assert result.exit_code == 1
    assert "No version was in force before this one." in result.stderr


# confirm


def test_confirm_keeps_the_version(desk: Desk) -> None:
    result = desk.type("confirm")
    assert (result.exit_code, result.stdout) == (0, "The version in force stays: standfast config history\n")
    assert desk.wishes == [("KeepConfiguration", ())]


def test_take_back_has_the_version_before_back(desk: Desk) -> None:
    result = desk.type("take-back")
    assert (result.exit_code, result.stdout) == (0, "The version before comes back: standfast config history\n")
    assert desk.wishes == [("TakeBackConfiguration", ())]


def test_confirm_of_nothing_is_refused(desk: Desk) -> None:
    desk.cluster.refuse(ErrorName.REFUSED, "No version waits for a confirmation.")
    result = desk.type("confirm")
    assert (result.exit_code, result.stderr) == (1, "standfast: No version waits for a confirmation.\n")


@pytest.mark.parametrize("words", [["push", "--yes"], ["history"], ["rollback", "--yes"], ["confirm"]])
def test_without_daemons_it_says_how_to_start_them(desk: Desk, words: list[str]) -> None:
    desk.changed()
    result = desk.invoke(*words)
    assert result.exit_code == 3
    assert result.stderr.endswith(NOT_RUNNING)
