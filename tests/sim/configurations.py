"""The configurations of the simulator: the example of the scripted histories, and those that a seed draws."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from standfast.configuration.copies import MOST, as_written, with_copies
from standfast.configuration.model import (
    Cluster,
    Configuration,
    Domain,
    FenceDevice,
    Group,
    Node,
    Plug,
    Recovery,
    Resource,
    StopFailure,
)
from standfast.watchdog.times import shortest_ms

GROUPS = {"webserv": 2, "database": 1, "mail": 3, "cache": 2, "queue": 1, "search": 2}  # how many units each has
AGENT_TIMEOUT_MS = 12_000


def example(names: Iterable[str]) -> Configuration:
    """One group of two units that any node may run, the lowest node first."""
    names = tuple(names)
    resources = (Resource(unit="ip.service"), Resource(unit="web.service"))
    group = Group(
        name="webserv",
        description="",
        resources=resources,
        domain="web",
        in_place=True,
        restart_window_ms=60_000,
        failure_expire_ms=60_000,
    )
    return Configuration(
        cluster=Cluster(name="sim"),
        nodes=_nodes(dict.fromkeys(names, 1)),
        devices=(_device(),),
        domains=(Domain(name="web", nodes=names, ordered=True),),
        groups=(group,),
        digest="d1",
    )


def drawn(random: Random, names: Iterable[str]) -> Configuration:
    """One to four groups with everything that a configuration may say of them."""
    names = tuple(names)
    votes = {name: 2 if len(names) > 2 and random.random() < 0.08 else 1 for name in names}
    empty = Configuration(
        cluster=Cluster(name="sim", daemon_grace_ms=random.choice((30_000, 30_000, 8_000)), max_starts=_max(random)),
        nodes=_nodes(votes),
        devices=(_device(),),
        domains=(),
        groups=(),
        digest="d1",
    )
    for name in tuple(GROUPS)[: random.choice((1, 1, 2, 2, 3, 4))]:
        empty = _with_group(random, empty, name)
    return empty


def watched(random: Random, before: Configuration) -> Configuration:
    """Now and then every node has a watchdog, and often nothing else; of two it would prove nothing."""
    if len(before.nodes) < 3 or random.random() < 0.75:
        return before
    return with_watchdogs(before, fence=random.random() < 0.5)


def arbitrated(random: Random, before: Configuration) -> Configuration:
    """Now and then an even number of nodes has an arbiter; then two nodes may have watchdogs, too."""
    votes = {node.votes for node in before.nodes}
    if len(before.nodes) % 2 or votes != {1} or random.random() < 0.65:
        return before
    after = with_arbiter(before)
    if len(before.nodes) == 2 and random.random() < 0.5:
        return with_watchdogs(after, fence=random.random() < 0.5)
    return after


def with_arbiter(before: Configuration) -> Configuration:
    return replace(before, cluster=replace(before.cluster, arbiter="arbiter.example.com"))


def with_watchdogs(before: Configuration, *, fence: bool) -> Configuration:
    timeout_ms = shortest_ms(before.cluster)
    nodes = tuple(
        replace(node, watchdog="auto", watchdog_timeout_ms=timeout_ms, fence=node.fence if fence else ())
        for node in before.nodes
    )
    return replace(before, nodes=nodes)


def changed(random: Random, before: Configuration, digest: str) -> Configuration:
    """The next version: a group came, went, may run elsewhere, is to be treated differently, or has other units."""
    before = _as_written(before)
    after = _redefined(random, before) if random.random() < 0.4 else _with_other_groups(random, before)
    units = [one.unit for group in after.groups for one in group.resources]
    return with_copies(replace(after if len(units) == len(set(units)) else before, digest=digest))


def redefined(random: Random, before: Configuration) -> Configuration:
    """A unit of a group is another one, comes, goes, changes its place, or goes to another group."""
    return with_copies(_redefined(random, _as_written(before)))


def copied(random: Random, before: Configuration) -> Configuration:
    """Now and then one of the groups has copies; not where its peers would have to tell them apart."""
    chosen = random.choice(before.groups)
    peers = any(probe.peers for one in chosen.resources for probe in one.probes)
    if random.random() < 0.7 or chosen.exclusive or peers:
        return before
    copies = replace(chosen, copies=random.choice((2, 2, 3, MOST)))
    groups = tuple(copies if one is chosen else one for one in before.groups)
    return with_copies(replace(before, groups=groups))


def _as_written(configuration: Configuration) -> Configuration:
    return replace(configuration, groups=as_written(configuration.groups))


def _redefined(random: Random, before: Configuration) -> Configuration:
    group, giver = random.choice(before.groups), random.choice(before.groups)
    units, number = list(group.resources), random.randint(1, 10**6)
    at = random.randrange(len(units))
    kind = random.choice(("other", "other", "comes", "comes last", "goes", "place", "group"))
    match kind:
        case "other":
            units[at] = replace(units[at], definition=f"{number}")
        case "comes" | "comes last":
            new = Resource(unit=f"{group.name}-{number}.service", critical=random.random() < 0.8)
            units.insert(at if kind == "comes" else len(units), new)
        case "goes" if len(units) > 1:
            del units[at]
        case "place":
            units.append(units.pop(at))
        case "group" if giver is not group and len(giver.resources) > 1:
            units.append(giver.resources[-1])
            before = _with_units(before, giver, giver.resources[:-1])
    return _with_units(before, group, tuple(units))


def _with_units(before: Configuration, group: Group, units: tuple[Resource, ...]) -> Configuration:
    changed_group = replace(group, resources=units)
    return replace(before, groups=tuple(changed_group if one.name == group.name else one for one in before.groups))


def _with_other_groups(random: Random, before: Configuration) -> Configuration:
    names = [group.name for group in before.groups]
    kind = random.random()
    if kind < 0.3 and len(names) < len(GROUPS):
        return _with_group(random, before, next(name for name in GROUPS if name not in names))
    chosen = random.choice(names)
    if kind < 0.5 and len(names) > 1:
        return _without_group(before, chosen)
    return _with_group(random, _without_group(before, chosen), chosen)


def revoted(random: Random, before: Configuration) -> Configuration:
    """A node has one vote more or less, now and then two more or two nodes; not where an arbiter breaks ties."""
    if before.cluster.arbiter or any(node.watchdog for node in before.nodes):
        return before
    chosen = random.sample(before.nodes, 1 if random.random() < 0.9 else min(2, len(before.nodes)))
    step = 1 if random.random() < 0.9 else 2
    nodes = (
        replace(node, votes=node.votes + step if node.votes == 1 else node.votes - 1) if node in chosen else node
        for node in before.nodes
    )
    return replace(before, nodes=tuple(nodes))


def reduced(configuration: Configuration, names: Iterable[str]) -> Configuration:
    """The same configuration with only these nodes."""
    left = tuple(names)
    domains = (replace(d, nodes=tuple(name for name in d.nodes if name in left)) for d in configuration.domains)
    kept = tuple(domain for domain in domains if domain.nodes)
    known = {domain.name for domain in kept}
    written = as_written(configuration.groups)
    groups = tuple(g if g.domain in known else replace(g, domain=None) for g in written)
    nodes = tuple(node for node in configuration.nodes if node.name in left)
    cluster = replace(configuration.cluster, arbiter="") if len(nodes) % 2 else configuration.cluster
    return with_copies(replace(configuration, cluster=cluster, nodes=nodes, domains=kept, groups=groups))


def _nodes(votes: dict[str, int]) -> tuple[Node, ...]:
    return tuple(
        Node(
            name=name,
            id=index + 1,
            addresses=(f"192.0.2.{index + 11}",),
            votes=count,
            fence=((Plug(device="bmc", plug=name),),),
        )
        for index, (name, count) in enumerate(votes.items())
    )


def _device() -> FenceDevice:
    return FenceDevice(name="bmc", agent="fence_sim", options={}, timeout_ms=AGENT_TIMEOUT_MS)


def _max(random: Random) -> int | None:
    return 1 if random.random() < 0.15 else None


def _with_group(random: Random, before: Configuration, name: str) -> Configuration:
    names = [node.name for node in before.nodes]
    others = [group.name for group in before.groups]
    domain = _domain(random, name, names)
    units = [f"{name}-{index + 1}.service" for index in range(GROUPS[name])]
    dispensable = random.choice(units) if len(units) > 1 and random.random() < 0.25 else ""
    group = Group(
        name=name,
        description="",
        resources=tuple(Resource(unit=unit, critical=unit != dispensable) for unit in units),
        domain=domain.name if domain else None,
        recovery=random.choice((Recovery.RESTART, Recovery.RESTART, Recovery.RESTART, *Recovery)),
        max_restarts=random.choice((0, 1, 2, 2, 3)),
        restart_window_ms=60_000,
        start_timeout_ms=random.choice((30_000, 60_000)),
        stop_timeout_ms=random.choice((10_000, 30_000)),
        stop_failure=random.choice((StopFailure.FENCE, StopFailure.FENCE, StopFailure.BLOCK)),
        failure_expire_ms=60_000,
        in_place=random.random() < 0.4,
    )
    group = _together(random, group, others)
    groups = tuple(sorted((*before.groups, group), key=lambda one: one.name))
    return replace(before, groups=groups, domains=(*before.domains, *([domain] if domain else [])))


def _domain(random: Random, name: str, names: list[str]) -> Domain | None:
    if random.random() < 0.2:
        return None
    return Domain(
        name=f"of-{name}",
        nodes=tuple(random.sample(names, random.randint(1, len(names)))),
        ordered=random.random() < 0.6,
        restricted=random.random() < 0.35,
        failback=random.random() < 0.3,
    )


def _together(random: Random, group: Group, others: list[str]) -> Group:
    """What the group asks of those that were drawn before it, so that there is no cycle."""

    def some(often: float) -> tuple[str, ...]:
        return (random.choice(others),) if others and random.random() < often else ()

    needs = some(0.2)
    return replace(
        group,
        priority=random.choice((0, 0, 5, -5)),
        needs=needs,
        after=some(0.15),
        apart=tuple(name for name in some(0.2) if name not in needs),
        exclusive=not others and random.random() < 0.1,
    )


def _without_group(before: Configuration, name: str) -> Configuration:
    def forget(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(other for other in names if other != name)

    groups = tuple(
        replace(group, needs=forget(group.needs), after=forget(group.after), apart=forget(group.apart))
        for group in before.groups
        if group.name != name
    )
    domains = tuple(domain for domain in before.domains if domain.name != f"of-{name}")
    return replace(before, groups=groups, domains=domains)
