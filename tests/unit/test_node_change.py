"""What `node add` and `node remove` make of the version in force."""

from pathlib import Path

import pytest

from standfast.configuration import checkout, versions
from standfast.configuration.load import check
from standfast.configuration.tree import File, Tree
from standfast.operations import newcomers, node_change
from standfast.operations.newcomer import NOTHING, Place
from standfast.operations.problems import CommandError, Exit

CLUSTER = """\
# our shop
[Cluster]
Name=shop

# the old one
[Node]
Name=one
Id=1
Address=192.0.2.11
Fence=pdu:1
[FenceDevice]
Name=pdu
Agent=fence_apc
Option=ip=192.0.2.99
[FenceDevice]
Name=bmc
Agent=fence_ipmilan
Option=ip=192.0.2.98
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "etc").mkdir()
    place = Place(hostname="one.example.com", root=tmp_path / "etc", folder=tmp_path / "var", system=None)
    put(place, CLUSTER)
    return place


def put(place: Place, cluster: str, **dropins: str) -> None:
    """This is in force."""
    contents = {"cluster.conf": cluster, **{f"cluster.conf.d/{name}.conf": text for name, text in dropins.items()}}
    files = {name: File(content=text.encode(), mode=0o644) for name, text in contents.items()}
    files["corosync.key"] = File(content=b"k" * 128, mode=0o600)
    tree = Tree(files={name: files[name] for name in sorted(files)}, problems=())
    before = versions.read_in_force(place.folder) or NOTHING
    versions.store(tree, place.folder)
    versions.point(tree.digest, place.folder)
    checkout.update(place.root, before, tree)


def add(place: Place, node: str, *fence: str, unsafe: bool = False) -> Tree:
    base = node_change.base(place)
    return node_change.added(base, newcomers.parse(node), fence, unsafe=unsafe)


def remove(place: Place, name: str) -> Tree:
    return node_change.removed(node_change.base(place), name)


def text_of(tree: Tree) -> str:
    return tree.files["cluster.conf"].content.decode()


def refusal(error: pytest.ExceptionInfo[CommandError]) -> str:
    assert error.value.exit_code == Exit.REFUSED
    return error.value.message


def test_a_node_is_added_with_the_next_id_below_what_stands_there(place: Place) -> None:
    tree = add(place, "two=192.0.2.12", "bmc", "pdu:2 pdu:3")
    assert text_of(tree) == CLUSTER + "\n[Node]\nName=two\nId=2\nAddress=192.0.2.12\nFence=bmc\nFence=pdu:2 pdu:3\n"
    assert tree.files["corosync.key"].content == b"k" * 128


def test_a_node_without_fencing_needs_the_word_of_whoever_types_it(place: Place) -> None:
    with pytest.raises(CommandError) as error:
        add(place, "two=192.0.2.12")
    assert refusal(error) == "Nothing was changed: 1 to correct, named above."
    assert "two has no Fence=" in error.value.told[0]
    assert check(add(place, "two=192.0.2.12", unsafe=True), system=None).cluster.unsafe


def test_each_link_needs_an_address(place: Place) -> None:
    with pytest.raises(CommandError) as error:
        add(place, "two=192.0.2.12,198.51.100.12", "bmc")
    assert "two has 2 addresses, one has 1" in error.value.told[0]


def test_a_node_that_is_there_already_changes_nothing(place: Place) -> None:
    put(place, text_of(add(place, "two=192.0.2.12", "bmc")))
    assert add(place, "two=192.0.2.12") == node_change.base(place).tree
    with pytest.raises(CommandError) as error:
        add(place, "two=192.0.2.13")
    assert refusal(error) == "two is a node already, with 192.0.2.12: change that in cluster.conf."


def test_what_waits_for_a_push_is_not_taken_along(place: Place) -> None:
    (place.root / "cluster.conf").write_text(f"{CLUSTER}# a thought\n")
    with pytest.raises(CommandError) as error:
        add(place, "two=192.0.2.12", "bmc")
    assert f"{place.root}/cluster.conf has changes that were not pushed" in refusal(error)


def test_where_nothing_is_in_force_standfast_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as error:
        node_change.base(Place(hostname="one", root=tmp_path, folder=tmp_path / "var", system=None))
    assert error.value.exit_code == Exit.NOT_RUNNING


def test_a_node_is_removed_everywhere_and_the_key_changes(place: Place) -> None:
    grown = text_of(add(place, "two=192.0.2.12", "bmc")) + "[Domain]\nName=web\nNodes=two one\n"
    put(place, grown, votes="[Node]\nName=two\nVotes=2\n[Node]\nName=one\nVotes=2\n")
    base = node_change.base(place)
    tree = remove(place, "two")
    configuration = check(tree, system=None)
    assert [node.name for node in configuration.nodes] == ["one"]
    assert configuration.domains[0].nodes == ("one",)
    assert tree.files["corosync.key"].content != b"k" * 128
    assert tree.files["corosync.key"].mode == 0o600
    assert node_change.newly_unused(base, tree) == ("bmc",)


def test_a_domain_of_a_removed_node_alone_must_be_changed_first(place: Place) -> None:
    put(place, text_of(add(place, "two=192.0.2.12", "bmc")) + "[Domain]\nName=web\nNodes=two\n")
    with pytest.raises(CommandError) as error:
        remove(place, "two")
    assert any("Nodes=" in problem for problem in error.value.told)


def test_this_node_and_an_unknown_one_are_not_removed(place: Place) -> None:
    with pytest.raises(CommandError) as error:
        remove(place, "one")
    assert refusal(error) == "one is the only node."
    with pytest.raises(CommandError) as error:
        remove(place, "three")
    assert refusal(error) == "There is no node three. Nodes: one."
    put(place, text_of(add(place, "two=192.0.2.12", "bmc")))
    with pytest.raises(CommandError) as error:
        remove(place, "one")
    assert refusal(error) == "one is this node: type it on another one."
