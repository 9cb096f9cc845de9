"""What a change of addresses means to the links that nodes reach each other by. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Addresses = Mapping[str, Sequence[str]]  # by node: one for each link


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Link numbers; a link that comes or goes is in neither."""

    moved: frozenset[int]  # some node that stays has another address there
    kept: frozenset[int]  # every node that stays has the same one

    @property
    def live(self) -> bool:
        """A running Corosync can take it: it drops a link and makes it anew, while another one goes on."""
        return not self.moved or bool(self.kept)


def compare_links(before: Addresses, after: Addresses) -> Links:
    """How the links change for the nodes that are in both; an address may be "" where a node has none."""
    moved: set[int] = set()
    kept: set[int] = set()
    for name in before.keys() & after.keys():
        for link, (old, new) in enumerate(zip(before[name], after[name], strict=False)):
            if old and new:
                (kept if old == new else moved).add(link)
    return Links(moved=frozenset(moved), kept=frozenset(kept - moved))
