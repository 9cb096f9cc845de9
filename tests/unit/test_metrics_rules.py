"""Each alert rule fires when it should and only then, as `promtool test rules` sees it, and says what to type."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fakes.prometheus import promtool
from house.source import REPOSITORY
from standfast.ctl.__main__ import main
from standfast.metrics.families import FAMILIES

RULES = REPOSITORY / "contrib/metrics/standfast.rules.yml"
FROM = {"cluster": "webha", "instance": "node1:10664", "job": "standfast"}
CLUSTER = {"cluster": "webha"}
NODE = {**CLUSTER, "node": "node3"}
GROUP = {**CLUSTER, "group": "web"}
UNIT = {**GROUP, "resource": "apache2.service"}
DEVICE = {**CLUSTER, "device": "bmc"}


def rules() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text())
    return {rule["alert"]: rule for one in document["groups"] for rule in one["rules"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One alert. A series is NAME{LABELS} VALUES, without standfast_ and what every series of node1 has."""

    fires: str  # lines; the node is in term 7 if they do not say otherwise
    quiet: tuple[str, ...]  # each with the lines of `fires` that it does not have
    labels: Mapping[str, str] = field(default_factory=lambda: CLUSTER)  # of the alert, but for its severity
    value: str = ""  # as the summary has it
    at: str = ""  # a minute after the rule's `for` by default


def flag(name: str, value: int) -> str:
    return f'group_flag{{group="web",flag="{name}"}} {value}'


def state(name: str, value: int = 1) -> str:
    return f'node_state{{node="node3",state="{name}"}} {value}'


def probe(name: str, value: int = 1) -> str:
    return f'resource_probe{{group="web",resource="apache2.service",state="{name}"}} {value}'


