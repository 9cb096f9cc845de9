"""Imports point one way, and what decides knows no clock, no files and no network (DESIGN section 15)."""

import re
from pathlib import Path

from house.source import SERVICES, modules, place

DAEMONS = {"membershipd", "quorumd", "fenced", "resourced"}
PROGRAMS = DAEMONS | {"alerts", "console", "ctl", "metrics"}
RESOURCED = "standfast.resourced"
PURE = {
    f"standfast.{line}" if "." in line else f"{RESOURCED}.{line}"
    for line in Path(__file__).with_name("pure.txt").read_text().splitlines()
    if line and not line.startswith("#")
}
PACKAGES = {module.rpartition(".")[0] for module in PURE}
PURE_LIBRARY = {
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "re",
    "types",
    "typing",
}
PURE_SHARED = {"standfast.vocabulary", "standfast.configuration.model"}


def test_no_program_imports_another_one_and_nothing_shared_imports_a_program() -> None:
    wrong = [
        f"{place(module.path, line)}: {module.name} imports {name}"
        for module in modules()
        for name, line in module.imports()
        if name.startswith("standfast.") and name.split(".")[1] in PROGRAMS - {module.package}
    ]
    assert not wrong, "\n".join(wrong)


def test_what_a_person_has_done_knows_no_terminal() -> None:
    """A console on the bus does the same as a command."""
    wrong = [
        f"{place(module.path, line)}: {module.name} imports {name}"
        for module in modules()
        if module.package == "operations"
        for name, line in module.imports()
        if name.split(".")[0] in {"click", "rich"}
    ]
    assert not wrong, "\n".join(wrong)


def test_pure_modules_import_only_pure_ones() -> None:
    wrong = [
        f"{place(module.path, line)}: {module.name} imports {name}"
        for module in modules()
        if module.name in PURE
        for name, line in module.imports()
        if not _is_pure(name)
    ]
    assert not wrong, "\n".join(wrong)


def _is_pure(name: str) -> bool:
    """A library without effects, one of the pure modules, or something in one of them."""
    if name.split(".")[0] in PURE_LIBRARY or name in {"standfast", "standfast.configuration", *PACKAGES}:
        return True
    return any(name == module or name.startswith(module + ".") for module in PURE | PURE_SHARED)


def test_every_module_that_is_to_be_pure_exists() -> None:
    assert not PURE - {module.name for module in modules()}


def test_the_services_know_nothing_of_the_lab() -> None:
    word = re.compile(r"\blab\b|standfast_lab|nspawn", re.IGNORECASE)
    wrong = [
        f"{place(path, number)}: {line.strip()}"
        for path in sorted(SERVICES.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert not wrong, "\n".join(wrong)
