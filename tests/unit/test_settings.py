"""What the configuration says to this machine, and what only the machine knows of it."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from fakes.in_force import put_in_force
from standfast.files import write_atomic
from standfast.membershipd.settings import own_networks, read_settings

CLUSTER = """\
[Cluster]
Name=webha
Unsafe=yes
[Node]
Name=node1
Id=1
Address=192.0.2.11
Address=192.0.2.21
[Node]
Name=node2
Id=2
Address=192.0.2.12
Address=192.0.2.22
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "etc"
    root.mkdir()
    (root / "cluster.conf").write_text(CLUSTER)
    write_atomic(root / "corosync.key", bytes(1024))
    put_in_force(root, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("networks", "told"),
    [
        (["192.0.2.0/24"], "192.0.2.11 and 192.0.2.21 of node1 are in one network (192.0.2.0/24); a second link needs"),
        (["192.0.2.8/29", "192.0.2.16/29", "fe80::/64"], ""),
        ([], ""),
    ],
)
def test_two_links_in_one_network_of_this_machine_are_told_with_file_and_line(
    folder: Path, networks: list[str], told: str
) -> None:
    found: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]
    settings = read_settings("node1", folder, lambda: found)
    assert settings.usable, "it is no reason to stand still"
    if not told:
        assert settings.problems == ()
        return
    (problem,) = settings.problems
    assert f"cluster.conf:8: {told}" in str(problem)


def test_the_kernel_tells_the_networks_of_this_machine() -> None:
    assert ip_network("127.0.0.0/8") in own_networks()
