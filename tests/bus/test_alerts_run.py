"""standfast-alerts against a fake systemd that runs the executables, and a journal that the test writes."""

import asyncio
import contextlib
import http.server
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.private import REPOSITORY, PrivateBus, until
from fakes.journal_reader import Journal
from fakes.systemd import FakeSystemd
from standfast.alerts import following, service
from standfast.alerts.following import Following
from standfast.alerts.outbox import MOST
from standfast.alerts.running import Runner
from standfast.alerts.service import Places, Service
from standfast.configuration import versions
from standfast.configuration.tree import File, Tree

WARNING, NOTICE = 4, 5
EXAMPLES = REPOSITORY / "contrib/examples/alerts"
NOTES = '#!/bin/sh\nprintf "%s %s\\n" "$STANDFAST_EVENT" "$STANDFAST_NOT_SENT" >>{said}\n'
HANGS = "#!/bin/sh\n# Alert-Timeout: 1s\necho waiting for the mail server >&2\nsleep 1000 &\nwait\n"


@dataclass
class Desk:
    """A node's journal, its version in force, and what its alerts wrote."""

    folder: Path
    systemd: FakeSystemd
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        for name in ("run", "var", "etc"):
            (self.folder / name).mkdir()
        self.said = self.folder / "said"

    def put_in_force(self, **scripts: str) -> None:
        files = {f"alerts.d/{name}": text.format(said=self.said) for name, text in scripts.items()}
        files["webhook.secret"] = "secret\n"
        tree = Tree(
            files={name: File(content=text.encode(), mode=0o600) for name, text in sorted(files.items())}, problems=()
        )
        versions.store(tree, self.folder / "var")
        versions.point(tree.digest, self.folder / "var")

    @contextlib.asynccontextmanager
    async def service(self) -> AsyncIterator["asyncio.Task[None]"]:
        """It runs; in the end it is stopped, as by systemd."""
        runner = Runner(self.folder / "run", "root")
        places = Places(versions=self.folder / "var", systemd=self.folder / "etc", events=self.folder / "run/events")
        task = asyncio.create_task(Service(Following(self.folder / "cursor"), runner, places).run())
        await until(lambda: (self.folder / "cursor").exists() or task.done() or not self.journal.entries)
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await runner.close()

    @property
    def runs(self) -> list[str]:
        """The services that were started."""
        return [call[1] for call in self.systemd.calls if call[0] == "StartTransientUnit"]

    def is_done(self) -> bool:
        """All that the journal has was sent, and nothing of it will be sent again."""
        stored = json.loads((self.folder / "cursor").read_text())["cursor"]
        return bool(stored == self.journal.entries[-1]["__CURSOR"])

    def lines(self) -> list[str]:
        return self.said.read_text().splitlines() if self.said.exists() else []


