"""The names of the units that serve addresses (pure)."""

_BEGIN, _END = "standfast-ip@", ".service"


def unit_for(text: str) -> str:
    """The unit that serves an address."""
    return f"{_BEGIN}{text}{_END}"


def served_by(unit: str) -> str | None:
    """The address that a unit serves, as it stands in its name; None for another unit."""
    is_ours = unit.startswith(_BEGIN) and unit.endswith(_END)
    return unit[len(_BEGIN) : -len(_END)] if is_ours else None
