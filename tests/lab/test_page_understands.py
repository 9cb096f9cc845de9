"""What happened, in the page on real nodes: an incident as it goes on, its waterfall beside the client's outage."""

from lab.browser import Browser
from lab.looks import look_at_all, picture
from lab.trial import GROUP, Trial
from lab.waterfall import last_incident, wait_until_adds_up


def test_the_waterfall_of_a_power_cut_adds_up_with_what_a_client_sees(trial: Trial, page: Browser) -> None:
    owner = trial.owner()
    page.login(trial.others(owner)[0], rights=True)
    page.do("click", selector=f"[data-group={GROUP}] a[href*=timeline]")
    page.has("h1", "What happened")

    before = last_incident(page)
    wait_until_adds_up(trial, page, before, trial.cut_power(owner))
    page.has(".sf-entries", owner)
    picture(page, "page-timeline")
    look_at_all(page, "timeline")
    trial.lab.boot(owner)
    page.do("go", hash="#/overview")
    page.has("main", "All is well", within_s=90)


def test_who_may_not_read_the_journal_is_told_so(trial: Trial, page: Browser) -> None:
    page.login(trial.lab.nodes()[0], user="guest")
    page.do("go", hash="#/timeline")
    page.has("main", "You may not read the journal")


def test_who_may_not_change_the_configuration_sees_it_and_is_told_why(trial: Trial, page: Browser) -> None:
    page.login(trial.lab.nodes()[0], user="guest")
    page.do("go", hash="#/configuration/groups")
    page.has(f"[data-kind=group][data-name={GROUP}]", "apache2.service")
    page.has("main", "You can look at the configuration, and not change it")
    assert page.do("attributes", selector="[data-kind=group] button[data-move]", name="data-move") == []
    look_at_all(page, "not-allowed")


def test_versions_have_who_when_and_what_for(trial: Trial, page: Browser) -> None:
    page.login(trial.lab.nodes()[0], rights=True)
    page.do("go", hash="#/configuration/history")
    page.has("[data-version]", "in force")
    look_at_all(page, "versions")
