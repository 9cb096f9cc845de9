"""aiomysql 0.1.1 on a connection of ours; imported for probes of MySQL only (see libraries).

It would look names up, read without end, hand any file of this node to a server that asks for it (GHSA-r397-ff8c-wv2g),
say a password in clear text to whoever wants it, and go on without TLS where the server offers none. Here it only
speaks the protocol.
"""

import struct
from typing import Any, Final

import aiomysql
from pymysql import err
from pymysql.charset import charset_by_name
from pymysql.constants import CLIENT

from standfast.probes.databases import Session, said
from standfast.probes.verdict import BadAnswerError, CannotCheckError

_CHARSET: Final = "utf8mb4"
_QUIT: Final = b"\1\0\0\0\1"  # a packet of one byte, COM_QUIT
_LARGEST_PACKET: Final = 0xFFFFFF
_LOGINS: Final = ("", "mysql_native_password", "caching_sha2_password", "sha256_password")
_OWN_ERRORS: Final = range(2000, 3000)  # of the client's library; all others are the server's
_MALFORMED: Final = (AssertionError, LookupError, ValueError, struct.error)


async def first_row(session: Session, query: str) -> list[Any] | None:
    """The first row that the query gives, as texts; None: there is none. Raises as any checker does."""
    connection = _Connection(session)
    try:
        await connection.log_in()
        await connection.limit()
        row = await connection.first_row(query)
        await session.leave(_QUIT)
        return row
    except err.MySQLError as error:
        raise _judged(error) from error
    except OSError:  # a certificate that is not good is a ValueError too
        raise
    except _MALFORMED as error:
        raise BadAnswerError("its answer is not MySQL's") from error
    except RuntimeError as error:
        if "cryptography" not in str(error):
            raise
        raise CannotCheckError(
            "this login needs a library that is missing: apt install python3-cryptography"
        ) from error
    finally:
        connection.close()


def _judged(error: err.MySQLError) -> BadAnswerError:
    number, words = error.args if len(error.args) == 2 else (2000, error)
    if isinstance(number, int) and number not in _OWN_ERRORS:
        return BadAnswerError(said(str(words)))
    return BadAnswerError("its answer is not MySQL's")


class _Connection(aiomysql.Connection):
    _reader: Any
    _writer: Any

    def __init__(self, session: Session) -> None:
        probe, secret = session.probe, session.password or ""
        # the library writes passwords as Latin-1, servers take them as UTF-8
        secret = secret.encode().decode("latin-1")
        super().__init__(
            user=probe.user, password=secret, db=probe.database, charset=_CHARSET, autocommit=None, conv={}
        )
        self.client_flag &= ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
        self._session = session
        self._reader = self._writer = session.stream
        self._secure = session.is_private
        self._next_seq_id = 0
        self._awaits_result = False

    def close(self) -> None:
        """The connection is ours to cut."""
        self._reader = self._writer = None

    async def log_in(self) -> None:
        await self._get_server_information()
        _check_login(self._server_auth_plugin)
        if self._session.tls is not None:
            await self._begin_tls()
        await self._request_authentication()

    async def _begin_tls(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:
            raise BadAnswerError("it offers no TLS")
        self.client_flag |= CLIENT.SSL
        number = charset_by_name(_CHARSET).id
        self.write_packet(struct.pack("<iIB23s", self.client_flag, _LARGEST_PACKET, number, b""))
        await self._session.begin_tls()
        self._secure = True

    async def limit(self) -> None:
        """The server changes nothing for us, and ends a query that nobody waits for any more; if it knows how to."""
        timeout_ms = self._session.probe.timeout_ms
        if "MariaDB" in self.server_version:
            settings = f"tx_read_only = 1, max_statement_time = {timeout_ms / 1000}"
        else:
            settings = f"transaction_read_only = 1, max_execution_time = {timeout_ms}"
        try:
            await self.query(f"SET SESSION {settings}")
        except err.MySQLError as error:
            if error.args[0] in _OWN_ERRORS:
                raise

    async def first_row(self, query: str) -> list[Any] | None:
        cursor = await self.cursor(aiomysql.SSCursor)
        await cursor.execute(query)
        row = await cursor.fetchone()
        return None if row is None else list(row)

    async def _execute_command(self, command: int, sql: str) -> None:
        self._awaits_result = True
        await super()._execute_command(command, sql)

    async def _read_packet(self, *arguments: Any) -> Any:
        packet = await super()._read_packet(*arguments)
        if self._awaits_result and packet.is_load_local_packet():
            raise BadAnswerError("it asks for a file of this node")
        self._awaits_result = False
        return packet

    async def _read_bytes(self, num_bytes: int) -> bytes:
        return await self._session.stream.readexactly(num_bytes)

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        _check_login(plugin_name.decode("ascii", "replace"))
        return await super()._process_auth(plugin_name, auth_packet)


def _check_login(plugin: str) -> None:
    if plugin not in _LOGINS:
        raise CannotCheckError(f"it wants a login by {plugin[:40]!a}, and probes know {', '.join(_LOGINS[1:])} only")
