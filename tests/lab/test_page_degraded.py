"""The page where something is the matter with the node that it comes from: it says what, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab.browser import Browser
from lab.looks import WIDTHS, look, look_at_all
from lab.older import older
from lab.trial import GROUP, Trial

RESOURCED = "standfast-resourced.service"
AWAY = "standfast-resourced does not run on this node"
OLDER = "Standfast on this node is older than this page"
VIEWS = ("overview", "timeline", "configuration/groups", "configuration/history")


def look_at_views(page: Browser, what: str, **says: str) -> None:
    """Each view in every look; `says`: what is the matter, in its own words, by the view's first word."""
    for view in VIEWS:
        page.do("go", hash=f"#/{view}")
        page.has("main", says[view.partition("/")[0]])
        look_at_all(page, f"{what}-{view.replace('/', '-')}")


def look_at_dialog(page: Browser, what: str) -> None:
    """In no other language: that loads the page anew, without the dialog."""
    look(page, what, WIDTHS[1], dark=True)
    look(page, what)


def test_not_quorate(trial: Trial, page: Browser) -> None:
    here, *others = trial.lab.nodes()
    page.login(here, rights=True)
    trial.fault(f"systemctl stop standfast.target on {' and '.join(others)}")
    for node in others:
        trial.lab.sh(node, "systemctl", "stop", "standfast.target", timeout_s=120)
        page.has(f"[data-node={node}] [data-state=left]")
    page.has("header", "not quorate")
    page.has("#attention", f"standfast quorum start-alone {' '.join(others)}")
    page.has("main", "1 more would have to come before anything is started here.")
    page.has(f"[data-group={GROUP}] [data-state=stopped]")
    look_at_all(page, "not-quorate")
    page.do("click", selector=f"[data-act='start {GROUP}']")
    page.has("[role=dialog] [data-stage=refused]", "no term is open")
    look_at_dialog(page, "not-quorate-start")
    page.button("Cancel", "[role=dialog]")
    page.do("go", hash="#/configuration/history")
    page.has("[data-version]", "in force")
    for node in others:
        trial.lab.sh(node, "systemctl", "start", "standfast.target", timeout_s=60)
    page.do("go", hash="#/overview")
    page.has("main", "All is well", within_s=90)


def test_resourced_is_stopped(trial: Trial, page: Browser) -> None:
    here = trial.others(trial.owner())[0]
    page.login(here, rights=True)
    with stopped_in_maintenance(trial, here):
        page.has("[data-absent=resourced]", f"systemctl start {RESOURCED}")
        page.has("main", "Groups are not known")
        look_at_views(page, "resourced-stopped", overview=AWAY, timeline=AWAY, configuration=AWAY)
        page.do("go", hash="#/overview")
        page.do("click", selector=f"text=Why {here} is so")
        page.has(f"[data-node={here}]", "nothing can be asked here")
    page.do("gone", selector="[data-absent=resourced]")
    page.has("main", "All is well")


@contextmanager
def stopped_in_maintenance(trial: Trial, node: str) -> Iterator[None]:
    """In which nobody is fenced: the others would do that to a node that is away for so long."""
    trial.lab.sh(node, "standfast", "maintenance", "on")
    trial.fault(f"systemctl stop {RESOURCED} on {node}")
    trial.lab.sh(node, "systemctl", "stop", RESOURCED)
    try:
        yield
    finally:
        trial.lab.sh(node, "systemctl", "start", RESOURCED)
        trial.wait(lambda: end_maintenance(trial, node), 30, f"a term on {node}, and the end of the maintenance")


def end_maintenance(trial: Trial, node: str) -> bool:
    return trial.lab.sh(node, "standfast", "maintenance", "off", check=False).returncode == 0


def test_older_daemons(trial: Trial, page: Browser) -> None:
    here = trial.owner()
    trial.fault(f"{RESOURCED} of {here} is restarted")
    with older(trial.lab, here):
        page.login(here, rights=True)
        page.has(f"[data-group={GROUP}] [data-state=started]")
        look_at_views(page, "older", overview=OLDER, timeline=OLDER, configuration=OLDER)
        page.do("go", hash="#/overview")
        page.do("click", selector=f"text=Why {here} is so")
        page.has(f"[data-node={here}]", f"{OLDER} and does not say why")
        page.do("click", selector=f"[data-act='relocate {GROUP}']")
        page.has("[role=dialog]", f"{OLDER} and does not say what would happen")
        look_at_dialog(page, "older-relocate")
