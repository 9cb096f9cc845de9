"""Why a unit is not active, and what is left of it."""

from pathlib import Path

import pytest

from standfast.configuration.mounts import mount_point, mount_unit
from standfast.manager import Listed
from standfast.resourced.unit_reading import (
    Ending,
    Machine,
    Past,
    address_of,
    find_control_groups,
    read_cause,
)

APACHE = "apache2.service"
ADDRESS = "standfast-ip@192.0.2.100.service"


def listed(unit: str = APACHE, active: str = "failed", load: str = "loaded") -> Listed:
    return Listed(unit=unit, name=unit, load=load, active=active, job="")


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (Ending(result="signal", main_code=2, main_status=9), "was killed by signal 9 (SIGKILL)"),
        (Ending(result="signal", main_code=2, main_status=64), "was killed by signal 64 (SIGRTMAX)"),
        (Ending(result="signal", main_code=2, main_status=40), "was killed by signal 40"),
        (Ending(result="signal"), "was killed by signal (a command of its start or stop)"),
        (Ending(result="core-dump", main_code=3, main_status=11), "was killed by signal 11 (SIGSEGV) and dumped core"),
        (Ending(result="exit-code", main_code=1, main_status=7, status_text="Serving"), "exited with status 7"),
        (Ending(result="exit-code"), "failed: a command of its start or stop ended with an error"),
        (Ending(result="oom-kill"), "was killed because memory ran out"),
        (Ending(result="watchdog"), "did not feed its watchdog in time"),
        (Ending(result="timeout"), "did not start or stop within its time limit"),
        (
            Ending(result="start-limit-hit"),
            "was started too often in a short time: a later drop-in has StartLimitIntervalSec=",
        ),
        (Ending(result="something-new"), "failed (something-new)"),
    ],
)
def test_the_end_of_a_failed_unit_is_a_kind_and_a_sentence(ending: Ending, text: str) -> None:
    cause = read_cause(listed(), ending, Past())
    assert cause is not None
    assert (cause.kind, cause.text) == (ending.result, f"{APACHE} {text}")


def test_an_init_script_whose_daemon_is_dead_and_whose_stop_fails_for_that_has_ended_by_itself() -> None:
    cause = read_cause(listed("mysqld.service"), Ending(result="exit-code"), Past(was_active=True))
    assert cause is not None
    assert cause.text == "mysqld.service ended by itself, and a command of its stop ended with an error"


def test_a_failed_unit_that_is_started_again_meanwhile_has_no_cause() -> None:
    queued = Listed(unit=APACHE, name=APACHE, load="loaded", active="failed", job="restart")
    assert read_cause(queued, Ending(result="signal", main_code=2, main_status=9), Past()) is None
    assert read_cause(listed(), Ending(result="success"), Past(was_active=True)) is None


def test_an_address_unit_says_itself_why_it_ended() -> None:
    said = "192.0.2.100 is in use by 02:00:00:00:00:01 on eth0."
    ending = Ending(result="exit-code", main_code=1, main_status=3, status_text=said)
    cause = read_cause(listed(ADDRESS), ending, Past())
    assert cause is not None
    assert cause.text == f"{ADDRESS} exited with status 3: {said}"


@pytest.mark.parametrize(
    ("one", "past", "kind"),
    [
        (listed(active="active"), Past(was_active=True), None),
        (listed(active="deactivating"), Past(was_active=True), None),
        (listed(active="inactive"), Past(), None),
        (listed(active="inactive"), Past(was_active=True), "gone"),
        (listed(active="inactive"), Past(was_active=True, ended_by_us=True), None),
        (listed(active="failed"), Past(ended_by_us=True), None),
        (listed(active="inactive"), Past(job_result="assert"), "assert"),
        (listed(active="inactive"), Past(job_result="dependency"), "dependency"),
        (listed(active="inactive", load="not-found"), Past(ended_by_us=True), "not-found"),
        (listed(active="inactive", load="masked"), Past(), "masked"),
    ],
)
def test_only_an_end_that_is_not_ours_has_a_cause(one: Listed, past: Past, kind: str | None) -> None:
    cause = read_cause(one, Ending(), past)
    assert (cause.kind if cause else None) == kind