@contextlib.asynccontextmanager
async def desk_on(bus: PrivateBus, folder: Path) -> AsyncIterator[Desk]:
    systemd = FakeSystemd()
    await systemd.serve(bus.address)
    try:
        yield Desk(folder, systemd)
    finally:
        await asyncio.gather(*systemd.running)
        await systemd.leave()


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever desk is made, its journal is the one that is read."""
    made = Desk.__post_init__

    def remember(desk: Desk) -> None:
        made(desk)
        monkeypatch.setattr(following, "reader", desk.journal.reader)
        monkeypatch.setattr(following, "OLDEST", timedelta(days=36_500))

    monkeypatch.setattr(Desk, "__post_init__", remember)
    monkeypatch.setattr(service, "PAUSES_S", ())


pytestmark = pytest.mark.usefixtures("begun")


def test_an_executable_is_run_once_for_what_it_is_for(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(note=NOTES)
            desk.journal.write(0, "node-lost", level=WARNING)  # before it was there
            async with desk.service():
                desk.journal.write(1, "group-starting", level=6)
                desk.journal.write(2, "group-failed", level=WARNING, group="web", subject="n1")
                desk.journal.write(3, "group-started", level=NOTICE, group="web")
                await until(desk.is_done)
            async with desk.service():
                desk.journal.write(4, "disk-bad", level=3)
                await until(lambda: len(desk.lines()) == 3)
            assert desk.lines() == ["group-failed 0", "group-started 0", "disk-bad 0"]
            assert desk.runs == ["standfast-alert-note.service"] * 3

    asyncio.run(main())


def test_it_runs_with_nothing_of_what_the_cluster_needs(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.systemd.transient = "hang"
            desk.put_in_force(note="#!/usr/bin/python3 -u\n# Alert-Timeout: 7s\n# Alert-Secret: webhook.secret\n")
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "group-failed", level=WARNING)
                await until(lambda: bool(desk.systemd.units))
                ((name, unit),) = desk.systemd.units.items()
                known = unit.properties
                assert known is not None
                desk.systemd.end_transient(name)
                run = tmp_path / "run"
                assert known["ExecStart"][0][1] == ["/usr/bin/python3", "-u", str(run / "note")]
                wanted: dict[str, Any] = {
                    "Nice": 19,
                    "CPUSchedulingPolicy": 5,
                    "IOSchedulingClass": 3,
                    "TimeoutStartUSec": 7_000_000,
                }
                wanted |= {"User": "root", "Slice": "standfast-alerts.slice", "Type": "oneshot", "TasksMax": 64}
                assert {key: known[key] for key in wanted} == wanted
                assert f"STANDFAST_SECRET={run / '.note.secret'}" in known["Environment"]
                assert (run / ".note.secret").read_text() == "secret\n"
                assert (run / ".note.secret").stat().st_mode & 0o777 == 0o440
                assert json.loads(bytes(known["StandardInputData"]))["event"] == "group-failed"

    asyncio.run(main())


def test_one_that_hangs_is_killed_told_of_once_and_holds_up_no_other(
    private_bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(hangs=HANGS.replace("1s", "3s"), note=NOTES)
            desk.journal.write(0, "wish")
            async with desk.service():
                for number in range(3):
                    desk.journal.write(1 + number, "group-failed", level=WARNING)
                await until(lambda: len(desk.lines()) == 3, 30)
                assert desk.runs.count("standfast-alert-hangs.service") < 3, "it waited for the one that hangs"
                await until(lambda: desk.runs.count("standfast-alert-hangs.service") == 3, 30)
                desk.put_in_force(hangs='#!/bin/sh\necho "mended $STANDFAST_NOT_SENT" >>{said}\n', note=NOTES)
                desk.journal.write(9, "disk-bad", level=3)
                await until(desk.is_done, 30)
                assert "mended 3" in desk.lines()

    asyncio.run(main())
    (again,) = [line for line in capsys.readouterr().err.splitlines() if "[alert-sent]" in line]
    assert again.endswith(": Alert hangs is sent again [alert-sent]")


def test_its_failure_says_why_and_what_it_said(
    private_bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(hangs=HANGS, broken="#!/bin/sh\necho no such host >&2\nexit 3\n")
            desk.journal.write(0, "wish")
            async with desk.service():
                for number in range(2):
                    desk.journal.write(1 + number, "group-failed", level=WARNING)
                await until(lambda: len(desk.runs) == 4 and not desk.systemd.running)

    asyncio.run(main())
    told = [line for line in capsys.readouterr().err.splitlines() if "[alert-failed]" in line]
    assert sorted(line.partition(": ")[2] for line in told) == [
        "Alert broken was not sent for group-failed: it ended with 3; it said: no such host [alert-failed]",
        "Alert hangs was not sent for group-failed: it did not end within 1 s and was killed; "
        "it said: waiting for the mail server [alert-failed]",
    ]


def test_what_waits_is_bounded_and_what_was_not_sent_is_counted(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            go = tmp_path / "go"
            waits = f"#!/bin/sh\nuntil [ -e {go} ]; do sleep 0.05; done\n"
            desk.put_in_force(note=waits + NOTES.partition("\n")[2])
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "node-lost", level=WARNING)
                await until(lambda: bool(desk.systemd.running))
                for number in range(MOST + 7):
                    desk.journal.write(2 + number, "group-failed", level=WARNING)
                await until(desk.journal.is_read)
                go.touch()
                await until(desk.is_done)
            assert len(desk.lines()) == 1 + MOST
            assert desk.lines()[:3] == ["node-lost 0", "group-failed 7", "group-failed 0"]

    asyncio.run(main())


def test_what_was_not_sent_when_it_was_stopped_is_sent_afterwards(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            go = tmp_path / "go"
            desk.put_in_force(note=f"#!/bin/sh\n[ -e {go} ] || exec sleep 1000\n" + NOTES.partition("\n")[2])
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "node-lost", level=WARNING)
                desk.journal.write(2, "group-failed", level=WARNING)
                await until(lambda: any(unit.main_pid for unit in desk.systemd.units.values()))
            unit = desk.systemd.units["standfast-alert-note.service"]
            assert unit.process is not None
            unit.references = 0  # of who went away
            unit.process.kill()
            go.touch()
            async with desk.service():
                await until(lambda: len(desk.lines()) == 2)
            assert desk.lines() == ["node-lost 0", "group-failed 0"]

    asyncio.run(main())


def test_a_unit_that_is_hooked_into_an_event_is_started_with_what_happened_beside_it(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            target = "standfast-event@group-started.target"
            wants = tmp_path / f"etc/{target}.wants"
            wants.mkdir()
            (wants / "lamp.service").symlink_to("/dev/null")
            desk.systemd.add(target)
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "group-started", level=NOTICE, group="web")
                desk.journal.write(2, "group-failed", level=WARNING, group="web")
                await until(lambda: len(desk.systemd.calls) > 1)
            assert [call for call in desk.systemd.calls if call[0] == "StartUnit"] == [("StartUnit", target, "replace")]
            assert json.loads((tmp_path / "run/events/group-started.json").read_text())["group"] == ["web"]

    asyncio.run(main())


def test_without_anything_to_run_it_ends(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.journal.write(0, "wish")
            async with desk.service() as task:
                async with asyncio.timeout(5):
                    await task

    asyncio.run(main())


def test_the_example_for_mail_writes_one_that_no_text_can_add_headers_to(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = tmp_path / "sendmail"
    sink.write_text('#!/bin/sh\ncd "${0%/*}"\necho "$@" >arguments\ncat >mail.new\nmv mail.new mail\n')
    sink.chmod(0o755)
    monkeypatch.setenv("SENDMAIL", str(sink))

    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(mail=(EXAMPLES / "mail").read_text().replace("{", "{{").replace("}", "}}"))
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "node-lost", level=WARNING, group=["db", "web"], subject="n1", incident="8.1")
                desk.journal.entries[-1]["MESSAGE"] = "n1 is lost\nBcc: somebody@example.org"
                await until((tmp_path / "mail").exists)

    asyncio.run(main())
    head, _, body = (tmp_path / "mail").read_text().partition("\n\n")
    assert "Subject: [standfast] warning: n1 is lost Bcc: somebody@example.org" in head.splitlines()
    assert not any(line.startswith("Bcc") for line in head.splitlines())
    assert "Groups: db web" in body and "node-lost (warning) at 2026-01-01T12:00:01.000Z" in body
    assert (tmp_path / "arguments").read_text() == "-i -t\n"


class Sink(http.server.BaseHTTPRequestHandler):
    """Keeps what was posted."""

    posted: list[tuple[str, str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def sink() -> Iterator[http.server.HTTPServer]:
    Sink.posted = []
    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_example_for_a_webhook_posts_the_event_with_its_token(
    private_bus: PrivateBus, tmp_path: Path, sink: http.server.HTTPServer
) -> None:
    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(hook=(EXAMPLES / "webhook").read_text().replace("{", "{{").replace("}", "}}"))
            tree = versions.read_in_force(tmp_path / "var")
            assert tree is not None
            secret = f"http://127.0.0.1:{sink.server_port}/alerts?team=a\nt0ken\n".encode()
            files = {**tree.files, "webhook.secret": File(content=secret, mode=0o600)}
            versions.store(Tree(files=files, problems=()), tmp_path / "var")
            versions.point(Tree(files=files, problems=()).digest, tmp_path / "var")
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "group-failed", level=WARNING, group="web", cause="“ok” was expected")
                await until(lambda: bool(Sink.posted))

    asyncio.run(main())
    ((path, token, event),) = Sink.posted
    assert (path, token) == ("/alerts?team=a", "Bearer t0ken")
    assert (event["event"], event["group"], event["cause"]) == ("group-failed", ["web"], "“ok” was expected")


def test_a_run_that_failed_is_tried_again_a_few_times_before_the_next_event_has_its_turn(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service, "PAUSES_S", (0.0, 0.0))
    third_time = NOTES + 'test "$(grep -c "^$STANDFAST_EVENT" "{said}")" = 3\n'

    async def main() -> None:
        async with desk_on(private_bus, tmp_path) as desk:
            desk.put_in_force(note=third_time)
            desk.journal.write(0, "wish")
            async with desk.service():
                desk.journal.write(1, "group-failed", level=WARNING)
                desk.journal.write(2, "disk-bad", level=3)
                await until(desk.is_done)
            assert desk.lines() == ["group-failed 0"] * 3 + ["disk-bad 0"] * 3

            desk.put_in_force(note=NOTES + "exit 1\n")
            async with desk.service():
                desk.journal.write(3, "node-lost", level=WARNING)
                desk.journal.write(4, "node-lost", level=WARNING)
                await until(desk.is_done)
            assert desk.lines()[6:] == ["node-lost 0"] * 3 + ["node-lost 1"] * 3

    asyncio.run(main())
    assert capsys.readouterr().err.count("[alert-failed]") == 3
