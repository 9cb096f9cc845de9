"""What `lab status` prints."""

from . import behaviour, cluster, lifecycle, power
from .lab import Lab
from .network import VIRTUAL_ADDRESS
from .place import ARBITER, LabError, NodePlace


def describe(lab: Lab) -> tuple[str, bool]:
    """The lab in some lines, and whether it runs."""
    stage = lifecycle.stage_of(lab.place)
    if stage is None:
        return f"lab {lab.place.name}: none (start it with: lab up)", False
    lines = [f"lab {lab.place.name}: {stage}, in {lab.place.folder}"]
    lines += [_machine(place) for place in lab.place.machines()]
    if stage is lifecycle.Stage.UNFINISHED:
        return "\n".join([*lines, "an interrupted or failed `lab up`: run it again, or `lab down`"]), False
    lines += [f"cut: nothing of {source} reaches {target}" for source, target in lab.cuts()]
    spans = lab.holders()
    held = [node for node, intervals in spans.items() if intervals and intervals[-1][1] is None]
    page = "a client gets its page" if cluster.served(lab.place) else "no page for a client"
    lines.append(f"{VIRTUAL_ADDRESS}: held by {' and '.join(held) or 'nobody'}; {page}")
    return "\n".join(lines), True


def _machine(node: NodePlace) -> str:
    tail = " ".join(node.addresses)
    if node.index != ARBITER:
        mode, delay_s = behaviour.mode_of(node)
        said = mode.value + (f" after {delay_s:g} s" if delay_s else "")
        tail += f"  BMC {node.bmc_address} {said}"
    try:
        now = power.ask(node, "status")
    except LabError as error:
        return f"  {node.name}  {error}"
    state = "off" if not now.on else "booted" if lifecycle.booted(node) else "booting"
    return f"  {node.name}  {state:8} PID 1 is {now.leader or '-'}, boot {now.boots}  {tail}"
