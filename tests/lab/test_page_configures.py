"""The tutorial's Apache, built from nothing on three bare nodes by the page's forms only."""

from collections.abc import Iterator

import pytest
from standfast_lab import normal
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab

from lab.browser import Browser, browser
from lab.looks import WIDTHS, look, look_at_all, picture
from lab.own import bare_lab
from lab.trial import Trial
from lab.waterfall import last_incident, wait_until_adds_up

FIRST, *OTHERS = NODES = ("node1", "node2", "node3")
ADDRESS = "192.0.2.100"
GROUP = "webserv"
SLOW_S = 0.4  # for each answer of the BMC, so that fencing lasts long enough to be seen
PARTS = {
    "nodes": "Nodes",
    "devices": "Fence devices",
    "domains": "Failover domains",
    "groups": "Groups",
    "cluster": "Cluster",
    "files": "Files",
    "history": "Versions",
}
WHOLE = f"[data-kind=group][data-name={GROUP}]"
APACHE = f"{WHOLE} [data-item='apache2.service']"


@pytest.fixture(scope="module")
def bare() -> Iterator[Lab]:
    """Three machines in no cluster, with the package, Cockpit, and Apache that nobody started."""
    with bare_lab("forms", len(NODES), with_cockpit=True) as lab:
        for node in lab.nodes():
            lab.sh(node, "systemctl", "disable", "--now", "apache2")
            lab.sh(node, "sh", "-c", "hostname >/var/www/html/index.html")
        yield lab


def test_a_cluster_is_built_from_nothing_by_forms_only(bare: Lab) -> None:
    with browser(bare) as page:
        page.login(FIRST, rights=True)
        page.has("main", "Standfast is not running on this node")
        page.do("click", selector="text=begin a new cluster")
        page.has("main", "not begun yet")
        name_nodes(page)
        name_devices(page, (bare.place.folder / "bmc.password").read_text())
        order_domain(page)
        make_group(page)
        push(page, "Begin the cluster", "Version 1 is in force")
        normal.wait(bare)
        serves(bare)
        cut_power(page, bare, relocate(page, bare))
        change_and_keep(page)
        normal.wait(bare)
        go_back(page)
        for name, word in PARTS.items():
            page.do("go", hash=f"#/configuration/{name}")
            page.has("nav a[aria-current=page]", word)
            look_at_all(page, f"configuration-{name}")


def serves(lab: Lab) -> str:
    """The client gets its page from the node that the cluster names, which is answered."""
    owner = normal.owner(lab)
    assert lab.client("curl", "-sf", "-m", "1", f"http://{ADDRESS}/").stdout == f"{owner}\n"
    assert owner is not None
    return owner


def relocate(page: Browser, lab: Lab) -> str:
    """To the node that is given back; what would happen is shown first, then it goes on to its end."""
    page.do("go", hash="#/overview")
    target = next(node for node in OTHERS if node != serves(lab))  # this page is from the first one
    page.do("click", selector=f"[data-act='relocate {GROUP}']")
    page.has("#act-title", f"Relocate {GROUP}")
    page.field("[role=dialog]", "Node", target)
    page.has("[data-stage=foreseen]", f"to {target}")
    page.button("Relocate", "[role=dialog]")
    page.has("[data-stage=done]", within_s=60)
    page.button("Close", "[role=dialog]")
    assert serves(lab) == target
    return target


def cut_power(page: Browser, lab: Lab, owner: str) -> None:
    """Of the node that serves, while the page is open through another one: it tells all of it as it happens."""
    lab.client_start()
    trial = Trial(lab)
    page.do("go", hash="#/timeline")
    before = last_incident(page)
    page.do("go", hash="#/overview")
    lab.bmc(owner, Mode.SLOW, SLOW_S)
    at = trial.cut_power(owner)
    page.has(f"[data-node={owner}] [data-state=fencing]")
    page.has(f"[data-node={owner}] [data-state=fenced]")
    page.has(f"[data-node]:not([data-node={owner}]) [data-group={GROUP}] [data-state=started]")
    page.do("go", hash="#/timeline")
    wait_until_adds_up(trial, page, before, at)
    lab.client_stop()
    lab.bmc(owner, Mode.OK)
    normal.wait(lab)
    page.do("go", hash="#/overview")
    page.has("main", "All is well")
    serves(lab)


def part(page: Browser, name: str) -> None:
    page.do("go", hash=f"#/configuration/{name}")
    page.has(f"[data-part={name}]")


