"""However a command ends: one sentence, an exit code, and no traceback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from standfast.bus import BusError, ErrorName
from standfast.ctl import __main__ as program
from standfast.ctl.program import Program
from standfast.operations.names import closest, unknown

SERVICES = Path(__file__).parents[2] / "services"
SENTENCE = 'click.echo("“node1” \\u2013 is lost… ä")'


def run(code: str, *words: str, wrapper: str = "", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A program whose only word is `do`, in a process of its own."""
    source = (
        "import click, sys\nfrom standfast.ctl.program import Program\nimport standfast.ctl as ctl, types\n"
        f"@click.command()\ndef do():\n    {code}\n"
        "sys.modules['standfast.ctl.made'] = types.SimpleNamespace(do=do)\n"
        "Program('standfast', words={'do': 'made:do'}).main(sys.argv[1:])\n"
    )
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES)} | variables
    command = [sys.executable, "-c", source, *(words or ("do",))]
    if wrapper:
        command = ["sh", "-c", f'"$@" {wrapper}', "sh", *command]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)


def typed(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(program.main, words)


def test_what_nobody_foresaw_is_a_sentence_that_says_what_to_do() -> None:
    found = run("raise KeyError('Foo')")
    assert found.returncode == 1
    assert found.stderr.decode() == (
        "standfast: This is a fault of Standfast (KeyError: 'Foo'): "
        "`standfast report` makes a file of what its developers need.\n"
    )


def test_its_developers_see_the_traceback() -> None:
    found = run("raise KeyError('Foo')", STANDFAST_DEBUG="1")
    assert b"Traceback" in found.stderr
    assert b"This is a fault of Standfast" in found.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    found = run("[click.echo('x' * 100) for _ in range(100_000)]", wrapper="| head -1")
    assert found.stderr == b""
    assert found.stdout == b"x" * 100 + b"\n"


@pytest.mark.parametrize("code", ["click.echo('a line')", "print('a line that nobody flushes')"])
def test_a_full_disk_is_told(code: str) -> None:
    found = run(code, wrapper=">/dev/full")
    assert found.returncode == 1
    assert found.stderr.decode() == (
        "standfast: This cannot be written: No space left on device. Make room there (df), then type it again.\n"
    )


def test_a_file_that_may_not_be_read_is_told() -> None:
    found = run("raise PermissionError(13, 'Permission denied', '/etc/x')")
    assert (found.returncode, found.stderr) == (5, b"standfast: /etc/x: Permission denied. Try again as root.\n")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"LANG": "C.UTF-8"}, "“node1” \u2013 is lost… ä\n".encode()),
        ({"LANG": "C"}, "“node1” \u2013 is lost… ä\n".encode()),  # a pipe: as Python and its readers have it
        ({"PYTHONIOENCODING": "ascii"}, b'"node1" - is lost... ?\n'),
        ({"PYTHONIOENCODING": "latin-1"}, b'"node1" - is lost... \xe4\n'),
    ],
)
def test_what_a_stream_cannot_show_is_shown_by_what_is_like_it(variables: dict[str, str], wanted: bytes) -> None:
    found = run(SENTENCE, **variables)
    assert (found.returncode, found.stdout, found.stderr) == (0, wanted, b"")


def test_a_terminal_in_the_c_locale_gets_ascii() -> None:
    parent, child = os.openpty()
    command = [sys.executable, "-c", f"import click; from standfast.ctl import streams; streams.prepare(); {SENTENCE}"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES), "LANG": "C"}
    subprocess.run(command, env=environment, stdout=child, check=True, timeout=60)
    assert os.read(parent, 100) == b'"node1" - is lost... ?\r\n'
    os.close(child)
    os.close(parent)


def test_json_in_ascii_is_still_the_same_json() -> None:
    code = "from standfast.ctl.streams import print_json; print_json({'why': 'für dich'})"
    assert run(code, PYTHONIOENCODING="ascii").stdout == b'{\n "why": "f\\u00fcr dich"\n}\n'
    assert run(code).stdout.decode() == '{\n "why": "für dich"\n}\n'


def test_ctrl_c_outside_of_a_wait_says_what_became_of_it() -> None:
    found = run("raise KeyboardInterrupt")
    assert found.returncode == 6
    assert found.stderr.decode().strip().startswith("standfast: This command was ended before it was done")


