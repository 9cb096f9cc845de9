"""`standfast report`: one archive with what a bug report needs, without secrets."""

import io
import os
import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from standfast import archive
from standfast.bus import BusError
from standfast.configuration import versions
from standfast.configuration.load import examine
from standfast.configuration.redaction import Redaction
from standfast.configuration.values import parse_span
from standfast.corosync.common import Code, CorosyncError
from standfast.ctl import report_live, report_parts
from standfast.ctl.report_parts import Part, Places
from standfast.ctl.report_text import readme
from standfast.ctl.streams import json_option, tell_done
from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit

HERE: Final = Places()
STDOUT: Final = Path("-")
PART_S: Final = 30.0  # a bus or a disk that hangs is waited for no longer
COROSYNC_S: Final = 3.0  # a node whose Corosync hangs is switched off soon
NODE_S: Final = 240.0  # for the report of another node
_COROSYNC: Final[Mapping[int, str]] = {Code.LIBRARY: "it does not run", Code.ACCESS: "only root may ask it"}
Say = Callable[[str], None]


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to; - is stdout. Without it standfast-report-NODE-TIME.tar.gz in this folder.",
)
@click.option(
    "--since",
    default="1d",
    show_default=True,
    metavar="TIME",
    help="From when on the journals are taken: a time (2026-01-31 08:00), or so long ago (2h).",
)
@click.option("--all-nodes", is_flag=True, help="Of the other nodes, too: root of this node gets there by ssh.")
@json_option
def report(output: Path | None, since: str, all_nodes: bool, as_json: bool) -> None:
    """One archive of what a bug report needs, without passwords and keys.

    It has a README that says what is in it and what is not. It can be taken at any time, by root best: also while
    nothing of Standfast runs. With it developers replay what happened: standfast simulate --replay FILE.
    """
    began = parse_since(since, datetime.now(UTC))
    now = datetime.now(UTC)
    if as_json and output == STDOUT:
        raise click.UsageError("--json tells where the archive is, so that cannot be stdout, too")
    taken = Taken(since=began, say=lambda text: click.echo(text, err=as_json or output == STDOUT))
    node = os.uname().nodename
    taken.take_here(node, HERE)
    if all_nodes:
        taken.take_others(node, HERE, since)
    path = output or Path(f"standfast-report-{node}-{now:%Y%m%dT%H%M%SZ}.tar.gz")
    contents = taken.contents(now)
    size = _write(path, contents, int(now.timestamp()))
    if as_json:
        tell_done(f"{path} was written", as_json=True, file=str(path), bytes=size)
    elif path != STDOUT:
        _say_next(taken.say, path, size)


def parse_since(text: str, now: datetime) -> datetime:
    """Raises click.UsageError."""
    try:
        return now - timedelta(milliseconds=parse_span(text))
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"--since {text}: write a time such as 2026-01-31 08:00, or a span such as 2h."
        ) from None


