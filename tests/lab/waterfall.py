"""The last incident in the page's view of what happened: its steps, beside what a client saw."""

from lab.browser import Browser
from lab.trial import Trial

WITHIN = 0.2  # of the outage; a tenth is asked of `standfast timeline`, whose document this is, elsewhere
STEPS = ("detected", "decided", "fenced", "started", "good")  # of a power cut; a start may be good at once


def last_incident(page: Browser) -> str:
    """What the last one is called, of a page that shows it; the list is there."""
    page.has(".sf-incidents a")
    (name,) = page.attributes(".sf-incidents li:first-child a", "href")
    return name


def wait_until_adds_up(trial: Trial, page: Browser, before: str, at: float) -> None:
    """A power cut since then, which came after that incident, is shown, and its steps are as long as the outage."""
    outage_ms = 1000 * trial.wait_for_good_answer(at)
    steps: dict[str, int] = {}

    def shown() -> bool:
        if last_incident(page) == before:
            return False
        names, told = (page.attributes("[data-ms]", one) for one in ("data-step", "data-ms"))
        steps.clear()
        steps.update(zip(names, map(int, told), strict=False))  # more may have come between the two
        return {"fenced", "good"} <= steps.keys()

    trial.wait(shown, 60, lambda: f"an incident that ends well: {steps}")
    assert steps.keys() <= set(STEPS) and steps.keys() >= {"detected", "decided", "fenced"}, steps
    assert abs(sum(steps.values()) - outage_ms) <= WITHIN * outage_ms, (steps, outage_ms)
    page.has("tfoot", f"{sum(steps.values()):,} ms")
