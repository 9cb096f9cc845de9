"""The page in Cockpit knows the bus as dbus/*.xml has it, and every key; its packages come from no address."""

import json
import re

import bus_types

from house.source import REPOSITORY
from standfast.configuration.forms import keys

PAGE = REPOSITORY / "contrib/cockpit"


def test_its_types_are_those_of_the_interfaces() -> None:
    assert (PAGE / "src/interfaces.ts").read_text() == bus_types.main(), bus_types.__doc__


def test_it_says_in_chinese_what_every_key_does() -> None:
    told = json.loads((PAGE / "src/text/keys/zh.json").read_text())["meanings"]
    assert {(scope, key) for scope, own in told.items() for key in own} == {
        (one["scope"], one["key"]) for one in keys()
    }
    assert all(text.endswith("。") for own in told.values() for text in own.values())


def test_it_says_in_chinese_what_every_key_takes() -> None:
    """Numbers stand as "#"; of what is to be chosen from the words themselves are shown."""
    told = json.loads((PAGE / "src/text/keys/zh.json").read_text())["kinds"]
    kinds = {one["kind"] for one in keys() if not re.fullmatch(r"[\w-]+( or [\w-]+)+", one["kind"])}
    assert told.keys() == {re.sub(r"-?\d[\d.]*(?:ms|s)?", "#", kind) for kind in kinds}
    assert not [kind for kind, text in told.items() if kind.count("#") != text.count("#")]


def test_its_packages_have_exact_versions_and_no_addresses() -> None:
    wanted = json.loads((PAGE / "package.json").read_text())
    versions = wanted["dependencies"] | wanted["devDependencies"]
    assert all(version.replace(".", "").isdigit() for version in versions.values())
    locked = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in locked.items() if "resolved" in package]
    assert all("integrity" in package for name, package in locked.items() if name)
