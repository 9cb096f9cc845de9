"""`standfast fence now` and `fence confirm` with resourced itself, on a private bus."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus
from fakes.resourced import with_resourced
from standfast.ctl.__main__ import main
from standfast.resourced.events import Fence, FencingTold
from standfast.resourced.race import MARGIN_MS, UNMEASURED_OFF_MS
from unit.cluster import fresh, term
from unit.test_core import Alone


def typed(*arguments: str) -> Callable[[], Awaitable[Result]]:
    def run() -> Result:
        return CliRunner(mix_stderr=False).invoke(main, ("fence", *arguments), env={"COLUMNS": "80"})

    return lambda: asyncio.to_thread(run)


def alone_with_a_loss(*, failed: bool) -> Alone:
    """n1 of two nodes; n2 is lost, and its device did not answer."""
    names = ("n1", "n2")
    node = Alone(names, term(fresh(*names), *names))
    node.desert()
    node.passes(UNMEASURED_OFF_MS + MARGIN_MS)
    (asked,) = {action for action in node.log if isinstance(action, Fence)}
    if failed:
        node.give(FencingTold(running=(), ended={(asked.loss, "off"): (False, "no answer")}))
        node.passes(500)
    return node


async def link_is_up(node: str) -> list[tuple[str, str]]:
    return [("link", f"Link 0 to {node} is up.")]


@pytest.mark.parametrize(("although", "code"), [((), 1), (("--although", "address"), 1), (("--although", "link"), 0)])
def test_a_confirmation_is_refused_for_each_objection_that_is_not_overridden(
    private_bus: PrivateBus, although: tuple[str, ...], code: int
) -> None:
    alone = alone_with_a_loss(failed=True)
    loss = alone.record.losses["n2"].number
    result = with_resourced(alone, typed("confirm", "n2", loss, *although), link_is_up)
    assert result.exit_code == code, result.stderr
    assert alone.record.losses["n2"].proof == ("" if code else "operator")
    assert ("Link 0 to n2 is up." in result.stderr) == bool(code)


def test_nothing_is_confirmed_before_an_attempt_has_failed(private_bus: PrivateBus) -> None:
    alone = alone_with_a_loss(failed=False)
    result = with_resourced(alone, typed("confirm", "n2", alone.record.losses["n2"].number))
    assert result.exit_code == 1
    assert "No attempt to fence n2 has failed yet" in result.stderr
    assert not alone.record.losses["n2"].proof


@pytest.mark.parametrize(("node", "why"), [("n3", "There is no node n3"), ("n1", "the others would not be quorate")])
def test_who_cannot_be_fenced_now_is_refused(private_bus: PrivateBus, node: str, why: str) -> None:
    alone = Alone().serve()
    result = with_resourced(alone, typed("now", node))
    assert result.exit_code == 1
    assert why in result.stderr
    assert not alone.record.losses
