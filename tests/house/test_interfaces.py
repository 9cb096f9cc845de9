"""dbus/*.xml is the source of truth on the bus, and says of every member what it is."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from house.source import REPOSITORY
from standfast.bus.interfaces import read_interfaces

FILES = sorted((REPOSITORY / "dbus").glob("*.xml"))
MEMBERS = {"interface", "property", "method", "signal"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_interface_and_member_has_a_comment_right_above_it(path: Path) -> None:
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    tree = ET.parse(path, parser)
    silent = [
        f"{parent.attrib.get('name', '')}.{child.attrib['name']}"
        for parent in tree.iter()
        if isinstance(parent.tag, str)
        for index, child in enumerate(parent)
        if child.tag in MEMBERS and not _is_told(parent, index)
    ]
    assert not silent


def _is_told(parent: ET.Element, index: int) -> bool:
    before = parent[index - 1] if index else None
    return before is not None and not isinstance(before.tag, str) and bool((before.text or "").strip())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_services_can_read_it(path: Path) -> None:
    interfaces = read_interfaces(path)
    assert interfaces and all(name.startswith("org.standfast.") and name.endswith("1") for name in interfaces)
