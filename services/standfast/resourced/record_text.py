"""A record as text, cheap after each change: what did not change was written before.

An update makes a new record of which nearly every node and group is the same object as in the one before. `RecordText`
remembers the text of each, with the object that it is of, and writes only those again that are other objects. What it
gives depends on the record alone, never on what it remembers: the same as `encode` and `digest` on every node.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from standfast.resourced.codec import SPEAKS, encode, encode_around
from standfast.resourced.encoders import field_encoders
from standfast.resourced.messages import Lineage
from standfast.resourced.record import (
    Disk,
    GroupRecord,
    NodeRecord,
    Record,
    VersionInForce,
    durable,
    durable_group,
    durable_node,
)

Part = TypeVar("Part")


class RecordText:
    """Of the durable part: what is written to disk, sent to who has another, and covered by the digest.

    Always in the version of the protocol that the record itself says is in use: so digests are equal on nodes of
    different releases.
    """

    def __init__(self) -> None:
        self._speak(1)

    def _speak(self, version: int) -> None:
        self._version = version
        self._nodes: _Parts[NodeRecord] = _Parts(durable_node, version)
        self._groups: _Parts[GroupRecord] = _Parts(durable_group, version)
        self._history = _History(version)
        self._shell: tuple[Record, str] | None = None

    def content(self, record: Record) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Equal when two records say the same, wherever they stand in their terms: then nothing is to be written."""
        self._follow(record)
        return self._shell_text(record), self._nodes.texts(record.nodes), self._groups.texts(record.groups)

    def durable(self, record: Record) -> str:
        """The text of `encode(durable(record))`."""
        return self._around(_shell(record), record)

    def disk(self, record: Record | None, highest_term: int) -> bytes:
        """What the record's file holds: a `Disk`."""
        ready = {"record": self.durable(record)} if record is not None else {}
        return encode_around(Disk(highest_term=highest_term, record=record), ready, self._version).encode()

    def digest(self, record: Record) -> str:
        """The same as `record.digest`."""
        return hashlib.sha256(self._around(replace(_shell(record), term=0, position=0), record).encode()).hexdigest()

    def lineage(self, record: Record) -> Lineage:
        """The same as `record.lineage`."""
        return Lineage(term=record.term, position=record.position, digest=self.digest(record))

    def _follow(self, record: Record) -> None:
        if record.protocol != self._version:
            self._speak(record.protocol)

    def _around(self, shell: Record, record: Record) -> str:
        self._follow(record)
        ready = {"nodes": self._nodes.text(record.nodes), "groups": self._groups.text(record.groups)}
        return encode_around(shell, ready | self._history.text(record), self._version)

    def _shell_text(self, record: Record) -> str:
        if self._shell is None or self._shell[0] is not record:
            shell = replace(_shell(record), term=0, position=0)
            self._shell = record, encode_around(shell, self._history.text(record), self._version)
        return self._shell[1]


class WholeText:
    """Of everything that members must hold alike."""

    def __init__(self, version: int = SPEAKS) -> None:
        self._version = version
        self._nodes: _Parts[NodeRecord] = _Parts(lambda node: node, version)
        self._groups: _Parts[GroupRecord] = _Parts(lambda group: group, version)
        self._history = _History(version)

    def digest(self, record: Record) -> str:
        """The same as `whole_digest(record)`."""
        ready = {"nodes": self._nodes.text(record.nodes), "groups": self._groups.text(record.groups)}
        ready |= self._history.text(record)
        return hashlib.sha256(encode_around(record, ready, self._version).encode()).hexdigest()


def _shell(record: Record) -> Record:
    """What is durable beside the nodes and groups."""
    return durable(replace(record, nodes={}, groups={}))


class _History:
    """The text of the history, which is long and changes seldom."""

    def __init__(self, version: int) -> None:
        self._encode = dict(field_encoders(Record, version).parts)["history"]
        self._known: tuple[VersionInForce, ...] | None = None
        self._text = ""

    def text(self, record: Record) -> dict[str, str]:
        if record.history is not self._known:
            self._known, self._text = record.history, self._encode(record.history)
        return {"history": self._text}


class _Parts(Generic[Part]):
    """The text of a mapping by name, of which it is known what the last one was."""

    def __init__(self, of: Callable[[Part], Part], version: int) -> None:
        """`of(part)`: what of a part is written."""
        self._of = of
        self._version = version
        self._values: Mapping[str, Part] = {}  # kept, so that no other object can be taken for one of these
        self._texts: dict[str, str] = {}  # sorted by name

    def text(self, values: Mapping[str, Part]) -> str:
        return f"{{{','.join(self.texts(values))}}}"

    def texts(self, values: Mapping[str, Part]) -> tuple[str, ...]:
        """Of each with its name, sorted."""
        known = self._values
        changed = {name: self._write(name, value) for name, value in values.items() if known.get(name) is not value}
        if len(values) == len(known) and changed.keys() <= known.keys():
            self._texts.update(changed)
        else:
            texts = self._texts | changed
            self._texts = {name: texts[name] for name in sorted(values)}
        self._values = values
        return tuple(self._texts.values())

    def _write(self, name: str, value: Part) -> str:
        return f"{encode(name).decode()}:{encode(self._of(value), self._version).decode()}"
