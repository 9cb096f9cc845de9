"""Manual pages of RHCS's commands as Standfast answers them, made from what the commands themselves say."""

import importlib
from typing import Final

from roff import escape
from standfast_rhcs.clusvcadm import Answer

_ONE: Final = {"0": "Done.", "1": "Refused or not understood; a sentence on standard error says why."}

COMMANDS: Final[dict[str, tuple[str, str, dict[str, str]]]] = {  # in a line, in a paragraph, exit codes
    "clustat": (
        "members and services of the cluster, as RHCS showed them",
        "The tables are as wide as the terminal, or as COLUMNS says. A service is a group of Standfast. [Z] is a "
        "group that "
        "is frozen, or of which an administrator stopped a unit; [P] one that runs without a resource that is not "
        "critical.",
        {
            "0": "Shown; with `-m` the member is online; with `-s` the service starts, runs or stops; with `-Q` "
            "quorate.",
            "1": "Standfast does not run here; with `-m` the member is offline; with `-Q` not quorate.",
            "110, 114, 119": "With `-s`: the service is stopped, failed (blocked), disabled.",
            "255": "There is no such member or service.",
        },
    ),
    "clusvcadm": (
        "what is to become of services, as RHCS asked for it",
        "Each command waits until it is done. What `-s` stopped stays stopped until `-e`. There is no lock: `-l` "
        "is refused, "
        "and says what there is instead; `-M` and `-c` mean nothing here.",
        {"0": "Success, or the service runs already.", "1": "Not understood, or a member that is not there."}
        | {str(one.exit_code): f"{one.value[1]}." for one in Answer if one.exit_code},
    ),
    "cman_tool": (
        "membership and quorum, as cman showed them",
        "Votes and expected votes follow from the configuration in force, so they cannot be set; there is no lock "
        "manager, so "
        "`services` shows the fence domain alone. `kill` has the node fenced.",
        _ONE | {"2": "With `wait`: not in time."},
    ),
    "ccs_tool": (
        "the configuration and its way to all nodes, as RHCS had it",
        "`update` is `standfast config push`: the file must be in /etc/standfast. A cluster.conf of RHCS becomes a "
        "configuration by `standfast import`.",
        _ONE,
    ),
    "ccs_config_validate": (
        "whether a configuration could come into force",
        "It is `standfast config check`, and ends with RHCS's sentence.",
        {
            "0": "It validates.",
            "1": "It does not; each line names file and line.",
            "255": "Not understood, or no file.",
        },
    ),
    "fence_tool": (
        "the fence domain, as RHCS showed it",
        "Whoever takes part in the open term is in it; who is lost and waits for the proof that it is off is a victim.",
        _ONE,
    ),
    "fence_node": (
        "a node is fenced, with proof",
        "It is `standfast fence now`: the node is declared lost, and what it ran starts elsewhere once it is "
        "proven off.",
        _ONE,
    ),
    "fence_ack_manual": (
        "an operator vouches that a node is off",
        "It is `standfast fence confirm` for the loss that waits. If the node runs all the same, its services run "
        "twice and "
        "their data is lost. What speaks against it (a link that is up, an address that answers) refuses it.",
        _ONE,
    ),
    "rg_test": (
        "in which order a service starts, and what a changed configuration would do",
        "Nothing is started or stopped. From the first resource that changed everything is started anew.",
        _ONE,
    ),
}


def pages() -> dict[str, str]:
    """A page for each command, by its file's name."""
    return {f"{name}.8": _page(name) for name in COMMANDS}


def _page(name: str) -> str:
    short, long, exits = COMMANDS[name]
    usage = importlib.import_module(f"standfast_rhcs.{name}").USAGE
    lines = [
        '.\\" Made by contrib/man/standfast_man.py from contrib/rhcs; do not edit it by hand.',
        f'.TH {escape(name.upper())} 8 2026-11-29 Standfast "Commands of RHCS"',
        f".SH NAME\n{escape(name)} \\- {escape(short)}, answered by Standfast",
        ".SH SYNOPSIS\n.nf",
        *(escape(line).replace("`", "\\(ga") for line in usage.splitlines()),
        f".fi\n.SH DESCRIPTION\nStandfast answers this command of the Red Hat Cluster Suite.\n{escape(long)}",
        ".SH EXIT STATUS",
        *(f".TP\n.B {code}\n{escape(text)}" for code, text in exits.items()),
        ".SH SEE ALSO\n.BR standfast (1),\n.BR standfast (7)",
        "",
    ]
    return "\n".join(lines)
