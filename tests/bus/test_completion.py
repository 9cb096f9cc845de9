"""What bash and zsh propose when somebody presses TAB, asked of the shells themselves."""

import asyncio
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.private import REPOSITORY, PrivateBus
from fakes.daemons import ALL, ROOT, Cluster
from fakes.pushing import write_configuration
from standfast.bus import escape
from standfast.configuration import load
from standfast.ctl import names

BASH = REPOSITORY / "contrib/completion/bash/standfast"
ZSH = REPOSITORY / "contrib/completion/zsh"
ADDRESS = "standfast-ip@192.0.2.100.service"
ASK = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMPREPLY=()
compopt() { echo FILES; }
_standfast
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with `standfast`, at the head of PATH."""
    program = tmp_path / "standfast"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY / "services"} exec {sys.executable} -m standfast.ctl "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield tmp_path


def proposed(line: str) -> list[str]:
    """What replaces the part of the last word that bash takes for a word."""
    done = subprocess.run(["bash", "-c", ASK, "bash", str(BASH), line], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [one for one in done.stdout.split("\n") if one]


def with_daemons(ask: Callable[[], Any], prepare: Callable[[Cluster], Awaitable[None] | None] = lambda _: None) -> Any:
    async def play() -> Any:
        async with Cluster().running() as cluster:
            probe = ("page", "http", "live", "good", "GET x", 12, "2026-01-01T00:00:00Z")
            shown = f"{ROOT}/group/webserv/resource/{escape('apache2.service')}"
            cluster.servers[ALL[3]].live(
                "org.standfast.Resource1", "Probes", lambda one: [probe] if one == shown else []
            )
            cluster.publish(ROOT, "Groups1", History=[(4, "c0ffee", "", "", "", "")])
            cluster.publish(ROOT, "Groups1", Losses=[("8.1", "node3", 0, 0, "left the ring")])
            waits = prepare(cluster)
            if waits is not None:
                await waits
            return await asyncio.to_thread(ask)

    return asyncio.run(play())


LINES: tuple[tuple[str, list[str]], ...] = (
    ("standfast gr", ["group"]),
    ("standfast group rel", ["relocate"]),
    ("standfast group start ", ["webserv"]),
    ("standfast --no-color group start webserv no", ["node1", "node2", "node3"]),
    ("standfast status webserv ", []),
    ("standfast node standby node", ["node1", "node2", "node3"]),
    ("standfast quorum start-alone node1 ", ["node2", "node3"]),
    ("standfast fence test bmc-node3", ["bmc-node3"]),
    ("standfast fence confirm node3 ", ["8.1"]),
    ("standfast fence confirm node3 8.1 --although ", ["address", "device", "link"]),
    ("standfast probe apache2.service ", ["page"]),
    ("standfast probe standfast-", [ADDRESS]),
    ("standfast probe standfast-ip@192", ["@192.0.2.100.service"]),  # bash's word begins there
    ("standfast config show ", ["4"]),
    ("standfast config push --without node", ["node1", "node2", "node3"]),
    ("standfast explain n", ["node1", "node2", "node3"]),
    ("standfast timeline we", ["webserv"]),
    ("standfast status --js", ["--json"]),
    ("standfast import ", ["FILES"]),
    ('standfast group start "we', ["webserv"]),
)


def test_bash_proposes_what_the_daemons_know(private_bus: PrivateBus, path: Path) -> None:
    found = with_daemons(lambda: [proposed(line) for line, _ in LINES])
    for (line, wanted), got in zip(LINES, found, strict=True):
        assert sorted(got) == wanted, line


def test_without_daemons_the_configuration_is_read(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_configuration(tmp_path / "etc")
    monkeypatch.setattr(load.load, "__defaults__", (tmp_path / "etc",))
    monkeypatch.setattr(load.load_in_force, "__defaults__", (tmp_path / "disk",))
    found = names.find()
    assert (found["node"], found["group"], found["device"]) == (["node1", "node2", "node3"], ["webserv"], ["bmc"])
    assert found["unit"] == ["site.service"]


@pytest.mark.parametrize("line", ["standfast group start ", "standfast explain '", "standfast fence now x"])
def test_where_nothing_is_known_nothing_is_proposed_and_nothing_printed(
    private_bus: PrivateBus, path: Path, line: str
) -> None:
    private_bus.kill()
    assert proposed(line) == []


def test_a_daemon_that_hangs_is_not_waited_for(private_bus: PrivateBus) -> None:
    async def hang(cluster: Cluster) -> None:
        for name in ALL:
            cluster._buses[name].take_call = lambda *_: True

    begun = time.monotonic()
    assert with_daemons(names._ask_daemons, hang) == {}
    assert time.monotonic() - begun < 20, "the bus itself gives up after 25 s"


def test_tab_in_a_real_bash_completes_a_name_with_an_at_sign(private_bus: PrivateBus, path: Path) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    assert f"standfast probe {ADDRESS}" in with_daemons(lambda: press_tab(shell, f"source {BASH}"))


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_tab_in_a_real_zsh_completes_it_too(private_bus: PrivateBus, path: Path) -> None:
    prepare = f"fpath=({ZSH} $fpath); autoload -Uz compinit; compinit -u -d {path}/dump"
    assert f"standfast probe {ADDRESS}" in with_daemons(lambda: press_tab(["zsh", "-f", "-i"], prepare))


def press_tab(shell: list[str], prepare: str) -> str:
    """All that the shell showed, when `standfast probe standfast-ip@192<TAB>` was typed and then made an `echo`."""
    master, slave = os.openpty()
    environment = os.environ | {"TERM": "dumb", "PS1": "READY> "}
    process = subprocess.Popen(shell, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    text = ""

    def until(word: str) -> None:
        nonlocal text
        end = time.monotonic() + 30
        while word not in text:
            assert time.monotonic() < end, f"{word}: {text!r}"
            if select.select([master], [], [], 0.5)[0]:
                text += os.read(master, 4096).decode(errors="replace")

    os.write(master, f"{prepare}; echo PRE''PARED\n".encode())
    until("PREPARED")
    os.write(master, b"standfast probe standfast-ip@192\t")
    until("100.service")
    os.write(master, b"\x01echo \n")
    until(f"\nstandfast probe {ADDRESS}")
    process.kill()
    process.wait()
    os.close(master)
    return text


def test_the_package_puts_both_where_the_shells_look() -> None:
    listed = (REPOSITORY / "contrib/debian/standfast.install").read_text().splitlines()
    assert "contrib/completion/bash/standfast usr/share/bash-completion/completions" in listed
    assert "contrib/completion/zsh/_standfast usr/share/zsh/vendor-completions" in listed
