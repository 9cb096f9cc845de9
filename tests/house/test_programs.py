"""The daemons speak to systemd, kernel and journal themselves; what they start is what an administrator names."""

import ast

from house.source import Module, modules, place

MAY_START_PROGRAMS = {
    "standfast.agents.running",  # Agent= of a fence device
    "standfast.quorumd.command",  # Exec= of a heuristic
    "standfast.ocf.action",  # Agent= of standfast-ocf@
    "standfast.configuration.programs",  # of what is to be checked: agents, systemd-analyze
    "standfast.ctl.config_edit",  # the editor of who typed the command
    "standfast.operations.ssh",  # which somebody typed a command for
    "standfast.operations.rights",  # polkit's agent, which asks on the terminal of who typed a command
}
STARTERS = {"system", "popen", "posix_spawn", "posix_spawnp", "fork", "forkpty"}
STARTER_PREFIXES = ("exec", "spawn")  # os.execv, os.spawnlp …
TOOLS = {"systemctl", "ip", "journalctl", "systemd-run", "busctl", "corosync-cfgtool"}


def test_only_what_an_administrator_names_is_started_as_a_program() -> None:
    wrong = [
        f"{place(module.path, line)}: {what}"
        for module in modules()
        if module.name not in MAY_START_PROGRAMS
        for what, line in _starts(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_tool_of_systemd_or_the_network_is_started() -> None:
    wrong = [
        f"{place(module.path, node.lineno)}: {node.value}"
        for module in modules()
        if _starts(module)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.split(" ")[0].rsplit("/", 1)[-1] in TOOLS
    ]
    assert not wrong, "\n".join(wrong)


def _starts(module: Module) -> list[tuple[str, int]]:
    """Where the module could start a program."""
    found = [(name, line) for name, line in module.imports() if name.split(".")[0] in {"subprocess", "pty"}]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            name, owner = node.attr, node.value.id if isinstance(node.value, ast.Name) else ""
            of_os = owner == "os" and (name in STARTERS or name.startswith(STARTER_PREFIXES))
            if of_os or name.startswith(("create_subprocess", "subprocess_")):
                found.append((f"{owner}.{name}", node.lineno))
    return found
