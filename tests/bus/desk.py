"""An administrator's node, at which `standfast config` is typed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fakes.daemons import ALL, Cluster
from fakes.pushing import TARGET, Pushing, write_configuration
from standfast.configuration.machine_checks import Machine
from standfast.configuration.system import System
from standfast.configuration.tree import Tree, read_tree
from standfast.ctl.__main__ import main
from unit.site import AGENT


def machine(folder: Path) -> Machine:
    """A machine with one fence agent, and nothing else."""
    system = System(unit_paths=(), vendor_paths=(), init_scripts=folder, programs=folder, in_force=folder / "config")
    return Machine(
        system=system,
        host="node1",
        fstab=folder / "fstab",
        analyze="no-such-program",
        root=folder / "config",
        units=folder / "system",
        manifest=folder / "installed.json",
    )


class Desk:
    """An administrator's node: /etc/standfast and the versions on its disk are folders of the test."""

    def __init__(self, folder: Path) -> None:
        self.etc, self.disk = folder / "etc", folder / "disk"
        self.cluster = Cluster()
        self.told = ""
        self.machine = folder / "machine"
        self.machine.mkdir()
        (self.machine / "fence_test").write_text(AGENT)
        (self.machine / "fence_test").chmod(0o755)
        write_configuration(self.etc)
        self.pushing = Pushing(self.cluster, self.etc, self.disk)

    def write(self, name: str, text: str) -> None:
        (self.etc / name).parent.mkdir(exist_ok=True)
        (self.etc / name).write_text(text)

    def type(self, *words: str, typed: str = "", names: Iterable[str] = ALL) -> Result:
        """What the command did while these daemons ran."""

        async def play() -> Result:
            async with self.cluster.running(names):
                return await asyncio.to_thread(self.invoke, *words, typed=typed)

        return asyncio.run(play())

    def invoke(self, *words: str, typed: str = "") -> Result:
        result = CliRunner(mix_stderr=False).invoke(main, ["config", *words], input=typed, env={"COLUMNS": "80"})
        self.told += result.stdout + result.stderr
        return result

    @property
    def wishes(self) -> list[tuple[str, tuple[Any, ...]]]:
        return self.cluster.wishes

    def put(self) -> tuple[Any, ...]:
        """The arguments of the one PutInForce."""
        (arguments,) = (arguments for method, arguments in self.wishes if method == "PutInForce")
        return arguments

    def changed(self) -> Tree:
        """/etc/standfast with another target."""
        self.write("units/webserv.target", TARGET.replace("The site", "The new site"))
        return read_tree(self.etc)
