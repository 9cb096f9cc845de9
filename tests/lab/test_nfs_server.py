"""An NFS server with its exports: clients read, also where it moved to and where it was killed (issue 7)."""

from lab.conftest import full_only
from lab.examples import example, known_owner, owner_of
from lab.trial import Trial
from lab.typed_pages import Where
from lab.typist import type_in, wait_until_shown

GROUP, SERVER = "exports", "nfs-ganesha.service"
MASKS = "rpcbind.service rpcbind.socket nfs-ganesha-lock.service"
LEFT = (
    *(f"/etc/systemd/system/{unit}" for unit in MASKS.split()),
    *("/etc/ganesha/ganesha.conf", "/srv/exports", "/srv/shared/exports"),
)


def test_a_client_reads_from_the_exports_and_again_where_they_moved_to(trial: Trial) -> None:
    node = trial.others(trial.owner())[0]
    with example(trial, "nfs", node, *LEFT) as (read, relocate, look):
        wait_until_shown(trial.lab, read, node)
        first = known_owner(trial, GROUP)
        trial.fault(f"relocation of {GROUP} from {first}")
        type_in(trial.lab, relocate, node)
        wait_until_shown(trial.lab, look, node)
        known_owner(trial, GROUP, first)
        assert (read.where, look.where) == (Where.CLIENT, Where.CLIENT)


@full_only
def test_a_client_reads_again_after_the_server_was_killed_and_after_its_node_lost_power(trial: Trial) -> None:
    node = trial.owner()
    with example(trial, "nfs", node, *LEFT) as (read, _, _):
        wait_until_shown(trial.lab, read, node)
        first = known_owner(trial, GROUP)
        trial.fault(f"{SERVER} is killed on {first}")
        trial.lab.sh(first, "systemctl", "kill", "--signal", "KILL", SERVER)
        wait_until_shown(trial.lab, read, node)
        assert known_owner(trial, GROUP) == first
        if first == node:
            trial.lab.sh(node, "standfast", "group", "relocate", GROUP, timeout_s=60)
            first = known_owner(trial, GROUP)
        trial.to_be_fenced.add(first)
        trial.cut_power(first)
        others = trial.others(first)
        trial.wait(lambda: owner_of(trial, GROUP, others) not in (None, first), 60, f"{GROUP} to start elsewhere")
        wait_until_shown(trial.lab, read, node)
        trial.wait_until_normal(120)