NO_TERM = "term{} 0"
STARTED = 'group_phase{group="web",phase="started"}'
COPIES = 'group_phase{group="proxy@node1",phase="started"} 1\ngroup_phase{group="proxy@node2",phase="started"}'
CASES = {
    "StandfastEndpointDown": Case(fires=":up{} 0", quiet=(":up{} 1",), labels=FROM),
    "StandfastDaemonDown": Case(
        fires='up{daemon="fenced"} 0\nup{daemon="quorumd"} 1',
        quiet=('up{daemon="quorumd"} 0', 'up{daemon="fenced"} 1'),
        labels={**FROM, "daemon": "fenced"},
    ),
    "StandfastNotRunning": Case(
        fires='up{daemon="fenced"} 0\nup{daemon="quorumd"} 0',
        quiet=('up{daemon="quorumd"} 1',),
        labels={"cluster": "webha", "instance": FROM["instance"]},
    ),
    "StandfastNodeLost": Case(fires=state("lost"), quiet=(state("lost", 0), NO_TERM), labels=NODE),
    "StandfastLossUnproven": Case(
        fires='loss_attempts{node="node3"} 2', quiet=('loss_attempts{node="node3"} 1',), labels=NODE, value="2"
    ),
    "StandfastNodeNotBack": Case(
        fires=state("fenced"),
        quiet=(state("fenced", 0), 'node_state{node="node3",state="fenced"} 1x5 0x2000'),
        labels=NODE,
    ),
    "StandfastNodeUnhealthy": Case(
        fires='node_healthy{node="node3"} 0', quiet=('node_healthy{node="node3"} 1', NO_TERM), labels=NODE
    ),
    "StandfastLinkDown": Case(
        fires='link_up{node="node3",link="1"} 0\nnode_in_view{node="node3"} 1',
        quiet=('link_up{node="node3",link="1"} 1', 'node_in_view{node="node3"} 0'),
        labels={**FROM, "node": "node3", "link": "1"},
    ),
    "StandfastWithdrawn": Case(fires="withdrawn{} 1", quiet=("withdrawn{} 0",), labels=FROM),
    "StandfastNotQuorate": Case(
        fires="quorate{} 0", quiet=("quorate{} 1", 'quorate{} 0\nquorate{instance="node2:10664"} 1')
    ),
    "StandfastNodeNotQuorate": Case(
        fires='quorate{} 0\nquorate{instance="node2:10664"} 1',
        quiet=("quorate{} 1", 'quorate{instance="node2:10664"} 0'),
        labels=FROM,
    ),
    "StandfastNoTerm": Case(fires="term{} 0\nquorate{} 1", quiet=("quorate{} 0", "term{} 8")),
    "StandfastTermsChurn": Case(
        fires="terms_opened_total{} 0+1x2000", quiet=("terms_opened_total{} 0x10 1x2000",), value="15", at="30m"
    ),
    "StandfastArbiterSilent": Case(
        fires='arbiter_state{state="votes"} 0\narbiter_state{state="away"} 1', quiet=('arbiter_state{state="votes"} 1',)
    ),
    "StandfastMaintenanceForgotten": Case(fires="maintenance{} 1", quiet=("maintenance{} 1x100 0x2000", NO_TERM)),
    "StandfastNodeDrifted": Case(
        fires='node_drifted{node="node3"} 1', quiet=('node_drifted{node="node3"} 0', NO_TERM), labels=NODE
    ),
    "StandfastConfigurationEdited": Case(
        fires='node_edited_files{node="node3"} 2', quiet=('node_edited_files{node="node3"} 0',), labels=NODE, value="2"
    ),
    "StandfastConfigurationProblems": Case(
        fires="configuration_problems{} 1", quiet=("configuration_problems{} 0",), labels=FROM
    ),
    "StandfastJournalUnread": Case(fires="journal_read{} 0", quiet=("journal_read{} 1",), labels=FROM),
    "StandfastGroupBlocked": Case(
        fires='group_phase{group="web",phase="blocked"} 1',
        quiet=('group_phase{group="web",phase="blocked"} 0', NO_TERM),
        labels=GROUP,
    ),
    "StandfastGroupNotStarted": Case(
        fires=f"{STARTED} 0\n{flag('partial', 0)}\nmaintenance{{}} 0",
        quiet=(
            f"{STARTED} 1",
            f"{STARTED} 0x1 1x2000",
            'group_phase{group="web",phase="started",instance="node2:10664"} 1\nterm{instance="node2:10664"} 7',
            *(flag(name, 1) for name in ("disabled", "stopped", "frozen", "held-by-administrator")),
            "maintenance{} 1",
            NO_TERM,
        ),
        labels=GROUP,
    ),
    "StandfastCopiesMissing": Case(
        fires=f'copies_wanted{{group="proxy"}} 2\n{COPIES} 0',
        quiet=(f"{COPIES} 1", 'copies_wanted{group="proxy"} 1'),
        labels={**CLUSTER, "group": "proxy"},
        value="2",
    ),
    "StandfastGroupDisabled": Case(fires=flag("disabled", 1), quiet=(flag("disabled", 0), NO_TERM), labels=GROUP),
    "StandfastGroupHeld": Case(fires=flag("frozen", 1), quiet=(flag("frozen", 0), NO_TERM), labels=GROUP),
    "StandfastGroupPartial": Case(fires=flag("partial", 1), quiet=(flag("partial", 0), NO_TERM), labels=GROUP),
    "StandfastGroupFlapping": Case(
        fires='group_failures_total{group="web"} 0x5 0+1x9 9x2000',
        quiet=('group_failures_total{group="web"} 0x5 2x2000',),
        labels=GROUP,
        value="9",
        at="60m",
    ),
    "StandfastProbeDegraded": Case(fires=probe("degraded"), quiet=(probe("degraded", 0), NO_TERM), labels=UNIT),
    "StandfastProbeUnknown": Case(fires=probe("unknown"), quiet=(probe("unknown", 0), NO_TERM), labels=UNIT),
    "StandfastUnsafe": Case(fires="safe{} 0", quiet=("safe{} 1", NO_TERM)),
    "StandfastFenceDeviceSilent": Case(
        fires='fence_device_ok{device="bmc"} 0',
        quiet=('fence_device_ok{device="bmc"} 1', 'fence_device_ok{device="bmc"} 0x9 1x2000'),
        labels=DEVICE,
    ),
    "StandfastFenceTestOld": Case(
        fires='fence_device_last_test_timestamp_seconds{device="bmc"} 0',
        quiet=('fence_device_last_test_timestamp_seconds{device="bmc",instance="node2:10664"} 7000',),
        labels=DEVICE,
        value="2h 0m 0s",
        at="2h",
    ),
    "StandfastFenceProblems": Case(fires="fence_problems{} 1", quiet=("fence_problems{} 0",), labels=FROM),
    "StandfastDrillFailed": Case(
        fires='group_last_drill_ok{group="web"} 0', quiet=('group_last_drill_ok{group="web"} 1', NO_TERM), labels=GROUP
    ),
    "StandfastDrillOld": Case(
        fires=f'group_last_drill_timestamp_seconds{{group="web"}} {-91 * 86400}',
        quiet=('group_last_drill_timestamp_seconds{group="web"} 0',),
        labels=GROUP,
        value="91d 2h 0m 0s",
        at="2h",
    ),
}


def series(*texts: str) -> list[dict[str, str]]:
    """As promtool wants them; a later line takes the place of an earlier one of the same labels."""
    found: dict[str, str] = {}
    for line in "\n".join(("term{} 7", *texts)).splitlines():
        match = re.fullmatch(r"(:?)(\w+)\{(.*)\} (.+)", line)
        assert match, line
        labels = {**FROM, **dict(re.findall(r'(\w+)="([^"]*)"', match[3]))}
        name = match[2] if match[1] else f"standfast_{match[2]}"
        written = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        found[f"{name}{{{written}}}"] = match[4] if "x" in match[4] else f"{match[4]}x2000"
    return [{"series": one, "values": values} for one, values in found.items()]


