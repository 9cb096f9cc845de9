"""What heuristics mean for a node, and how their commands are run."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from standfast.configuration.health import health_minimum
from standfast.configuration.model import Heuristic
from standfast.quorumd.command import Commands, own_cgroup
from standfast.quorumd.health import Health, Outcome, Seen, Word, judge, looked, shown

GATEWAY = Heuristic(name="gateway", command=("/bin/true",), score=2, fail_after=3, pass_after=2)
DISK = Heuristic(name="disk", command=("/bin/true",))
OUTCOMES = {"g": Outcome.GOOD, "b": Outcome.BAD, "?": Outcome.UNKNOWN}


def believed(looks: str, heuristic: Heuristic = GATEWAY) -> str:
    """What is believed after each of these looks: + or -."""
    word, told = Word(), ""
    for look in looks:
        word = looked(word, heuristic, Seen(outcome=OUTCOMES[look], text=look))
        told += "+" if word.good else "-"
    return told


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("gggg", "++++"),
        ("bb", "++"),
        ("bbb", "++-"),
        ("bbgbb", "+++++"),  # a good look begins the count anew
        ("bbbgbgg", "++----+"),  # and so does a bad one on the way back
        ("b?b?b", "++++-"),  # a look that cannot tell counts neither way
        ("bbb???g?g", "++------+"),
        ("??????", "++++++"),
    ],
)
def test_a_word_changes_after_so_many_looks_in_a_row(looks: str, told: str) -> None:
    assert believed(looks) == told


def test_scores_of_the_good_ones_are_held_against_the_minimum() -> None:
    bad = Word(good=False)
    assert judge((GATEWAY, DISK), {}) == Health(score=3, minimum=2)
    assert judge((GATEWAY, DISK), {"disk": bad}).healthy
    assert not judge((GATEWAY, DISK), {"gateway": bad}).healthy
    assert judge((), {}).healthy


def test_the_minimum_is_half_of_all_scores_unless_it_is_written() -> None:
    assert health_minimum(()) == 0
    assert health_minimum((GATEWAY,)) == 1
    assert health_minimum((DISK,)) == 1
    assert health_minimum((GATEWAY, DISK)) == 2
    assert health_minimum((DISK, Heuristic(name="x", command=("/x",), minimum=1))) == 1


def test_people_see_the_score_that_counts_and_why() -> None:
    words = {"gateway": Word(good=False, last=Seen(outcome=Outcome.UNKNOWN, text="it hangs"))}
    assert shown((GATEWAY, DISK), words) == [
        ("gateway", 0, "it hangs; counts as bad, as before"),
        ("disk", 1, "not looked at yet"),
    ]
    word = Word(against=2, last=Seen(outcome=Outcome.BAD, text="exit code 1"))
    assert shown((DISK,), {"disk": word}) == [("disk", 1, "exit code 1; still good, 2 in a row against it")]


# Commands


@pytest.fixture(params=["cgroup", "process group"])
def parent(request: pytest.FixtureRequest) -> Iterator[Path | None]:
    """Where the commands' cgroups are made; None: there they have none."""
    if request.param == "process group":
        yield None
        return
    own = own_cgroup()
    folder = own / f"standfast-test-{os.getpid()}" if own is not None else None
    try:
        assert folder is not None
        folder.mkdir()
    except (AssertionError, OSError):
        pytest.skip("no cgroup can be made here")
    try:
        yield folder
        assert not list(folder.glob("heuristic-*"))
    finally:
        for left in folder.glob("heuristic-*"):
            with contextlib.suppress(OSError):
                (left / "cgroup.kill").write_text("1")
                left.rmdir()
        folder.rmdir()


def it(*command: str, timeout_ms: int = 5_000) -> Heuristic:
    return Heuristic(name="it", command=command, timeout_ms=timeout_ms)


def look(commands: Commands, *command: str) -> Seen:
    return asyncio.run(commands.look(it(*command)))


def test_the_exit_code_is_the_answer(parent: Path | None) -> None:
    commands = Commands(parent)
    assert look(commands, "/bin/true") == Seen(outcome=Outcome.GOOD, text="/bin/true ended with exit code 0")
    assert look(commands, "/bin/sh", "-c", "exit 3").outcome is Outcome.BAD
    assert look(commands, "/bin/sh", "-c", '[ "$1" = "a b" ]', "sh", "a b").outcome is Outcome.GOOD


def test_what_could_not_be_run_or_crashed_says_nothing(parent: Path | None, tmp_path: Path) -> None:
    commands = Commands(parent)
    assert look(commands, "/nowhere/x") == Seen(outcome=Outcome.UNKNOWN, text="/nowhere/x is not there")
    (tmp_path / "plain").write_text("x")
    assert look(commands, str(tmp_path / "plain")).text.endswith("cannot be executed")
    assert look(commands, "/bin/sh", "-c", "kill -SEGV $$").text == "/bin/sh was killed by signal 11"


def test_one_that_hangs_is_unknown_and_everything_of_it_is_killed(parent: Path | None, tmp_path: Path) -> None:
    async def main() -> None:
        commands = Commands(parent)
        file = tmp_path / "child"
        script = f"sleep 1000 & echo $! >{file}; wait"
        seen = await commands.look(it("/bin/sh", "-c", script, timeout_ms=500))
        assert seen == Seen(outcome=Outcome.UNKNOWN, text="/bin/sh hangs: no end after 0.5 s")
        await _gone(int(file.read_text()))
        await _good_again(commands)

    asyncio.run(main())


def test_what_a_good_one_left_behind_is_killed_too(parent: Path | None, tmp_path: Path) -> None:
    async def main() -> None:
        commands = Commands(parent)
        file = tmp_path / "child"
        escape = "setsid " if parent is not None else ""  # from a cgroup nobody escapes
        child = f"echo $$ >{file}; exec sleep 1000"
        script = f"{escape}sh -c '{child}' & until [ -s {file} ]; do :; done"
        assert (await commands.look(it("/bin/sh", "-c", script))).outcome is Outcome.GOOD
        await _gone(int(file.read_text()))
        await _good_again(commands)

    asyncio.run(main())


def test_while_an_earlier_look_cannot_be_killed_no_other_one_is_begun(tmp_path: Path) -> None:
    class Stuck:
        async def ended(self, timeout_s: float) -> bool:
            return False

    commands = Commands(None)
    commands._running["it"] = Stuck()  # type: ignore[assignment]
    seen = look(commands, "/usr/bin/touch", str(tmp_path / "begun"))
    assert seen.outcome is Outcome.UNKNOWN and "cannot be killed" in seen.text
    assert not (tmp_path / "begun").exists()


def test_its_own_cgroup_is_found_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text("1:name=systemd:/x\n0::/system.slice/a.service\n")
    assert own_cgroup(tmp_path, tmp_path) is None
    folder = tmp_path / "system.slice/a.service"
    folder.mkdir(parents=True)
    (folder / "cgroup.procs").touch()
    assert own_cgroup(tmp_path, tmp_path) == folder
    (tmp_path / "self/cgroup").write_text("1:name=systemd:/x\n")
    assert own_cgroup(tmp_path, tmp_path) is None


async def _gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while _runs(pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    """It is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _good_again(commands: Commands) -> None:
    """The next look waits until nothing is left of the one before."""
    assert (await commands.look(it("/bin/true"))).outcome is Outcome.GOOD
    assert await commands._running["it"].ended(10)
