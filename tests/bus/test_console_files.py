"""The console's files: shown, edited as forms do it, checked, planned, pushed and taken back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bus.consoles import Caller, at
from bus.desk import Desk
from bus.private import as_nobody, until
from fakes.pushing import CLUSTER, PASSWORD, TARGET
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration import checkout
from standfast.configuration.tree import read_tree
from standfast.console.service import INTERFACE, NAME, PATH
from standfast.console.texts import HIDDEN

Play = Callable[[Caller], Awaitable[Any]]
NEW_TARGET = TARGET.replace("The site", "The new site")


def play(desk: Desk, what: Play) -> Any:
    async def main() -> Any:
        async with at(desk) as caller:
            return await asyncio.wait_for(what(caller), 60)

    return asyncio.run(main())


def test_secrets_are_named_and_not_shown_and_stay_when_they_come_back(desk: Desk) -> None:
    async def what(caller: Caller) -> None:
        base, fresh, files = await caller.ask("Files")
        assert (fresh, files["corosync.key"], files["bmc.secret"]) == (False, HIDDEN, HIDDEN)
        assert files["cluster.conf"] == CLUSTER
        files["units/webserv.target"] = NEW_TARGET
        await caller.ask("Push", base, files, [], "", 0)

    before = read_tree(desk.etc).files
    play(desk, what)
    after = read_tree(desk.etc).files
    assert after["units/webserv.target"].content == NEW_TARGET.encode()
    assert {name for name in after if after[name] != before[name]} == {"units/webserv.target"}


def test_who_is_not_root_sees_what_everybody_may_read(desk: Desk) -> None:
    desk.write("cluster.conf", CLUSTER + "Option=passwd=hunter3\n")
    desk.write("units/site.service", "[Service]\nExecStart=/bin/true\nEnvironment=API_TOKEN=hunter4\n")
    desk.etc.joinpath("units/webserv.target").chmod(0o600)

    async def stranger() -> list[Any]:
        async with await Bus.connect() as bus:
            answers: list[Any] = [(await bus.call(NAME, PATH, INTERFACE, "Show"))[1]]
            answers += await bus.call(NAME, PATH, INTERFACE, "Difference", "uu", 0, 0)
            try:
                await bus.call(NAME, PATH, INTERFACE, "Files")
            except BusError as error:
                answers.append((error.name, error.text))
            return answers

    async def what(_: Caller) -> list[Any]:
        answers: list[Any] = await as_nobody(stranger)
        return answers

    desk.etc.chmod(0o755)
    files, difference, refused = play(desk, what)
    whole = json.dumps(files) + difference
    assert files["units/webserv.target"] == files["bmc.secret"] == files["corosync.key"] == HIDDEN
    assert "hunter" not in whole and PASSWORD not in whole
    assert "Option=passwd=removed-" in difference and "Agent=fence_test" in files["cluster.conf"]
    assert refused[0] == ErrorName.ACCESS_DENIED and "org.standfast" in refused[1]


def test_a_form_sees_each_value_with_its_place_and_edits_it_there(desk: Desk) -> None:
    async def what(caller: Caller) -> tuple[dict[str, Any], dict[str, str]]:
        _, _, files = await caller.ask("Files")
        (document,) = await caller.ask("Read", files)
        edit = {"do": "set", "file": "cluster.conf", "section": "FenceDevice", "name": "bmc", "key": "Timeout"}
        (after,) = await caller.ask("Edit", files, [{**edit, "value": "20s"}])
        return json.loads(document), after

    forms, after = play(desk, what)
    assert forms["devices"][0]["values"]["Agent"] == [{"value": "fence_test", "file": "cluster.conf", "line": 20}]
    assert [node["name"] for node in forms["nodes"]] == ["node1", "node2", "node3"]
    (group,) = forms["groups"]
    assert (group["name"], group["description"]) == ("webserv", "The site")
    (resource,) = group["resources"]
    assert (resource["unit"], resource["there"], resource["file"]) == ("site.service", True, "units/site.service")
    assert after["cluster.conf"] == CLUSTER + "Timeout=20s\n"


def test_every_key_that_can_be_written_is_told_with_what_it_does(desk: Desk) -> None:
    async def what(caller: Caller) -> Any:
        return json.loads((await caller.ask("Keys"))[0])

    keys = play(desk, what)
    assert all(key["meaning"].endswith(".") for key in keys)
    (votes,) = [key for key in keys if (key["scope"], key["key"]) == ("node", "Votes")]
    assert votes == {
        "scope": "node",
        "section": "Node",
        "key": "Votes",
        "kind": votes["kind"],
        "default": "1",
        "required": False,
        "types": [],
        "meaning": "How much it counts: who may act holds more than half of all votes.",
    }


def test_what_is_wrong_is_told_with_file_and_line(desk: Desk) -> None:
    async def what(caller: Caller) -> Any:
        _, _, files = await caller.ask("Files")
        return await caller.ask("Check", {**files, "cluster.conf": CLUSTER.replace("Agent=", "Agnet=")})

    (problems,) = play(desk, what)
    assert ["cluster.conf", 20, "unknown option Agnet= in [FenceDevice]; did you mean Agent=?", False] in [
        list(row) for row in problems
    ]


def test_a_plan_says_what_would_happen_and_nothing_is_in_force(desk: Desk) -> None:
    row = {"about": "group", "subject": "webserv", "kind": "restart", "reason": "its target changed", "setting": ""}
    desk.pushing.plan = [row]

    async def what(caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
        _, _, files = await caller.ask("Files")
        files["units/webserv.target"] = NEW_TARGET
        (bad,) = await caller.ask("Plan", {**files, "cluster.conf": "[Cluster\n"})
        (good,) = await caller.ask("Plan", files)
        return json.loads(bad), json.loads(good)

    bad, good = play(desk, what)
    assert bad["changed"] is None and bad["problems"][0]["file"] == "cluster.conf"
    assert good["changed"] is True and good["nodes"] == ["node1", "node2", "node3"]
    assert [(one["name"], one["kind"]) for one in good["groups"]] == [("webserv", "restart")]
    assert "-Description=The site\n+Description=The new site\n" in good["difference"]
    assert not [wish for wish in desk.wishes if wish[0] == "PutInForce"]


def test_a_push_tells_how_it_goes_on_and_answers_with_the_number_of_the_version(desk: Desk) -> None:
    async def what(caller: Caller) -> Any:
        base, _, files = await caller.ask("Files")
        files["units/webserv.target"] = NEW_TARGET
        answer = await caller.ask("Push", base, files, ["node3"], "a new name", 60)
        await until(lambda: caller.busy[-1:] == [""])
        return answer, caller.told, caller.busy

    answer, told, busy = play(desk, what)
    assert answer == (2,)
    digest, based_on, *rest = desk.put()
    assert (digest, rest) == (read_tree(desk.etc).digest, [["node3"], "a new name", 60_000])
    assert based_on == desk.pushing.history[1][1]
    assert {member for member, _ in told} == {"Push"}
    sentences = [sentence for _, sentence in told]
    assert "changed units/webserv.target (+1 -1)" in sentences and "node3: has not installed it yet" in sentences
    assert busy == ["Push", ""]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    async def what(caller: Caller) -> BusError:
        base, _, files = await caller.ask("Files")
        desk.write("units/site.service", "[Service]\nExecStart=/bin/false\n")
        return await caller.refused("Push", base, {**files, "units/webserv.target": NEW_TARGET}, [], "", 0)

    error = play(desk, what)
    assert error.name == ErrorName.REFUSED and "read them again. Nothing was changed." in error.text
    assert b"/bin/false" in read_tree(desk.etc).files["units/site.service"].content
    assert desk.wishes == []


@pytest.mark.parametrize(
    ("files", "why", "confirm", "said"),
    [
        ({"cluster.conf": CLUSTER.replace("Id=1", "Id=2")}, "", 0, "Id=2 is node1's; every node needs its own"),
        ({"../escape": "x"}, "", 0, "to correct. Nothing was changed."),
        ({"units/new.service": HIDDEN}, "", 0, "units/new.service is not in "),
        ({"units/webserv.target": NEW_TARGET}, "two\nlines", 0, "one line of at most 200 characters"),
        ({"units/webserv.target": NEW_TARGET}, "", 5, "10 to 86400 seconds"),
    ],
)
def test_what_is_not_pushed_is_refused_in_a_sentence(
    desk: Desk, files: dict[str, str], why: str, confirm: int, said: str
) -> None:
    async def what(caller: Caller) -> BusError:
        base, _, there = await caller.ask("Files")
        return await caller.refused("Push", base, {**there, **files}, [], why, confirm)

    before = read_tree(desk.etc)
    assert said in play(desk, what).text
    assert (desk.wishes, read_tree(desk.etc)) == ([], before)


def test_a_node_that_objects_is_told_in_its_own_words(desk: Desk) -> None:
    desk.pushing.objections["node2"] = ("units/site.service: there is no /bin/true",)

    async def what(caller: Caller) -> BusError:
        base, _, files = await caller.ask("Files")
        return await caller.refused("Push", base, {**files, "units/webserv.target": NEW_TARGET}, [], "", 0)

    error = play(desk, what)
    assert error.text.startswith("node2: units/site.service: there is no /bin/true. node2 objects")
    assert read_tree(desk.etc).files["units/webserv.target"].content == TARGET.encode()


def test_two_changes_are_not_made_at_once(desk: Desk) -> None:
    desk.pushing.delays = {"node2": 2.0}

    async def what(caller: Caller) -> BusError:
        base, _, files = await caller.ask("Files")
        first = asyncio.create_task(caller.ask("Push", base, {**files, "units/webserv.target": NEW_TARGET}, [], "", 0))
        await caller.is_busy.wait()
        error = await caller.refused("Rollback", 0, "", 0)
        assert (await caller.bus.get(NAME, PATH, INTERFACE, "Busy")) == "Push"
        await first
        return error

    assert "Another change is being made just now (Push)" in play(desk, what).text


def test_an_older_version_comes_back(desk: Desk) -> None:
    first = read_tree(desk.etc)
    desk.pushing.install(desk.changed(), "the second one")
    checkout.update(desk.etc, first, desk.changed())

    async def what(caller: Caller) -> Any:
        (document,) = await caller.ask("Versions")
        (difference,) = await caller.ask("Difference", 1, 2)
        (files,) = await caller.ask("Version", 1)
        answer = await caller.ask("Rollback", 1, "", 0)
        return json.loads(document), difference, files, answer

    document, difference, files, answer = play(desk, what)
    assert [(one["number"], one["in_force"]) for one in document["versions"]] == [(2, True), (1, False)]
    assert document["edited"] == [] and document["unconfirmed"] is None
    assert "--- version 1/units/webserv.target\n+++ version 2/units/webserv.target\n" in difference
    assert (files["units/webserv.target"], files["bmc.secret"]) == (TARGET, HIDDEN)
    assert answer == (3,)
    digest, _, _, why, _ = desk.put()
    assert (digest, why) == (first.digest, "rollback to version 1")
