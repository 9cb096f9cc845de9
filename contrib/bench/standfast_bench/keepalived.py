"""keepalived of Debian 12 as the peer where only an address moves: VRRP, which fences nobody and asks no quorum."""

from standfast_lab.cluster import served
from standfast_lab.network import VIRTUAL_ADDRESS
from standfast_lab.place import LabError

from standfast_bench.peer import Peer
from standfast_bench.sides import serve_everywhere

READY_S = 60.0


class Keepalived(Peer):
    """As its manual begins: an advertisement every second, so that the next one takes over after three missed ones."""

    units = ("keepalived.service",)
    places = ("system.slice/keepalived.service",)
    package = "keepalived"
    settings = "VRRP with advert_int 1 s, nopreempt; the address alone, no fencing and no quorum"

    def form(self) -> None:
        serve_everywhere(self.lab)
        for node in self.lab.place.nodes():
            (node.root / "etc/keepalived/keepalived.conf").write_text(configuration(100 - node.index))

    def settle(self) -> None:
        super().settle()
        self.lab.wait(self._one_has_it, READY_S, "the page, from one node")

    def _one_has_it(self) -> bool:
        try:
            return self.lab.holder() is not None and served(self.lab.place)
        except LabError:
            return False  # two have it, until one has heard the other

    def relocate(self, node: str) -> None:
        holder = self.lab.holder()
        assert holder is not None, "it is settled"
        self.lab.sh(holder, "systemctl", "restart", *self.units)  # it says that it goes: the next one takes over


def configuration(priority: int) -> str:
    """keepalived.conf of a node; who comes back does not take the address away."""
    return (
        "vrrp_instance web {\n    state BACKUP\n    nopreempt\n    interface eth0\n    virtual_router_id 51\n"
        f"    priority {priority}\n    advert_int 1\n"
        f"    virtual_ipaddress {{\n        {VIRTUAL_ADDRESS}/24 dev eth0\n    }}\n}}\n"
    )
