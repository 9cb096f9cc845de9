"""The drop-ins that make a unit a resource: without its group's lease systemd itself refuses to start it."""

from standfast.configuration.model import Group, Resource
from standfast.configuration.steps import steps

DROPIN = "zz-standfast.conf"  # late in the order of names, so that it has the last word
MARK = "# Written by Standfast"
# No target of the boot wants a group: `systemctl isolate` would stop it. Where that ends Standfast, the drain stops it.
_NOT_ISOLATED = "IgnoreOnIsolate=yes"


def dropins(group: Group) -> dict[str, str]:
    """The text of each drop-in for `group`, by its path below /etc/systemd/system."""
    found = {f"{group.target}.d/{DROPIN}": _for_target(group)}
    in_turn = steps(group.resources)
    for position, step in enumerate(in_turn):
        for resource in step:
            found[f"{resource.unit}.d/{DROPIN}"] = _for_resource(group, resource, in_turn[:position])
    return found


def _for_target(group: Group) -> str:
    """Wants=, not Requires=: the target starts although a resource failed, and each resource is judged by itself."""
    units = " ".join(resource.unit for resource in group.resources)
    return f"{_head(group)}[Unit]\nWants={units}\n{_NOT_ISOLATED}\n"


def _for_resource(group: Group, resource: Resource, before: list[list[Resource]]) -> str:
    lines = [
        "[Unit]",
        f"AssertPathExists=/run/standfast/lease/{group.base}",
        f"PartOf={group.target}",
        f"Before={group.target} standfast-drain.service",
        "StartLimitIntervalSec=0",
        _NOT_ISOLATED,
    ]
    if before:
        # What is not critical may be missing: then the next one counts on those before that.
        needed = ([one.unit for one in step if one.critical] for step in reversed(before))
        critical = next(filter(None, needed), [])
        last = [one.unit for one in before[-1]]
        lines.append(f"After={' '.join(dict.fromkeys((*critical, *last)))}")
        lines += [f"Requires={unit}" for unit in critical]
    if resource.unit.endswith(".service"):
        lines += ["[Service]", "Restart=no"]
    return _head(group) + "\n".join(lines) + "\n"


def _head(group: Group) -> str:
    return f"{MARK} for group {group.base}; it is written anew when it is changed.\n"
