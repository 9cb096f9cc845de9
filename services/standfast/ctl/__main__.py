"""`standfast`: one word, then noun and verb."""

from typing import Final

import click

from standfast.ctl.program import NO_COLOUR, Program

WORDS: Final = {  # "MODULE:OBJECT" below standfast.ctl, in the order in which --help shows them
    "status": "status:status",
    "explain": "explain:explain",
    "group": "group:group",
    "node": "node:node",
    "fence": "fence:fence",
    "quorum": "quorum:quorum",
    "probe": "probe:probe",
    "maintenance": "maintenance:maintenance",
    "timeline": "timeline:timeline",
    "report": "report:report",
    "simulate": "simulate:simulate",
    "drill": "drill:drill",
    "config": "config:config",
    "init": "init:init",
    "join": "join:join",
    "import": "import_:import_",
}


@click.group(cls=Program, words=WORDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="standfast", message="%(version)s")
@click.option(NO_COLOUR, is_flag=True, expose_value=False, help="Plain text, also with NO_COLOR set; at any place.")
def main() -> None:
    """The cluster, from this node. Every command acts for all nodes; COMMAND --help says more.

    Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not running here, 4 not quorate, 5 no rights,
    6 timed out or outcome unknown.
    """


if __name__ == "__main__":
    main()
