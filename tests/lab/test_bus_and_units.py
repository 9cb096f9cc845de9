"""What the live nodes show on the bus and to systemd is what dbus/ and units/ say (issue 2, line 10)."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from standfast_lab import observe
from standfast_lab.lab import Lab

from lab.trial import ADDRESS, APACHE, GROUP, Trial

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("Membership", "Quorum", "Fencing", "Groups")
ROOT = "/org/standfast"

Members = dict[str, tuple[object, ...]]


def interfaces(xml: str) -> dict[str, Members]:
    """Our interfaces in introspection data: for each its members with kind, access and arguments."""
    found = {}
    for interface in ElementTree.fromstring(xml).iter("interface"):
        if interface.attrib["name"].startswith("org.standfast."):
            found[interface.attrib["name"]] = {
                f"{one.tag} {one.attrib['name']}": member(one) for one in members(interface)
            }
    return found


def members(interface: ElementTree.Element) -> list[ElementTree.Element]:
    return [one for one in interface if one.tag in ("method", "signal", "property")]


def member(element: ElementTree.Element) -> tuple[object, ...]:
    """Everything that a caller must know of one method, signal or property."""
    default = "out" if element.tag == "signal" else "in"
    arguments = [(one.get("direction", default), one.attrib["type"], one.get("name")) for one in element.iter("arg")]
    return element.get("type"), element.get("access"), tuple(arguments)


def paths(lab: Lab, node: str, service: str) -> list[str]:
    return lab.sh(node, "busctl", "tree", "--list", f"org.standfast.{service}").stdout.split()


def test_busctl_tree_shows_nodes_groups_and_resources(trial: Trial) -> None:
    nodes = {f"{ROOT}/node/{node}" for node in trial.lab.nodes()}
    group = f"{ROOT}/group/{GROUP}"
    resources = {
        f"{group}/resource/apache2_2eservice",
        f"{group}/resource/standfast_2dip_40192_2e0_2e2_2e100_2eservice",
    }
    for node in trial.lab.nodes():
        assert set(paths(trial.lab, node, "Membership")) >= nodes
        assert set(paths(trial.lab, node, "Groups")) >= {*nodes, group, *resources}
        devices = {f"{ROOT}/device/bmc_2d{other}" for other in trial.lab.nodes()}
        assert set(paths(trial.lab, node, "Fencing")) >= devices


@pytest.mark.parametrize("service", SERVICES)
def test_introspection_of_every_interface_on_every_node_is_what_the_xml_says(trial: Trial, service: str) -> None:
    wanted = interfaces((REPOSITORY / f"dbus/org.standfast.{service}.xml").read_text())
    wanted.pop("org.standfast.Copies1", None)  # no group of these nodes has copies
    for node in trial.lab.nodes():
        shown: dict[str, Members] = {}
        for path in paths(trial.lab, node, service):
            command = ("busctl", "--xml-interface", "introspect", f"org.standfast.{service}", path)
            for name, found in interfaces(trial.lab.sh(node, *command).stdout).items():
                assert shown.setdefault(name, found) == found, path
        assert shown == wanted, node


def test_systemd_analyze_names_none_of_our_files(trial: Trial) -> None:
    ours = [path.name for path in (REPOSITORY / "units").iterdir() if path.suffix in (".service", ".target")]
    units = [name.replace("@.", "@192.0.2.100.") for name in ours]
    for node in trial.lab.nodes():
        verify = ("systemd-analyze", "verify", "--man=no")  # a lab's image has no manual pages
        result = trial.lab.sh(node, *verify, *units, f"{GROUP}.target", APACHE, ADDRESS, check=False)
        lines = (result.stdout + result.stderr).splitlines()
        assert not [line for line in lines if any(word in line for word in ("standfast", GROUP, "corosync.service.d"))]


def test_ordinary_users_may_look_and_change_nothing(trial: Trial) -> None:
    node = trial.owner()
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl")
    path = f"{ROOT}/group/{GROUP}"
    look = ("get-property", "org.standfast.Groups", path, "org.standfast.Group1", "Owner")
    assert node in trial.lab.sh(node, *as_nobody, *look).stdout
    change = ("call", "org.standfast.Groups", path, "org.standfast.Group1", "Stop")
    result = trial.lab.sh(node, *as_nobody, *change, check=False)
    assert result.returncode != 0
    found = observe.agreed(trial.lab)
    assert found is not None
    assert found.groups[GROUP].phase == "started"
