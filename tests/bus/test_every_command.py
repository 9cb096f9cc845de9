"""Every command, whatever is wrong with the cluster: a documented exit code, a sentence, no traceback (issue 8)."""

import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.desk import Desk
from bus.every_command import ROWS, Row, leaves, obey
from bus.private import REPOSITORY, PrivateBus, as_nobody
from fakes.daemons import ALL
from fakes.pushing import TARGET
from standfast.bus import Bus, ErrorName
from standfast.configuration.load import check
from standfast.configuration.tree import read_tree
from standfast.ctl import probing
from standfast.ctl.__main__ import main
from standfast.operations import newcomer
from standfast.operations.problems import Exit

RHCS = REPOSITORY / "tests/unit/rhcs/apache.conf"
SITE = "[Service]\nExecStart=/bin/true\n[X-Probe]\nType=file\nPath=/etc/hostname\n"
NOT_RUNNING = "Standfast is not running here: systemctl start standfast.target"
PLAIN = [name for name, row in ROWS.items() if not row.machine]
EVERY = list(ROWS)


@pytest.fixture
def place(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An administrator's node with everything that the rows want; nothing of this machine can be changed."""
    desk.write("units/site.service", SITE)
    desk.pushing.install(read_tree(desk.etc), "a probe")
    desk.write("units/webserv.target", TARGET.replace("The site", "The new site"))
    (tmp_path / "cwd/units").mkdir(parents=True)
    (tmp_path / "cwd/units/webserv.target").write_text(TARGET)
    (tmp_path / "cwd/cluster.conf.xml").write_bytes(RHCS.read_bytes())
    (tmp_path / "cwd/etc").symlink_to(desk.etc)
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setenv("STANDFAST_SSH", "false")
    tree = read_tree(desk.etc)
    monkeypatch.setattr(probing, "load_in_force", lambda **_: (check(tree, system=None), ()))

    def here() -> newcomer.Place:
        addresses: dict[str, tuple[str, ...]] = {"eth0": ("192.0.2.11",)}
        return place_of(hostname="node1", root=desk.etc, folder=desk.disk, addresses=lambda: addresses)

    place_of = newcomer.Place
    monkeypatch.setattr(newcomer, "Place", here)
    monkeypatch.setattr(newcomer, "start", None)
    yield desk


def type_it(words: tuple[str, ...], columns: int = 80) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, words, env={"COLUMNS": str(columns)})


def typed(desk: Desk, words: tuple[str, ...], names: tuple[str, ...] = ALL, columns: int = 80) -> Result:
    async def play() -> Result:
        async with desk.cluster.running(names):
            return await asyncio.to_thread(type_it, words, columns)

    return asyncio.run(play())


def words_of(name: str, row: Row) -> tuple[str, ...]:
    return (*name.split(), *row.words)


def check_end(result: Result, codes: Collection[int]) -> None:
    """It ended as documented: that exit code, and what is not done is one sentence of ours at the end."""
    told = f"{result.stdout}\n{result.stderr}"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in told and "fault of Standfast" not in told, told
    assert result.exit_code in codes, (result.exit_code, told)
    if result.exit_code not in (Exit.DONE, Exit.USAGE) and not result.stdout:
        last = result.stderr.rstrip().splitlines()[-1]
        assert last.startswith("standfast: "), last
        assert len(last) > 30, f"what to do next: {last}"


def test_every_command_has_a_row_and_every_row_a_command() -> None:
    assert sorted(name for name, _ in leaves()) == sorted(ROWS)


@pytest.mark.parametrize("name", PLAIN)
def test_when_all_is_well(place: Desk, name: str) -> None:
    row = ROWS[name]
    obey(place.cluster)
    check_end(typed(place, words_of(name, row)), row.codes)


@pytest.mark.parametrize("name", EVERY)
def test_without_daemons(place: Desk, name: str) -> None:
    row = ROWS[name]
    result = typed(place, words_of(name, row), names=())
    check_end(result, {Exit.NOT_RUNNING} if row.daemons else row.codes | {Exit.REFUSED, Exit.NOT_RUNNING, Exit.UNKNOWN})
    if row.daemons:
        assert NOT_RUNNING in result.stderr


@pytest.mark.parametrize("name", EVERY)
def test_without_a_bus(private_bus: PrivateBus, place: Desk, name: str) -> None:
    private_bus.kill()
    row = ROWS[name]
    result = type_it(words_of(name, row))
    check_end(result, {Exit.NOT_RUNNING} if row.daemons else row.codes | {Exit.REFUSED, Exit.NOT_RUNNING, Exit.UNKNOWN})


@pytest.mark.parametrize("name", PLAIN)
def test_where_the_nodes_are_not_quorate(place: Desk, name: str) -> None:
    """What only tells goes on telling; what asks for something says how to see which nodes are missing."""
    row = ROWS[name]
    obey(place.cluster)
    place.cluster.publish(
        "/org/standfast", "Groups1", Quorate="no", Term=0, Coordinator="", Members=[], NoTerm="no quorum"
    )
    if row.changes:
        place.cluster.refuse(ErrorName.NOT_QUORATE, "this node is not quorate")
    result = typed(place, words_of(name, row))
    needs = row.changes or name == "config plan"
    check_end(result, {Exit.NOT_QUORATE} if needs else row.codes)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.unknown])
def test_the_closest_name_is_named(place: Desk, name: str) -> None:
    row = ROWS[name]
    obey(place.cluster)
    if name == "explain":
        place.cluster.refuse(ErrorName.REFUSED, "there is no group or node webser: did you mean webserv?")
    result = typed(place, (*name.split(), *row.unknown))
    check_end(result, {Exit.REFUSED})
    assert f"id you mean {row.like}?" in result.stderr


