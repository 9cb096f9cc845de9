"""The page in Cockpit on real nodes, in a real browser, through Cockpit's own login."""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from standfast_lab import cockpit

from lab.browser import Browser, browser
from lab.conftest import FULL
from lab.trial import GROUP, Trial

SCREENSHOTS = "STANDFAST_SCREENSHOTS"  # set: the folder that pictures of the page are written into
FRESH = f"[data-group={GROUP}] [data-state=started]"
LOGIN_REFUSED = "401"  # Cockpit's login asks first whether there is a session
WIDTHS, LANGUAGES = (1280, 360), ("en-us", "zh-cn")


@pytest.fixture
def page(trial: Trial) -> Iterator[Browser]:
    """Nobody is logged in yet."""
    cockpit.add(trial.lab.place)
    with browser(trial.lab) as one:
        yield one


def look(page: Browser, what: str, width: int = WIDTHS[0], language: str = LANGUAGES[0], *, dark: bool = False) -> None:
    """Nothing of the page is in the way of anybody who looks at it like this."""
    folder = os.environ.get(SCREENSHOTS)
    name = f"{what}-{width}-{'dark' if dark else 'light'}-{language}.png"
    file = str(Path(folder) / name) if folder else ""
    assert page.do("look", file=file, width=width, dark=dark, language=language) == [], name


def test_it_tells_a_power_cut_as_it_happens(trial: Trial, page: Browser) -> None:
    owner = trial.owner()
    here = trial.others(owner)[0]
    page.login(here)
    page.has("main", "All is well")
    for node in trial.lab.nodes():
        page.has(f"[data-node={node}] [data-state=online]")
    page.has(f"[data-node={owner}] {FRESH}")
    look(page, "well")

    at = trial.cut_power(owner)
    page.has("#attention", owner)
    page.has(f"[data-node={owner}] .pf-v6-c-card__title :not([data-state=online])[data-state]")
    look(page, "cut")
    trial.wait_for_good_answer(at)
    (place,) = {trial.owner()}
    page.has(f"[data-node={place}] {FRESH}")
    trial.lab.boot(owner)
    page.has("main", "All is well", within_s=90)
    assert not page.do("was_reloaded")
    assert [one for one in page.do("complaints") if LOGIN_REFUSED not in one] == []


def test_everybody_can_read_it(trial: Trial, page: Browser) -> None:
    page.login(trial.lab.nodes()[0], user="guest")
    page.has(f"[data-group={GROUP}]")
    page.do("click", selector=f"[data-group={GROUP}] button")
    page.has("table", "apache2.service")
    page.do("click", selector=f"[data-group={GROUP}] .pf-v6-c-expandable-section:last-child button")
    page.has(f"[data-group={GROUP}]", f"standfast group stop {GROUP}")
    few = [(WIDTHS[1], LANGUAGES[1], True)]
    looks = product(WIDTHS, LANGUAGES, (False, True)) if os.environ.get(FULL) or os.environ.get(SCREENSHOTS) else few
    for width, language, dark in looks:
        look(page, "everybody", width, language, dark=dark)
