"""What changed addresses mean to links."""

import pytest

from standfast.configuration.links import compare_links

BEFORE = {"a": ("192.0.2.1", "198.51.100.1"), "b": ("192.0.2.2", "198.51.100.2")}


@pytest.mark.parametrize(
    ("after", "moved", "kept", "live"),
    [
        (BEFORE, (), (0, 1), True),
        ({**BEFORE, "b": ("192.0.2.2", "203.0.113.2")}, (1,), (0,), True),
        ({**BEFORE, "b": ("203.0.113.2", "198.51.100.2")}, (0,), (1,), True),
        ({"a": ("192.0.2.9", "203.0.113.1"), "b": BEFORE["b"]}, (0, 1), (), False),
        ({"a": BEFORE["a"], "c": ("192.0.2.3", "198.51.100.3")}, (), (0, 1), True),
        ({name: addresses[:1] for name, addresses in BEFORE.items()}, (), (0,), True),
        ({name: (*addresses, "203.0.113.1") for name, addresses in BEFORE.items()}, (), (0, 1), True),
    ],
)
def test_a_link_moves_when_a_node_that_stays_has_another_address_there(
    after: dict[str, tuple[str, ...]], moved: tuple[int, ...], kept: tuple[int, ...], live: bool
) -> None:
    links = compare_links(BEFORE, after)
    assert (sorted(links.moved), sorted(links.kept), links.live) == (list(moved), list(kept), live)


def test_a_link_that_a_node_does_not_have_yet_does_not_move() -> None:
    assert compare_links({"a": ("192.0.2.1", "")}, {"a": ("192.0.2.1", "198.51.100.1")}).moved == frozenset()