@dataclass(slots=True, kw_only=True)
class Taken:
    """What was taken so far, by node."""

    since: datetime
    say: Say
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def take_here(self, node: str, places: Places) -> None:
        """All parts of this node. The configuration comes first: it says what is secret in all others."""
        self.files[node], self.left_out[node] = {}, []
        redaction = Redaction()
        units: tuple[str, ...] = ()

        def find_units() -> Part:
            nonlocal units
            units = report_parts.resources(places)
            return Part()

        recorded = self._part(node, "flight recorder", lambda: report_parts.recordings(places))
        self._part(node, "configuration", lambda: report_parts.configurations(places, recorded, redaction))
        self._part(node, "groups", find_units)
        self._part(node, "machine", lambda: report_parts.about(places))
        self._part(node, "state", lambda: report_parts.state(places))
        self._part(node, "daemons", report_live.daemons)
        self._part(node, "units", lambda: report_live.units(units))
        self._part(node, "journal", lambda: report_live.journals(self.since, units))
        self._part(node, "Corosync", report_live.corosync, COROSYNC_S)
        self.files[node] = {name: redaction.text(data) for name, data in self.files[node].items()}
        if any(self.files[node][name] != data for name, data in recorded.items()):
            self.files[node][f"{archive.FLIGHT}/{archive.REDACTED}"] = b"A secret was in the recording.\n"

    def _part(self, node: str, what: str, take: Callable[[], Part], limit_s: float = PART_S) -> Mapping[str, bytes]:
        part, why = _within(limit_s, take)
        if why:
            self.left_out[node].append(f"{what}: {why}")
        self.left_out[node] += part.left_out
        self.files[node] |= part.files
        size = sum(map(len, part.files.values()))
        note = f"left out: {why}" if why else f"{len(part.files)} files, {_shown(size)}"
        if part.files or why:
            self.say(f"  {node}: {what:<16} {note}")
        return part.files

    def take_others(self, here: str, places: Places, since: str) -> None:
        """The other nodes' reports, taken there and brought here."""
        tree = versions.read_in_force(places.state)
        known = examine(tree, None).configuration if tree is not None else None
        names = (here, here.partition(".")[0])
        for node in known.nodes if known is not None else ():
            if node.name not in names:
                self._take_other(node.name, node.addresses[0], since)
        if known is None:
            self.say("  other nodes: left out: this node has no configuration in force that names them")

    def _take_other(self, name: str, address: str, since: str) -> None:
        self.say(f"  {name}: asked over ssh root@{address} …")
        done = ssh.run(f"root@{address}", f"exec standfast report -o - --since {shlex.quote(since)}", within_s=NODE_S)
        try:
            if done.exit_code:
                raise archive.ArchiveError(done.said or f"exit code {done.exit_code}")
            found = archive.read(io.BytesIO(done.output))
        except archive.ArchiveError as error:
            self.left_out[name] = [f"ssh root@{address}: {error}"]
            self.say(f"  {name}: left out: {error}")
            return
        mine = {file.partition("/")[2]: data for file, data in found.items() if file.partition("/")[2]}
        self.files[name] = mine
        self.left_out[name] = ["what its own README names"] if "README" in found else []
        if "README" in found:
            self.files[name]["README"] = found["README"]
        self.say(f"  {name}: {len(mine)} files, {_shown(sum(map(len, mine.values())))}")

    def contents(self, at: datetime) -> dict[str, bytes]:
        """Of the archive, by name."""
        found = {f"{node}/{name}": data for node, files in self.files.items() for name, data in files.items()}
        names = {node: sorted(files) for node, files in self.files.items()}
        times = [f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in (at, self.since)]
        found["README"] = readme(at=times[0], since=times[1], names=names, left_out=self.left_out)
        return found


def _within(limit_s: float, take: Callable[[], Part]) -> tuple[Part, str]:
    """The part; or an empty one and why it could not be had."""
    result: list[tuple[Part, str]] = []

    def work() -> None:
        try:
            result.append((take(), ""))
        except (OSError, BusError, CorosyncError, TimeoutError) as error:
            result.append((Part(), _why(error)))
        except Exception as error:  # one part less is better than no report
            result.append((Part(), f"a fault of Standfast ({type(error).__name__}: {error})"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    return result[0] if result else (Part(), f"no answer within {limit_s:g} s")


def _why(error: Exception) -> str:
    if isinstance(error, PermissionError) and error.filename:
        return f"only root may read {error.filename}"
    if isinstance(error, OSError):
        return f"{error.strerror or error}"
    if isinstance(error, CorosyncError):
        return _COROSYNC.get(error.code, str(error))
    return str(error)


def _write(path: Path, contents: Mapping[str, bytes], at: int) -> int:
    """The archive's size in bytes. Raises CommandError; then nothing is left of it."""
    try:
        if path == STDOUT:
            packed = io.BytesIO()
            archive.write(packed, contents, at)
            click.get_binary_stream("stdout").write(packed.getvalue())
            return len(packed.getvalue())
        if path.exists() and not path.is_file():
            raise CommandError(Exit.USAGE, f"{path} is no plain file: standfast report -o FILE, or -o - for stdout.")
        archive.write_file(path, contents, at)
        return path.stat().st_size
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}; nothing is left of it. "
        code = Exit.NO_RIGHTS if isinstance(error, PermissionError) else Exit.REFUSED
        raise CommandError(code, f"{text}Write it elsewhere: standfast report -o /PLACE/FILE") from error


def _say_next(say: Say, path: Path, size: int) -> None:
    say(f"{path} ({_shown(size)}): no passwords, no keys; but names and addresses of your cluster.")
    say(f"Look through it (its README says what is in it) before you send it: tar xzf {path}")
    if os.geteuid() != 0:
        say("Parts that only root may read are missing: sudo standfast report")
    say(f"What happened, once more: standfast simulate --replay {path}")


def _shown(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / 1024:.1f} KiB"
