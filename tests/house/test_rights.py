"""Who may do what is written once: polkit's actions in dbus/org.standfast.policy."""

import xml.etree.ElementTree as ET

from house.source import REPOSITORY

POLICY = REPOSITORY / "dbus/org.standfast.policy"


def actions() -> dict[str, ET.Element]:
    return {element.attrib["id"]: element for element in ET.parse(POLICY).iter("action")}


def test_only_operators_are_remembered_for_a_while_and_nobody_is_allowed_without_an_administrator() -> None:
    defaults = {name: {item.text for item in element.iterfind("defaults/*")} for name, element in actions().items()}
    assert defaults == {
        "org.standfast.operate": {"auth_admin_keep"},
        "org.standfast.configure": {"auth_admin"},
        "org.standfast.fence": {"auth_admin"},
    }


def test_every_action_says_who_asks_and_what_for() -> None:
    for name, element in actions().items():
        said = {item.tag: (item.text or "").strip() for item in element}
        assert {item.tag for item in element.iterfind("defaults/*")} == {"allow_any", "allow_inactive", "allow_active"}
        assert said["description"], name
        assert said["message"].startswith("Authentication is required to "), name


def test_the_package_installs_the_actions_where_polkit_reads_them() -> None:
    rules = (REPOSITORY / "contrib/debian/rules").read_text()
    assert "dbus/org.standfast.policy debian/standfast/usr/share/polkit-1/actions/org.standfast.policy" in rules
