"""Two cluster.confs of RHCS, a web server and a database, are imported and serve (issue 5, line 6)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standfast_lab import cluster, normal, observe
from standfast_lab.lab import Lab
from standfast_lab.network import VIRTUAL_ADDRESS

from lab.conftest import full_only
from lab.own import bare_lab, trial_in
from lab.trial import APACHE, GROUP

EXAMPLES = Path(__file__).parents[1] / "unit/rhcs"
DATABASE = "192.0.2.101"
PAGE, TABLE = "the shared page", "the shared table"
# What Debian's package would bring, which the lab's image does not have: it listens on the group's address and serves
# what is mounted at /var/lib/mysql, so it starts only where both are.
MARIADB = f"""\
[Service]
Type=exec
ExecStart=/usr/bin/python3 -m http.server 3306 --bind {DATABASE} --directory /var/lib/mysql
"""

pytestmark = full_only


@pytest.fixture(scope="module")
def imported() -> Iterator[Lab]:
    """A cluster that began with what was imported from the web server's cluster.conf."""
    with bare_lab("import", 2) as lab:
        first = lab.nodes()[0]
        folder = import_example(lab, "apache.conf")
        share(lab, folder / "units/var-www-html.mount", "pages").joinpath("index.html").write_text(f"{PAGE}\n")
        give_fence_devices(lab, folder)
        lab.sh(first, "standfast", "config", "check", in_node(lab, folder))
        lab.sh(first, "cp", "-r", f"{in_node(lab, folder)}/.", "/etc/standfast/")
        lab.sh(first, "standfast", "init")
        normal.wait(lab)
        yield lab


def import_example(lab: Lab, name: str) -> Path:
    """The folder on the first node that the example was imported into.

    In the file only the nodes' names are not the lab's; their addresses are looked up on the node as an
    administrator's would be, and those of the services are in the lab's network already.
    """
    first, second = lab.nodes()
    text = (EXAMPLES / name).read_text().replace("left.example.com", first).replace("right.example.com", second)
    lab.sh(first, "tee", f"/root/{name}", text=text)
    folder = Path("/root") / name.removesuffix(".conf")
    told = lab.sh(first, "standfast", "import", f"/root/{name}", "--into", str(folder)).stdout
    assert "nfs-common" in told
    checked = lab.sh(first, "standfast", "config", "check", str(folder), check=False)
    assert checked.returncode == 1
    assert "Type=nfs needs /usr/sbin/mount.nfs, which is not here; install it (Debian: nfs-common)" in checked.stdout
    return lab.root(first) / folder.relative_to("/")


def in_node(lab: Lab, path: Path) -> str:
    """The path as the first node has it."""
    return f"/{path.relative_to(lab.root(lab.nodes()[0]))}"


def share(lab: Lab, unit: Path, export: str) -> Path:
    """The mount is of a folder that all nodes have, in place of the NFS server's: the lab has none. That folder."""
    options = ("What=", "Type=", "Options=")
    kept = [line for line in unit.read_text().splitlines() if not line.startswith(options)]
    unit.write_text("\n".join([*kept, f"What=/srv/shared/{export}", "Type=none", "Options=bind", ""]))
    folder = lab.place.shared / export
    folder.mkdir()
    return folder


def give_fence_devices(lab: Lab, folder: Path) -> None:
    """The nodes' BMCs take the place of fence_gnbd, which is gone; so no person has to confirm a loss any more."""
    lab_s = cluster.cluster_configuration(lab.place)
    devices = lab_s[lab_s.index("[FenceDevice]") : lab_s.index("[Domain]")]
    text = (folder / "cluster.conf").read_text().replace("Unsafe=yes\n", "")
    for node in lab.nodes():
        text = text.replace(f"Name={node}\n", f"Name={node}\nFence=bmc-{node}\n")
    (folder / "cluster.conf").write_text(f"{text}\n{devices}")
    (folder / "bmc.secret").touch(mode=0o600)
    (folder / "bmc.secret").write_bytes((lab.place.folder / "bmc.password").read_bytes())


def page(lab: Lab, url: str) -> str:
    """What a client gets; "" for nothing."""
    return lab.client("curl", "-sf", "-m", "1", url).stdout.strip()


