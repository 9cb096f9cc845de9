"""What agents say of themselves, and what speaks against the devices that use them."""

import dataclasses
from pathlib import Path

import pytest

from standfast.configuration.agent_metadata import Metadata, parse_metadata
from standfast.configuration.device_checks import device_problems, device_warnings, unsafe_nodes
from standfast.configuration.load import load
from standfast.configuration.model import Configuration, Plug

POWER = "on off reboot status monitor metadata"


def document(*parameters: str, actions: str = POWER, on: str = "") -> str:
    """An agent's XML; a parameter is `name`, then words such as required, deprecated, obsoletes=x, default=y."""
    lines = []
    for parameter in parameters:
        name, *words = parameter.split()
        attributes = [word if "=" in word else f"{word}=1" for word in words if not word.startswith("default=")]
        written = " ".join('{}="{}"'.format(*attribute.split("=")) for attribute in attributes)
        defaults = [f'default="{word.removeprefix("default=")}"' for word in words if word.startswith("default=")]
        lines.append(f'<parameter name="{name}" {written}><content type="string" {" ".join(defaults)}/></parameter>')
    done = [f'<action name="{action}" {on if action == "on" else ""}/>' for action in actions.split()]
    inner = f"<parameters>{''.join(lines)}</parameters><actions>{''.join(done)}</actions>"
    return f'<?xml version="1.0" ?><resource-agent name="x">{inner}</resource-agent>'


BMC = parse_metadata(
    document(
        "action required default=reboot",
        "ip required obsoletes=ipaddr",
        "ipaddr required deprecated",
        "username required obsoletes=login",
        "login required deprecated",
        "password obsoletes=passwd",
        "passwd deprecated",
        "ssl_insecure",
        "systems_uri obsoletes=systems-uri",
        "systems-uri deprecated",
    )
)
PDU = parse_metadata(document("ip required", "plug required obsoletes=port", "port required deprecated"))
METADATA = {"fence_bmc": BMC, "fence_pdu": PDU}

CLUSTER = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Fence=bmc1
Fence=pdu:7
[Node]
Name=node2
Id=2
Address=192.0.2.12
Fence=pdu:8
[FenceDevice]
Name=bmc1
Agent=fence_bmc
Option=ip=192.0.2.201
Option=username=fence
PasswordFile=secret
[FenceDevice]
Name=pdu
Agent=fence_pdu
Option=ip=192.0.2.202
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("corosync.key", "secret"):
        (tmp_path / name).write_text("k" * 1024)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def configure(root: Path, right: str = "", wrong: str = "") -> Configuration:
    assert right in CLUSTER
    (root / "cluster.conf").write_text(CLUSTER.replace(right, wrong, 1))
    return load(root, system=None)


def test_the_document_is_read_whole() -> None:
    assert not BMC.parameters["ip"].deprecated
    assert BMC.parameters["ip"].obsoletes == ("ipaddr",)
    assert BMC.parameters["action"].default == "reboot"
    assert {"on", "off", "status"} <= BMC.actions
    assert (BMC.unfences, BMC.on_target, BMC.takes_plug, BMC.needs_plug) == (False, False, False, False)
    assert (PDU.takes_plug, PDU.needs_plug) == (True, True)
    scsi = parse_metadata(document("devices", "plug", on='on_target="1" automatic="1"'))
    assert (scsi.unfences, scsi.on_target, scsi.takes_plug, scsi.needs_plug) == (True, True, True, False)


@pytest.mark.parametrize("text", ["", "usage: fence_x", "<resource-agent>", "<other/>"])
def test_what_is_no_such_document_is_one_error(text: str) -> None:
    with pytest.raises(ValueError, match="what it says of itself"):
        parse_metadata(text)


def test_a_required_parameter_is_there_by_its_newer_and_by_its_older_name() -> None:
    assert BMC.missing({"action"}) == ("ip", "username")
    assert BMC.missing({"ip", "login"}) == ()
    assert BMC.missing({"ipaddr", "username"}) == ()


