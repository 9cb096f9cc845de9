"""What cannot be safe is refused when the configuration is checked, in one whole sentence with file and line.

The loader refuses what the files say (`load`, which every daemon calls). It runs no program: what only a fence agent
can tell, fenced finds by asking the agent (`AgentLibrary`), and resourced asks fenced before it offers the files.
"""

import asyncio
from pathlib import Path

import pytest

from standfast.agents.running import Agents
from standfast.configuration.load import load
from standfast.configuration.model import ConfigurationError
from standfast.configuration.system import System
from standfast.fenced.metadata import AgentLibrary

THREE = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Fence=pdu:7
[Node]
Name=node2
Id=2
Address=192.0.2.12
Fence=pdu:8
[Node]
Name=node3
Id=3
Address=192.0.2.13
Watchdog=auto
WatchdogTimeout=30s
[FenceDevice]
Name=pdu
Agent=fence_pdu
Option=ip=192.0.2.202
"""
TWO = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Watchdog=auto
[Node]
Name=node2
Id=2
Address=192.0.2.12
Watchdog=auto
"""
AGENT = """\
#!/bin/sh
cat <<'END'
<resource-agent name="fence_pdu"><parameters>
<parameter name="action" required="1"><content type="string" default="off"/></parameter>
<parameter name="ip" required="1"><content type="string"/></parameter>
<parameter name="plug" required="1"><content type="string"/></parameter>
</parameters><actions>
<action name="on"/><action name="off"/><action name="status"/>
</actions></resource-agent>
END
"""
REFUSED = {
    "timings that cannot be safe": (
        THREE.replace("=30s", "=19s"),
        "cluster.conf:18: with DetectWithin=2.2s faulty links can take longer to find; "
        "WatchdogTimeout=20s is the shortest allowed",
    ),
    "a device without agent": (
        THREE.replace("Agent=fence_pdu\n", ""),
        "cluster.conf:19: [FenceDevice] pdu needs Agent=; add it",
    ),
    "a device with an unknown option": (
        THREE.replace("Option=ip=192.0.2.202", "Option=ip=192.0.2.202\nOption=plgu=3"),
        "cluster.conf:23: fence_pdu knows no option plgu; did you mean plug?",
    ),
    "a device with a node that it cannot plug": (
        THREE.replace("Fence=pdu:8", "Fence=pdu"),
        "cluster.conf:12: fence_pdu must be told which plug is node2's; write Fence=pdu:PLUG",
    ),
    "two_node with three nodes": (
        THREE.replace("Name=webha", "Name=webha\nTwoNode=yes"),
        "cluster.conf:3: TwoNode=yes is for exactly two nodes, and there are 3; remove it",
    ),
    "freeze together with a watchdog": (
        THREE.replace("Name=webha", "Name=webha\nQuorumLoss=freeze"),
        "cluster.conf:3: the watchdog of node3 would reset it for what QuorumLoss=freeze lets go on; "
        "write QuorumLoss=stop, or remove Watchdog=",
    ),
    "watchdogs alone with two nodes and no arbiter": (
        TWO,
        "cluster.conf:7: of two nodes without an arbiter neither knows that the other's watchdog is not fed any more; "
        "write Arbiter= in [Cluster], add a third node, or remove Watchdog=",
    ),
}


class Machine:
    """/etc/standfast and a machine that has the agent fence_pdu."""

    def __init__(self, folder: Path) -> None:
        self.root, self.programs = folder / "etc", folder / "sbin"
        self.root.mkdir()
        self.programs.mkdir()
        (self.root / "corosync.key").touch(mode=0o600)
        (self.root / "corosync.key").write_text("k" * 1024)
        (self.programs / "fence_pdu").write_text(AGENT)
        (self.programs / "fence_pdu").chmod(0o755)

    def told(self, text: str) -> list[str]:
        """Everything that the daemons say against this cluster.conf."""
        (self.root / "cluster.conf").write_text(text)
        try:
            configuration = load(self.root, system=System(programs=self.programs))
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        library = AgentLibrary(Agents(programs=self.programs))
        asyncio.run(library.check(configuration))
        assert asyncio.run(library.refusals(configuration)) == library.problems
        return list(library.problems)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_safe_is_refused_in_one_sentence(machine: Machine, case: str) -> None:
    text, sentence = REFUSED[case]
    assert machine.told(text) == [sentence]


def test_what_the_cases_were_made_of_is_good(machine: Machine) -> None:
    assert machine.told(THREE) == []
    assert machine.told(TWO.replace("Name=webha", "Name=webha\nArbiter=192.0.2.99")) == []


def test_with_unsafe_yes_an_agents_objection_is_told_and_refuses_nothing(machine: Machine) -> None:
    text, sentence = REFUSED["a device with an unknown option"]
    (machine.root / "cluster.conf").write_text(text.replace("Name=webha", "Unsafe=yes\nName=webha"))
    configuration = load(machine.root, system=System(programs=machine.programs))
    library = AgentLibrary(Agents(programs=machine.programs))
    asyncio.run(library.check(configuration))
    assert library.problems == (sentence.replace(":23:", ":24:"),)
    assert asyncio.run(library.refusals(configuration)) == ()


def test_a_device_whose_agent_is_not_installed_is_refused(machine: Machine) -> None:
    (machine.programs / "fence_pdu").unlink()
    sentence = f"cluster.conf:21: no fence agent fence_pdu in {machine.programs}; install it (Debian: fence-agents)"
    assert machine.told(THREE) == [sentence]
