"""Types what a page has typed, on terminals of nodes, and answers what is asked there as a person would."""

import re
from collections.abc import Iterable, Mapping

from standfast_lab import normal, observe, terminal
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab.typed_pages import Step, Where, Written

TYPED_WITHIN_S = 180.0
SHOWN_WITHIN_S = 60.0
ANSWERS = {
    "[y/N]: ": "y\n",  # a push
    "[Y/n] ": "y\n",  # apt
    "(y,N) ": "y\n",  # mke2fs, of a disk that has a file system
    "q ends this": "q",  # status -w
    "\x1b[27m\x1b[K": "q",  # less, which journalctl shows its entries with
}
# A command that fails ends the block, but for one that says by its exit code that files differ.
_ENDS = """trap 'code=$?; [[ $BASH_COMMAND == *" config diff" ]] || exit $code' ERR\n"""
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")


def type_in(lab: Lab, step: Step, node: str, answers: Mapping[str, str] = ANSWERS) -> str:
    """What the commands print, typed on `node` or wherever else the page says; LabError when one of them fails."""
    match step.where:
        case Where.EVERY_NODE:
            printed = observe.each(lab.nodes(), lambda one: on_terminal(lab, one, step.commands, answers))
            return "\n".join(printed.values())
        case Where.CLIENT:
            result = lab.client("sh", "-euc", step.commands)
            if result.returncode != 0:
                raise LabError(f"the client: {step.commands}: exit {result.returncode}: {result.stderr}")
            return result.stdout
        case Where.NAMED:
            return on_terminal(lab, step.node, step.commands, answers)
        case Where.ONE_NODE | Where.OWNER:
            return on_terminal(lab, node, step.commands, answers)


def on_terminal(lab: Lab, node: str, commands: str, answers: Mapping[str, str] = ANSWERS) -> str:
    """What bash's terminal in the node shows in the end, as plain lines; LabError when one of the commands fails."""
    place = lab.place.find(node)
    done = terminal.run(place, "bash", "-uc", _ENDS + commands, answers=answers, timeout_s=TYPED_WITHIN_S)
    shown = re.sub(r"[\r\n]+", "\n", _ESCAPE.sub("", done.stdout))
    if done.returncode != 0:
        raise LabError(f"{node}: {commands}: exit {done.returncode}: {shown[-2000:]}")
    return shown


def wait_until_shown(lab: Lab, step: Step, node: str, answers: Mapping[str, str] = ANSWERS) -> None:
    """The commands, typed again and again, print what the page shows."""
    printed = ""

    def as_shown() -> bool:
        nonlocal printed
        try:
            printed = type_in(lab, step, node, answers)
        except LabError as error:
            printed = str(error)
            return False
        return step.is_shown_by(printed)

    wanted = "\n".join(step.shown)
    lab.wait(as_shown, SHOWN_WITHIN_S, lambda: f"{step.commands}to print\n{wanted}\nand not\n{printed}")


def follow(lab: Lab, page: Iterable[Step | Written], node: str, answers: Mapping[str, str] = ANSWERS) -> None:
    """All of it was typed and written in order, `node` is the "one node", and what the page shows was printed.

    "The node that runs it" is that of the group webserv.
    """
    for one in page:
        if isinstance(one, Written):
            path = lab.root(node) / one.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(one.content)
            continue
        place = _owner(lab) if one.where is Where.OWNER else node
        if one.shown:
            wait_until_shown(lab, one, place, answers)
        else:
            type_in(lab, one, place, answers)


def _owner(lab: Lab) -> str:
    found: list[str] = []  # it may move again meanwhile

    def found_one() -> bool:
        found[:] = filter(None, [normal.owner(lab)])
        return bool(found)

    lab.wait(found_one, SHOWN_WITHIN_S, lambda: normal.what_is_wrong(lab))
    return found[0]