def test_a_good_configuration_has_no_problem(root: Path) -> None:
    configuration = configure(root)
    assert device_problems(configuration, METADATA) == ()
    assert device_warnings(configuration, METADATA) == ()


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "Option=username=fence",
            "Option=usrname=fence",
            "18: fence_bmc knows no option usrname; did you mean username?",
        ),
        ("Option=username=fence\n", "", "15: fence_bmc needs Option=username=; add it to [FenceDevice] bmc1"),
        ("Fence=pdu:7", "Fence=pdu", "8: fence_pdu must be told which plug is node1's; write Fence=pdu:PLUG"),
        ("Fence=bmc1", "Fence=bmc1:3", "7: fence_bmc knows no plugs; write Fence=bmc1, one device for each node"),
    ],
)
def test_what_an_agent_cannot_do_is_one_sentence_with_its_line(root: Path, right: str, wrong: str, told: str) -> None:
    assert f"cluster.conf:{told}" in [
        str(problem) for problem in device_problems(configure(root, right, wrong), METADATA)
    ]


def test_an_option_may_be_written_with_a_dash_and_the_plug_as_the_devices_own_option(root: Path) -> None:
    changed = configure(root, "Option=ip=192.0.2.202", "Option=ip=192.0.2.202\nOption=port=7")
    assert device_problems(changed, METADATA) == ()
    changed = configure(root, "Fence=pdu:8\n", "Fence=pdu\n")
    assert len(device_problems(changed, METADATA)) == 1
    text = CLUSTER.replace("Fence=pdu:8\n", "Fence=pdu\n").replace(
        "Option=ip=192.0.2.202", "Option=ip=x\nOption=port=7"
    )
    (root / "cluster.conf").write_text(text)
    assert device_problems(load(root, system=None), METADATA) == ()
    dashed = configure(root, "Option=username=fence", "Option=username=fence\nOption=systems-uri=/x")
    assert device_problems(dashed, METADATA) == ()
    assert device_warnings(dashed, METADATA) == ()


@pytest.mark.parametrize("missing", ["off", "on", "status"])
def test_an_agent_that_cannot_do_what_fencing_needs_is_a_problem(root: Path, missing: str) -> None:
    crippled = Metadata(parameters=PDU.parameters, actions=PDU.actions - {missing})
    (problem,) = device_problems(configure(root), METADATA | {"fence_pdu": crippled})
    assert (
        str(problem) == f"cluster.conf:22: fence_pdu cannot do “{missing}”, so it can prove nothing; use another agent"
    )


def test_an_agent_of_which_nothing_is_known_is_a_problem_and_one_that_was_not_asked_is_none(root: Path) -> None:
    (problem,) = device_problems(configure(root), {"fence_bmc": "fence_bmc is not installed", "fence_pdu": PDU})
    assert str(problem) == "cluster.conf:16: fence_bmc is not installed"
    assert device_problems(configure(root), {}) == ()


def test_verification_that_is_switched_off_and_old_names_are_warnings(root: Path) -> None:
    changed = configure(root, "Option=username=fence", "Option=login=fence\nOption=ssl-insecure=1")
    assert device_problems(changed, METADATA) == ()
    first, second = map(str, device_warnings(changed, METADATA))
    assert first == "cluster.conf:18: login is an old name of fence_bmc's; write Option=username="
    assert second.startswith("cluster.conf:19: ssl-insecure switches verification off: bmc1 is unverified")
    verified = configure(root, "Option=username=fence", "Option=username=fence\nOption=ssl_insecure=no")
    assert device_warnings(verified, METADATA) == ()


def test_a_node_is_safe_when_every_plug_of_one_level_answered(root: Path) -> None:
    configuration = configure(root)
    bmc, pdu7, pdu8 = (Plug(device=name, plug=plug) for name, plug in (("bmc1", None), ("pdu", "7"), ("pdu", "8")))
    assert unsafe_nodes(configuration, {}) == (), "nothing was asked yet"
    assert unsafe_nodes(configuration, {bmc: False, pdu7: True, pdu8: True}) == ()
    assert unsafe_nodes(configuration, {bmc: False, pdu7: False, pdu8: True}) == (
        "node1 cannot be proven off: bmc1 and pdu never answered for it (standfast fence test node1).",
    )


def test_a_node_without_a_device_is_unsafe_unless_it_is_alone(root: Path) -> None:
    text = CLUSTER.replace("Name=webha", "Name=webha\nUnsafe=yes").replace("Fence=pdu:8\n", "")
    (root / "cluster.conf").write_text(text)
    configuration = load(root, system=None)
    (sentence,) = unsafe_nodes(configuration, {})
    assert sentence.startswith("node2 has no fence device")
    assert unsafe_nodes(dataclasses.replace(configuration, nodes=configuration.nodes[1:]), {}) == ()