@pytest.mark.parametrize(
    ("unit", "where"),
    [
        ("srv-www.mount", "/srv/www"),
        (r"srv-www\x2ddata.mount", "/srv/www-data"),
        (r"srv-\xc3\xa4.mount", "/srv/ä"),
        ("-.mount", "/"),
        (APACHE, None),
    ],
)
def test_a_mount_units_name_says_where_it_mounts(unit: str, where: str | None) -> None:
    assert mount_point(unit) == where
    assert where is None or mount_unit(where) == unit


def test_a_path_is_cleaned_before_it_becomes_a_mount_units_name() -> None:
    assert mount_unit("//srv/./my-data/") == r"srv-my\x2ddata.mount"
    assert mount_unit("/.hidden/a.b") == r"\x2ehidden-a.b.mount"


def test_an_address_units_name_says_its_address() -> None:
    assert address_of(ADDRESS) == b"\xc0\x00\x02\x64"
    assert address_of("standfast-ip@2001:db8::1.service") is not None
    assert address_of("standfast-ip@webserv.service") is None
    assert address_of(APACHE) is None


def group(root: Path, name: str, processes: str = "") -> None:
    for part in name.split("/"):
        root /= part
        root.mkdir(exist_ok=True)
        (root / "cgroup.procs").touch()
    (root / "cgroup.procs").write_text(processes)


def test_a_control_group_counts_with_all_below(tmp_path: Path) -> None:
    group(tmp_path, "system.slice/a.service")
    group(tmp_path, "system.slice/a.service/b/c", "17\n")
    group(tmp_path, "system.slice/empty.service/b")
    machine = Machine(tmp_path)
    assert machine.has_processes(["a.service"])
    assert machine.has_processes(["another-name.service", "a.service"])
    assert not any(machine.has_processes([name]) for name in ("empty.service", "missing.service", "b", ""))


@pytest.mark.parametrize(
    ("unit", "where"),
    [
        (APACHE, "system.slice/apache2.service"),
        ("a.service", "a.service"),  # Slice=-.slice
        ("d.service", "a.slice/a-b.slice/a-b-c.slice/d.service"),
        (ADDRESS, rf"system.slice/system-standfast\x2dip.slice/{ADDRESS}"),
        ("cpu.service", "system.slice/_cpu.service"),
        ("_x.service", "system.slice/__x.service"),
        ("cpufreq.service", "system.slice/cpufreq.service"),
    ],
)
def test_a_units_processes_are_found_in_whatever_slice_it_is(tmp_path: Path, unit: str, where: str) -> None:
    group(tmp_path, where, "17\n")
    assert Machine(tmp_path).has_processes([unit])
    assert Machine(tmp_path).control_groups([unit]) == [tmp_path / where]


@pytest.mark.parametrize("inside", ["machine.slice/systemd-nspawn@web.service", "system.slice/docker-17.scope", "lxc"])
def test_what_a_container_runs_under_the_same_name_is_another_unit(tmp_path: Path, inside: str) -> None:
    group(tmp_path, f"{inside}/system.slice/{APACHE}", "17\n")
    assert not Machine(tmp_path).has_processes([APACHE])


def test_a_list_of_processes_that_cannot_be_read_counts_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.service/cgroup.procs").mkdir(parents=True)
    assert Machine(tmp_path).has_processes(["a.service"])


def test_where_the_control_groups_cannot_be_listed_every_unit_counts_as_running(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Machine(tmp_path / "file").has_processes([APACHE])
    assert Machine(tmp_path / "missing").has_processes([APACHE])


@pytest.mark.parametrize(("layout", "where"), [("", ""), ("unified", "unified"), ("systemd", "systemd")])
def test_systemds_hierarchy_is_found_unified_hybrid_or_legacy(tmp_path: Path, layout: str, where: str) -> None:
    (tmp_path / layout).mkdir(exist_ok=True)
    (tmp_path / layout / "cgroup.procs").touch()
    assert find_control_groups(tmp_path) == tmp_path / where


def test_mounts_are_read_with_their_escapes(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("21 1 0:19 / /srv/www\\040data rw - nfs nas:/www rw\n22 1 0:20 / /mnt rw - ext4 /dev/vda rw\n")
    machine = Machine(tmp_path, mountinfo)
    assert machine.has_traces(r"srv-www\x20data.mount")
    assert machine.has_traces("mnt.mount")
    assert not machine.has_traces("srv.mount")


def test_an_address_of_this_machine_is_a_trace_of_its_unit(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert not machine.has_traces("standfast-ip@192.0.2.231.service")
    assert not machine.has_traces(APACHE)
