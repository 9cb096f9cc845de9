"""The console's other calls: the past, units, devices, probes, new nodes, a new cluster, and its own end."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.consoles import Caller, console
from bus.desk import Desk, machine
from bus.private import PrivateBus, as_nobody
from fakes.pushing import CLUSTER, PASSWORD, TARGET
from fakes.systemd import FakeSystemd
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration import versions
from standfast.configuration.tree import read_tree
from standfast.console import machine as console_machine
from standfast.console.service import INTERFACE, NAME, PATH, Service
from standfast.incidents import reading
from standfast.operations import config_checking, config_versions, journals, newcomer, newcomers, ssh
from standfast.operations.ssh import FAILED, Done
from unit.probing import OK, send, serving
from unit.stories import START, failure, power_cut
from unit.test_new_cluster import Machines

NEW = TARGET.replace("The site", "The new site")
Play = Callable[[Caller], Awaitable[Any]]
AGENT = f"""#!/bin/sh
[ "$1" = -o ] && cat <<'END' && exit
<resource-agent name="fence_test" shortdesc="A power   switch"><parameters>
<parameter name="ip" required="1"><content type="string"/><shortdesc lang="en">Its address</shortdesc></parameter>
<parameter name="method"><content type="select" default="onoff"><option value="onoff"/><option value="cycle"/></content>
</parameter><parameter name="password"><content type="string"/></parameter>
<parameter name="plug" required="1"><content type="string"/></parameter>
</parameters><actions><action name="on"/><action name="off"/><action name="status"/></actions></resource-agent>
END
said=$(cat)
case "$said" in *password={PASSWORD}*) ;; *) echo "$said" && echo "password is wrong" && exit 1 ;; esac
case "$said" in *plug=2*) exit 2 ;; *plug=3*) echo no answer with $said && exit 1 ;; esac
"""


@pytest.fixture
def node(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose fence agent says what it is."""
    (desk.machine / "fence_test").write_text(AGENT)
    monkeypatch.setattr(console_machine, "Machine", lambda: machine(desk.machine))
    monkeypatch.setattr(reading, "read", lambda since=None: [*failure(-600, "webserv"), *power_cut(0, "webserv")])
    return desk


def play(desk: Desk, what: Play, systemd: FakeSystemd | None = None) -> Any:
    async def main() -> Any:
        if systemd is not None:
            await systemd.serve()
        async with desk.cluster.running(), console() as caller:
            return await asyncio.wait_for(what(caller), 60)

    return asyncio.run(main())


