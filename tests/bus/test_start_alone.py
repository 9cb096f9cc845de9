"""`standfast quorum start-alone` and `fence confirm` with resourced itself, on a private bus."""

import asyncio
from collections.abc import Awaitable, Callable

from click.testing import CliRunner, Result

from bus.private import PrivateBus
from fakes.resourced import with_resourced
from standfast.ctl.__main__ import main
from standfast.resourced.events import Fence, FencingTold
from unit.test_alone import asked, waiting


def typed(*arguments: str) -> Callable[[], Awaitable[Result]]:
    def run() -> Result:
        return CliRunner(mix_stderr=False).invoke(main, arguments, env={"COLUMNS": "80"})

    return lambda: asyncio.to_thread(run)


def test_a_request_is_taken_and_its_loss_is_shown_until_it_is_proven(private_bus: PrivateBus) -> None:
    node = waiting()
    result = with_resourced(node, typed("quorum", "start-alone", "n2", "--yes", "--timeout", "0.5"))
    assert result.exit_code == 6, result.stderr
    (fence,) = [action for action in node.log if isinstance(action, Fence)]
    assert f"n2 waits for proof that it is off (loss {fence.loss}): an operator goes on without it" in result.stderr
    assert node.core.alone.wanted["n2"].loss == fence.loss


def test_a_request_that_names_too_few_is_refused_with_a_sentence(private_bus: PrivateBus) -> None:
    node = waiting("n1", "n2", "n3")
    result = with_resourced(node, typed("quorum", "start-alone", "n2", "--yes"))
    assert result.exit_code == 1
    assert "n3 is absent too: name every absent node" in result.stderr.lower()
    assert node.core.alone.wanted == {}


def test_what_no_device_proves_is_confirmed_by_the_loss_that_is_shown(private_bus: PrivateBus) -> None:
    node = asked()
    loss = node.core.alone.wanted["n2"].loss
    node.give(FencingTold(running=(), ended={(loss, "off"): (False, "no answer")}))
    result = with_resourced(node, typed("fence", "confirm", "n2", loss))
    assert result.exit_code == 0, result.stderr
    assert node.core.alone.wanted["n2"].how == "operator"