def test_an_error_of_the_bus_is_told_wherever_it_comes_from() -> None:
    words = f"from standfast.bus import BusError; raise BusError('{ErrorName.NOT_QUORATE.value}', 'it may not act')"
    found = run(words)
    assert found.returncode == 4
    assert found.stderr.decode().startswith("standfast: It may not act. `standfast status` shows")
    assert BusError.__name__ not in found.stderr.decode()


@pytest.mark.parametrize(
    ("words", "like"),
    [
        (("grop",), "group"),
        (("group", "strat"), "start"),
        (("node", "stanby"), "standby"),
        (("config", "pus"), "push"),
        (("fence", "hist"), "history"),
        (("quorum", "alone"), "start-alone"),
    ],
)
def test_the_closest_word_is_named(words: tuple[str, ...], like: str) -> None:
    found = typed(*words)
    assert found.exit_code == 2
    assert f"No such command '{words[-1]}'. Did you mean '{like}'?" in found.stderr


def test_where_none_is_close_all_are_named() -> None:
    assert "There are: off, on." in typed("maintenance", "xyz").stderr


def test_the_closest_option_is_named() -> None:
    found = typed("status", "--jsn")
    assert (found.exit_code, "--json" in found.stderr) == (2, True)


def test_every_word_that_others_follow_knows_the_closest_one() -> None:
    def nouns(command: click.Command) -> list[click.Group]:
        if not isinstance(command, click.Group):
            return []
        context = click.Context(command)
        below = [command.get_command(context, name) for name in command.list_commands(context)]
        return [command, *(noun for one in below if one is not None for noun in nouns(one))]

    wrong = [noun.name for noun in nouns(program.main) if type(noun).resolve_command is click.Group.resolve_command]
    assert not wrong, "use cls=Noun"
    assert isinstance(program.main, Program)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("nod1", "node1"), ("NODE2", "node2"), ("web", "webserv"), ("webserv2", "webserv"), ("x", ""), ("", "")],
)
def test_the_closest_name_is_the_one_that_was_meant(name: str, wanted: str) -> None:
    assert closest(name, ("node1", "node2", "webserv")) == wanted


def test_few_of_many_names_are_shown() -> None:
    told = unknown("group", "web7x", [f"web{number}" for number in range(40)]).message
    assert told.startswith("There is no group web7x. Did you mean web7? Groups: web0, web1, web10")
    assert told.endswith(" and 28 more.")


def test_no_console_is_made_elsewhere() -> None:
    made = [path.name for path in (SERVICES / "standfast/ctl").glob("*.py") if "Console(" in path.read_text()]
    assert made == ["plain.py"], "use plain_console: it knows --no-color"


@pytest.mark.parametrize("place", ["first", "last"])
def test_no_color_counts_at_any_place(place: str) -> None:
    code = "from standfast.ctl.plain import plain_console; plain_console(None, None).print('word', style='red')"
    words = ("--no-color", "do") if place == "first" else ("do", "--no-color")
    variables = {"FORCE_COLOR": "1", "TERM": "xterm"}
    assert b"\x1b[31m" in run(code, **variables).stdout
    assert run(code, *words, **variables).stdout == b"word\n"
    assert run(code, NO_COLOR="1", **variables).stdout == b"word\n"


@pytest.mark.parametrize(("more", "coloured"), [((), True), (("--no-color",), False)])
def test_no_color_counts_for_what_is_no_table_too(more: tuple[str, ...], coloured: bool) -> None:
    parent, child = os.openpty()
    source = (
        "import click, sys, types\nfrom standfast.ctl.program import Program\n"
        "@click.command()\ndef do():\n    click.secho('word', fg='red')\n"
        "sys.modules['standfast.ctl.made'] = types.SimpleNamespace(do=do)\n"
        "Program('standfast', words={'do': 'made:do'}).main(sys.argv[1:])\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES), "TERM": "xterm", "LANG": "C.UTF-8"}
    command = [sys.executable, "-c", source, "do", *more]
    subprocess.run(command, env=environment, stdout=child, check=True, timeout=60)
    assert (b"\x1b[31m" in os.read(parent, 100)) is coloured
    os.close(child)
    os.close(parent)
