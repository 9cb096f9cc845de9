"""polkit on a private bus: Debian's own polkitd with this repository's actions, and one whose answers a test writes."""

import asyncio
import os
import pwd
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bus.private import NOBODY, REPOSITORY
from standfast.bus import Bus, Call, Server
from standfast.bus.rights import AUTHORITY, AUTHORITY_PATH, POLKIT

POLKITD = Path("/usr/lib/polkit-1/polkitd")
EXAMPLE = REPOSITORY / "contrib/docs/examples/50-standfast-operators.rules"
OPERATORS = "standfast-operators"
XML = f"""<node>
  <interface name="{AUTHORITY}">
    <method name="CheckAuthorization">
      <annotation name="org.standfast.Access" value="root"/>
      <arg type="(sa{{sv}})" direction="in"/><arg type="s" direction="in"/><arg type="a{{ss}}" direction="in"/>
      <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{{ss}})" direction="out"/>
    </method>
    <method name="CancelCheckAuthorization">
      <annotation name="org.standfast.Access" value="root"/>
      <arg type="s" direction="in"/>
    </method>
  </interface>
</node>"""

Answer = tuple[bool, bool, dict[str, str]]
YES: Answer = (True, False, {})
NO: Answer = (False, False, {})
CHALLENGE: Answer = (False, True, {"polkit.retains_authorization_after_challenge": "1"})
DISMISSED: Answer = (False, False, {"polkit.dismissed": "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    action: str
    sender: str
    interactive: bool
    cancellation: str


class Written:
    """An authority that answers what `answer` says, and remembers what it was asked."""

    def __init__(self, folder: Path, answer: Callable[[Question], Awaitable[Any]]) -> None:
        xml = folder / "authority.xml"
        xml.write_text(XML)
        self._server = Server(xml)
        self._answer = answer
        self.questions: list[Question] = []
        self.withdrawn: list[str] = []
        self._server.publish(AUTHORITY_PATH, AUTHORITY, {})
        self._server.handle(AUTHORITY, "CheckAuthorization", self._check)
        self._server.handle(AUTHORITY, "CancelCheckAuthorization", self._cancel)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Written"]:
        async with await Bus.connect() as bus:
            await self._server.attach(bus, POLKIT)
            yield self
            self._server.cancel_calls()

    async def _check(self, call: Call) -> tuple[Any, ...]:
        (kind, details), action, _, flags, cancellation = call.arguments
        assert kind == "system-bus-name"
        assert list(details) == ["name"]
        question = Question(action=action, sender=details["name"], interactive=bool(flags), cancellation=cancellation)
        self.questions.append(question)
        return (await self._answer(question),)

    async def _cancel(self, call: Call) -> tuple[Any, ...]:
        self.withdrawn.append(call.arguments[0])
        return ()


@asynccontextmanager
async def debians_polkitd(folder: Path, *, installed: bool = True) -> AsyncIterator[None]:
    """polkitd is on the bus: it knows our actions and our example's rule alone; the user nobody is in the rule's group.

    installed: our files are where it reads them.

    Its folders and /etc/group are its own (a mount namespace): nothing of this machine is changed.
    """
    process = _start(folder, installed)
    try:
        await _wait_for_owner(process)
        yield
    finally:
        process.kill()
        process.wait()


def _start(folder: Path, installed: bool) -> subprocess.Popen[bytes]:
    if os.geteuid() != 0 or not POLKITD.exists() or shutil.which("unshare") is None:
        pytest.skip("needs root, unshare and Debian's polkitd (contrib/install-packages test)")
    actions, rules, group = folder / "actions", folder / "rules", folder / "group"
    for path, source in ((actions, REPOSITORY / "dbus/org.standfast.policy"), (rules, EXAMPLE)):
        path.mkdir()
        if installed:
            shutil.copy(source, path)
    group.write_text(Path("/etc/group").read_text() + f"{OPERATORS}:x:64999:{pwd.getpwuid(NOBODY).pw_name}\n")
    binds = (
        (actions, "/usr/share/polkit-1/actions"),
        (rules, "/etc/polkit-1/rules.d"),
        (rules, "/usr/share/polkit-1/rules.d"),
        (group, "/etc/group"),
    )
    script = " && ".join(f"mount --bind '{source}' '{target}'" for source, target in binds)
    return subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", f"{script} && exec {POLKITD} --no-debug"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def _wait_for_owner(process: subprocess.Popen[bytes]) -> None:
    there = asyncio.Event()
    async with await Bus.connect() as bus:
        await bus.on_owner(POLKIT, lambda owner: there.set() if owner else None)
        async with asyncio.timeout(20):
            while not there.is_set():
                if process.poll() is not None:
                    pytest.skip("no mount namespace can be made here, or polkitd does not start")
                await asyncio.sleep(0.02)
