"""The lab's cuts as nft is told them, and the links in its cluster.conf; that they work is for tests/lab."""

from pathlib import Path

import pytest
from standfast_lab import cli, place
from standfast_lab.cluster import cluster_configuration
from standfast_lab.network import CUTS, cut_command
from standfast_lab.place import Place

LAB = Place("unit")
ONE, TWO, THREE = (LAB.node(index) for index in (1, 2, 3))


def pairs(command: str) -> set[tuple[str, str]]:
    """The pairs of ports that nothing passes between, as (from, to)."""
    head, _, rest = command.partition(" { ")
    assert head == "add element bridge lab cut"
    elements = rest.removesuffix(" }").split(", ")
    return {tuple(part.strip('"') for part in element.split(" . ")) for element in elements}  # type: ignore[misc] # two


def test_a_cut_drops_both_ways_on_every_link() -> None:
    assert pairs(cut_command(ONE, (TWO,), (0, 1), one_way=False)) == {
        ("node1-0", "node2-0"),
        ("node2-0", "node1-0"),
        ("node1-1", "node2-1"),
        ("node2-1", "node1-1"),
    }


def test_a_one_way_cut_of_one_link_drops_what_the_node_sends_there() -> None:
    assert pairs(cut_command(ONE, (TWO,), (1,), one_way=True)) == {("node1-1", "node2-1")}


def test_a_cut_from_several_peers_leaves_those_in_peace_with_each_other() -> None:
    found = pairs(cut_command(ONE, (TWO, THREE), (0,), one_way=False))
    assert len(found) == 4
    assert all("node1-0" in pair for pair in found)


def test_only_what_the_bridge_forwards_is_dropped_so_client_and_bmc_still_reach_the_node() -> None:
    assert "hook forward" in CUTS
    assert "hook input" not in CUTS and "hook output" not in CUTS


@pytest.mark.parametrize(("links", "networks"), [(1, {"192.0.2"}), (2, {"192.0.2", "198.51.100"})])
def test_the_cluster_has_as_many_links_as_were_asked_for(
    links: int, networks: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "BASE", tmp_path)
    for name in ("node1", "node2"):
        (tmp_path / "unit" / name).mkdir(parents=True)
    addresses = [line for line in cluster_configuration(LAB, links).splitlines() if line.startswith("Address=")]
    assert len(addresses) == 2 * links
    assert {line.removeprefix("Address=").rpartition(".")[0] for line in addresses} == networks


def test_the_arbiter_is_no_node_but_is_found_and_cut_off_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "BASE", tmp_path)
    for name in ("node1", "node2", "arbiter"):
        (tmp_path / "unit" / name).mkdir(parents=True)
    arbiter = LAB.find("arbiter")
    assert (arbiter, LAB.nodes(), LAB.machines()) == (LAB.arbiter(), (ONE, TWO), (ONE, TWO, arbiter))
    assert pairs(cut_command(ONE, (arbiter,), (0,), one_way=True)) == {("node1-0", "arbiter-0")}
    assert not {*arbiter.addresses, arbiter.bmc_address} & {*ONE.addresses, ONE.bmc_address, "192.0.2.1"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["up", "--links", "1"], {"nodes": None, "bare": False, "links": 1}),
        (["cut", "node1", "node2", "--one-way", "--link", "1"], {"peer": ["node2"], "one_way": True, "link": 1}),
        (["cut", "node1", "node2", "arbiter"], {"peer": ["node2", "arbiter"], "one_way": False, "link": None}),
        (["cut", "node1"], {"peer": [], "one_way": False, "link": None}),
    ],
)
def test_the_command_line_takes_links(words: list[str], told: dict[str, object]) -> None:
    options = vars(cli._parser().parse_args(words))
    assert {name: options[name] for name in told} == told
