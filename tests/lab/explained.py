"""What `standfast explain` says on a node, and that it is right."""

import json
from collections.abc import Iterable
from typing import Any

from standfast_lab import observe

from lab.trial import GROUP, Trial

COULD = {"could-run", "comes-after", "no-failback"}  # a node that could run the group
Explanation = dict[str, Any]


def explained(trial: Trial, node: str, name: str = GROUP) -> Explanation:
    """What the node says of a group or a node. A person gets it within 80 columns."""
    result = trial.lab.sh(node, "standfast", "explain", name, "--json", timeout_s=30)
    (explanation,) = json.loads(result.stdout)["explanations"]
    assert explanation["name"] == name
    found: Explanation = explanation
    return found


def rules(said: Iterable[dict[str, Any]]) -> list[str]:
    return [one["rule"] for one in said]


def of_node(explanation: Explanation, node: str) -> list[str]:
    """Why the group is not on this node."""
    (part,) = [part for part in explanation["others"] if part["name"] == node]
    return rules(part["reasons"])


def check_runs(trial: Trial, place: str, rule: str, *words: str) -> Explanation:
    """Each node says that the group runs on `place` because of this rule, in a sentence with the words,
    that every other node could run it, and that one of them would if `place` died. Returns what one of them says."""
    names = trial.lab.nodes()
    found = observe.each(names, lambda node: explained(trial, node))
    first = found[names[0]]
    for node, explanation in found.items():
        assert explanation["state"]["rule"] == "runs", (node, explanation["answer"])
        assert explanation["answer"].startswith(f"{GROUP} runs on {place}: "), node
        assert explanation["why"][0]["rule"] == rule, (node, explanation["answer"])
        assert all(word in explanation["answer"] for word in words), (node, explanation["answer"])
        assert [part["name"] for part in explanation["others"]] == list(trial.others(place)), node
        assert all(of_node(explanation, other)[0] in COULD for other in trial.others(place)), node
        assert f"standfast group relocate {GROUP} {trial.others(place)[0]}" in commands(explanation), node
        ((death,), deaths) = (
            explanation["if_node_dies"],
            rules(explanation["if_node_dies"][0]["outcomes"][0]["reasons"]),
        )
        assert (death["node"], deaths) == (place, ["would-start"]), node
        assert explanation["since"] == first["since"], node
    return first


def commands(explanation: Explanation) -> list[str]:
    return [way["command"] for way in explanation["ways"]]


def check_no_term(trial: Trial, node: str) -> None:
    """The node, which is in no open term, says so, and that it has nothing of the group."""

    def says_why() -> bool:
        result = trial.lab.sh(node, "standfast", "explain", GROUP, "--json", check=False, timeout_s=30)
        return result.returncode == 0 and "too few nodes are here" in result.stdout  # it has just booted, perhaps

    trial.wait(says_why, 30, f"{node} to explain that too few nodes are here")
    explanation = explained(trial, node)
    assert explanation["state"]["rule"] == "nothing-done", explanation["answer"]
    assert rules(explanation["why"])[:2] == ["no-term", "not-held-here"], explanation["answer"]
    assert "too few nodes are here" in explanation["answer"]
