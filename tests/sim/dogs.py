"""The simulator's quorumd: each node's watchdog, armed and fed by the rule of `quorumd.feeding` itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from standfast.quorumd.feeding import Dog, Heard, decide
from standfast.resourced.events import TellWatchdog, WatchdogTold
from standfast.watchdog.messages import Tell
from standfast.watchdog.times import Wanted, wanted

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

LOOK_MS = 1_000


@dataclass(slots=True)
class Kennel:
    """The watchdog of one life of a machine."""

    boot: int = 0
    dog: Dog | None = None
    heard: Heard | None = None
    life: int = 0  # of the daemon that was heard
    fed_at: int = 0  # of the world's clock


class Dogs:
    def __init__(self, world: World) -> None:
        self.world = world
        self.kennels: dict[str, Kennel] = {}
        self.resets = 0

    def boots(self, name: str) -> None:
        """quorumd starts with the machine."""
        machine = self.world.machines[name]
        self.kennels[name] = Kennel(boot=machine.boot)
        if self._wanted(machine) is not None:
            self._look(name, machine.boot)

    def greet(self, name: str) -> None:
        """A new resourced is connected, and told how it stands."""
        self._tell(name)

    def told(self, name: str, action: TellWatchdog) -> None:
        machine = self.world.machines[name]
        if self._wanted(machine) is None:
            return
        kennel = self.kennels[name]
        tell = Tell(holding=action.holding, echoed_until_ms=action.echoed_until_ms, stored_ms=action.stored_ms)
        kennel.heard = Heard(tell=tell, at_ms=machine.boottime(self.world.now))
        kennel.life = machine.life
        self._decide(name)

    def arm(self, name: str, life: int) -> None:
        """quorumd is asked by this resourced, and answers."""
        machine = self.world.machines[name]
        if machine.core is None or machine.life != life or self._wanted(machine) is None:
            return
        kennel = self.kennels[name]
        last = kennel.heard.tell if kennel.heard is not None else Tell(holding=True, echoed_until_ms=None)
        kennel.heard = Heard(tell=replace(last, holding=True), at_ms=machine.boottime(self.world.now))
        kennel.life = life
        self._decide(name)
        self._tell(name, answers=True)

    def _wanted(self, machine: Machine) -> Wanted | None:
        node = next((node for node in machine.used.nodes if node.name == machine.name), None)
        return wanted(machine.used.cluster, node) if node is not None else None

    def _look(self, name: str, boot: int) -> None:
        machine = self.world.machines[name]
        if not machine.powered or machine.boot != boot:
            return
        self._decide(name)
        self.world.after(LOOK_MS, self._look, name, boot)

    def _decide(self, name: str) -> None:
        world, machine, kennel = self.world, self.world.machines[name], self.kennels[name]
        if machine.core is None or kennel.life != machine.life:
            kennel.heard = None  # of a resourced that is gone there is no word
        held = any(place.held for place in machine.places.values())
        now, want = machine.boottime(world.now), self._wanted(machine)
        decision = decide(now_ms=now, wanted=want, dog=kennel.dog, heard=kennel.heard, held=held)
        if decision.arm and want is not None:
            kennel.dog = Dog(asked_ms=want.timeout_ms, given_ms=want.timeout_ms)
            self._fed(name)
            world.after(0, self._tell, name)
        elif decision.feed:
            self._fed(name)

    def _fed(self, name: str) -> None:
        kennel = self.kennels[name]
        assert kennel.dog is not None
        kennel.fed_at = self.world.now
        self.world.after(kennel.dog.given_ms, self._bites, name, kennel.boot, kennel.fed_at)

    def _bites(self, name: str, boot: int, fed_at: int) -> None:
        machine, kennel = self.world.machines[name], self.kennels[name]
        if machine.powered and machine.boot == boot and kennel.fed_at == fed_at:
            self.world.note(f"the watchdog resets {name}")
            self.resets += 1
            self.world.power_off(name)
            self.world.after(self.world.random.randint(500, 4_000), self.world.power_on, name)

    def _tell(self, name: str, *, answers: bool = False) -> None:
        machine, kennel = self.world.machines[name], self.kennels.get(name)
        want = self._wanted(machine)
        if want is None or kennel is None or kennel.boot != machine.boot:
            return
        timeout = kennel.dog.given_ms if kennel.dog is not None else 0
        self.world.give(name, WatchdogTold(timeout_ms=timeout, wanted_ms=want.timeout_ms, answers=answers))
