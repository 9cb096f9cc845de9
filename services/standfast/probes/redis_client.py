"""redis-py 4.3.4 on a connection of ours; imported for probes of Redis only (see libraries).

It would look names up, read without end, and wait for 30 s for a peer that does not end TLS.
"""

from collections.abc import Sequence
from typing import Any

from redis import exceptions
from redis.asyncio import connection

from standfast.probes.databases import Session, said
from standfast.probes.verdict import BadAnswerError

_MALFORMED = (exceptions.InvalidResponse, ValueError, RecursionError)


async def answer(session: Session, words: Sequence[str]) -> Any:
    """What it answers to a command after the login. Raises as any checker does."""
    own = _Connection(session)
    try:
        await own.connect()
        await own.send_command(*words)
        return await own.read_response()
    except _MALFORMED as error:
        raise BadAnswerError("its answer is not Redis's") from error
    except exceptions.RedisError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        if connection.SERVER_CLOSED_CONNECTION_ERROR in str(error):
            raise ConnectionResetError from error
        raise BadAnswerError(said(str(error))) from error
    finally:
        await own.disconnect()


class _Connection(connection.Connection):
    _reader: Any
    _writer: Any

    def __init__(self, session: Session) -> None:
        probe = session.probe
        super().__init__(
            db=int(probe.database or 0),
            username=probe.user,
            password=session.password,
            parser_class=connection.PythonParser,
        )
        self._session = session

    async def _connect(self) -> None:
        self._reader = self._writer = self._session.stream

    async def disconnect(self) -> None:
        """The connection is ours to cut."""
        self._parser.on_disconnect()
        self._reader = self._writer = None
