"""Drop-ins as the programs behind our template units read them: standfast-ip@, standfast-ocf@ (pure, but for reading).

Lean on purpose: the parser costs 2 MiB, so it is only imported where a drop-in has the section that is asked for.
"""

import os

TYPE_CHECKING = False  # typing itself is not lean
if TYPE_CHECKING:
    from standfast.configuration.unitfile import Section

UNITS = "/etc/systemd/system"


class DropInError(Exception):
    """A drop-in cannot be read: FILE:LINE and one sentence."""


def read_dropins(unit: str, section: str, units: str = UNITS) -> "tuple[Section, ...]":
    """Everything that the drop-ins of `unit` and of its template say, in systemd's order; () without the section.

    Raises DropInError and OSError.
    """
    template = unit.partition("@")[0] + "@.service"
    texts = {}
    for folder in (f"{units}/{unit}.d", f"{units}/{template}.d"):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208 - pathlib is not lean
        for name in names:
            if name.endswith(".conf"):
                with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib is not lean
                    texts[folder, name] = file.read()
    return _parse(texts) if any(section in text for text in texts.values()) else ()


def _parse(texts: dict[tuple[str, str], str]) -> "tuple[Section, ...]":
    from standfast.configuration import unitfile
    from standfast.configuration.model import ConfigurationError

    folders: dict[str, list[str]] = {}
    for folder, name in texts:
        folders.setdefault(folder, []).append(name)
    order = unitfile.dropin_order(list(folders.items()))
    try:
        parsed = [unitfile.parse(texts[folder, name], f"{folder}/{name}") for folder, name in order]
    except ConfigurationError as error:
        raise DropInError(str(error)) from error
    return unitfile.merge((), parsed)
