"""The drop-ins that make a unit a resource: without its group's lease systemd itself refuses to start it."""

from standfast.configuration.model import Group, Resource

DROPIN = "zz-standfast.conf"  # late in the order of names, so that it has the last word
MARK = "# Written by Standfast"


def dropins(group: Group) -> dict[str, str]:
    """The text of each drop-in for `group`, by its path below /etc/systemd/system."""
    found = {f"{group.target}.d/{DROPIN}": _for_target(group)}
    for position, resource in enumerate(group.resources):
        found[f"{resource.unit}.d/{DROPIN}"] = _for_resource(group, resource, group.resources[:position])
    return found


def _for_target(group: Group) -> str:
    """Wants=, not Requires=: the target starts although a resource failed, and each resource is judged by itself."""
    units = " ".join(resource.unit for resource in group.resources)
    return f"{_head(group)}[Unit]\nWants={units}\n"


def _for_resource(group: Group, resource: Resource, before: tuple[Resource, ...]) -> str:
    lines = [
        "[Unit]",
        f"AssertPathExists=/run/standfast/lease/{group.name}",
        f"PartOf={group.target}",
        f"Before={group.target} standfast-drain.service",
        "StartLimitIntervalSec=0",
    ]
    if before:
        # What is not critical may be missing: then the next one counts on the one before that.
        critical = [one.unit for one in before if one.critical][-1:]
        lines.append(f"After={' '.join(dict.fromkeys((*critical, before[-1].unit)))}")
        lines += [f"Requires={unit}" for unit in critical]
    if resource.unit.endswith(".service"):
        lines += ["[Service]", "Restart=no"]
    return _head(group) + "\n".join(lines) + "\n"


def _head(group: Group) -> str:
    return f"{MARK} for group {group.name}; it is written anew when it is changed.\n"
