"""`standfast import`: a cluster.conf of RHCS becomes a folder that can be /etc/standfast."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from standfast.ctl.streams import print_json
from standfast.operations.problems import CommandError, Exit

if TYPE_CHECKING:  # loaded when it runs: every other command would wait for it
    from standfast.ctl.import_folder import Outcome

_DEFAULT: Final = Path("standfast-import")


@click.command(name="import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=_DEFAULT,
    help="The folder to make.",
    show_default=True,
)
@click.option(
    "--address",
    "given",
    metavar="NODE=ADDRESS",
    multiple=True,
    help="An address of a node, once for each of its links; without it the node's name is looked up here.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: what became of what, findings, problems.")
def import_(file: Path, into: Path, given: tuple[str, ...], as_json: bool) -> None:
    """Make a configuration of FILE, a cluster.conf of the Red Hat Cluster Suite.

    Nodes, votes, fence devices, failover domains, services and their resources become cluster.conf and units in DIR,
    which must be empty or not there; passwords go to files of mode 0600. What has no counterpart is listed with its
    line and advice. Nothing else is touched, neither /etc/standfast nor the cluster: read the list and
    correct the files in DIR. Copied to /etc/standfast of one node they begin a new cluster when `standfast init` is
    typed there; in a cluster that runs, what was copied there counts after `standfast config push`.

    Exit codes: 0 written, and it passes the check; 1 it does not, or FILE or DIR cannot be used; 2 usage.
    """
    from standfast.ctl.import_folder import import_file, parse_addresses

    outcome = import_file(file, into, parse_addresses(given))
    if as_json:
        print_json(_document(outcome))
    else:
        from standfast.ctl.import_table import show  # rich takes a tenth of a second to load

        show(outcome)
    if outcome.problems:
        text = f"{into} was written and does not pass the check yet: {len(outcome.problems)} to correct, named above."
        raise CommandError(Exit.REFUSED, text)


def _document(outcome: "Outcome") -> Mapping[str, Any]:
    return {
        "file": outcome.file,
        "into": str(outcome.into),
        "files": list(outcome.names),
        "packages": list(outcome.made.packages),
        "became": [{"line": one.source.line, "what": one.what, "now": one.now} for one in outcome.made.became],
        "findings": [
            {"kind": one.kind.value, "line": one.source.line, "what": one.what, "text": one.text}
            for one in outcome.made.findings
        ],
        "problems": list(map(str, outcome.problems)),
        "problems_here": list(map(str, outcome.here)),
    }
