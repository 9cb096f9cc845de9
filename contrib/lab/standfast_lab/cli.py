"""The command `lab`: see `lab --help`."""

import argparse
import os
import sys

from . import shell
from .behaviour import Mode
from .place import LabError, here

USAGE = """A cluster of real machines on this one. $STANDFAST_LAB_NAME names the lab (default: standfast);
its state is in /var/tmp/standfast-lab/NAME."""
OFF = 255  # of `sh`: the command was not run, as with ssh


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 done, 1 failed, 2 usage, 130 interrupted; `sh` and `client` exit as their command does."""
    options = _parser().parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise LabError("only root can run a lab")
        return _run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return OFF if options.verb == "sh" else 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab up` begins anew, `lab down` removes what is there", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    match options.verb:
        case "sh":
            shell.become(here().find(options.node), *options.command)
        case "client":
            shell.become_client(here(), *options.command)
        case "status":
            return _status()
        case _:
            _act(options)
    return 0


def _status() -> int:
    from .lab import Lab
    from .report import describe

    text, running = describe(Lab())
    print(text)
    return 0 if running else 1


def _act(options: argparse.Namespace) -> None:
    from .lab import Lab  # here, so that `sh` and `client` begin in a third of the time

    lab = Lab()
    match options.verb:
        case "up":
            lab.up(
                options.nodes,
                bare=options.bare,
                links=options.links,
                watchdogs=options.watchdog,
                second_bmcs=options.ipmi,
                arbiter=options.arbiter,
                servers=options.servers,
                disk=options.disk,
                with_cockpit=options.cockpit,
            )
        case "down":
            lab.down()
        case "kill":
            lab.kill(options.node)
        case "boot":
            lab.boot(options.node)
        case "cut":
            lab.cut(options.node, options.peer or None, one_way=options.one_way, link=options.link)
        case "heal":
            lab.heal()
        case "bmc":
            lab.bmc(options.node, options.mode, options.delay)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=USAGE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="boot the nodes, install Standfast, form the cluster, wait until it serves")
    up.add_argument("--nodes", type=int, metavar="N", help="node1 to nodeN (default: 3)")
    up.add_argument("--bare", action="store_true", help="only nodes with the package")
    up.add_argument("--links", type=int, metavar="N", help="the cluster uses N of each node's two links (default: 2)")
    up.add_argument("--watchdog", action="store_true", help="every node has a watchdog, and the cluster uses it")
    up.add_argument("--ipmi", action="store_true", help="every node has a second BMC, as its second fence level")
    up.add_argument("--arbiter", action="store_true", help="a machine with corosync-qnetd breaks ties (even nodes)")
    up.add_argument("--servers", action="store_true", help="the nodes have what probes look at: nginx, databases …")
    up.add_argument(
        "--disk", action="store_true", help="the nodes share a disk, /dev/vdb (ext4); a running lab gets it"
    )
    up.add_argument("--cockpit", action="store_true", help="the nodes have --servers, and Cockpit with the page")
    verbs.add_parser("down", help="remove the lab; of none this succeeds")
    verbs.add_parser("status", help="say what runs; exit 1 if nothing does")
    run = verbs.add_parser("sh", help="run a command in a node, or a shell")
    run.add_argument("node")
    run.add_argument("command", nargs=argparse.REMAINDER)
    client = verbs.add_parser("client", help="run a command as a client of the cluster")
    client.add_argument("command", nargs=argparse.REMAINDER)
    for verb, text in (("kill", "cut a node's power"), ("boot", "give a node its power back")):
        verbs.add_parser(verb, help=text).add_argument("node")
    cut = verbs.add_parser("cut", help="cut a node off from the other nodes; client and BMC still reach it")
    cut.add_argument("node")
    cut.add_argument("peer", nargs="*", help="only from these nodes, or from the arbiter")
    cut.add_argument("--one-way", action="store_true", help="the others do not hear it, but it hears them")
    cut.add_argument("--link", type=int, metavar="N", help="only on link N: 0 or 1")
    verbs.add_parser("heal", help="undo every cut")
    switch = verbs.add_parser("bmc", help="make a node's BMC slow, lying, stuck, refusing, broken, dead or ok")
    switch.add_argument("node")
    switch.add_argument("mode", choices=[mode.value for mode in Mode])
    switch.add_argument("delay", nargs="?", type=float, default=0.0, help="seconds before each answer")
    return parser
