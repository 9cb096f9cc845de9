"""A user and a password that are said as they are, and that nobody is told if the other side says them again."""

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from standfast.configuration.model import Probe
from standfast.probes.secrets import password
from standfast.probes.verdict import BadAnswerError, CannotCheckError

_SHORTEST: Final = 4  # bytes of a secret that is hidden: less is in any text
_BEGINNING: Final = 6  # bytes of a secret that are hidden where it is cut off
_HIDDEN: Final = b"***"


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Of HTTP's Authorization (RFC 7617)."""
        return to_base64(f"{self.user}:{self.password}")

    @property
    def plain(self) -> str:
        """Of SASL (RFC 4616)."""
        return to_base64(f"\0{self.user}\0{self.password}")


async def login_of(probe: Probe) -> Login | None:
    """None: the probe has no User=. Raises CannotCheckError."""
    if probe.user is None:
        return None
    secret = await password(probe)
    if secret is None:
        raise CannotCheckError(f"there is no password of {probe.user}; write PasswordFile= or Credential=")
    return Login(probe.user, secret)


@contextlib.contextmanager
def hiding(login: Login | None, seen: bytearray) -> Iterator[None]:
    """What is told and what is seen have not the password in any form: some servers say again what they were told."""
    try:
        yield
    except BadAnswerError as error:
        raise BadAnswerError(_hide(str(error).encode(), login).decode("utf-8", "replace")) from None
    finally:
        seen[:] = _hide(bytes(seen), login)


def _hide(data: bytes, login: Login | None) -> bytes:
    for text in (login.basic, login.plain, to_base64(login.password), login.password) if login else ():
        secret = text.encode()
        if len(secret) < _SHORTEST:
            continue
        begin, rest = secret[:_BEGINNING], secret[_BEGINNING:]
        first, *others = data.split(begin)
        data = first + b"".join(_HIDDEN + other[_alike(other, rest) :] for other in others)
    return data


def _alike(one: bytes, other: bytes) -> int:
    """So many bytes at the beginning."""
    differ = (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return next(differ, min(len(one), len(other)))


def to_base64(text: str) -> str:
    """As text."""
    return base64.b64encode(text.encode()).decode()
