"""The page in Cockpit knows the bus as dbus/*.xml has it, and its packages come from nowhere in particular."""

import json

import bus_types

from house.source import REPOSITORY

PAGE = REPOSITORY / "contrib/cockpit"


def test_its_types_are_those_of_the_interfaces() -> None:
    assert (PAGE / "src/interfaces.ts").read_text() == bus_types.main(), bus_types.__doc__


def test_its_packages_have_exact_versions_and_no_addresses() -> None:
    wanted = json.loads((PAGE / "package.json").read_text())
    versions = wanted["dependencies"] | wanted["devDependencies"]
    assert all(version.replace(".", "").isdigit() for version in versions.values())
    locked = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in locked.items() if "resolved" in package]
    assert all("integrity" in package for name, package in locked.items() if name)
