"""What speaks against the fence devices of a configuration, by what their agents say of themselves; pure.

The loader cannot say it: an agent is asked by running it. Whoever has run them passes `metadata` in: by an agent's
name what it says, or a sentence that tells why nothing is known of it.
"""

from collections.abc import Iterator, Mapping

from standfast.configuration.agent_metadata import PLUG_NAMES, Metadata, plain
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Configuration, FenceDevice, Node, Plug, Problem, Source

NEEDED_ACTIONS = ("off", "on", "status")
# options that switch the verification of the device or of its answer off
UNVERIFIED_OPTIONS = frozenset({"ssl_insecure", "insecure", "missing_as_off"})
_NO = frozenset({"", "0", "no", "off", "false"})

AgentMetadata = Mapping[str, Metadata | str]


def device_problems(configuration: Configuration, metadata: AgentMetadata) -> tuple[Problem, ...]:
    """Everything that keeps a fence device from its work; an agent that `metadata` does not name is not judged."""
    problems: list[Problem] = []
    for device in configuration.devices:
        known = metadata.get(device.agent)
        if isinstance(known, str):
            problems.append(_problem(device, "Agent", known))
        elif known is not None:
            problems += _of_device(device, known)
    for node in configuration.nodes:
        problems += _of_node(node, configuration, metadata)
    return tuple(problems)


def device_warnings(configuration: Configuration, metadata: AgentMetadata) -> tuple[Problem, ...]:
    """What works and should not stay so: an option that switches verification off, an option's old name."""
    return tuple(
        Problem(source=_option_source(device, option), text=text)
        for device in configuration.devices
        for option in device.options
        for text in _of_option(device, option, metadata.get(device.agent))
    )


def unsafe_nodes(configuration: Configuration, tested: Mapping[Plug, bool]) -> tuple[str, ...]:
    """A sentence for each node whose loss no device could prove as things are.

    `tested`: whether the status of this plug ever answered rightly; a plug that was not asked yet is not in it, and
    its node is given the benefit of the doubt. A cluster of one node needs no device, nor does a node with a watchdog.
    """
    if len(configuration.nodes) < 2:
        return ()
    told = (_unsafe(node, tested) for node in configuration.nodes if node.watchdog is None)
    return tuple(sentence for sentence in told if sentence)


def unverified_options(device: FenceDevice) -> tuple[str, ...]:
    """The options that switch its verification off, as they are written."""
    return tuple(
        name
        for name, value in device.options.items()
        if plain(name) in UNVERIFIED_OPTIONS and value.strip().lower() not in _NO
    )


def _of_device(device: FenceDevice, agent: Metadata) -> Iterator[Problem]:
    for option in device.options:
        if agent.parameter(option) is None:
            text = f"{device.agent} knows no option {option}{did_you_mean(option, agent.parameters)}"
            yield Problem(source=_option_source(device, option), text=text)
    given = {*device.options, "action", *(("password",) if device.password_file else ())}
    for name in agent.missing(given):
        if name not in PLUG_NAMES:
            what = "PasswordFile=" if name in ("password", "passwd") else f"Option={name}="
            yield _problem(device, "Name", f"{device.agent} needs {what}; add it to [FenceDevice] {device.name}")
    for action in NEEDED_ACTIONS:
        if action not in agent.actions:
            text = f"{device.agent} cannot do “{action}”, so it can prove nothing; use another agent"
            yield _problem(device, "Agent", text)


def _of_node(node: Node, configuration: Configuration, metadata: AgentMetadata) -> Iterator[Problem]:
    devices = {device.name: device for device in configuration.devices}
    for plug in dict.fromkeys(plug for level in node.fence for plug in level):
        device = devices.get(plug.device)
        agent = metadata.get(device.agent) if device is not None else None
        if device is None or not isinstance(agent, Metadata):
            continue
        source = node.sources.get(f"Fence={plug}") or node.sources.get("Fence") or Source(path="cluster.conf", line=0)
        named = any(plain(option) in PLUG_NAMES for option in device.options)
        if plug.plug is None and agent.needs_plug and not named:
            text = f"{device.agent} must be told which plug is {node.name}'s; write Fence={plug.device}:PLUG"
            yield Problem(source=source, text=text)
        elif plug.plug is not None and not agent.takes_plug:
            text = f"{device.agent} knows no plugs; write Fence={plug.device}, one device for each node"
            yield Problem(source=source, text=text)


def _of_option(device: FenceDevice, option: str, agent: Metadata | str | None) -> Iterator[str]:
    if option in unverified_options(device):
        yield f"{option} switches verification off: {device.name} is unverified; remove it where the device allows that"
    newer = agent.newer_name(option) if isinstance(agent, Metadata) else None
    if newer is not None:
        yield f"{option} is an old name of {device.agent}'s; write Option={newer}="


def _unsafe(node: Node, tested: Mapping[Plug, bool]) -> str:
    levels = [level for level in node.fence if level]
    if not levels:
        return f"{node.name} has no fence device: only a person can prove its loss (standfast fence confirm)."
    if any(all(tested.get(plug, True) for plug in level) for level in levels):
        return ""
    names = " and ".join(dict.fromkeys(plug.device for level in levels for plug in level if not tested.get(plug, True)))
    return f"{node.name} cannot be proven off: {names} never answered for it (standfast fence test {node.name})."


def _option_source(device: FenceDevice, option: str) -> Source:
    sources = device.sources
    return sources.get(f"Option={option}") or sources.get("Option") or Source(path="cluster.conf", line=0)


def _problem(device: FenceDevice, key: str, text: str) -> Problem:
    return Problem(source=device.sources.get(key) or Source(path="cluster.conf", line=0), text=text)
