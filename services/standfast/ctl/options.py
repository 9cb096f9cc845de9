"""Options that several commands have."""

from typing import Final

import click

timeout_option: Final = click.option(
    "--timeout", "timeout_s", default=120.0, show_default=True, metavar="SECONDS", help="Wait no longer than this."
)