def test_the_timeline_is_merged_from_all_nodes_that_answer(node: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(target: str, script: str, *, within_s: float) -> Done:
        assert script.startswith("journalctl ") and within_s > 0
        if target == "192.0.2.13":
            return Done(exit_code=FAILED, error="Permission denied (publickey).\n")
        shared = {"STANDFAST_EVENT": "node-lost", "STANDFAST_POSITION": "8.2", "MESSAGE": "node-lost!"}
        stamp = str(round(START.timestamp() * 1_000_000) + 20_000)
        return Done(exit_code=0, output=json.dumps(shared | {"__REALTIME_TIMESTAMP": stamp}).encode())

    monkeypatch.setattr(ssh, "run", run)
    monkeypatch.setattr(journals, "other_nodes", lambda: {"node2": "192.0.2.12", "node3": "192.0.2.13"})

    async def what(caller: Caller) -> tuple[Any, ...]:
        (all_of_it,) = await caller.ask("Timeline", "", 10, "")
        document = json.loads(all_of_it)
        (before,) = await caller.ask("Timeline", "webserv", 1, document["incidents"][-1]["begun"])
        (loss,) = await caller.ask("Timeline", "8.1", 1, "")
        wrong = [await caller.refused("Timeline", *words) for words in (("web", 1, ""), ("", 0, ""), ("", 1, "soon"))]
        return document, json.loads(before), json.loads(loss), [error.text for error in wrong], caller.told

    document, before, loss, wrong, told = play(node, what)
    assert [(row["name"], row["answered"]) for row in document["nodes"][1:]] == [("node2", True), ("node3", False)]
    assert document["nodes"][2]["text"] == "Permission denied (publickey)."
    assert [one["losses"] for one in document["incidents"]] == [[], ["8.1"]]
    assert {"detected", "decided", "fenced", "started"} <= {one["step"] for one in document["incidents"][1]["steps"]}
    assert before["incidents"] == document["incidents"][:1]
    assert [one["losses"] for one in loss["incidents"]] == [["8.1"]]
    assert "Did you mean webserv?" in wrong[0] and "1 to 100" in wrong[1] and "is no time" in wrong[2]
    assert ("Timeline", "the journals of node2, node3 are read over ssh") in told


def test_a_node_that_is_away_is_named_and_not_waited_for(node: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(target: str, script: str, *, within_s: float) -> Done:
        asked.append(script.partition("--since=@")[2].partition(" ")[0])
        return Done(exit_code=0)

    monkeypatch.setattr(ssh, "run", run)
    monkeypatch.setattr(journals, "other_nodes", lambda: {"node2": "192.0.2.12", "node3": "192.0.2.13"})
    values = {"State": "lost", "Standby": False, "Healthy": True, "Drifted": False, "Edited": []}
    node.cluster.publish("/org/standfast/node/node3", "Member1", Name="node3", Incarnation="", **values)

    async def what(caller: Caller) -> Any:
        (document,) = await caller.ask("Timeline", "", 1, "")
        return json.loads(document)

    document = play(node, what)
    assert document["nodes"][2] == {"name": "node3", "answered": False, "text": "it is lost"}
    assert [one["losses"] for one in document["incidents"]] == [["8.1"]]
    begun = datetime.fromisoformat(document["incidents"][0]["begun"])
    assert len(asked) == 1 and int(asked[0]) == int((begun - timedelta(minutes=10)).timestamp())


def test_who_may_not_read_the_journal_is_told_so_and_who_may_not_configure(node: Desk) -> None:
    async def stranger() -> list[tuple[str, str]]:
        errors = []
        async with await Bus.connect() as bus:
            for member, signature, arguments in (
                ("Timeline", "sus", ("", 1, "")),
                ("Check", "a{ss}", ({},)),
                ("Rollback", "usu", (1, "", 0)),
                ("TestDevice", "a{ss}s", ({}, "bmc")),
            ):
                try:
                    await bus.call(NAME, PATH, INTERFACE, member, signature, *arguments)
                except BusError as error:
                    errors.append((error.name, error.text))
        return errors

    async def what(_: Caller) -> list[tuple[str, str]]:
        errors: list[tuple[str, str]] = await as_nobody(stranger)
        return errors

    errors = play(node, what)
    assert {name for name, _ in errors} == {ErrorName.ACCESS_DENIED}
    assert "member of the group systemd-journal" in errors[0][1]
    assert all(text.startswith("Only root may call org.standfast.Console1.") for _, text in errors[1:])


def test_fence_agents_say_what_a_form_needs(node: Desk) -> None:
    (node.machine / "fence_node").write_text(AGENT)
    (node.machine / "fence_node").chmod(0o755)

    async def what(caller: Caller) -> tuple[Any, ...]:
        (names,) = await caller.ask("Agents")
        (document,) = await caller.ask("Agent", "fence_test")
        return names, json.loads(document), (await caller.refused("Agent", "../fence_test")).text

    names, agent, refused = play(node, what)
    assert names == ["fence_test"] and "There is no fence agent ../fence_test." in refused
    assert (agent["name"], agent["description"], agent["actions"]) == (
        "fence_test",
        "A power switch",
        ["off", "on", "status"],
    )
    by_name = {one.pop("name"): one for one in agent["parameters"]}
    assert by_name["ip"]["required"] and by_name["ip"]["description"] == "Its address"
    assert (by_name["method"]["type"], by_name["method"]["options"]) == ("select", ["onoff", "cycle"])
    assert [name for name, one in by_name.items() if one["secret"]] == ["password"]


def test_a_device_is_asked_before_it_is_pushed_and_its_password_is_in_no_answer(node: Desk) -> None:
    other = CLUSTER.replace("PasswordFile=bmc.secret", "PasswordFile=new.secret")

    async def what(caller: Caller) -> tuple[Any, ...]:
        _, _, files = await caller.ask("Files")
        asked = await caller.ask("TestDevice", files, "bmc")
        new = await caller.ask("TestDevice", {**files, "cluster.conf": other, "new.secret": f"{PASSWORD}\n"}, "bmc")
        wrong = await caller.ask("TestDevice", {**files, "bmc.secret": "another1"}, "bmc")
        none = await caller.refused("TestDevice", files, "bcm")
        return asked, new, wrong, none.text, caller.told

    asked, new, wrong, none, told = play(node, what)
    assert asked == new
    assert asked[0] is False
    assert asked[1].startswith("node1, plug 1: on; node2, plug 2: off; node3, plug 3: exit code 1: no answer with ")
    assert PASSWORD not in asked[1] and "another1" not in wrong[1] and "password is wrong" in wrong[1]
    assert "Did you mean bmc?" in none
    assert ("TestDevice", "fence_test is asked for node2, plug 2") in told
    assert not read_tree(node.etc).files.get("new.secret")


def test_a_probe_is_tried_before_it_is_pushed(node: Desk) -> None:
    async def what(caller: Caller) -> tuple[Any, ...]:
        _, _, files = await caller.ask("Files")
        async with serving(send(OK)) as url:
            edit = {"do": "set", "file": "units/site.service", "section": "X-Probe web", "key": "URL", "value": url}
            (files,) = await caller.ask("Edit", files, [edit])
            (here,) = await caller.ask("TryProbe", files, "site.service", "web", "")
        elsewhere = await caller.refused("TryProbe", files, "site.service", "web", "node2")
        nothing = await caller.refused("TryProbe", files, "site.service", "wed", "")
        return json.loads(here), elsewhere.text, nothing.text

    (here,), elsewhere, nothing = play(node, what)
    assert (here["probe"], here["outcome"], here["type"]) == ("web", "good", "http")
    assert "not pushed yet" in elsewhere and "There is no probe wed" in nothing


def test_units_that_could_be_resources_are_told_and_no_others(node: Desk, tmp_path: Path) -> None:
    (tmp_path / "db.service").write_text("[Unit]\nDescription=A database\n")
    systemd = FakeSystemd()
    systemd.add("apache2.service", active="active")
    for name in (
        "dbus.service",
        "multi-user.target",
        "standfast-fenced.service",
        "-.mount",
        "x.slice",
        "dev-mqueue.mount",
    ):
        systemd.add(name, active="active")
    systemd.add("gone.service", load="not-found")
    files = {str(tmp_path / "db.service"): "disabled", "/usr/lib/systemd/system/hidden.service": "masked"}
    systemd.files = files

    async def what(caller: Caller) -> Any:
        return await caller.ask("Units")

    (units,) = play(node, what, systemd)
    assert units == [["apache2.service", "", "active"], ["db.service", "A database", "inactive"]]


@pytest.fixture
def machines(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """Machines that ssh gets to."""
    found = Machines(tmp_path)
    monkeypatch.setattr(newcomers, "over_ssh", found.ssh)
    return found


def test_a_machine_becomes_a_node(node: Desk, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    new = machines.make("node4", "192.0.2.14")
    place = newcomer.Place
    monkeypatch.setattr(
        newcomer, "Place", lambda: place(hostname="node1", root=node.etc, folder=node.disk, system=None)
    )
    node.cluster.publish(
        *("/org/standfast/node/node4", "Member1"),
        Name="node4",
        State="online",
        Standby=False,
        Healthy=True,
        Drifted=False,
        Edited=[],
        Incarnation="boot4/1",
    )

    async def what(caller: Caller) -> tuple[Any, ...]:
        away = await caller.refused("AddNode", "node5", ["192.0.2.15"], "", ["bmc:5"], False)
        bare = await caller.refused("AddNode", "node5", ["192.0.2.15"], "", [], False)
        answer = await caller.ask("AddNode", "node4", ["192.0.2.14"], "", ["bmc:4"], False)
        return away.text, bare.text, answer, caller.told

    away, bare, answer, told = play(node, what)
    assert "ssh 192.0.2.15 failed: ssh: connect to host: No route to host." in away
    assert "node5 has no Fence= and no Watchdog=" in bare
    assert answer == (2,) and new.did == ["start"]
    assert (
        b"Name=node4\nId=4\nAddress=192.0.2.14\nFence=bmc:4\n"
        in read_tree(new.place.root).files["cluster.conf"].content
    )
    assert ("AddNode", "192.0.2.14 is asked over ssh whether it can become a node") in told


def test_a_cluster_begins_from_a_draft(node: Desk, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """On three bare machines; the daemons of the first one are there when it has begun."""
    here = machines.make("node1", "192.0.2.11")
    others = [machines.make(f"node{number}", f"192.0.2.1{number}") for number in (2, 3)]
    monkeypatch.setattr(newcomer, "Place", lambda: here.place)
    monkeypatch.setattr(config_versions, "FOLDER", here.place.root)
    monkeypatch.setattr(config_versions, "DISK", here.place.folder)
    monkeypatch.setattr(config_checking, "Machine", lambda: machine(node.machine))
    target = "[X-Standfast]\nResources=site.service\n"
    service = "[Service]\nExecStart=/bin/true\n"

    async def what(caller: Caller) -> tuple[Any, ...]:
        base, fresh, draft = await caller.ask("Files")
        nodes = [{"do": "add", "section": "Node", "name": f"node{number}"} for number in (2, 3)]
        nodes += [
            {"do": "set", "section": "Node", "name": f"node{number}", "key": key, "value": value}
            for number in (2, 3)
            for key, value in (("Id", f"{number}"), ("Address", f"192.0.2.1{number}"))
        ]
        nodes += [{"do": "set", "section": "Cluster", "key": "Unsafe", "value": "yes"}]
        (files,) = await caller.ask("Edit", draft, [{"file": "cluster.conf", **edit} for edit in nodes])
        files |= {"units/webserv.target": target, "units/site.service": service}
        (plan,) = await caller.ask("Plan", files)
        answer = await caller.ask("Push", base, files, [], "", 0)
        again = await caller.refused("Push", base, files, [], "", 0)
        return fresh, draft, json.loads(plan), answer, again.text

    fresh, draft, plan, answer, again = play(node, what)
    assert fresh and draft == {
        "cluster.conf": "[Cluster]\nName=cluster\n\n[Node]\nName=node1\nId=1\nAddress=192.0.2.11\n"
    }
    assert (plan["changed"], plan["nodes"]) == (True, ["node1", "node2", "node3"])
    assert answer == (1,) and "read them again" in again
    assert here.did == ["record", "start"] and [one.did for one in others] == [["record", "start"]] * 2
    tree = read_tree(here.place.root)
    assert versions.in_force(here.place.folder) == tree.digest == read_tree(others[1].place.root).digest
    assert set(tree.files) == {"cluster.conf", "corosync.key", "units/webserv.target", "units/site.service"}


def test_without_the_daemons_it_says_so_and_what_the_disk_has_is_told(node: Desk) -> None:
    async def main() -> tuple[Any, ...]:
        async with console() as caller:
            base, _, files = await caller.ask("Files")
            (document,) = await caller.ask("Versions")
            error = await caller.refused("Push", base, {**files, "units/webserv.target": NEW}, [], "", 0)
            return json.loads(document), error

    document, error = asyncio.run(main())
    assert document["versions"] == [] and document["edited"] == []
    assert "Standfast is not running here" in error.text
    assert error.name == ErrorName.FAILED


def test_it_ends_itself_when_nobody_calls_and_stays_while_somebody_does(private_bus: PrivateBus) -> None:
    async def main() -> None:
        ready = asyncio.Event()
        service = asyncio.create_task(Service(ready.set, idle_s=0.5).run())
        await asyncio.wait_for(ready.wait(), 10)
        async with await Bus.connect() as bus:
            begun = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < begun + 1.2:
                await bus.get(NAME, PATH, INTERFACE, "Busy")
                await asyncio.sleep(0.1)
            assert not service.done()
            await asyncio.wait_for(service, 10)
            with pytest.raises(BusError):
                await bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s", NAME)

    asyncio.run(main())


def test_its_process_ends_with_the_code_of_success(private_bus: PrivateBus) -> None:
    async def main() -> int:
        code = (
            "import functools, sys; from standfast.console import __main__ as program, service\n"
            "program.Service = functools.partial(service.Service, idle_s=0.1)\n"
            "sys.exit(program.run('console', program.main))"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code), env=os.environ | {"PYTHONPATH": ":".join(sys.path)}
        )
        return await asyncio.wait_for(process.wait(), 30)

    assert asyncio.run(main()) == 0
