"""`standfast simulate` on a private bus: the command line with a fake resourced, and resourced's own answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from fakes.resourced import with_resourced
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration import load
from standfast.ctl.__main__ import main
from standfast.ctl.simulate import name_below
from standfast.ctl.simulate_table import outcome
from unit.cluster import GROUP
from unit.test_core import Alone

GROUPS = ALL[3]
ROOT, INTERFACE = "/org/standfast", "org.standfast.Groups1"


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("simulate", *arguments), env={"COLUMNS": "80"})


def why(text: str, setting: str = "") -> dict[str, Any]:
    return {"rule": "failed", "facts": {}, "setting": setting, "text": text}


def step(at_ms: int, kind: str, node: str, text: str, *reasons: dict[str, Any]) -> dict[str, Any]:
    return {"at_ms": at_ms, "kind": kind, "subject": GROUP, "node": node, "text": text, "reasons": list(reasons)}


def group(before: Any, after: Any, *, touched: bool = True, waits_for: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"name": GROUP, "before": before, "after": after, "touched": touched, "waits_for": list(waits_for)}


HERE, THERE = {"phase": "started", "owner": "node1"}, {"phase": "started", "owner": "node2"}
STOPPED = {"phase": "stopped", "owner": ""}
MOVED = {
    "node": "node1",
    "term": 7,
    "steps": [
        step(0, "supposed", "node1", "node1 dies"),
        step(2200, "start", "node2", "webserv starts", why("node1 is proven off", "units/webserv.target:12")),
        step(62_200, "waits", "", "a text that is long enough for two lines", why("many words, " * 9)),
    ],
    "groups": [group(HERE, THERE)],
}


def with_fake(*arguments: str, error: str = "", foreseen: Any = MOVED) -> tuple[Result, list[Any]]:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            cluster.foreseen = json.dumps(foreseen)
            if error:
                cluster.refuse(error, "it cannot be")
            return await asyncio.to_thread(invoke, *arguments), cluster.wishes

    return asyncio.run(play())


# the command line


def test_the_steps_are_shown_within_80_columns_and_what_changes_comes_last(private_bus: PrivateBus) -> None:
    result, asked = with_fake("node-dies", "node1")
    assert (result.exit_code, asked) == (0, [("Simulate", ("node-dies", "node1"))])
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["After", "What", "Where", "Why", "Setting"]
    assert "node1 is proven off" in " ".join(result.stdout.split())
    assert "62.2 s" in result.stdout
    assert lines[-1] == "webserv would run on node2"


def test_json_is_the_document(private_bus: PrivateBus) -> None:
    result, asked = with_fake("group-fails", GROUP, "--json")
    assert json.loads(result.stdout) == MOVED
    assert asked == [("Simulate", ("group-fails", GROUP))]


def test_standby_is_only_supposed(private_bus: PrivateBus) -> None:
    result, asked = with_fake("standby", "node1", foreseen={"steps": [], "groups": [group(HERE, HERE, touched=False)]})
    assert result.stdout.splitlines()[-1] == "No group would change."
    assert asked == [("Simulate", ("standby", "node1"))]


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (group(HERE, HERE, touched=False), ""),
        (group(HERE, HERE), "webserv would run on node1, as now"),
        (group(None, THERE), "webserv would run on node2"),
        (group(HERE, None), "webserv would be no group any more"),
        (group(HERE, STOPPED, waits_for=(why("no node can run it now"),)), "webserv would be stopped: no node can run"),
        (group(HERE, {"phase": "blocked", "owner": "node1"}), "webserv would be blocked on node1"),
    ],
)
def test_a_group_that_changes_has_a_line(shown: dict[str, Any], line: str) -> None:
    assert outcome(shown).startswith(line)
    assert bool(outcome(shown)) == bool(line)


def test_files_are_sent_by_their_names_below_etc_standfast(private_bus: PrivateBus, tmp_path: Path) -> None:
    (tmp_path / "cluster.conf").write_text("[Cluster]\n")
    (tmp_path / "mail.target").write_text("[Unit]\n")
    result, asked = with_fake("configuration", str(tmp_path / "cluster.conf"), str(tmp_path / "mail.target"))
    assert result.exit_code == 0, result.stderr
    files = {"cluster.conf": "[Cluster]\n", "units/mail.target": "[Unit]\n"}
    assert asked == [("SimulateConfiguration", (files,))]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cluster.conf", "cluster.conf"),
        ("new/cluster.conf", "cluster.conf"),
        ("new/cluster.conf.d/more.conf", "cluster.conf.d/more.conf"),
        ("webserv.target", "units/webserv.target"),
        ("new/srv-www.mount", "units/srv-www.mount"),
        ("new/units/apache2.service.d/x.conf", "units/apache2.service.d/x.conf"),
        ("apache2.service.d/x.conf", "units/apache2.service.d/x.conf"),
        ("bmc.secret", "bmc.secret"),
        ("/etc/standfast/whatever", "whatever"),
        ("/etc/standfast/units/a.service", "units/a.service"),
    ],
)
def test_a_path_tells_where_a_file_belongs(path: str, name: str) -> None:
    assert name_below(Path(path)) == name


def test_a_file_that_could_be_anywhere_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="does not tell where it belongs"):
        name_below(Path("standfast.conf"))
    (tmp_path / "webserv.taget").touch()
    assert invoke("configuration", str(tmp_path / "webserv.taget")).exit_code == 2


@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read"), (b"\xff", "no UTF-8"), (b"\0", "NUL"), (b" " * 1_048_577, "1 MiB")]
)
def test_a_file_that_is_no_configuration_is_refused_here(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "mail.target"
    if content is not None:
        path.write_bytes(content)
    result = invoke("configuration", str(path))
    assert result.exit_code == 1
    assert words in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(ErrorName.REFUSED, 1), (ErrorName.NOT_QUORATE, 4), (ErrorName.ACCESS_DENIED, 5), (ErrorName.TIMED_OUT, 6)],
)
def test_an_answer_that_is_no_document_has_its_exit_code(private_bus: PrivateBus, error: str, code: int) -> None:
    result, _ = with_fake("standby", "node1", error=error)
    assert result.exit_code == code
    assert result.stderr.startswith("standfast: It cannot be.")


def test_without_daemons_it_says_how_to_start(private_bus: PrivateBus) -> None:
    result = invoke("node-dies", "node1")
    assert (result.exit_code, result.stdout) == (3, "")


# resourced


def typed(*arguments: str) -> Callable[[], Awaitable[Result]]:
    return lambda: asyncio.to_thread(invoke, *arguments)


def test_resourced_answers_from_its_own_record_and_changes_nothing(private_bus: PrivateBus) -> None:
    alone = Alone().serve()
    before = alone.record
    result = with_resourced(alone, typed("group-fails", GROUP, "--json"))
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert (made["node"], [one["kind"] for one in made["steps"]]) == ("n1", ["supposed", "restart"])
    assert made["steps"][1]["reasons"][0]["rule"] == "restarted-here"
    assert made["groups"][0]["after"] == {"phase": "started", "owner": "n1"}
    assert alone.record is before


def test_the_last_node_that_dies_leaves_nobody(private_bus: PrivateBus) -> None:
    result = with_resourced(Alone().serve(), typed("node-dies", "n1"))
    assert result.exit_code == 0, result.stderr
    assert "nobody is left" in result.stdout
    assert "webserv would be stopped: the nodes that stay would not be quorate" in result.stdout


def test_without_an_open_term_it_says_so(private_bus: PrivateBus) -> None:
    result = with_resourced(Alone(), typed("standby", "n1"))
    assert result.exit_code == 4
    assert "No term is open on n1" in " ".join(result.stderr.split())


def test_what_cannot_be_supposed_is_refused(private_bus: PrivateBus) -> None:
    result = with_resourced(Alone().serve(), typed("standby", "n9"))
    assert (result.exit_code, result.stderr) == (1, "standfast: There is no node n9. Did you mean n1? Nodes: n1.\n")


def test_a_configuration_with_problems_is_refused_with_a_line_for_each(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "ROOT", tmp_path / "nothing")
    path = tmp_path / "cluster.conf"
    path.write_text("[Cluster]\nName=webha\nDetectWithin=soon\n[Node]\nId=0\n")
    result = with_resourced(Alone().serve(), typed("configuration", str(path)))
    assert result.exit_code == 1
    assert "cluster.conf:3: " in result.stderr
    assert "\ncluster.conf:4: " in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_the_groups_of_a_good_configuration_would_start(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, new = tmp_path / "standfast", tmp_path / "new"
    for folder in (root / "units", new):
        folder.mkdir(parents=True)
    (root / "corosync.key").write_bytes(b"k" * 1024)
    (root / "corosync.key").chmod(0o600)
    (root / "cluster.conf").write_text("[Cluster]\nName=webha\nUnsafe=yes\n[Node]\nName=n1\nId=1\nAddress=192.0.2.11\n")
    for folder, name in ((root / "units", GROUP), (new, "mail")):
        (folder / f"{name}.target").write_text(f"[Unit]\nDescription=x\n[X-Standfast]\nResources={name}.service\n")
        (folder / f"{name}.service").write_text("[Unit]\nDescription=A unit\n[Service]\nExecStart=/bin/true\n")
    monkeypatch.setattr(load, "ROOT", root)
    files = [str(path) for path in sorted(new.iterdir())]
    result = with_resourced(Alone().serve(), typed("configuration", *files))
    assert result.exit_code == 0, result.stderr
    assert "the configuration comes into force" in " ".join(result.stdout.split())
    assert result.stdout.splitlines()[-1] == "mail would run on n1"
    assert not (root / "units/mail.target").exists()


def test_everybody_may_suppose_but_files_are_for_root(private_bus: PrivateBus) -> None:
    async def as_other_user() -> list[Any]:
        answers: list[Any] = []
        async with await Bus.connect() as bus:
            for method, signature, arguments in (
                ("Simulate", "ss", ("group-fails", GROUP)),
                ("SimulateConfiguration", "a{ss}", ({"cluster.conf": ""},)),
                ("Simulate", "ss", ("it-rains", "")),
            ):
                try:
                    (text,) = await bus.call(GROUPS, ROOT, INTERFACE, method, signature, *arguments)
                    answers.append(sorted(json.loads(text)))
                except BusError as error:
                    answers.append(error.name)
        return answers

    answers = with_resourced(Alone().serve(), lambda: as_nobody(as_other_user))
    document = ["groups", "node", "steps", "term"]
    assert answers == [document, ErrorName.ACCESS_DENIED, ErrorName.INVALID_ARGUMENTS]
