"""The tutorial's mysqld: a script whose stop fails when its daemon is already dead (issue 7, line 2)."""

from standfast_lab import observe

from lab.conftest import full_only
from lab.examples import example, owner_of, wait_until_fails, wait_until_started
from lab.trial import Trial

GROUP, UNIT, SCRIPT = "ledger", "ledgerd.service", "/etc/init.d/ledgerd"
URL = "http://192.0.2.101:8080/"
KILL = "pkill -9 -f '[h]ttp.server --directory /srv/ledger'"  # not itself


def test_a_script_whose_stop_fails_when_its_daemon_is_dead_recovers_relocates_and_nothing_is_stuck(
    trial: Trial,
) -> None:
    with example(trial, "lsb", trial.others(trial.owner())[0], SCRIPT, "/srv/ledger", "/run/ledgerd.pid"):
        first = wait_until_started(trial, GROUP, URL)
        at = trial.fault(f"{KILL} on {first}")
        trial.lab.sh(first, "sh", "-c", KILL)
        why = wait_until_fails(trial, GROUP, first, at)
        assert f"{UNIT} ended by itself, and a command of its stop ended with an error" in why
        wait_until_started(trial, GROUP, URL, on=first)
        trial.fault(f"{KILL} on {first}, again")
        trial.lab.sh(first, "sh", "-c", KILL)
        trial.wait(lambda: owner_of(trial, GROUP) not in (None, first), 40, f"{GROUP} to leave {first}")
        second = wait_until_started(trial, GROUP, URL)
        place = next(node for node in trial.lab.nodes() if node not in (first, second))
        trial.fault(f"{KILL} on {second}, stopped by hand at once")
        trial.lab.sh(second, "sh", "-c", f"{KILL}; standfast group relocate {GROUP} {place}", timeout_s=60)
        wait_until_started(trial, GROUP, URL, on=place)
        for node in trial.others(place):
            assert observe.unit_property(trial.lab, node, UNIT, "ActiveState") in ("failed", "inactive")
            assert not observe.processes(trial.lab, node, UNIT)


@full_only
def test_a_script_that_starts_at_boot_is_told_what_to_type(trial: Trial) -> None:
    node = trial.others(trial.owner())[0]
    script = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: ledgerd\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n"
    script += "# Required-Start:\n# Required-Stop:\n### END INIT INFO\nexit 0\n"
    file = trial.lab.root(node) / SCRIPT.lstrip("/")
    target = trial.lab.root(node) / "etc/standfast/units/ledger.target"
    try:
        file.write_text(script)
        file.chmod(0o755)
        target.write_text(f"[X-Standfast]\nResources={UNIT}\n")
        trial.lab.sh(node, "sh", "-c", "update-rc.d ledgerd defaults && systemctl daemon-reload")
        told = trial.lab.sh(node, "standfast", "config", "check", check=False)
        assert f"{UNIT} starts at boot by the links of its init script: systemctl disable {UNIT}" in told.stdout
        assert f"nobody would notice that the daemon of {SCRIPT} died" in told.stdout
        trial.lab.sh(node, "systemctl", "disable", UNIT)
        told = trial.lab.sh(node, "standfast", "config", "check", check=False)
        assert "starts at boot" not in told.stdout
        assert told.returncode == 0
    finally:
        target.unlink(missing_ok=True)
        trial.lab.sh(node, "sh", "-c", f"update-rc.d -f ledgerd remove; rm -f {SCRIPT}; systemctl daemon-reload")
