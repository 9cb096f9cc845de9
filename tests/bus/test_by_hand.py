"""A resource that is down: an administrator's wish, or a failure, as the adapter over systemd1 tells it."""

import asyncio
import functools

from bus.private import PrivateBus, until
from bus.test_units import ADDRESS, APACHE, GROUP, MOUNT, TARGET, Node, on_a_node
from standfast.resourced.by_hand import Notes
from standfast.resourced.stops import OURSELVES
from standfast.resourced.unit_reader import now_us
from standfast.resourced.units import Units
from standfast.vocabulary import Cause, UnitState

NETWORK = "network-x.service"
BY_HAND = Cause(kind="by-hand", text=f"{APACHE} was stopped by an administrator")


async def stop(node: Node, *units: str) -> None:
    """systemctl stop of them, in one transaction; the last one is down."""
    for unit in units:
        node.systemd.run_job_of_somebody("StopUnit", unit)
    await until(lambda: node.last(units[-1]).active == "inactive")


async def again(node: Node, tasks: asyncio.TaskGroup) -> tuple[UnitState, ...]:
    """What the next resourced reads at its start; the one before was gone when it began."""
    told: list[tuple[UnitState, ...]] = []
    folder = node.control_groups.parent
    units = Units(
        on_states=lambda _, states: told.append(states),
        on_refused=lambda *_: None,
        on_reloaded=lambda: None,
        tasks=tasks,
        run=folder / "run",
        control_groups=node.control_groups,
    )
    units.watch(GROUP)
    await units.attach(node.bus)
    await until(lambda: bool(told))
    return told[-1]


@on_a_node
async def test_a_stop_by_hand_is_no_failure_until_it_is_up_again(node: Node) -> None:
    await node.start()
    await stop(node, APACHE)
    assert (node.last(APACHE).by_hand, node.last(APACHE).cause) == (True, BY_HAND)
    assert Notes(node.control_groups.parent / "run").down_at(APACHE) == node.systemd.units[APACHE].down_at
    node.systemd.reload()
    await until(lambda: node.reloads == 2)
    assert node.last(APACHE).by_hand, "it is found once"
    node.systemd.run_job_of_somebody("StartUnit", APACHE)
    await until(lambda: node.active == "active active active")
    assert (node.last(APACHE).by_hand, node.last(APACHE).cause) == (False, None)
    assert Notes(node.control_groups.parent / "run").down_at(APACHE) is None
    node.systemd.crash(APACHE)
    await until(lambda: node.last(APACHE).active == "failed")
    assert not node.last(APACHE).by_hand


@on_a_node
async def test_a_start_by_hand_that_fails_is_a_failure(node: Node) -> None:
    await node.start()
    await stop(node, APACHE)
    node.systemd.units[APACHE].start = "fail"
    node.systemd.run_job_of_somebody("StartUnit", APACHE)
    await until(lambda: node.last(APACHE).active == "failed")
    assert (node.last(APACHE).by_hand, node.last(APACHE).cause) == (
        False,
        Cause(kind="exit-code", text=f"{APACHE} exited with status 1"),
    )


@on_a_node
async def test_a_restart_by_hand_is_neither_a_failure_nor_a_stop(node: Node) -> None:
    await node.start()
    node.systemd.run_job_of_somebody("RestartUnit", APACHE)
    node.systemd.units[APACHE].start = "hang"
    node.systemd.run_job_of_somebody("RestartUnit", APACHE)
    await until(lambda: node.last(APACHE).job == "restart")
    node.systemd.finish(APACHE)
    node.systemd.units[APACHE].turn("active")
    node.systemd.changed(APACHE)
    await until(lambda: node.active == "active active active")
    told = [state for states in node.told for state in states]
    assert not [state for state in told if state.by_hand or (state.cause and state.cause.kind != "assert")]


@on_a_node
async def test_what_it_is_bound_to_went_down_so_it_is_a_failure(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"BindsTo": (NETWORK,), "After": (NETWORK,)}
    node.systemd.add(NETWORK, active="active")
    await node.start()
    node.systemd.units[NETWORK].turn("inactive")
    await stop(node, APACHE)
    text = f"{APACHE} was stopped with {NETWORK}, which it is bound to"
    assert (node.last(APACHE).by_hand, node.last(APACHE).cause) == (False, Cause(kind="dependency", text=text))


