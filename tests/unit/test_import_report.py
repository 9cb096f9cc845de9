"""What `standfast import` says: a line for everything, the packages to install, what to type next."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from standfast.ctl import import_table
from standfast.ctl.__main__ import main
from standfast.ctl.import_folder import Outcome, import_file
from standfast.rhcs.document import Element, parse_document
from standfast.rhcs.packages import package_of
from standfast.rhcs.servers import UNITS
from standfast.rhcs.services import TRANSLATIONS
from standfast.rhcs.units import Unit

FILES = Path(__file__).parent / "rhcs"
ADDRESSES = {
    **{node: (f"192.0.2.{11 + i}", f"198.51.100.{11 + i}") for i, node in enumerate("abc")},
    "left.example.com": ("192.0.2.11",),
    "right.example.com": ("192.0.2.12",),
}


def outcome(tmp_path: Path, name: str) -> Outcome:
    return import_file(FILES / name, tmp_path / "new folder", ADDRESSES)


def printed(outcome: Outcome) -> list[str]:
    """The lines of the report on a very wide terminal."""
    import_table.show(outcome, file := io.StringIO(), width=1000)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def below(element: Element) -> Iterator[Element]:
    for child in element.children:
        yield child
        yield from below(child)


def test_the_report_has_a_line_for_everything_in_the_services(tmp_path: Path) -> None:
    """Of more than twenty types; what stands in a service that was left out as a whole is told with it."""
    root = parse_document((FILES / "many.conf").read_bytes(), "many.conf")
    services = [one for one in below(root) if one.tag in ("service", "vm") and one.attributes["name"] != "lost"]
    given = [word for node in "abc" for one in ADDRESSES[node] for word in ("--address", f"{node}={one}")]
    arguments = ("import", str(FILES / "many.conf"), "--into", str(tmp_path / "new"), "--json", *given)
    document = json.loads(CliRunner(mix_stderr=False).invoke(main, arguments).stdout)
    said = {(one["line"], one["what"].strip("<>").split()[0]) for one in document["became"] + document["findings"]}
    wanted = {(one.line, one.tag) for service in services for one in (service, *below(service))}
    assert len({tag for _, tag in wanted} & set(TRANSLATIONS)) >= 20
    assert not wanted - said


def test_what_the_report_says_is_printed_whole(tmp_path: Path) -> None:
    found = outcome(tmp_path, "many.conf")
    lines = [" ".join(line.split()) for line in printed(found)]
    assert not [str(one) for one in found.made.findings if str(one) not in lines]
    table = [f"{one.source.line} {one.what} {one.now}" for one in found.made.became]
    assert lines[1 : 1 + len(table)] == table


@pytest.mark.parametrize("in_cluster", [False, True])
def test_what_to_type_next_is_said_for_a_new_cluster_and_for_one_that_runs(tmp_path: Path, in_cluster: bool) -> None:
    *_, check, _, last = printed(replace(outcome(tmp_path, "apache.conf"), in_cluster=in_cluster))
    folder = f"'{tmp_path}/new folder'"
    begin, push = f"  cp -r {folder}/. /etc/standfast/ && standfast init", "  standfast config push"
    assert check == f"  standfast config check {folder}"
    assert last == (push if in_cluster else begin)


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("apache.conf", "apache2 nfs-common"),
        ("mysql.conf", "mariadb-server nfs-common"),
        (
            "many.conf",
            "apache2 bind9 cifs-utils drbd-utils fence-agents gfs2-utils mariadb-server nfs-kernel-server "
            "postgresql-15 resource-agents samba slapd tomcat10",
        ),
    ],
)
def test_the_packages_that_it_needs_are_named(tmp_path: Path, name: str, packages: str) -> None:
    lines = printed(outcome(tmp_path, name))
    assert lines[lines.index("To install on every node:") + 1] == f"  {packages}"


def test_every_unit_of_debian_that_an_import_can_name_is_in_a_package() -> None:
    """But one that systemd makes of an init script, and addresses, which are ours."""
    for unit in {*UNITS.values(), "nmbd", "smbd", "slapd", "tomcat10"}:
        assert package_of(Unit(name=f"{unit}.service")), unit
