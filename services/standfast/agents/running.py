"""Runs a ClusterLabs fence agent: options on stdin, an exit code within a deadline, and nothing left behind.

Each agent runs in a control group of its own, which is killed at its deadline and at its end.

FenceAgentAPI (https://github.com/ClusterLabs/fence-agents/blob/main/doc/FenceAgentAPI.md): name=value lines on
stdin; exit 0 = done (of `status`: on), 2 = `status` says off, anything else = failed.
"""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.agents.cgroups import Cgroup, Cgroups
from standfast.agents.words import Action, Answer
from standfast.configuration.model import FenceDevice
from standfast.configuration.versions import IN_FORCE

AGENTS: Final = Path("/usr/sbin")
KEPT_OUTPUT: Final = 2_048  # bytes of stdout, and of stderr, that are kept, the last ones
LONGEST_WORDS: Final = 300  # of an agent's own, for people
_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
# joins the group (where that fails the agent runs all the same) and becomes the agent
_JOIN: Final = 'echo 0 > "$0"; exec "$@"'
# "2026-01-31 12:00:00,000 ERROR: …" is an agent's reason; Python's warnings and the advice to read its usage are none.
_REASON: Final = re.compile(r"^\S+ \S+ ERROR: (?!Please use '-h')(.*\S)", re.MULTILINE)
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_OURS: Final = frozenset({"action", "delay", "password", "passwd", "plug", "port"})
METADATA_S: Final = 10.0  # measured: 0.06 to 0.15 s
METADATA_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an agent said."""

    answer: Answer
    text: str  # for people and the journal; holds no secret
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """The agents in `programs`, with secrets from files in the folder `secrets`."""

    programs: Path = AGENTS
    secrets: Path = IN_FORCE
    cgroups: Cgroups | None = None  # None: a process group is all that an agent gets

    async def run(self, device: FenceDevice, plug: str | None, action: Action) -> Result:
        """The agent ended, or was killed at the device's deadline with all that it had started."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        secret = ""
        try:
            secret = self._secret(device)
            options = agent_input(device, plug, action, secret)
            command = (str(self._program(device.agent)),)
            exit_code, output, errors = await self._run(command, options, device.timeout_ms / 1000, KEPT_OUTPUT)
        except AgentError as error:
            answer, text = Answer.FAILED, str(error)
        except TimeoutError:
            answer, text = Answer.FAILED, f"no answer within {device.timeout_ms / 1000:g} s"
        else:
            answer = _answer(action, exit_code)
            text = _text(answer, exit_code, _without(secret, output), _without(secret, errors))
        return Result(answer=answer, text=text, milliseconds=round((loop.time() - begun) * 1000))

    async def metadata(self, agent: str) -> str:
        """What the agent says of itself, an XML document. Raises AgentError."""
        try:
            command = (str(self._program(agent)), "-o", "metadata")
            exit_code, output, _ = await self._run(command, b"", METADATA_S, METADATA_BYTES)
        except TimeoutError:
            raise AgentError(f"{agent} does not say within {METADATA_S:g} s what it can do") from None
        if exit_code:
            raise AgentError(f"{agent} does not say what it can do: exit code {exit_code}")
        return output

    def stamp(self, agent: str) -> tuple[int, ...]:
        """Another one whenever the agent's program is another one; () when it is not there."""
        try:
            status = (self.programs / agent).stat()
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino)

    def _program(self, agent: str) -> Path:
        """The agent's path. Raises AgentError."""
        if not _PROGRAM.fullmatch(agent):
            raise AgentError(f"{agent!r} is no agent's name")
        program = self.programs / agent
        if not os.access(program, os.X_OK) or not program.is_file():
            raise AgentError(f"{agent} is not installed in {self.programs}; install it (Debian: fence-agents)")
        return program

    async def _run(self, command: Sequence[str], options: bytes, timeout_s: float, kept: int) -> tuple[int, str, str]:
        """Exit code, stdout and stderr. Raises AgentError (it cannot be started), TimeoutError."""
        agent, output, errors = _start(command, options, kept, self.cgroups)
        try:
            async with asyncio.timeout(timeout_s):
                exit_code = await agent.exit_code
        finally:
            agent.kill()
            said = output.close(), errors.close()
        return exit_code, *said

    def _secret(self, device: FenceDevice) -> str:
        name = device.password_file
        if name is None:
            return ""
        if name != Path(name).name:
            raise AgentError(f"PasswordFile={name} is not the name of a file beside cluster.conf")
        try:
            return (self.secrets / name).read_text().rstrip("\n")
        except FileNotFoundError as error:
            raise AgentError(f"PasswordFile={name} is not there") from error
        except (OSError, UnicodeDecodeError) as error:
            raise AgentError(f"PasswordFile={name} cannot be read: {error}") from error


class AgentError(Exception):
    """The agent could not be run; the text says why."""