def table(lab: Lab) -> str:
    return page(lab, f"http://{DATABASE}:3306/table")


def owner(lab: Lab, group: str) -> str:
    """Where it is started, as both nodes say alike; "" otherwise."""
    found = observe.agreed(lab)
    one = found.groups.get(group) if found is not None else None
    return one.owner if one is not None and one.phase == "started" else ""


def test_the_web_server_is_served_from_its_share_moves_when_it_is_killed_and_goes_home(imported: Lab) -> None:
    lab = imported
    first, second = lab.nodes()
    with trial_in(lab) as trial:
        trial.wait_until_started_on(first)
        assert page(lab, f"http://{VIRTUAL_ADDRESS}/") == PAGE
        refused = lab.sh(first, "standfast", "group", "relocate", GROUP, second, check=False)
        assert refused.returncode == 1  # no nofailback="1"
        assert f"it would go home to {first} at once" in refused.stderr
        at = trial.fault(f"{APACHE} is killed")
        observe.signal_all(lab, first, APACHE, "KILL")
        trial.wait_for_good_answer(at)
        trial.wait_until_started_on(second)  # recovery="relocate"
        lab.sh(first, "standfast", "group", "relocate", GROUP, first)
        trial.wait_until_started_on(first)

        trial.to_be_fenced.add(first)
        trial.cut_power(first)
        trial.wait_until_started_on(second, on=(second,), timeout_s=60)
        assert page(lab, f"http://{VIRTUAL_ADDRESS}/") == PAGE
        trial.wait_until_normal()  # its BMC switched it on again
        trial.wait_until_started_on(first)


def test_the_database_of_a_second_cluster_is_pushed_into_the_first_one_s(imported: Lab) -> None:
    lab = imported
    first, second = lab.nodes()
    folder = import_example(lab, "mysql.conf")
    share(lab, folder / "units/var-lib-mysql.mount", "tables").joinpath("table").write_text(f"{TABLE}\n")
    for name in ("var-lib-mysql.mount", "mysql.target"):
        lab.sh(first, "cp", f"{in_node(lab, folder)}/units/{name}", "/etc/standfast/units/")
    text = (folder / "cluster.conf").read_text()
    lab.sh(first, "mkdir", "/etc/standfast/cluster.conf.d")
    lab.sh(first, "tee", "/etc/standfast/cluster.conf.d/mysql.conf", text=text[text.index("[Domain]") :])
    refuse_until_it_is_installed(lab)

    with trial_in(lab) as trial:
        lab.sh(first, "standfast", "config", "push", "--yes", "--why", "the database of the old cluster")
        trial.wait(lambda: owner(lab, "mysql") == first and table(lab) == TABLE, 60, "the table")
        lab.sh(first, "standfast", "group", "relocate", "mysql", second)
        trial.wait(lambda: owner(lab, "mysql") == second and table(lab) == TABLE, 30, "the table from the other node")

        trial.to_be_fenced.add(second)  # nofailback="1": it is still there
        trial.cut_power(second)
        trial.wait(lambda: table(lab) == TABLE, 60, "the table after the loss of its node")
        trial.wait_until_normal()
        assert owner(lab, "mysql") == first


def refuse_until_it_is_installed(lab: Lab) -> None:
    """A server that is missing keeps the version away and is named, with the node that misses it."""
    first, second = lab.nodes()
    before = lab.sh(first, "standfast", "config", "history").stdout
    checked = lab.sh(first, "standfast", "config", "check", check=False)
    assert checked.returncode == 1
    assert "units/mysql.target:9: no unit mariadb.service here; install it" in checked.stdout
    install(lab, first)
    lab.sh(first, "standfast", "config", "check")
    pushed = lab.sh(first, "standfast", "config", "push", "--yes", check=False)
    assert pushed.returncode == 1
    assert f"{second}: units/mysql.target:9: no unit mariadb.service here; install it" in pushed.stderr
    assert lab.sh(first, "standfast", "config", "history").stdout == before
    install(lab, second)


def install(lab: Lab, node: str) -> None:
    lab.sh(node, "tee", "/etc/systemd/system/mariadb.service", text=MARIADB)
    lab.sh(node, "systemctl", "daemon-reload")