def add(page: Browser, label: str, name: str, within: str = "main") -> None:
    page.field(within, label, name)
    page.button(label, within)


def name_nodes(page: Browser) -> None:
    part(page, "cluster")
    page.field("[data-kind=cluster]", "Name=", "webha")
    part(page, "nodes")
    for number, node in enumerate(NODES, 1):
        if node != FIRST:
            add(page, "Add a node", node)
        page.has(f"[data-kind=node][data-name={node}]")
        page.field(f"[data-kind=node][data-name={node}]", "Address=", f"192.0.2.{10 + number}")


def name_devices(page: Browser, password: str) -> None:
    """Each is asked before anything relies on it."""
    part(page, "devices")
    for number, node in enumerate(NODES, 1):
        device = f"[data-kind=device][data-name=bmc-{node}]"
        add(page, "Add a fence device", f"bmc-{node}")
        page.field(device, "Agent=", "fence_redfish")
        page.has(device, "More options of fence_redfish")
        page.do("click", selector=f"{device} >> text=More options of fence_redfish")
        for option, value in options(number).items():
            page.field(device, option, value)
        page.field(device, "password", password)
        page.has(device, f"it is in bmc-{node}.secret")
        page.button(f"Ask bmc-{node} now", device)
        page.has(device, f"bmc-{node} answers", within_s=60)
    part(page, "nodes")
    for node in NODES:
        page.field(f"[data-kind=node][data-name={node}]", "Fence=", f"bmc-{node}")


def options(number: int) -> dict[str, str]:
    return {
        "ip": f"192.0.2.{200 + number}",
        "username": "fence",
        "systems_uri": f"/redfish/v1/Systems/{number}",
        "ssl_insecure": "1",
    }


def order_domain(page: Browser) -> None:
    """By dragging, and back by keyboard."""
    part(page, "domains")
    add(page, "Add a failover domain", "web")
    page.field("[data-kind=domain]", "Ordered=", "yes")
    for node in NODES:
        add(page, "Add a node to it", node, "[data-kind=domain]")
        page.has(f"[data-kind=domain] [data-item={node}]")
    page.do("drag", **{"from": "[data-item=node3]", "to": "[data-item=node1]"})
    page.has("[data-kind=domain] li:first-child", "node3")
    for place in ("2", "3"):
        page.do("click", selector="[data-item=node3] [data-move=down]")
        page.has(f"[data-kind=domain] li:nth-child({place})", "node3")


def make_group(page: Browser) -> None:
    part(page, "groups")
    add(page, "Add a group", GROUP)
    page.has(WHOLE)
    add(page, "Add an address", ADDRESS, WHOLE)
    page.has(f"{WHOLE} [data-item='standfast-ip@{ADDRESS}.service']")
    add(page, "Add a unit", "apache2.service", WHOLE)
    page.has(APACHE, "Settings of apache2.service")
    page.field(WHOLE, "Domain=", "web")
    page.do("click", selector=f"{APACHE} >> text=Settings of apache2.service")
    add(page, "Add a probe", "-", APACHE)
    probe = f"{APACHE} [data-kind=probe]"
    page.field(probe, "URL=", "http://127.0.0.1/")
    page.has("main", "checked: right", within_s=30)


def push(page: Browser, button: str, done: str) -> None:
    part(page, "push")
    page.button("What would that do?")
    page.has("[data-plan]", within_s=60)
    look(page, "plan", WIDTHS[1], dark=True)  # no other language: that loads the page anew, and a plan is not kept
    look(page, "plan")
    page.button(button)
    page.has("main", done, within_s=180)


def change_and_keep(page: Browser) -> None:
    """A version that must be kept is kept."""
    part(page, "groups")
    page.field(WHOLE, "Description=", "The company's web site")
    page.has("header", "files changed: 1")
    picture(page, "page-groups")
    push(page, "Push to every node", "Version 2 is in force")
    page.has("#unconfirmed", "comes back by itself")
    page.button("Keep it", "#unconfirmed")
    page.do("gone", selector="#unconfirmed")


def go_back(page: Browser) -> None:
    page.do("go", hash="#/configuration/history")
    page.button("Go back to 1")
    page.has("[data-plan]", within_s=60)
    page.field(".sf-confirm", "It must be kept", value=False)
    page.button("Bring the files of 1 into force")
    page.has("main", "Version 3 is in force", within_s=120)
