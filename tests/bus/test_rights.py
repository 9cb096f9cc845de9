"""Who may call what: root, and whom polkit allows; with answers that the test writes, and with Debian's polkitd."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bus import polkit
from bus.polkit import CHALLENGE, DISMISSED, NO, YES, Question, Written, debians_polkitd
from bus.private import PrivateBus, as_nobody, until
from standfast.bus import Bus, BusError, Call, ErrorName, Server, rights

NAME = "org.standfast.Test"
ROOT = "/org/standfast"
INTERFACE = "org.standfast.Test1"
METHODS = {
    "Stop": ("Action", "org.standfast.operate"),
    "Push": ("Action", "org.standfast.configure"),
    "Shoot": ("Action", "org.standfast.fence"),
    "Begin": ("Access", "root"),
    "Look": ("Access", "everybody"),
}


class Service:
    """A daemon with one method for each right; `done` has what it did, and for whom."""

    def __init__(self, folder: Path) -> None:
        methods = "".join(
            f'<method name="{name}"><annotation name="org.standfast.{kind}" value="{value}"/></method>'
            for name, (kind, value) in METHODS.items()
        )
        xml = folder / "test.xml"
        xml.write_text(f'<node><interface name="{INTERFACE}">{methods}</interface></node>')
        self.done: list[tuple[str, int]] = []
        self.server = Server(xml)
        self.server.publish(ROOT, INTERFACE, {})
        for name in METHODS:
            self.server.handle(INTERFACE, name, self._do)

    async def _do(self, call: Call) -> tuple[Any, ...]:
        self.done.append((call.member, call.uid))
        return ()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def calls(*methods: str, interactive: bool = False) -> Callable[[], Coroutine[Any, Any, list[str]]]:
    """A program that calls them one after the other: "" for each that was done, else the error's sentence."""

    async def program() -> list[str]:
        answers = []
        async with await Bus.connect() as bus:
            for method in methods:
                try:
                    await bus.call(NAME, ROOT, INTERFACE, method, interactive=interactive, timeout_s=30)
                    answers.append("")
                except BusError as error:
                    assert error.name == ErrorName.ACCESS_DENIED, error.name
                    answers.append(error.text)
        return answers

    return program


def always(answer: Any) -> Callable[[Question], Awaitable[Any]]:
    async def tell(_: Question) -> Any:
        return answer

    return tell


def play(service: Service, authority: Written | None, program: Callable[[Bus], Awaitable[Any]]) -> Any:
    """What the program returned while the service and the authority ran."""

    async def main() -> Any:
        async with await Bus.connect() as bus:
            await service.server.attach(bus, NAME)
            if authority is None:
                return await program(bus)
            async with authority.running():
                return await program(bus)

    return asyncio.run(main())


def test_polkit_is_asked_for_the_method_s_action_and_the_caller_s_name_and_root_is_not_asked(
    private_bus: PrivateBus, service: Service, tmp_path: Path
) -> None:
    async def operators(question: Question) -> Any:
        return YES if question.action == "org.standfast.operate" else NO

    authority = Written(tmp_path, operators)

    async def program(_: Bus) -> Any:
        assert await calls(*METHODS)() == [""] * 5
        assert authority.questions == []
        return await as_nobody(calls(*METHODS))

    answers = play(service, authority, program)
    assert answers == [
        "",
        "org.standfast.Test1.Push needs the polkit action org.standfast.configure, which is not given to you: "
        "try again as root.",
        "org.standfast.Test1.Shoot needs the polkit action org.standfast.fence, which is not given to you: "
        "try again as root.",
        "Only root may call org.standfast.Test1.Begin.",
        "",
    ]
    assert [one.action.rpartition(".")[2] for one in authority.questions] == ["operate", "configure", "fence"]
    assert len({one.sender for one in authority.questions}) == 1
    assert authority.questions[0].sender.startswith(":")
    assert [name for name, uid in service.done if uid != 0] == ["Stop", "Look"]


