"""The page in Cockpit on real nodes, in a real browser, through Cockpit's own login."""

from standfast_lab.behaviour import Mode

from lab.browser import Browser
from lab.looks import look, look_at_all, picture
from lab.trial import GROUP, Trial

FRESH = f"[data-group={GROUP}] [data-state=started]"
SLOW_S = 1.0  # for each answer of the BMC, so that fencing lasts long enough to be seen
LOGIN_REFUSED = "401"  # Cockpit's login asks first whether there is a session


def test_a_fire_drill_shows_what_it_would_do_and_goes_on_to_its_end(trial: Trial, page: Browser) -> None:
    owner = trial.owner()
    page.login(trial.others(owner)[0], rights=True)
    page.do("click", selector=f"[data-act='more {GROUP}']")
    page.do("click", selector=f"[data-group={GROUP}] [role=menuitem]:has-text('Fire drill')")
    page.field("[role=dialog]", "Although the last drill was a short time ago", value=True)
    page.has("[data-stage=foreseen]", f"{GROUP} is restarted on {owner}")
    look(page, "drill")
    trial.fault(f"fire drill: kill of {GROUP}")
    page.button("Fire drill", "[role=dialog]")
    page.has("[data-stage=done]", "recovery proven", within_s=60)
    page.button("Close", "[role=dialog]")


def test_it_tells_a_power_cut_as_it_happens(trial: Trial, page: Browser) -> None:
    owner = trial.owner()
    here = trial.others(owner)[0]
    page.login(here)
    page.has("main", "All is well")
    for node in trial.lab.nodes():
        page.has(f"[data-node={node}] [data-state=online]")
    page.has(f"[data-node={owner}] {FRESH}")
    look(page, "well")

    trial.lab.bmc(owner, Mode.SLOW, SLOW_S)
    at = trial.cut_power(owner)
    page.has("#attention", f"{owner} waits for proof")
    page.has(f"[data-node={owner}] .pf-v6-c-card__title :not([data-state=online])[data-state]")
    picture(page, "page-overview")
    look(page, "cut")
    trial.wait_for_good_answer(at)
    page.has("#attention", f"{owner} was fenced and is not back yet")
    (place,) = {trial.owner()}
    page.has(f"[data-node={place}] {FRESH}")
    trial.lab.bmc(owner, Mode.OK)
    trial.lab.boot(owner)
    page.has("main", "All is well", within_s=90)
    assert not page.do("was_reloaded")
    assert [one for one in page.do("complaints") if LOGIN_REFUSED not in one] == []


def test_everybody_can_read_it(trial: Trial, page: Browser) -> None:
    page.login(trial.lab.nodes()[0], user="guest")
    page.has(f"[data-group={GROUP}]")
    page.do("click", selector=f"[data-group={GROUP}] .pf-v6-c-expandable-section button")
    page.has("table", "apache2.service")
    page.do("click", selector=f"[data-group={GROUP}] .pf-v6-c-expandable-section:last-child button")
    page.has(f"[data-group={GROUP}]", f"standfast group stop {GROUP}")
    look_at_all(page, "everybody")