@on_a_node
async def test_what_it_requires_waits_for_its_own_stop_so_it_is_a_failure(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"Requires": (NETWORK,)}
    node.systemd.add(NETWORK, active="active", stop="hang")
    await node.start()
    node.systemd.run_job_of_somebody("StopUnit", NETWORK)
    node.systemd.units[NETWORK].active = "active"  # its job waits
    await stop(node, APACHE)
    cause = node.last(APACHE).cause
    assert cause is not None
    assert cause.text == f"{APACHE} was stopped with {NETWORK}, which it requires"


@on_a_node
async def test_what_conflicts_with_it_was_started_so_it_is_a_failure(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"ConflictedBy": ("nginx.service",)}
    node.systemd.add("nginx.service")
    await node.start()
    node.systemd.run_job_of_somebody("StartUnit", "nginx.service")
    await stop(node, APACHE)
    cause = node.last(APACHE).cause
    assert cause is not None
    assert cause.text == f"{APACHE} was stopped because nginx.service was started, which conflicts with it"


@on_a_node
async def test_what_it_is_bound_to_is_down_for_long_so_an_administrator_stopped_it(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"Requires": (NETWORK,), "ConflictedBy": ("nginx.service",)}
    node.systemd.add(NETWORK, left_at=1, down_at=2)
    node.systemd.add("nginx.service", active="active", begun_at=3)
    await node.start()
    await stop(node, APACHE)
    assert node.last(APACHE).by_hand


@on_a_node
async def test_a_stop_of_the_first_one_by_hand_takes_its_successors_along(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"Requires": (MOUNT,), "PartOf": (TARGET,)}
    node.systemd.units[MOUNT].relations = {"Requires": (ADDRESS,), "PartOf": (TARGET,)}
    await node.start()
    await stop(node, APACHE, MOUNT, ADDRESS)
    assert [state.by_hand for state in node.told[-1]] == [True, True, True]


@on_a_node
async def test_what_stops_the_first_one_is_the_cause_of_all(node: Node) -> None:
    node.systemd.units[APACHE].relations = {"Requires": (MOUNT,)}
    node.systemd.units[MOUNT].relations = {"Requires": (ADDRESS,)}
    node.systemd.units[ADDRESS].relations = {"BindsTo": ("eth9.device",)}
    node.systemd.add("eth9.device", active="active")
    await node.start()
    node.systemd.units["eth9.device"].turn("inactive")
    await stop(node, APACHE, MOUNT, ADDRESS)
    assert not any(state.by_hand for state in node.told[-1])
    cause = node.last(APACHE).cause
    assert cause is not None
    assert cause.text == f"{APACHE} was stopped with eth9.device, which {ADDRESS} is bound to"


@on_a_node
async def test_a_group_whose_target_was_stopped_by_hand_is_all_by_hand_also_when_systemd_forgot_it(node: Node) -> None:
    for unit in (ADDRESS, MOUNT, APACHE):
        node.systemd.units[unit].relations = {"PartOf": (TARGET,)}
    await node.start()
    for unit in (APACHE, MOUNT, ADDRESS, TARGET):
        node.systemd.run_job_of_somebody("StopUnit", unit)
        one = node.systemd.units[unit]
        one.begun_at = one.up_at = one.left_at = one.down_at = one.main_ended_at = 0
    await until(lambda: node.active == "inactive inactive inactive")
    assert all(state.by_hand for state in node.told[-1])


@on_a_node
async def test_a_resource_that_failed_in_that_second_makes_it_a_failure(node: Node) -> None:
    await node.start()
    node.systemd.crash(MOUNT)
    await stop(node, APACHE)
    assert not any(state.by_hand for state in node.told[-1])
    cause = node.last(APACHE).cause
    assert cause is not None
    assert cause.text == f"{APACHE} was stopped in the second in which {MOUNT} failed"


