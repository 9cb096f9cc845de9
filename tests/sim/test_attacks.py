"""Each attack on the protocol ends clean, and each on a rule of safety ends badly without that rule."""

from collections.abc import Callable

import pytest

from sim import attacks_model, planted

Attack = Callable[[], None]

ATTACKS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_model.proof_is_read_where_corosync_hung: (planted.only_the_last_owner_blocks,),
}
PAIRS = [(attack, bug) for attack, bugs in ATTACKS.items() for bug in bugs]


def named(value: Callable[[], object]) -> str:
    return value.__name__


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_an_attack_ends_clean(attack: Attack) -> None:
    attack()


@pytest.mark.parametrize(("attack", "bug"), PAIRS, ids=named)
def test_without_its_rule_the_same_attack_ends_badly(attack: Attack, bug: planted.Bug) -> None:
    with bug(), pytest.raises(AssertionError):
        attack()
