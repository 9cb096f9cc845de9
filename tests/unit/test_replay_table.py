"""What is shown of a long replay: its end, or what is around the first difference."""

import io
from typing import Any

from standfast.ctl.replay_table import show


def node(*steps: dict[str, str], **changes: Any) -> dict[str, Any]:
    known = {"node": "n1", "result": "same", "coordinators": ["n1"], "problems": {}, "differences": [], "gaps": 0}
    counts = dict.fromkeys(("updates", "digests", "plans", "decisions"), 1)
    return known | counts | {"unknown": {}, "steps": list(steps)} | changes


def step(number: int, kind: str = "update") -> dict[str, str]:
    return {"at": "2026-01-31T08:00:00.123Z", "place": f"1.{number}", "kind": kind, "text": f"step {number}."}


def shown(*nodes: dict[str, Any]) -> str:
    file = io.StringIO()
    show({"nodes": list(nodes)}, file, 80)
    return file.getvalue()


def test_of_many_steps_the_last_are_shown() -> None:
    text = shown(node(*map(step, range(1_000))))
    assert text.startswith("1000 steps in all; --json has them.\n")
    assert "step 999." in text
    assert "step 600." not in text
    assert "08:00:00.123" in text


def test_the_first_difference_is_among_them() -> None:
    differing = [step(number, "differs" if number == 500 else "update") for number in range(1_000)]
    first = {"at": "t", "place": "1.500", "what": "what n1 decided", "recorded": ["a"] * 30, "replayed": []}
    text = shown(node(*differing, result="different", differences=[first, first]))
    assert "DIFFERS" in text
    assert "step 505." in text
    assert "step 520." not in text
    assert "at 1.500, t (the first of 2 differences)." in " ".join(text.split())
    assert "recorded: … and 10 more" in text
    assert "now: nothing" in text


def test_each_node_of_several_has_its_part() -> None:
    text = shown(node(step(1)), node(node="n2", result="nothing", coordinators=["n1"]))
    assert text.index("As n1 recorded it") < text.index("As n2 recorded it")
    assert "This node decided nothing in this time: n1 did." in text


def test_what_could_not_be_compared_is_told() -> None:
    text = " ".join(shown(node(step(1), result="incomplete", gaps=2, unknown={"d" * 64: 3})).split())
    assert "In 2 places something of the recording is missing" in text
    assert "3 plans could not be made again without version dddddddddddd: its files are not here" in text