def minutes(duration: str) -> int:
    number, unit = int(duration[:-1]), duration[-1]
    return number * 60 if unit == "h" else number if unit == "m" else 1


def at(name: str) -> str:
    """When the alert is looked at: a minute later than the rule waits."""
    return CASES[name].at or f"{minutes(rules()[name].get('for', '0m')) + 1}m"


def rendered(text: str, case: Case) -> str:
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: case.labels[found[1]], text)
    return re.sub(r"\{\{ \$value.*?\}\}", lambda _: case.value, text)


def alert_of(name: str) -> dict[str, Any]:
    rule, case = rules()[name], CASES[name]
    annotations = {key: rendered(text, case) for key, text in rule["annotations"].items()}
    return {"exp_labels": {**case.labels, **rule["labels"]}, "exp_annotations": annotations}


def played(name: str, expected: list[dict[str, Any]], *texts: str) -> dict[str, Any]:
    test = {"eval_time": at(name), "alertname": name, "exp_alerts": expected}
    return {"interval": "1m", "name": f"{name} {texts}", "input_series": series(*texts), "alert_rule_test": [test]}


def judged(folder: Path, *tests: dict[str, Any]) -> str:
    """What promtool has against these tests; "" = nothing."""
    path = folder / "tests.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    result = promtool("test", "rules", str(path))
    return "" if result.returncode == 0 else result.stdout + result.stderr


def test_every_rule_has_a_case() -> None:
    assert CASES.keys() == rules().keys()


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    result = promtool("check", "rules", "--lint-fatal", str(RULES))
    assert (result.returncode, f"{len(CASES)} rules found" in result.stdout) == (0, True), result.stderr


def test_every_rule_fires_with_its_sentence_and_its_next_command(tmp_path: Path) -> None:
    assert judged(tmp_path, *(played(name, [alert_of(name)], case.fires) for name, case in CASES.items())) == ""


def test_no_rule_fires_when_one_thing_is_otherwise(tmp_path: Path) -> None:
    quiet = [played(name, [], case.fires, text) for name, case in CASES.items() for text in case.quiet]
    assert judged(tmp_path, *quiet) == ""


def test_no_rule_fires_before_its_time(tmp_path: Path) -> None:
    early = [
        played(name, [], case.fires) for name, case in CASES.items() if minutes(rules()[name].get("for", "0m")) > 1
    ]
    for test in early:
        test["alert_rule_test"][0]["eval_time"] = "1m"
    assert len(early) > 20
    assert judged(tmp_path, *early) == ""


def test_every_rule_works_without_a_label_for_the_cluster(tmp_path: Path) -> None:
    def without(labels: Mapping[str, str]) -> dict[str, str]:
        return {key: value for key, value in labels.items() if key != "cluster"}

    tests = [played(name, [alert_of(name)], case.fires) for name, case in CASES.items()]
    for test in tests:
        for one in test["input_series"]:
            one["series"] = one["series"].replace('cluster="webha",', "")
        (alert,) = test["alert_rule_test"][0]["exp_alerts"]
        alert["exp_labels"] = without(alert["exp_labels"])
    assert judged(tmp_path, *tests) == ""


def test_promtool_would_notice_a_rule_that_does_not_fire(tmp_path: Path) -> None:
    assert "StandfastNodeLost" in judged(
        tmp_path, played("StandfastNodeLost", [alert_of("StandfastNodeLost")], NO_TERM)
    )


# What they say


def commands() -> set[str]:
    def below(words: str, command: click.Command) -> Iterator[str]:
        yield words
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                found = command.get_command(click.Context(command), name)
                assert found is not None
                yield from below(f"{words} {name}", found)

    return set(below("standfast", main))


@pytest.mark.parametrize("name", CASES)
def test_an_alert_says_who_acts_what_is_wrong_and_what_to_type(name: str) -> None:
    rule = rules()[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    summary, following = rule["annotations"]["summary"], rule["annotations"]["next"]
    assert summary.endswith(".")
    assert re.match(r"standfast |systemctl |journalctl ", following)
    known = commands()
    for words in re.findall(r"standfast( [a-z-]+)( [a-z-]+)?", following.replace("standfast-", "")):
        said = "standfast" + words[0]
        assert said in known or words[0].strip() == "start", (name, said)
        if words[1] and any(one.startswith(f"{said} ") for one in known):
            assert said + words[1] in known or said in ("standfast quorum",), (name, words)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_asks_only_for_what_there_is(name: str) -> None:
    for used in re.findall(r"\bstandfast_\w+", rules()[name]["expr"]):
        assert re.sub(r"_(bucket|sum|count)$", "", used) in FAMILIES, used
