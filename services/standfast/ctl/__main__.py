"""`standfast`: one word, then noun and verb."""

import click

from standfast.ctl.config import config
from standfast.ctl.fence import fence
from standfast.ctl.group import group
from standfast.ctl.import_ import import_
from standfast.ctl.init import init
from standfast.ctl.join import join
from standfast.ctl.maintenance import maintenance
from standfast.ctl.node import node
from standfast.ctl.probe import probe
from standfast.ctl.quorum import quorum
from standfast.ctl.simulate import simulate
from standfast.ctl.status import status
from standfast.ctl.timeline import timeline


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="standfast", message="%(version)s")
def main() -> None:
    """The cluster, from this node. Every command acts for all nodes; COMMAND --help says more.

    Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not running here, 4 not quorate, 5 no rights,
    6 timed out or outcome unknown.
    """


for command in (
    status,
    group,
    node,
    fence,
    quorum,
    probe,
    maintenance,
    timeline,
    simulate,
    config,
    init,
    join,
    import_,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
