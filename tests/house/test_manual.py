"""The manual pages say what the commands, the keys and the units are; no page is out of step with the code."""

import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import rhcs_pages
import standfast_man
from click.testing import CliRunner

from house.source import REPOSITORY
from standfast.configuration.keys import KEYS
from standfast.console.meanings import meanings
from standfast.ctl.__main__ import main
from standfast.metrics.families import FAMILIES
from standfast.operations.problems import Exit

MAN = REPOSITORY / "contrib/man"
PAGES = sorted(path for path in MAN.iterdir() if re.fullmatch(r"\.[1-8]", path.suffix))


def plain(page: str) -> str:
    """The page's text without roff's escapes."""
    return re.sub(r"\\f[BIR]|\\(?=[-e])", "", (MAN / page).read_text())


@pytest.mark.parametrize("name", sorted(standfast_man.pages()))
def test_a_page_is_what_is_made_from_the_code(name: str) -> None:
    made = standfast_man.pages()[name]
    assert (MAN / name).read_text() == made, "PYTHONPATH=services:contrib/rhcs python3 contrib/man/standfast_man.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_sentence_ends_with_one_full_stop(page: Path) -> None:
    assert not re.findall(r"[^.]\.\.(?:\s|$)", page.read_text())


def test_the_page_of_metrics_has_the_tables_that_are_made_from_the_code() -> None:
    made = standfast_man.metrics_page()
    assert standfast_man.METRICS_PAGE.read_text() == made, (
        "PYTHONPATH=services:contrib/rhcs python3 contrib/man/standfast_man.py"
    )
    assert made.count("| `standfast_") == len(FAMILIES)


def helped(*words: str) -> Iterator[str]:
    """Every command below these words that `standfast WORDS --help` lists and that lists no others."""
    shown = CliRunner().invoke(main, [*words, "--help"]).output
    listed = re.findall(r"^  (\S+) ", shown.partition("\nCommands:\n")[2], re.MULTILINE)
    for name in listed:
        yield from helped(*words, name)
    if not listed:
        yield " ".join(("standfast", *words))


def test_every_command_that_help_shows_is_in_the_page_and_no_other() -> None:
    told = set(re.findall(r"^\.TP\n(standfast(?: [a-z-]+)+)", plain("standfast.1"), re.MULTILINE))
    assert told == {*helped(), "standfast quorum", "standfast simulate"}


def test_every_option_and_exit_code_is_in_the_page() -> None:
    page = plain("standfast.1")
    for words, command in standfast_man.commands():
        below = page.partition(f".TP\n{words}")[2].partition(".TP\nstandfast")[0]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert all(name in below for name in option.opts), (words, option.opts)
    status = page.partition(".SH EXIT STATUS")[2].partition(".SH EXAMPLES")[0]
    assert re.findall(r"^\.B (\d+)$", status, re.MULTILINE) == [str(int(code)) for code in Exit]


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    assert meanings().keys() == {(key.scope.value, key.name) for key in KEYS if key.field is not None}
    assert all(text.endswith(".") for text in meanings().values())


def test_the_overview_names_every_unit_bus_name_and_page() -> None:
    page = re.sub(r'"|^\.BI (\S+) (\S+) (\S+)$', r"\1\2\3", plain("standfast.7"), flags=re.MULTILINE)
    units = [path.name for path in (REPOSITORY / "units").iterdir() if path.suffix in (".service", ".target")]
    for unit in units:
        assert _instance(unit) in page, unit
    for interface in (REPOSITORY / "dbus").glob("*.xml"):
        assert interface.stem in page, interface.stem


def _instance(unit: str) -> str:
    """A template's unit as a page calls it."""
    for template, word in (("ip", "ADDRESS"), ("ocf", "NAME"), ("event", "EVENT"), ("hang", "UNIT")):
        unit = unit.replace(f"-{template}@.", f"-{template}@{word}.")
    return unit


def test_the_package_has_every_page() -> None:
    listed = [
        page
        for package in ("standfast", "standfast-rhcs")
        for page in (REPOSITORY / f"contrib/debian/{package}.manpages").read_text().split()
    ]
    assert sorted(listed) == [str(path.relative_to(REPOSITORY)) for path in PAGES]


def test_every_command_of_rhcs_that_the_package_has_is_in_a_page_with_its_usage() -> None:
    links = (REPOSITORY / "contrib/debian/standfast-rhcs.links").read_text().split()[1::2]
    commands = {Path(link).name for link in links if link.startswith("usr/sbin/")}
    assert commands == rhcs_pages.COMMANDS.keys()
    for name in commands:
        usage = importlib.import_module(f"standfast_rhcs.{name}").USAGE
        page = plain(f"{name}.8")
        assert all(line.strip() in page for line in usage.splitlines()), name


def test_every_member_on_the_bus_is_in_a_page_with_what_it_means() -> None:
    for path in (REPOSITORY / "dbus").glob("*.xml"):
        page = plain(f"{path.stem}.5")
        members = re.findall(r'<(?:property|method|signal) name="(\w+)"', path.read_text())
        assert members
        for member in members:
            assert re.search(rf"^\.TP\n{member} \(.*\n(?!As its name)\S", page, re.MULTILINE), (path.stem, member)


def test_apropos_finds_the_pages(tmp_path: Path) -> None:
    for page in PAGES:
        folder = tmp_path / f"man{page.suffix[1:]}"
        folder.mkdir(exist_ok=True)
        shutil.copy(page, folder)
    subprocess.run(["mandb", "--quiet", "--create", "--user-db", tmp_path], check=True, capture_output=True)
    found = subprocess.run(["apropos", "-M", tmp_path, "standfast"], capture_output=True, text=True, check=True)
    assert {line.split()[0] for line in found.stdout.splitlines()} >= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_finds_nothing_wrong(page: Path) -> None:
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groff_finds_nothing_wrong(page: Path) -> None:
    result = subprocess.run(["groff", "-k", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
