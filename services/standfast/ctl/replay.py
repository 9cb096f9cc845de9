"""`standfast simulate --replay FILE`: a recorded incident once more, by the same code that decided then."""

import json
import shlex
import sys
from pathlib import Path
from typing import Final

import click

from standfast.ctl.streams import print_json
from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit
from standfast.status_report import Report

_REPLAY_S: Final = 900.0


def replay(path: Path, as_json: bool) -> None:
    """Shows what came of it; exit code 1 unless every recorded decision was made again and is the same."""
    made = _made(path)
    if as_json:
        print_json(made)
    else:
        from standfast.ctl.replay_table import show  # rich takes a tenth of a second to load

        show(made)
    if verdict(made) != "same":
        raise click.exceptions.Exit(Exit.REFUSED)


def verdict(made: Report) -> str:
    """Of all nodes together; who decided nothing has nothing to say while another one has."""
    results = {node["result"] for node in made["nodes"]}
    return next((one for one in ("different", "incomplete", "same") if one in results), "nothing")


def _made(path: Path) -> Report:
    """resourced's own program reads the file, which a stranger may have sent. Raises CommandError."""
    script = f"exec {shlex.quote(sys.executable)} -s -P -m standfast.resourced.replaying {shlex.quote(str(path))}"
    done = ssh.run("", script, within_s=_REPLAY_S)
    try:
        made: Report = json.loads(done.output)
    except ValueError:
        why = done.said or f"exit code {done.exit_code}"
        raise CommandError(
            Exit.REFUSED, f"{path} cannot be replayed: it takes too much time or memory ({why})."
        ) from None
    if "error" in made:
        raise CommandError(Exit.REFUSED, made["error"])
    return made
