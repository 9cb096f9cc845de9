"""Who may do what is written once: polkit's actions in dbus/org.standfast.policy."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from house.source import REPOSITORY
from standfast.bus.interfaces import read_interfaces

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


def test_every_method_says_who_may_call_it_and_every_action_is_polkits() -> None:
    needed = {
        f"{name}.{method}": found.action
        for path in sorted((REPOSITORY / "dbus").glob("*.xml"))
        for name, interface in read_interfaces(path).items()
        for method, found in interface.methods.items()
        if found.action
    }
    assert {name: action for name, action in needed.items() if action not in actions()} == {}
    assert {action for name, action in needed.items() if name.startswith("org.standfast.Group1.")} == {
        "org.standfast.operate"
    }


# Anybody may have these answered: whoever adds one here has made sure that it changes nothing and costs little.
ASKED = {f"Groups1.{name}" for name in ("Attention", "Explain", "ForeseeDrill", "Simulate", "PlanConfiguration")}
ASKED |= {"Groups1.SimulateWish", "Groups1.MissingRights"}
ASKED |= {f"Console1.{name}" for name in ("Timeline", "Versions", "Difference", "Show", "Read", "Edit", "Keys")}
ASKED |= {f"Console1.{name}" for name in ("Units", "Agents", "Agent")}
READS = {f"org.standfast.{name}" for name in ASKED | {"Fencing1.History"}}
OURS_ALONE = {
    f"org.standfast.Fencing1.{name}" for name in ("Begin", "Check", "CutPower", "DrillDoubts", "Objections")
}  # between daemons
OURS_ALONE |= {"org.standfast.Membership1.Want"}
OURS_ALONE |= {"org.standfast.Groups1.Stay"}  # for standfast-drain.service
OURS_ALONE |= {f"org.standfast.Groups1.{name}" for name in ("InjectFault", "EndDrill")}  # for standfast-drill.service


def test_what_needs_no_action_only_reads_or_is_for_root() -> None:
    free: set[str] = set()
    root: set[str] = set()
    for path in sorted((REPOSITORY / "dbus").glob("*.xml")):
        for name, interface in read_interfaces(path).items():
            for method, found in interface.methods.items():
                if not found.action:
                    (root if found.root_only else free).add(f"{name}.{method}")
    assert (free, root) == (READS, OURS_ALONE)


@pytest.mark.parametrize(
    "annotations",
    [
        "",
        '<annotation name="org.standfast.Access" value="nobody"/>',
        '<annotation name="org.standfast.Action" value="root"/>',
        '<annotation name="org.standfast.Action" value="org.standfast.fence"/>'
        '<annotation name="org.standfast.Access" value="everybody"/>',
    ],
)
def test_a_method_that_does_not_say_who_may_call_it_is_not_served(tmp_path: Path, annotations: str) -> None:
    path = tmp_path / "test.xml"
    path.write_text(
        f'<node><interface name="org.standfast.T1"><method name="Do">{annotations}</method></interface></node>'
    )
    with pytest.raises(ValueError, match="Do: annotate it with"):
        read_interfaces(path)
