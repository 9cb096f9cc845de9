"""The simulator's fenced and its agents: slow, failing, late, lying, and going on when nobody wants them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.configurations import AGENT_TIMEOUT_MS
from standfast.resourced.events import FencingTold
from standfast.resourced.presence import RunningAttempt

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

MOODS = ("fails", "slow", "late", "lies")
Key = tuple[str, str]  # loss, action


class Agents:
    def __init__(self, world: World) -> None:
        self.world = world
        self.moods: dict[str, tuple[str, int]] = {}  # by the node that is to be fenced: what is wrong, until when
        self.lies: set[str] = set()  # losses that an agent lied about
        self.shots = 0

    def disturb(self, node: str, mood: str, lasts: int) -> None:
        self.world.note(f"fence agents of {node}: {mood}, for {lasts} ms")
        self.moods[node] = (mood, self.world.now + lasts)

    def begin(self, name: str, loss: str, node: str, action: str) -> None:
        world, machine, key = self.world, self.world.machines[name], (loss, action)
        if key in machine.agents or machine.fencer_down:
            return
        if machine.ended.get(key, (False, ""))[0]:
            world.after(world.random.randint(1, 10), self.tell, name)  # it goes on as it is
            return
        world.note(f"fenced on {name}: {action} {node} (loss {loss})")
        machine.agents[key] = node
        machine.ended.pop(key, None)
        self.tell(name)
        self._run(machine, key, node, self._mood(node))

    def _mood(self, node: str) -> str:
        mood, until = self.moods.get(node, ("", 0))
        if self.world.now < until and not self.world.calm:
            return mood
        if self.world.calm or self.world.random.random() >= self.world.mishaps:
            return ""
        return self.world.random.choice(("fails", "slow"))

    def _run(self, machine: Machine, key: Key, node: str, mood: str) -> None:
        world, random, boot = self.world, self.world.random, machine.boot
        takes = random.randint(3_000, AGENT_TIMEOUT_MS - 1_000) if mood == "slow" else random.randint(300, 1_500)
        if mood == "late":
            """The switch acts when the agent was given up, whoever still wants it."""
            world.after(AGENT_TIMEOUT_MS + random.randint(0, 30_000), self._switch, key[1], node)
            world.after(AGENT_TIMEOUT_MS, self._ends, machine, boot, key, node, False)
        else:
            world.after(takes, self._acts, machine, boot, key, node, mood)

    def _switch(self, action: str, node: str) -> None:
        if action == "on":
            self.world.power_on(node)
        elif self.world.machines[node].powered:
            self.shots += 1
            self.world.power_off(node)

    def _acts(self, machine: Machine, boot: int, key: Key, node: str, mood: str) -> None:
        if not self._wanted(machine, boot, key):
            return
        if not mood or mood == "slow":
            self._switch(key[1], node)
        good = mood != "fails"
        if mood == "lies" and key[1] == "off" and self.world.machines[node].powered:
            self.lies.add(key[0])
        self.world.after(self.world.random.randint(50, 900), self._ends, machine, boot, key, node, good)

    def _wanted(self, machine: Machine, boot: int, key: Key) -> bool:
        return machine.powered and machine.boot == boot and key in machine.agents

    def _ends(self, machine: Machine, boot: int, key: Key, node: str, good: bool) -> None:
        """An agent's `off` is proven by a status that it reads itself, unless it lies."""
        if not self._wanted(machine, boot, key):
            return
        if key[1] == "off" and key[0] not in self.lies:
            good = good and not self.world.machines[node].powered
        del machine.agents[key]
        machine.ended[key] = (good, "status is off" if good else "no answer")
        self.tell(machine.name)

    def tell(self, name: str, *, restarted: bool = False) -> None:
        machine = self.world.machines[name]
        running = tuple(
            RunningAttempt(loss=loss, node=node, action=action)
            for (loss, action), node in sorted(machine.agents.items())
        )
        self.world.give(name, FencingTold(running=running, ended=dict(machine.ended), restarted=restarted))

    def die(self, name: str, lasts: int) -> None:
        """fenced dies, its agents with it; it comes back and knows nothing of them."""
        machine = self.world.machines[name]
        if not machine.powered or machine.fencer_down:
            return
        self.world.note(f"fenced on {name} is killed")
        machine.fencer_down = True
        machine.agents, machine.ended = {}, {}
        self.world.after(lasts, self._back, machine, machine.boot)

    def _back(self, machine: Machine, boot: int) -> None:
        if machine.boot == boot:
            machine.fencer_down = False
            self.tell(machine.name, restarted=True)
