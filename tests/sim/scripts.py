"""What the scripted histories share: a quiet cluster, faults that strike after a message, agents that wait."""

from collections.abc import Callable

from sim.configurations import example, with_arbiter, with_watchdogs
from sim.walk import calm
from sim.walk import recover as wait_until_served
from sim.world import World
from standfast.resourced.apply import apply
from standfast.resourced.codec import decode
from standfast.resourced.messages import Content, Message, OrderGiven, OrderKind, Update, WishKind
from standfast.resourced.presence import Member
from standfast.resourced.record import Record

Sent = Callable[[str, Update], bool]
PATIENCE_MS = 60_000  # how long a script waits for what must come
FOR_EVER_MS = 10_000_000
WISH_MS = 26_000  # after which an operator may ask again


def quiet(seed: int, count: int, *, watchdogs: bool = False, arbiter: bool = False) -> World:
    """A cluster whose nodes boot now, and where nothing breaks but what the history says. `watchdogs`: it has them
    instead of fence devices."""
    names = [f"n{index + 1}" for index in range(count)]
    configuration = with_arbiter(example(names)) if arbiter else example(names)
    world = World(seed, names, with_watchdogs(configuration, fence=False) if watchdogs else configuration)
    for name in world.names:
        world.power_on(name)
    return world


def run_until_open(world: World, name: str) -> None:
    """The first term is open on `name`, and nothing was read of it yet."""
    while True:
        world.run(world.queue[0][0])
        core = world.machines[name].core
        if core is not None and core.terms.term is not None:
            return


def boots(world: World) -> list[int]:
    return [world.machines[name].boot for name in world.names]


def recover(world: World) -> None:
    calm(world)
    wait_until_served(world)


def once(world: World, wanted: Sent, strike: Callable[[str, Update], None]) -> None:
    """The first update that is wanted is followed by a strike, before anybody reads it."""
    struck: list[Update] = []

    def provoke(name: str, data: bytes) -> None:
        message = decode(Message, data)
        if isinstance(message, Update) and not struck and wanted(name, message):
            struck.append(message)
            strike(name, message)

    world.provoke = provoke


def is_start(_: str, update: Update) -> bool:
    return isinstance(update.content, OrderGiven) and update.content.kind is OrderKind.START


def run_until(world: World, reached: Callable[[], bool]) -> None:
    limit = world.now + PATIENCE_MS
    while not reached():
        assert world.now < limit
        world.run(world.queue[0][0])


def members(world: World, name: str) -> tuple[str, ...]:
    core = world.machines[name].core
    return core.terms.term.members if core is not None and core.terms.term is not None else ()


HeldAgents = list[tuple[str, str, str, str]]  # fencer, loss, node, action


def hold_agents(world: World) -> HeldAgents:
    """From now on agents that are begun do not end."""
    held: HeldAgents = []

    def begin(name: str, loss: str, node: str, action: str) -> None:
        machine = world.machines[name]
        if (loss, action) not in machine.agents:
            machine.agents[(loss, action)] = node
            held.append((name, loss, node, action))
            world.agents.tell(name)

    world.agents.begin = begin  # type: ignore[method-assign]
    return held


def let_go(world: World, held: HeldAgents) -> None:
    """Agents work again, those that were held as well."""
    del world.agents.begin  # it covers the method of the class
    for name, loss, node, action in held:
        if world.machines[name].agents.pop((loss, action), None):
            world.agents.begin(name, loss, node, action)


def once_sent(world: World, wanted: Callable[[Message], bool], strike: Callable[[str], None]) -> None:
    """The first message that is wanted is followed by a strike on its sender's name, before anybody reads it."""
    struck: list[str] = []

    def provoke(name: str, data: bytes) -> None:
        if not struck and wanted(decode(Message, data)):
            struck.append(name)
            strike(name)

    world.provoke = provoke


def isolate(world: World, name: str) -> None:
    """`name` is cut off from all others, who go on together."""
    world.cut({other: int(other == name) for other in world.names})


def heal(world: World) -> None:
    world.cut(dict.fromkeys(world.names, 0))


def dies_with_its_message(world: World, name: str) -> None:
    """`name` is cut off and still reads in the old ring what it has just sent; nobody else ever does."""
    formation = world.network.stations[name].formation
    assert formation is not None
    isolate(world, name)
    formation.holder = name


