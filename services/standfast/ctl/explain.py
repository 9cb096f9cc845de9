"""`standfast explain`: why a group or a node is as it is, what would change it, and what if its node died."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.streams import print_json
from standfast.operations.problems import run
from standfast.operations.rights import call_with_rights
from standfast.operations.wishes import find_resourced
from standfast.published import GROUPS, ROOT

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 60.0  # of a large cluster


@click.command()
@click.argument("name", metavar="GROUP|NODE", shell_complete=completing.groups_and_nodes)
@click.option("--json", "as_json", is_flag=True, help="For programs: every reason with its rule, facts and setting.")
def explain(name: str, as_json: bool) -> None:
    """Why GROUP runs where it does, or why not; why NODE is as it is.

    Then why it is not elsewhere, since when, what would change it, and what would happen if its node died now. A name
    that has copies means all of them.
    """
    made = run(_ask(name), "Nothing was changed.")
    if as_json:
        print_json(made)
        return
    from standfast.ctl.explain_text import show  # rich takes a tenth of a second to load

    show(made, datetime.now(UTC))


async def _ask(name: str) -> Any:
    """resourced's document."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        (text,) = await call_with_rights(bus, GROUPS, ROOT, INTERFACE, "Explain", "s", name, timeout_s=ANSWER_S)
    return json.loads(text)
