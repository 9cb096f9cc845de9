"""Whether an address answers, asked in network namespaces of their own, so that nothing leaves this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import asyncio, sys
from standfast.fenced import reachable
ways = {"echo": reachable._answers_echo, "tcp": reachable._answers_tcp, "any": reachable.answers}
way, address = sys.argv[1:]
if way == "neighbours":
    print(reachable._answers_neighbours(address))
else:
    print(asyncio.run(ways[way](address)))
"""
SERVICES = Path(__file__).parents[2] / "services"
# a second machine: a namespace at the other end of a cable
PEER = """
set -e
ip link set lo up
ip link add cable type veth peer name far
ip addr add 192.0.2.1/24 dev cable
ip link set cable up
unshare --net sh -c 'touch {folder}/there; while [ ! -e {folder}/moved ]; do sleep 0.05; done
    ip addr add 192.0.2.2/24 dev far; ip link set far up; {far}; touch {folder}/ready; exec sleep 60' &
peer=$!
trap 'kill $peer' EXIT
while [ ! -e {folder}/there ]; do sleep 0.05; done
ip link set far netns $peer
touch {folder}/moved
while [ ! -e {folder}/ready ]; do sleep 0.05; done
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))), reason="only root can make a network"
)


def ask(way: str, address: str, before: str = "true") -> bool:
    """What is said in a network of its own, after `before` was run in it."""
    script = f'{before}\n"$@"'
    result = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, "sh", sys.executable, "-c", ASK, way, address],
        env={**os.environ, "PYTHONPATH": str(SERVICES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {"True": True, "False": False}[result.stdout.strip()]


@pytest.mark.parametrize("way", ["echo", "tcp", "neighbours", "any"])
@pytest.mark.parametrize("address", ["192.0.2.99", "2001:db8::99"])
def test_an_address_without_a_route_does_not_answer(way: str, address: str) -> None:
    assert not ask(way, address)


@pytest.mark.parametrize("way", ["echo", "tcp", "any"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_own_address_answers_a_ping_and_refuses_a_connection(way: str, address: str) -> None:
    assert ask(way, address, "ip link set lo up")


@pytest.mark.parametrize("way", ["echo", "neighbours", "tcp"])
def test_another_machine_answers_in_every_way_and_an_address_that_nobody_has_in_none(way: str, tmp_path: Path) -> None:
    network = PEER.format(folder=tmp_path, far="true")
    assert ask(way, "192.0.2.2", network)
    for name in ("there", "moved", "ready"):
        (tmp_path / name).unlink()
    assert not ask(way, "192.0.2.3", network)


def test_a_machine_that_answers_no_ping_still_answers_on_its_link(tmp_path: Path) -> None:
    network = PEER.format(folder=tmp_path, far="echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all")
    assert not ask("echo", "192.0.2.2", network)
    for name in ("there", "moved", "ready"):
        (tmp_path / name).unlink()
    assert ask("neighbours", "192.0.2.2", network)


def test_the_own_question_heard_back_is_no_answer() -> None:
    deaf = "ip link set lo up; echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"
    assert not ask("echo", "127.0.0.1", deaf)
