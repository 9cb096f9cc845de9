"""What a version of the configuration would do, printed: for `config plan`, and before a push."""

from standfast.ctl.streams import print_json
from standfast.operations.planning import document
from standfast.status_report import Report


def print_plan(rows: list[Report], *, as_json: bool = False) -> None:
    """On stdout, for people or for programs."""
    if as_json:
        print_json(document(rows))
        return
    from standfast.ctl.config_plan_table import show  # rich takes a tenth of a second to load

    show(rows)