@on_a_node
async def test_a_masked_one_is_told_so(node: Node) -> None:
    await node.start()
    node.systemd.units[APACHE].load = "masked"
    await stop(node, APACHE)
    cause = node.last(APACHE).cause
    assert cause is not None
    assert node.last(APACHE).by_hand
    assert cause.text.endswith(f"systemctl unmask {APACHE}, then start it")


@on_a_node
async def test_our_own_stop_of_the_group_ends_the_wish_and_is_no_wish(node: Node) -> None:
    await node.start()
    await stop(node, APACHE)
    await node.units.stop(MOUNT)
    assert node.last(APACHE).by_hand, "it is not what we stop"
    await node.units.stop(ADDRESS)
    await node.units.stop(TARGET)
    await until(lambda: not node.last(APACHE).by_hand)
    assert [state.cause for state in node.told[-1]] == [None, None, None]
    assert not list((node.control_groups.parent / "run/by-hand").iterdir())
    await node.start()
    assert not any(state.by_hand for state in node.told[-1])


@on_a_node
async def test_our_own_start_ends_the_wish(node: Node) -> None:
    await node.start()
    await stop(node, APACHE)
    node.systemd.units[APACHE].start = "fail"
    await node.units.restart(APACHE)
    await until(lambda: node.last(APACHE).active == "failed")
    assert not node.last(APACHE).by_hand


@on_a_node
async def test_the_next_process_knows_what_was_stopped_by_hand(node: Node) -> None:
    node.systemd.add(OURSELVES, active="active", left_at=now_us() + 3_600_000_000)
    await node.start()
    await stop(node, APACHE)
    async with asyncio.TaskGroup() as tasks:
        states = await again(node, tasks)
        assert [state.by_hand for state in states] == [False, False, True]
        node.systemd.units[APACHE].down_at += 1  # another end than the noted one
        states = await again(node, tasks)
        assert not any(state.by_hand for state in states)
        await node.bus.close()


@on_a_node
async def test_what_was_stopped_while_no_process_was_there_was_stopped_by_hand(node: Node) -> None:
    """Before the end of the process before this one it may have been that one, for a new version."""
    await node.start()
    await node.units.stop(APACHE)
    died_at = now_us()
    node.systemd.add(OURSELVES, active="active", left_at=died_at)
    mount = node.systemd.units[MOUNT]
    mount.left_at, mount.main_ended_at, mount.down_at, mount.active = died_at + 1, 0, died_at + 9, "inactive"
    async with asyncio.TaskGroup() as tasks:
        states = await again(node, tasks)
        assert [state.by_hand for state in states] == [False, True, False]
        await node.bus.close()


@on_a_node
async def test_a_stop_that_nobody_heard_because_the_bus_was_away_is_found(node: Node, private_bus: PrivateBus) -> None:
    await node.start()
    private_bus.kill()
    private_bus.start()
    node.systemd.units[APACHE].turn("inactive")
    mount = node.systemd.units[MOUNT]
    mount.turn("inactive", by_itself=True)  # and this one by itself
    await node.systemd.serve()
    await node.connect()
    await until(lambda: node.active == "active inactive inactive")
    assert [state.by_hand for state in node.told[-1]] == [False, False, False], "one failed in that second"
    mount.left_at -= 5_000_000
    mount.main_ended_at -= 5_000_000
    mount.down_at -= 5_000_000
    node.systemd.units[APACHE].down_at += 1
    node.systemd.changed(APACHE)
    await until(lambda: node.last(APACHE).by_hand)
    assert not node.last(MOUNT).by_hand


@on_a_node
async def test_the_end_of_a_group_that_is_not_held_here_is_not_looked_into(node: Node) -> None:
    asked = []
    original = node.bus.get_all

    @functools.wraps(original)
    async def count(*arguments: str, timeout_s: float = 1.0) -> dict[str, object]:
        asked.append(arguments)
        return await original(*arguments, timeout_s=timeout_s)

    node.bus.get_all = count  # type: ignore[method-assign, assignment]
    node.systemd.run_job_of_somebody("StopUnit", APACHE)
    node.systemd.changed(APACHE)
    await until(lambda: len(node.told) > 1)
    assert not asked
