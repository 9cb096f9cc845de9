"""[Node] sections in and out of a cluster.conf that an administrator wrote: what is around them stays as it was."""

from standfast.configuration.node_section import first_text, with_node, with_unsafe, without_node

WRITTEN = """\
# the shop
[Cluster]
Name=shop   ; not a comment for systemd, so part of the name
DetectWithin=1.1s

# the old machine
[Node]
Name=a
Id=1
Address=192.0.2.11

# the new one
[Node]
Name=b
Id=2
# its only link
Address=192.0.2.12
Fence=pdu:1 \\
# in the rack's back
  pdu:2

# where the site runs
[Domain]
Name=web
Nodes=a b
Nodes=b \\
  c
[Domain]
Name=ab
Nodes=b
Ordered=yes
"""


def test_a_new_cluster_s_file_names_its_nodes_by_number() -> None:
    text = first_text("shop", [("a", ["192.0.2.11"]), ("b", ["192.0.2.12", "198.51.100.12"])], unsafe=False)
    assert text == (
        "[Cluster]\nName=shop\n"
        "\n[Node]\nName=a\nId=1\nAddress=192.0.2.11\n"
        "\n[Node]\nName=b\nId=2\nAddress=192.0.2.12\nAddress=198.51.100.12\n"
    )
    assert "Unsafe" not in text


def test_unsafe_goes_into_the_first_cluster_section_once() -> None:
    text = with_unsafe("[Cluster]\nName=shop\n\n[Node]\nName=a\n")
    assert text.startswith("[Cluster]\nName=shop\n# a person")
    assert text.endswith("\nUnsafe=yes\n\n[Node]\nName=a\n")
    assert with_unsafe(text) == text
    assert with_unsafe("[Cluster]\nUnsafe=no\n") == "[Cluster]\nUnsafe=no\n"


def test_a_node_is_added_at_the_end_and_nothing_else_changes() -> None:
    text = with_node(WRITTEN, "c", 3, ["192.0.2.13"], ["bmc-c", "pdu:3 pdu:4"])
    assert text == WRITTEN + "\n[Node]\nName=c\nId=3\nAddress=192.0.2.13\nFence=bmc-c\nFence=pdu:3 pdu:4\n"
    assert with_node("[Cluster]\nName=x", "a", 1, ["::1"]) == "[Cluster]\nName=x\n\n[Node]\nName=a\nId=1\nAddress=::1\n"


def test_a_node_that_is_removed_takes_its_lines_and_its_place_in_domains() -> None:
    assert without_node(WRITTEN, "b") == (
        "# the shop\n[Cluster]\nName=shop   ; not a comment for systemd, so part of the name\nDetectWithin=1.1s\n\n"
        "# the old machine\n[Node]\nName=a\nId=1\nAddress=192.0.2.11\n\n"
        "# the new one\n\n"
        "# where the site runs\n[Domain]\nName=web\nNodes=a\nNodes=c\n[Domain]\nName=ab\nOrdered=yes\n"
    )


def test_added_and_removed_the_file_is_as_it_was() -> None:
    assert without_node(with_node(WRITTEN, "c9", 3, ["192.0.2.13"]), "c9").rstrip("\n") == WRITTEN.rstrip("\n")
    assert without_node(WRITTEN, "unknown") == WRITTEN
