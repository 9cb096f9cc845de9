"""Commands on another machine, by the administrator's own ssh: its configuration, agent and known hosts count."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "STANDFAST_SSH"  # the command to use in the place of `ssh`, with its options
FAILED: Final = 255  # ssh(1): the exit code of its own errors
NOT_FOUND: Final = 127  # sh(1)
_PATH: Final = "PATH=$PATH:/usr/sbin:/sbin; export PATH\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a command; its output may be a secret and is never shown."""

    exit_code: int
    output: bytes = b""
    error: str = ""

    @property
    def said(self) -> str:
        """The last line on its standard error, where programs give their reason; "" when there is none."""
        return next((line.strip() for line in reversed(self.error.splitlines()) if line.strip()), "")


def run(target: str, script: str, data: bytes = b"", *, within_s: float, told: bool = False) -> Done:
    """The POSIX shell script ran on `target` ("" = here) with `data` as its stdin; a password is asked at the terminal.

    `told`: what it writes to its standard error is shown at once, as its own words, and not returned.
    """
    command = ["sh", "-c", _PATH + script]
    if target:
        remote = f"exec sh -c {shlex.quote(_PATH + script)}"
        command = [*shlex.split(os.environ.get(VARIABLE, "ssh")), "-o", "ConnectTimeout=10", "--", target, remote]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=None if told else subprocess.PIPE,
            timeout=within_s,
            check=False,
        )
    except FileNotFoundError:
        return Done(exit_code=FAILED, error=f"there is no {command[0]} here: apt install openssh-client")
    except subprocess.TimeoutExpired:
        return Done(exit_code=1, error=f"it was not done after {within_s:g} s")
    return Done(exit_code=done.returncode, output=done.stdout, error=(done.stderr or b"").decode(errors="replace"))