def hang_corosync(world: World, name: str) -> Callable[[], None]:
    """Corosync on `name` hangs with the token of its ring, until what is returned is called: then `name` reads what it
    had sent there, alone; `world.corosync.reform` brings it to the others."""
    station = world.network.stations[name]
    assert station.formation is not None
    station.formation.holder = name
    world.freeze_corosync(name, FOR_EVER_MS)

    def resume() -> None:
        world.network.freeze(station, frozen=False)
        world.corosync.flow(name)

    return resume


def stop_daemon(world: World, name: str) -> Callable[[], None]:
    """resourced on `name` dies and does not come back before what is returned is called."""
    start, boot = world.start_daemon, world.machines[name].boot

    def refused(other: str, of_boot: int) -> None:
        if other != name:
            start(other, of_boot)

    def release() -> None:
        world.start_daemon = start  # type: ignore[method-assign]
        world.start_daemon(name, boot)

    world.start_daemon = refused  # type: ignore[method-assign, assignment]
    world.kill_daemon(name)
    return release


def answer(world: World, held: HeldAgents, number: int, good: bool) -> None:
    """The held agent of that number ends now; what it did is the script's to say."""
    fencer, loss, node, action = held[number]
    machine = world.machines[fencer]
    if good and action == "off" and world.machines[node].powered:
        world.agents.lies.add(loss)
    del machine.agents[(loss, action)]
    machine.ended[(loss, action)] = (good, "status is off" if good else "no answer")
    world.agents.tell(fencer)


def record_of(world: World, name: str) -> Record:
    core = world.machines[name].core
    assert core is not None
    assert core.record is not None
    return core.record


def position(world: World, name: str) -> int:
    """How many updates of the open term `name` has read, -1 = none is open."""
    core = world.machines[name].core
    return core.terms.term.position if core is not None and core.terms.term is not None else -1


def when(world: World, text: str, since: int = 0) -> float:
    """At which second, not before the millisecond `since`, the journal first says `text`."""
    times = (float(line.split()[0]) for line in world.journal if line[10:].startswith(text))
    found = next((time for time in times if time * 1000 >= since), None)
    assert found is not None, f"the journal never says {text}"
    return found


def starts(world: World, since: int) -> list[str]:
    """Who was given the lease since then, in this order."""
    lines = [line for line in world.journal if " starts webserv in term " in line]
    return [line.split()[1] for line in lines if float(line.split()[0]) * 1000 >= since]


def at_rest(seed: int, count: int) -> World:
    """All nodes are in one term; the group ran on the last of them before an operator stopped it."""
    world = quiet(seed, count)
    world.run(20_000)
    for kind, node in ((WishKind.RELOCATE, world.names[-1]), (WishKind.STOP, "")):
        world.operators.wish("n1", kind, "webserv", node)
        world.run(world.now + WISH_MS)
    assert not world.serving()
    return world


def served_on_the_first(seed: int, count: int) -> World:
    """All nodes are in one term, and the group runs on n1, which coordinates."""
    world = quiet(seed, count)
    world.run(20_000)
    if world.serving() != ["n1"]:
        world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n1")
        world.run(world.now + WISH_MS)
    assert world.serving() == ["n1"]
    assert members(world, "n1") == tuple(world.names)
    return world


def word_waits(world: World, silent: str) -> Callable[[], None]:
    """votequorum's word does not reach `silent` before what is returned is called."""
    tell = world.tell_quorum

    def told(name: str) -> None:
        if name != silent:
            tell(name)

    def release() -> None:
        world.tell_quorum = tell
        tell(silent)

    world.tell_quorum = told
    return release


def member(name: str) -> Member:
    """A node that holds nothing, as it presents itself."""
    return Member(
        node=name,
        incarnation=f"{name}/1",
        machine=name,
        product=name,
        installed="d1",
        available="d1",
        leaving=False,
        held={},
        attempts=(),
    )


def applied(record: Record, *contents: Content) -> Record:
    """The record after these updates of its first term."""
    for number, content in enumerate(contents, start=1):
        record = apply(record, 1, Update(nonce="n1-1", position=number, at="", content=content))
    return record
