"""Who may change what: root may, others are asked for at polkit (org.freedesktop.PolicyKit1.Authority)."""

import asyncio
from typing import Any, Final

from standfast.bus.client import Bus
from standfast.bus.errors import BusError, ErrorName
from standfast.bus.interfaces import Method
from standfast.bus.library import MessageFlag
from standfast.bus.values import Variant
from standfast.bus.wire import make_call

POLKIT: Final = "org.freedesktop.PolicyKit1"
AUTHORITY_PATH: Final = "/org/freedesktop/PolicyKit1/Authority"
AUTHORITY: Final = "org.freedesktop.PolicyKit1.Authority"
ANSWER_S: Final = 10.0  # polkit may have to be started first
ASKED_S: Final = 120.0  # somebody looks for a password
QUESTIONS: Final = 16  # at polkit at the same time; the others wait. Callers bounds those of one user
_ALLOW_USER_INTERACTION: Final = 1


class Rights:
    """Judges calls for one connection. It takes none of the places that the daemon's own calls have."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._places = asyncio.Semaphore(QUESTIONS)
        self._asked = 0

    async def check(self, method: Method, what: str, *, sender: str, uid: int, interactive: bool) -> None:
        """The caller may call `what`. Raises BusError with the action that is missing and how to get it.

        interactive: the caller waits while an agent of polkit asks somebody for a password.
        """
        if uid == 0 or not (method.root_only or method.action):
            return
        if method.root_only:
            raise _denied(f"Only root may call {what}.")
        authorized, challenge, details = await self._ask(method.action, what, sender, interactive)
        if not authorized:
            raise _denied(_why_not(method.action, what, challenge=challenge, dismissed="polkit.dismissed" in details))

    async def missing(self, action: str, *, sender: str, uid: int) -> str:
        """What the caller lacks for the methods of this action, and how to get it; "" = nothing. Nobody is asked for a
        password."""
        if uid == 0:
            return ""
        try:
            authorized, challenge, _ = await self._ask(action, "It", sender, interactive=False)
        except BusError as error:
            return error.text
        return "" if authorized else _why_not(action, "It", challenge=challenge, dismissed=False)

    async def _ask(self, action: str, what: str, sender: str, interactive: bool) -> tuple[bool, bool, dict[str, str]]:
        """polkit's answer: authorized, would be after an authentication, details. Raises BusError."""
        self._asked += 1
        question = f"standfast-{self._asked}"
        subject = ["system-bus-name", {"name": Variant("s", sender)}]
        arguments: tuple[Any, ...] = (subject, action, {}, _ALLOW_USER_INTERACTION if interactive else 0, question)
        try:
            (answer,) = await self._bus.call(
                POLKIT,
                AUTHORITY_PATH,
                AUTHORITY,
                "CheckAuthorization",
                "(sa{sv})sa{ss}us",
                *arguments,
                timeout_s=ASKED_S if interactive else ANSWER_S,
                places=self._places,
            )
        except asyncio.CancelledError:
            self._withdraw(question)
            raise
        except BusError as error:
            self._withdraw(question)
            if error.name == ErrorName.BUS_LOST:
                raise
            raise _denied(_without_polkit(action, what, error, interactive)) from error
        authorized, challenge, details = answer
        return bool(authorized), bool(challenge), details

    def _withdraw(self, question: str) -> None:
        """The agent's window is closed: nobody waits for the answer any more."""
        message: Any = make_call(POLKIT, AUTHORITY_PATH, AUTHORITY, "CancelCheckAuthorization", "s", [question])
        message.flags = MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART
        self._bus.send(message)


def _why_not(action: str, what: str, *, challenge: bool, dismissed: bool) -> str:
    if dismissed:
        return f"{what} needs the polkit action {action}, and the question for a password was dismissed: try again."
    if challenge:
        how = (
            "try again as root or where an administrator's password can be asked for, or have it given by a polkit rule"
        )
        return f"{what} needs the polkit action {action}: {how}."
    return f"{what} needs the polkit action {action}, which is not given to you: try again as root."


def _without_polkit(action: str, what: str, error: BusError, interactive: bool) -> str:
    if error.name.startswith(POLKIT):
        return f"Only root may call {what}: polkit cannot judge {action} ({error.text.rstrip('.')})."
    if interactive and error.name == ErrorName.TIMED_OUT:
        return f"{what} needs the polkit action {action}, and no password came within {ASKED_S:g} s: try again."
    return f"Only root may call {what}: polkit, which may give {action} to others, is not installed or does not answer."


def _denied(text: str) -> BusError:
    return BusError(ErrorName.ACCESS_DENIED, text)
