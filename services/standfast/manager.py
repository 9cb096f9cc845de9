"""systemd as all of ours ask it over D-Bus (org.freedesktop.systemd1(5)): which units run, or start by themselves."""

from dataclasses import dataclass
from typing import Final

from standfast.bus import Bus, BusError, escape

SYSTEMD: Final = "org.freedesktop.systemd1"
MANAGER_PATH: Final = "/org/freedesktop/systemd1"
MANAGER: Final = "org.freedesktop.systemd1.Manager"
UNIT: Final = "org.freedesktop.systemd1.Unit"
UNIT_PATHS: Final = "/org/freedesktop/systemd1/unit"
CALL_TIMEOUT_S: Final = 20.0  # PID 1 answers nobody while it reads its unit files anew
DOWN: Final = ("inactive", "failed")
_NO_FILE: Final = "org.freedesktop.DBus.Error.FileNotFound"
INIT_SCRIPTS: Final = "/etc/init.d/"
_BOOT: Final = frozenset({"multi-user.target", "graphical.target", "rescue.target", "sysinit.target"})
_ENABLED: Final = ("enabled", "enabled-runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One unit in the answer of ListUnitsByNames: all units of it at the same moment."""

    unit: str
    name: str  # systemd's for it, where it was asked for by another one
    load: str
    active: str
    job: str  # its type, "" = none
    sub: str = ""  # what its type has to say of its state

    @property
    def down(self) -> bool:
        return self.active in DOWN


async def list_units(bus: Bus, units: tuple[str, ...]) -> tuple[Listed, ...]:
    """The units as they all are at one moment, loaded if they were not. Raises BusError."""
    (rows,) = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "ListUnitsByNames", "as", units, timeout_s=CALL_TIMEOUT_S)
    # name, description, load, active, sub, following, path, job's id, type and path; in the order asked: a unit
    # asked for by another name answers with its first one
    return tuple(
        Listed(unit=unit, name=row[0], load=row[2], active=row[3], job=row[8], sub=row[4])
        for unit, row in zip(units, rows, strict=True)
    )


async def kinds_of_jobs(bus: Bus) -> dict[str, str]:
    """What systemd is about to do, by unit. Raises BusError."""
    (jobs,) = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "ListJobs")
    return {unit: kind for _, unit, kind, *_ in jobs}


async def file_state(bus: Bus, unit: str) -> str:
    """What `systemctl is-enabled` says; "" for a unit without a file. Raises BusError."""
    try:
        (state,) = await bus.call(
            SYSTEMD, MANAGER_PATH, MANAGER, "GetUnitFileState", "s", unit, timeout_s=CALL_TIMEOUT_S
        )
    except BusError as error:
        if error.name != _NO_FILE:
            raise
        return ""
    return str(state)


async def enabled_or_running(bus: Bus, units: tuple[str, ...]) -> dict[str, str]:
    """Those of `units` that start or run without the cluster, each with a sentence that says what to type.

    Raises BusError.
    """
    found = {}
    for listed in await list_units(bus, units):
        if not listed.down:
            found[listed.unit] = f"{listed.unit} runs: systemctl stop {listed.unit}"
        elif (state := await file_state(bus, listed.unit)) in _ENABLED:
            found[listed.unit] = f"{listed.unit} is {state}: systemctl disable {listed.unit}"
        elif state == "generated" and await _is_linked_script(bus, listed.unit):
            text = f"{listed.unit} starts at boot by the links of its init script"
            found[listed.unit] = f"{text}: systemctl disable {listed.unit}"
    return found


async def _is_linked_script(bus: Bus, unit: str) -> bool:
    """systemd made the unit of a script in init.d, and a target of the boot wants it for the links in rc?.d."""
    place = f"{UNIT_PATHS}/{escape(unit)}"
    source = str(await bus.get(SYSTEMD, place, UNIT, "SourcePath", timeout_s=CALL_TIMEOUT_S))
    if not source.startswith(INIT_SCRIPTS):
        return False
    wanted_by = await bus.get(SYSTEMD, place, UNIT, "WantedBy", timeout_s=CALL_TIMEOUT_S)
    return bool(_BOOT & set(wanted_by))


async def has_assertion(bus: Bus, unit: str, path: str) -> bool:
    """systemd, as it has the unit loaded, refuses to start it while `path` is not there; what is masked or has no file
    it starts in no case. Raises BusError."""
    place = f"{UNIT_PATHS}/{escape(unit)}"
    asserts = await bus.get(SYSTEMD, place, UNIT, "Asserts", timeout_s=CALL_TIMEOUT_S)
    # name, one of several suffices, negated, parameter, last outcome
    if any(list(one[:4]) == ["AssertPathExists", False, False, path] for one in asserts):
        return True
    return await bus.get(SYSTEMD, place, UNIT, "LoadState", timeout_s=CALL_TIMEOUT_S) in ("masked", "not-found")
