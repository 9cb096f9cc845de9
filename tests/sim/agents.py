"""The simulator's fenced and its agents: slow, failing, and going on when nobody wants them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standfast.resourced.events import FencingTold
from standfast.resourced.messages import RunningAttempt

if TYPE_CHECKING:
    from sim.world import World


class Agents:
    def __init__(self, world: World) -> None:
        self.world = world

    def begin(self, name: str, loss: str, node: str, action: str) -> None:
        world, machine, key = self.world, self.world.machines[name], (loss, action)
        if key in machine.agents:
            return
        world.note(f"fenced on {name}: {action} {node} (loss {loss})")
        machine.agents[key] = node
        machine.ended.pop(key, None)
        boot = machine.boot
        self.tell(name)
        slow = not world.calm and world.random.random() < 0.15
        takes = world.random.randint(3_000, 12_000) if slow else world.random.randint(300, 1_500)
        world.after(takes, lambda: self._acts(name, boot, key, node))

    def _acts(self, name: str, boot: int, key: tuple[str, str], node: str) -> None:
        world, machine = self.world, self.world.machines[name]
        if not machine.powered or machine.boot != boot or key not in machine.agents:
            return
        good = world.random.random() > 0.15 or world.calm
        if good and key[1] == "off":
            world.power_off(node)
        elif good:
            world.power_on(node)
        world.after(world.random.randint(50, 900), lambda: self._ends(name, boot, key, node, good))

    def _ends(self, name: str, boot: int, key: tuple[str, str], node: str, good: bool) -> None:
        """An agent's `off` is proven by a status that it reads itself."""
        world, machine = self.world, self.world.machines[name]
        if not machine.powered or machine.boot != boot or key not in machine.agents:
            return
        if key[1] == "off":
            good = good and not world.machines[node].powered
        del machine.agents[key]
        machine.ended[key] = (good, "status is off" if good else "no answer")
        self.tell(name)

    def tell(self, name: str, restarted: bool = False) -> None:
        machine = self.world.machines[name]
        running = tuple(
            RunningAttempt(loss=loss, node=node, action=action)
            for (loss, action), node in sorted(machine.agents.items())
        )
        self.world.give(name, FencingTold(running=running, ended=dict(machine.ended), restarted=restarted))
