"""`standfast simulate --replay`: an archive on any machine, judged by resourced's own program."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bus.private import REPOSITORY
from standfast import archive
from standfast.configuration.load import check
from standfast.configuration.model import Configuration, Group
from standfast.configuration.tree import File, Tree
from standfast.ctl.__main__ import main
from standfast.resourced import replaying
from standfast.resourced.core import Core
from standfast.resourced.messages import WishKind
from standfast.resourced.outlook import Outlook
from standfast.resourced.recorder import NOW
from unit.test_recorder import Recorded, wish

FILES = {
    "cluster.conf": "[Cluster]\nName=sim\nUnsafe=yes\n[Node]\nName=n1\nId=1\nAddress=192.0.2.1\n"
    "[Domain]\nName=web\nNodes=n1\nOrdered=yes\n",
    "corosync.key": "removed-1".ljust(128, "."),
    "units/ip.service": "[Service]\nExecStart=/bin/true\n",
    "units/web.service": "[Service]\nExecStart=/bin/true\n",
    "units/webserv.target": "[X-Standfast]\nResources=ip.service web.service\nDomain=web\nInPlace=yes\n",
}


class OfFiles(Recorded):
    """Its configuration is what FILES say."""

    def begin(self, known: Configuration) -> Core:
        files = {name: File(content=text.encode(), mode=0o600) for name, text in FILES.items()}
        return super().begin(replace(check(Tree(files=files, problems=()), system=None), digest="d1"))


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What a report of n1 has: a start and a restart were decided."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "services"))
    monkeypatch.chdir(tmp_path)
    node = OfFiles(tmp_path / "flight")
    node.serve().passes(2_000)
    wish(node, WishKind.RESTART)
    found = {f"n1/configuration/d1/{name}": text.encode() for name, text in FILES.items()}
    return found | {"n1/flight/now.jsonl": (tmp_path / "flight" / NOW).read_bytes(), "README": b"x"}


def write(parts: dict[str, bytes]) -> str:
    archive.write_file(Path("r.tar.gz"), parts, 0)
    return "r.tar.gz"


def replay(path: str, *options: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("simulate", "--replay", path, *options), env={"COLUMNS": "80"})


def recorded(parts: dict[str, bytes], change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    changed = {name: change(data) if name.endswith(NOW) else data for name, data in parts.items()}
    assert changed != parts
    return changed


def test_the_same_decisions_are_shown_one_after_the_other(parts: dict[str, bytes]) -> None:
    result = replay(write(parts))
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["Time", "(UTC)", "Place", "What"]
    assert "Term 1 is open: n1; n1 coordinates" in result.stdout
    assert "decided  webserv: restart on n1: restarted by an operator" in result.stdout
    assert result.stdout.rstrip().endswith("The same decisions.")


def test_json_says_everything(parts: dict[str, bytes]) -> None:
    result = replay(write(parts), "--json")
    (node,) = json.loads(result.stdout)["nodes"]
    assert (node["node"], node["result"], node["differences"]) == ("n1", "same", [])
    assert (node["decisions"], node["gaps"], node["unknown"]) == (2, 0, {})
    assert {step["kind"] for step in node["steps"]} == {"term", "update", "decided"}


def test_what_was_recorded_otherwise_is_shown_with_both_sides(parts: dict[str, bytes]) -> None:
    """As if the release that recorded had had another rule."""

    def other(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(
            line.replace(b'"kind":"restart"', b'"kind":"stop"') if b'"is":"Planned"' in line else line for line in lines
        )

    result = replay(write(recorded(parts, other)))
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "Not the same: what n1 decided at 1." in said
    assert "recorded: webserv: stop on n1: restarted by an operator" in said
    assert "now: webserv: restart on n1: restarted by an operator" in said


def test_another_rule_of_placement_is_told(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(parts)
    nowhere: Callable[[Outlook, Group], tuple[str, ...]] = lambda _, __: ()  # noqa: E731
    monkeypatch.setattr(Outlook, "allowed", nowhere)
    (node,) = replaying.replay_file(Path(path))
    assert node["result"] == "different"
    first = node["differences"][0]
    assert first["recorded"][0].startswith("webserv: start on n1")
    assert first["replayed"] == ()


def test_a_plan_that_fails_is_an_answer(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> tuple[str, ...]:
        raise KeyError("planted")

    path = write(parts)
    monkeypatch.setattr(Outlook, "allowed", broken)
    (node,) = replaying.replay_file(Path(path))
    assert node["differences"][0]["replayed"] == ("the plan fails: KeyError('planted')",)


def test_a_file_of_the_recorder_is_replayed_with_the_versions_that_are_here(parts: dict[str, bytes]) -> None:
    """There are none of them on this machine: that is said."""
    result = replay("flight/now.jsonl")
    assert result.exit_code == 1
    assert "plans could not be made again without version d1: its files are not here" in " ".join(result.stdout.split())
    assert "What could be compared is the same" in result.stdout


def test_a_recording_that_had_a_secret_in_it_replays_without_digests(parts: dict[str, bytes]) -> None:
    """As if webserv were a password: what is recorded says another word, and its digests are of the first one."""
    told = {name.replace("webserv", "removed"): data.replace(b"webserv", b"removed") for name, data in parts.items()}
    assert replay(write(told)).exit_code == 1
    result = replay(write(told | {"n1/flight/redacted": b""}))
    assert result.exit_code == 0, result.stdout
    assert "0 digests compared" in result.stdout


def test_a_version_that_this_release_does_not_understand_is_named(parts: dict[str, bytes]) -> None:
    result = replay(write(parts | {"n1/configuration/d1/cluster.conf": b"[Cluster]\nName=x\nNaem=x\n"}))
    assert result.exit_code == 1
    assert "without version d1: cluster.conf:3" in " ".join(result.stdout.split())


def test_a_node_that_decided_nothing_says_who_did(parts: dict[str, bytes]) -> None:
    def member(data: bytes) -> bytes:
        return b"".join(line for line in data.splitlines(keepends=True) if b'"is":"Planned"' not in line)

    result = replay(write(recorded(parts, member)))
    assert result.exit_code == 1
    assert "decided nothing in this time: n1 did. Replay a report of that node." in " ".join(result.stdout.split())
    both = {name.replace("n1/", "n2/", 1): data for name, data in parts.items() if name != "README"}
    assert replay(write(recorded(parts, member) | both)).exit_code == 0, "the other one's recording is in it, too"


HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], bytes | dict[str, bytes]], str]] = {
    "cut off": (lambda parts: packed(parts)[:-30], "is no whole archive"),
    "a path upwards": (lambda parts: parts | {"../../etc/x": b"x"}, "has something in it that no report has"),
    "no recording": (lambda _: {"README": b"x"}, "has no recording in it"),
    "no JSON": (lambda parts: parts | {"n1/flight/now.jsonl": b"{\n"}, "now.jsonl line 1 is not what"),
    "deep JSON": (lambda parts: parts | {"n1/flight/now.jsonl": b"[" * 200_000}, "now.jsonl line 1 is not what"),
    "another class": (lambda parts: parts | {"n1/flight/now.jsonl": b'{"is":"Wish"}\n'}, "is not what"),
    "a later format": (
        lambda parts: recorded(parts, lambda data: data.replace(b'"format":1', b'"format":9')),
        "a later release wrote it",
    ),
    "a record without nodes": (
        lambda parts: recorded(parts, lambda data: data.replace(b'"nodes":{"n1":', b'"nodes":{"n7":')),
        "cannot be replayed",
    ),
    "zeros": (lambda _: gzip.compress(b"\0" * (300 << 20)), "r.tar.gz"),
}


def packed(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    archive.write(file, parts, 0)
    return file.getvalue()


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_damaged_or_hostile_is_one_sentence(parts: dict[str, bytes], kind: str) -> None:
    made, words = HOSTILE[kind]
    content = made(parts)
    Path("r.tar.gz").write_bytes(content if isinstance(content, bytes) else packed(content))
    result = replay("r.tar.gz")
    assert result.exit_code == 1
    said = result.stderr or result.stdout
    assert "Traceback" not in said
    if kind != "a record without nodes":
        assert (result.stdout, result.stderr.count("\n")) == ("", 1)
        assert words in result.stderr


def test_replay_takes_no_hypothesis() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ("simulate", "--replay", "x", "node-dies", "n1"))
    assert result.exit_code == 2
    assert "it takes no hypothesis" in result.stderr
