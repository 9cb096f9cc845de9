"""A record goes to the members that have another one in pieces that each fit one message (DESIGN section 4).

The pieces are multicast once for all who need them, so the number of joiners costs nothing.
"""

from collections.abc import Iterator

from standfast.resourced.codec import MessageError, decode
from standfast.resourced.messages import RecordChunk
from standfast.resourced.record import Record

CHUNK_CHARACTERS = 48_000  # of JSON text; a message stays below 64 KiB
MOST_CHUNKS = 1_000


def in_pieces(nonce: str, text: str) -> Iterator[RecordChunk]:
    """The messages that carry the text of a record in the call `nonce`."""
    pieces = [text[start : start + CHUNK_CHARACTERS] for start in range(0, len(text), CHUNK_CHARACTERS)]
    for index, piece in enumerate(pieces):
        yield RecordChunk(nonce=nonce, index=index, count=len(pieces), text=piece)


class Pieces:
    """What has come of one record."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def add(self, chunk: RecordChunk) -> Record | None:
        """The record, once it is whole. Raises MessageError for a piece or a whole that cannot be."""
        if not 0 <= chunk.index < chunk.count <= MOST_CHUNKS:
            raise MessageError(f"piece {chunk.index} of {chunk.count} of a record")
        self._texts[chunk.index] = chunk.text
        if len(self._texts) < chunk.count:
            return None
        text = "".join(self._texts.get(index, "") for index in range(chunk.count))
        record = decode(Record, text.encode(), most=MOST_CHUNKS * CHUNK_CHARACTERS)
        assert isinstance(record, Record)
        return record