@pytest.mark.parametrize("name", EVERY)
def test_an_option_that_does_not_exist(name: str) -> None:
    result = type_it((*name.split(), "--jso"))
    assert (result.exit_code, "--jso" in result.stderr, "Traceback" in result.stderr) == (2, True, False)
    assert "--json" in result.stderr, "every command has it, so it is the closest"


def test_without_rights(place: Desk) -> None:
    """All of them in one process, as an ordinary user who is asked for no password."""
    obey(place.cluster)

    async def as_other_user() -> list[Any]:
        found = []
        for name, row in ROWS.items():
            result = await asyncio.to_thread(type_it, words_of(name, row))
            shown = result.exception if not isinstance(result.exception, SystemExit) else None
            found.append((name, result.exit_code, result.stdout, result.stderr, repr(shown)))
        return found

    async def play() -> list[Any]:
        async with place.cluster.running():
            return list(await as_nobody(as_other_user))

    for name, code, stdout, stderr, shown in asyncio.run(play()):
        row, told = ROWS[name], f"{name}: {stdout}{stderr}{shown}"
        assert shown == "None" and "Traceback" not in told and "fault of Standfast" not in told, told
        if row.changes or row.root:
            assert code == Exit.NO_RIGHTS, told
            assert "root" in stderr, told
        else:
            assert code in {*row.codes, Exit.NO_RIGHTS, Exit.REFUSED}, told


@pytest.mark.parametrize("name", PLAIN)
def test_in_a_terminal_of_60_columns(place: Desk, name: str) -> None:
    row = ROWS[name]
    obey(place.cluster)
    result = typed(place, words_of(name, row), columns=60)
    check_end(result, row.codes)
    if name not in RAW:
        assert all(len(line) <= 60 for line in result.stdout.splitlines() if "  " in line), result.stdout


RAW = ("config diff", "config show", "config check", "import", "probe")  # lines that are somebody's text, or FILE:LINE


async def each(names: list[str], one: Callable[[str], Coroutine[Any, Any, None]], at_once: int = 1) -> None:
    """All of them, so many at once."""
    places = asyncio.Semaphore(at_once)

    async def bounded(name: str) -> None:
        async with places:
            await one(name)

    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(bounded(name))


def run(words: tuple[str, ...], stdout: int | None = None, encoding: str = "utf-8") -> tuple[int, bytes, str]:
    """The command in a process of its own, which has all that this one has loaded, and its stdout where it is told."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.dup2(out.fileno() if stdout is None else stdout, 1)
                os.dup2(err.fileno(), 2)
                sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(fd, "w"), encoding=encoding) for fd in (1, 2))
                main(words)
            except SystemExit as end:
                code = int(end.code or 0)
                with contextlib.suppress(OSError):
                    sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read().decode()


def check_process(name: str, code: int, stderr: str, codes: Collection[int]) -> None:
    assert "Traceback" not in stderr and "fault of Standfast" not in stderr, f"{name}: {stderr}"
    assert code in codes, f"{name}: exit code {code}: {stderr}"


def test_where_every_daemon_hangs(place: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They own their names and answer nothing, as after SIGSTOP: each command ends, and says so."""
    call = Bus.call

    async def impatient(self: Bus, *words: Any, timeout_s: float = 1.0, **other: Any) -> Any:
        return await call(self, *words, timeout_s=min(timeout_s, 1.0), **other)

    monkeypatch.setattr(Bus, "call", impatient)

    async def one(name: str) -> None:
        code, out, err = await asyncio.to_thread(run, words_of(name, ROWS[name]))
        check_process(name, code, err, SAYS_WHAT_HANGS if ROWS[name].daemons else frozenset(Exit))
        if ROWS[name].daemons:
            assert "not answer" in f"{out.decode()}{err}", f"{name}: {out.decode()}{err}"

    async def play() -> None:
        async with place.cluster.running() as cluster:
            for bus in cluster._buses.values():
                bus.take_call = lambda *_: True
            await each(PLAIN, one, at_once=20)

    asyncio.run(play())


SAYS_WHAT_HANGS = {Exit.DONE, Exit.NOT_RUNNING, Exit.UNKNOWN}


def test_where_the_disk_is_full(place: Desk) -> None:
    """What cannot be written, on stdout, is told on stderr."""
    obey(place.cluster)

    async def one(name: str) -> None:
        code, _, err = await asyncio.to_thread(run, (*words_of(name, ROWS[name]), *_AS_JSON), full)
        check_process(name, code, err, {Exit.REFUSED})
        assert "No space left on device. Make room there" in err, f"{name}: {err}"

    async def play() -> None:
        async with place.cluster.running():
            await each([name for name in TELLING if name != "config rollback"], one)  # the push before was one

    full = os.open("/dev/full", os.O_WRONLY)
    asyncio.run(play())
    os.close(full)


TELLING = [name for name in PLAIN if 0 in ROWS[name].codes]
_AS_JSON = ("--json",)


def test_a_stream_that_knows_ascii_alone(place: Desk) -> None:
    """Nothing ends in an error of encoding, and what a program reads is the same."""
    obey(place.cluster)

    async def one(name: str) -> None:
        for more in ((), _AS_JSON):
            words = (*words_of(name, ROWS[name]), *more)
            if name == "import":
                words = (*words, "--into", f"made{len(more)}")
            code, out, err = await asyncio.to_thread(run, words, None, "ascii")
            check_process(name, code, err, ROWS[name].codes)
            assert out.isascii() or name in RAW, out
            if more and out:
                assert json.loads(out) is not None, name

    async def play() -> None:
        async with place.cluster.running():
            await each(READING, one)

    asyncio.run(play())


READING = [name for name in PLAIN if not ROWS[name].changes]