class _Agent:
    """A running agent and all that it starts; it is reaped whenever it ends, also long after we gave up on it.

    Waiting for a killed process could block: one that hangs in the kernel ignores SIGKILL until it wakes up.
    """

    def __init__(self, process: subprocess.Popen[bytes], cgroup: Cgroup | None, cgroups: Cgroups | None) -> None:
        self._process = process
        self._cgroup = cgroup
        self._cgroups = cgroups
        self._descriptor = os.pidfd_open(process.pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_end)
        self.exit_code: asyncio.Future[int] = self._loop.create_future()

    def kill(self) -> None:
        """Everything in its groups is killed; not yet reaped (a zombie at most) its id is nobody else's."""
        if self._cgroup is not None:
            self._cgroup.kill()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.kill()  # children that it left behind
        exit_code = self._process.wait()
        if self._cgroup is not None and self._cgroups is not None:
            self._cgroups.remove(self._cgroup)
        if not self.exit_code.done():
            self.exit_code.set_result(exit_code)


class _Output:
    """Reads what an agent says as it comes, so that it never waits for us, and keeps the end of it."""

    def __init__(self, pipe: int, kept: int) -> None:
        self._pipe = pipe
        self._kept = kept
        self._cut = False
        self._data = b""
        os.set_blocking(pipe, False)
        asyncio.get_running_loop().add_reader(pipe, self._read)

    def _read(self) -> bool:
        """True while there may be more."""
        try:
            data = os.read(self._pipe, 65536)
        except BlockingIOError:
            return False
        self._cut = self._cut or len(self._data) + len(data) > self._kept
        self._data = (self._data + data)[-self._kept :]
        if not data:
            asyncio.get_running_loop().remove_reader(self._pipe)
        return bool(data)

    def close(self) -> str:
        """The whole lines of what is kept: half a line might begin with half a secret, which nobody would know."""
        for _ in range(16):  # at most what a pipe holds: a process that escaped its group may go on talking
            if not self._read():
                break
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)
        data = self._data.partition(b"\n")[2] if self._cut else self._data
        return data.decode(errors="replace")


def agent_input(device: FenceDevice, plug: str | None, action: Action, secret: str) -> bytes:
    """What the agent reads; what we choose cannot be overridden by an option of the device.

    Raises an error when a value would make two lines.
    """
    lines = [(name, value) for name, value in device.options.items() if name not in _OURS]
    lines += [("action", action.value)]
    if plug is None and "plug" in device.options:
        lines += [("plug", device.options["plug"])]
    elif plug is None and "port" in device.options:
        lines += [("port", device.options["port"])]
    elif plug is not None:
        lines += [("plug", plug)]
    if secret:
        lines += [("password", secret)]
    for name, value in lines:
        if "\n" in name + value or "\0" in name + value or "=" in name:
            raise AgentError(f"the value of {name!r} is not one line")
    return "".join(f"{name}={value}\n" for name, value in lines).encode()


def _start(
    command: Sequence[str], options: bytes, kept: int, cgroups: Cgroups | None
) -> tuple[_Agent, _Output, _Output]:
    """The agent in a session and a control group of its own, and what it says on stdout and on stderr.

    Options go through a memfd: no pipe that fills up, no file, no command line that others can read.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    errors_reader, errors_writer = os.pipe2(os.O_CLOEXEC)
    descriptor = os.memfd_create("options", os.MFD_CLOEXEC)
    cgroup = cgroups.make() if cgroups is not None else None
    joined = command if cgroup is None else ("/bin/sh", "-c", _JOIN, str(cgroup.processes), *command)
    try:
        os.write(descriptor, options)
        os.lseek(descriptor, 0, os.SEEK_SET)
        process = subprocess.Popen(
            joined,
            stdin=descriptor,
            stdout=writer,
            stderr=errors_writer,
            start_new_session=True,
            env=_ENVIRONMENT,
            cwd="/",
        )
    except OSError as error:
        os.close(reader)
        os.close(errors_reader)
        if cgroup is not None:
            cgroup.remove()
        raise AgentError(f"{Path(command[0]).name} cannot be started: {error.strerror}") from error
    finally:
        for ours in (writer, errors_writer, descriptor):
            os.close(ours)
    return _Agent(process, cgroup, cgroups), _Output(reader, kept), _Output(errors_reader, KEPT_OUTPUT)


def _answer(action: Action, exit_code: int) -> Answer:
    match action, exit_code:
        case _, 0:
            return Answer.DONE
        case Action.STATUS, 2:
            return Answer.IS_OFF
        case _:
            return Answer.FAILED


def _text(answer: Answer, exit_code: int, output: str, errors: str) -> str:
    said = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    if answer is not Answer.FAILED:
        return said[:LONGEST_WORDS]
    how = f"exit code {exit_code}" if exit_code >= 0 else f"killed by signal {-exit_code}"
    reasons = [said] if said else _REASON.findall(errors)[-1:]
    return ": ".join((how, *reasons))[:LONGEST_WORDS]


def _without(secret: str, text: str) -> str:
    """The text without the secret, also as a shell's command or Python would write it."""
    for written in (repr(secret), shlex.quote(secret), secret) if secret else ():
        text = text.replace(written, "***")
    return text
