"""Runs in a node, on its real systemd: units that each fail in their own way, started as resourced starts resources.

Writes one line of JSON: by unit, the state and what is told of it.
"""

import asyncio
import contextlib
import json
import subprocess
from pathlib import Path

from standfast.bus import Bus
from standfast.configuration.model import Group, Resource
from standfast.resourced.units import Units
from standfast.vocabulary import UnitState

FOLDER = Path("/run/systemd/system")
GROUP = "standfast-odd"
NAME = GROUP + "-{}.service"
SLEEP = "ExecStart=/bin/sleep 100"
SERVICES = {
    "exit-code": "Type=oneshot\nExecStart=/bin/sh -c 'exit 3'",
    "signal": "Type=oneshot\nExecStart=/bin/sh -c 'kill -TERM $$$$'",
    "watchdog": f"Type=notify\nNotifyAccess=all\nWatchdogSec=200ms\nExecStartPre=/bin/true\n{SLEEP}\n"
    "ExecStartPost=/bin/true\nType=simple",
    "timeout": f"Type=oneshot\nTimeoutStartSec=200ms\n{SLEEP}",
    "protocol": "Type=notify\nExecStart=/bin/true",
    "resources": f"EnvironmentFile=/nonexistent\n{SLEEP}",
    "exec-condition": f"ExecCondition=/bin/false\n{SLEEP}",
    "once": "Type=oneshot\nExecStart=/bin/true",
    "auto-restart": "Type=simple\nRestart=always\nRestartSec=100\nExecStart=/bin/sh -c 'exit 4'",
    "slow": f"Type=oneshot\nExecStartPre=/bin/sleep 100\n{SLEEP}",
    "bad-setting": "Type=simple",
}
UNITS = {
    "dependency": "Requires=standfast-odd-exit-code.service\nAfter=standfast-odd-exit-code.service",
    "condition": "ConditionPathExists=/nonexistent",
    "assert": "AssertPathExists=/nonexistent",
    "start-limit-hit": "StartLimitIntervalSec=100\nStartLimitBurst=1",
}
WAIT_S = 30  # what is called long by resourced takes 5 s
MASKED, MISSING = "masked", "not-found"


def write() -> list[str]:
    texts = {name: f"[Service]\n{service}\n" for name, service in SERVICES.items()}
    texts |= {name: f"[Unit]\n{unit}\n[Service]\n{SLEEP}\n" for name, unit in UNITS.items()}
    for name, text in texts.items():
        (FOLDER / NAME.format(name)).write_text(text)
    (FOLDER / NAME.format(MASKED)).symlink_to("/dev/null")
    units = [NAME.format(name) for name in (*texts, MASKED, MISSING)]
    (FOLDER / f"{GROUP}.target").write_text(f"[Unit]\nWants={' '.join(units)}\n")
    systemctl("daemon-reload")
    return units


def remove(units: list[str]) -> None:
    systemctl("stop", f"{GROUP}.target", *units)
    for unit in (f"{GROUP}.target", *units):
        (FOLDER / unit).unlink(missing_ok=True)
    systemctl("reset-failed")
    systemctl("daemon-reload")


def systemctl(*words: str) -> None:
    subprocess.run(["systemctl", *words], stderr=subprocess.DEVNULL, check=False)


async def look(units: list[str]) -> dict[str, UnitState]:
    """All were started, what may start only once twice; each is told, or WAIT_S are over."""
    found: dict[str, UnitState] = {}
    group = Group(name=GROUP, description="", resources=tuple(Resource(unit=unit) for unit in units))
    often, news, all_told = NAME.format("start-limit-hit"), asyncio.Event(), asyncio.Event()

    def told(_: str, states: tuple[UnitState, ...]) -> None:
        found.update((state.unit, state) for state in states)
        news.set()
        if all(state.cause is not None for state in states):
            all_told.set()

    async with await Bus.connect() as bus, asyncio.TaskGroup() as tasks:
        adapter = Units(on_states=told, on_refused=lambda *_: None, on_reloaded=lambda: None, tasks=tasks)
        adapter.watch(group)
        await adapter.attach(bus)
        job = tasks.create_task(adapter.start(group.target))
        while (state := found.get(often)) is None or state.active != "active":
            news.clear()
            await news.wait()
        systemctl("stop", often)
        systemctl("start", often)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await all_told.wait()
        job.cancel()
        last = dict(found)
        await bus.close()
    return last


def main() -> None:
    units = write()
    try:
        last = asyncio.run(look(units))
    finally:
        remove(units)
    told = {unit: (state.active, state.cause) for unit, state in last.items()}
    rows = {
        unit.removeprefix("standfast-odd-").removesuffix(".service"): [
            active,
            cause.kind if cause else "",
            str(cause and cause.text),
        ]
        for unit, (active, cause) in told.items()
    }
    print(json.dumps(rows))


main()