@pytest.mark.parametrize("interactive", [False, True])
def test_polkit_may_ask_for_a_password_only_where_the_caller_allows_it(
    private_bus: PrivateBus, service: Service, tmp_path: Path, interactive: bool
) -> None:
    authority = Written(tmp_path, always(YES))
    assert play(service, authority, lambda _: as_nobody(calls("Stop", interactive=interactive))) == [""]
    assert [one.interactive for one in authority.questions] == [interactive]


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (CHALLENGE, "try again as root or where an administrator's password can be asked for"),
        (DISMISSED, "the question for a password was dismissed: try again."),
    ],
)
def test_a_refusal_says_which_action_is_missing_and_how_to_get_it(
    private_bus: PrivateBus, service: Service, tmp_path: Path, answer: Any, how: str
) -> None:
    (text,) = play(service, Written(tmp_path, always(answer)), lambda _: as_nobody(calls("Stop")))
    assert "Stop needs the polkit action org.standfast.operate" in text
    assert how in text
    assert service.done == []


def test_without_polkit_only_root_may_change(private_bus: PrivateBus, service: Service) -> None:
    async def program(_: Bus) -> Any:
        return [*await calls("Stop")(), *await as_nobody(calls("Stop", "Look"))]

    assert play(service, None, program) == [
        "",
        "Only root may call org.standfast.Test1.Stop: polkit, which may give org.standfast.operate to others, "
        "is not installed or does not answer.",
        "",
    ]
    assert service.done == [("Stop", 0), ("Look", 65534)]


@pytest.mark.parametrize("interactive", [False, True])
def test_a_polkit_that_does_not_answer_allows_nothing_and_its_question_is_withdrawn(
    private_bus: PrivateBus, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interactive: bool
) -> None:
    monkeypatch.setattr(rights, "ASKED_S" if interactive else "ANSWER_S", 0.2)

    async def never(_: Question) -> Any:
        await asyncio.Event().wait()

    authority = Written(tmp_path, never)

    async def program(_: Bus) -> Any:
        answers = await as_nobody(calls("Stop", interactive=interactive))
        await until(lambda: authority.withdrawn == [one.cancellation for one in authority.questions])
        return answers

    (text,) = play(service, authority, program)
    assert ("no password came within 0.2 s" if interactive else "is not installed or does not answer") in text
    assert service.done == []
    assert len(authority.questions) == 1


def test_polkit_gets_few_questions_at_a_time_and_the_daemon_s_own_calls_do_not_wait_behind_them(
    private_bus: PrivateBus, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "QUESTIONS", 2)
    answered = asyncio.Event()
    most = under_way = 0

    async def slow(_: Question) -> Any:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await answered.wait()
        under_way -= 1
        return YES

    authority = Written(tmp_path, slow)

    async def four_at_once() -> int:
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(calls("Stop")()) for _ in range(4)]
        return [task.result() for task in made].count([""])

    async def program(bus: Bus) -> Any:
        asking = asyncio.ensure_future(as_nobody(four_at_once))
        await until(lambda: len(authority.questions) == 2)
        monkeypatch.setattr(bus, "_slots", asyncio.Semaphore(1))
        (name,) = await bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s", NAME)
        assert name == bus.unique_name
        assert await calls("Stop")() == [""]
        assert len(authority.questions) == 2
        answered.set()
        return await asking

    assert play(service, authority, program) == 4
    assert (most, len(authority.questions)) == (2, 4)


def test_debian_s_polkit_asks_for_a_password_unless_a_rule_gives_the_action_to_a_group(
    private_bus: PrivateBus, service: Service, tmp_path: Path
) -> None:
    assert polkit.OPERATORS in polkit.EXAMPLE.read_text()

    async def program(_: Bus) -> Any:
        async with debians_polkitd(private_bus.socket.parent):
            return await as_nobody(calls(*METHODS))

    operate, configure, fence, begin, look = play(service, None, program)
    assert (operate, look) == ("", "")
    for text, action in ((configure, "configure"), (fence, "fence")):
        assert f"needs the polkit action org.standfast.{action}: try again as root or where" in text
    assert begin == "Only root may call org.standfast.Test1.Begin."
    assert service.done == [("Stop", 65534), ("Look", 65534)]


def test_an_action_that_polkit_does_not_know_is_for_root(
    private_bus: PrivateBus, service: Service, tmp_path: Path
) -> None:
    async def program(_: Bus) -> Any:
        async with debians_polkitd(private_bus.socket.parent, installed=False):
            return await as_nobody(calls("Stop"))

    (text,) = play(service, None, program)
    assert text == (
        "Only root may call org.standfast.Test1.Stop: polkit cannot judge org.standfast.operate "
        "(Action org.standfast.operate is not registered)."
    )
    assert service.done == []
