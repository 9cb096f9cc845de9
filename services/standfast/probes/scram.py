"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from standfast.probes.verdict import BadAnswerError, CannotCheckError

MECHANISM: Final = "SCRAM-SHA-256"
MOST_ROUNDS: Final = 200_000  # of hashing that a server may ask for: 0.1 s of a core; PostgreSQL has 4096
_HEADER: Final = "n,,"  # no channel binding, no other user


class Scram:
    """One login: `first`, then `final` with what is answered, then `verify`. Each raises BadAnswerError."""

    def __init__(self, password: str) -> None:
        self._password = unicodedata.normalize("NFKC", password).encode()  # of SASLprep what matters
        self._nonce = secrets.token_urlsafe(18)
        self._bare = f"n=,r={self._nonce}"  # PostgreSQL knows the user from its own message
        self._signature = b""

    def first(self) -> bytes:
        """What the client says first."""
        return (_HEADER + self._bare).encode()

    async def final(self, said: bytes) -> bytes:
        """The proof that the client knows the password."""
        fields = _fields(said)
        try:
            nonce, salt, rounds = fields["r"], base64.b64decode(fields["s"], validate=True), int(fields["i"])
        except (KeyError, ValueError) as error:
            raise BadAnswerError("its side of SCRAM is malformed") from error
        if not nonce.startswith(self._nonce) or nonce == self._nonce or rounds < 1:
            raise BadAnswerError("its side of SCRAM is malformed")
        if rounds > MOST_ROUNDS:
            raise CannotCheckError(f"its login needs {rounds} rounds of hashing, and probes do {MOST_ROUNDS} at most")
        # in a thread, without Python's lock
        salted = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", self._password, salt, rounds)
        without_proof = f"c={base64.b64encode(_HEADER.encode()).decode()},r={nonce}"
        message = b",".join((self._bare.encode(), said, without_proof.encode()))
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        mixed = bytes(one ^ other for one, other in zip(key, proof, strict=True))
        return f"{without_proof},p={base64.b64encode(mixed).decode()}".encode()

    def verify(self, said: bytes) -> None:
        """The server knows the password too."""
        wanted = base64.b64encode(self._signature).decode()
        if not self._signature or not hmac.compare_digest(_fields(said).get("v", "").encode(), wanted.encode()):
            raise BadAnswerError("it does not know the password itself: somebody else answers in its place")


def _fields(said: bytes) -> dict[str, str]:
    pairs = (part.partition("=") for part in said.decode("ascii", "replace").split(","))
    return {name: value for name, _, value in pairs}
