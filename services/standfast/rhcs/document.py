"""An XML file as a tree that knows its lines. What it says is hostile: no entities, no document type, limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from standfast.configuration.model import Source

LARGEST_BYTES: Final = 1 << 20
_DEEPEST: Final = 64
_MOST_ELEMENTS: Final = 20_000
# A line's end that came in as &#10; would begin a line of its own in the files that are written.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Element:
    """One element; two of them are never the same one, whatever they say."""

    tag: str
    line: int  # where its start tag begins
    attributes: Mapping[str, str]
    children: tuple["Element", ...] = ()
    text: str = ""  # what stands between its tags, without white space around it


class DocumentError(Exception):
    """The file cannot be imported: one sentence, with file and line."""

    def __init__(self, source: Source, text: str) -> None:
        super().__init__(f"{source}: {text}")
        self.source = source


@dataclass(slots=True)
class _Open:
    """An element whose end tag has not come yet."""

    tag: str
    line: int
    attributes: Mapping[str, str]
    children: list[Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def close(self) -> Element:
        text = "".join(self.text).strip()
        return Element(
            tag=self.tag, line=self.line, attributes=self.attributes, children=tuple(self.children), text=text
        )


def parse_document(content: bytes, path: str) -> Element:
    """The root of the tree. Raises DocumentError; `path` is how messages call the file."""
    if len(content) > LARGEST_BYTES:
        raise DocumentError(Source(path=path, line=0), "is larger than 1 MiB, so it is no cluster.conf")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = "is no UTF-8; convert it (iconv -f latin1 -t utf-8), and import the copy"
        raise DocumentError(Source(path=path, line=line), text) from error
    return _Builder(path).build(content)


class _Builder:
    """Builds the tree out of expat's events."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[_Open] = []
        self._count = 0
        self._root: Element | None = None
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def build(self, content: bytes) -> Element:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            text = f"is no XML: {expat.ErrorString(error.code)}; correct it there"
            raise DocumentError(Source(path=self._path, line=error.lineno), text) from error
        assert self._root is not None, "expat refuses a file without an element"
        return self._root

    def _refuse(self, text: str) -> DocumentError:
        return DocumentError(Source(path=self._path, line=self._parser.CurrentLineNumber), text)

    def _refuse_doctype(self, *_: object) -> None:
        raise self._refuse("has a document type (<!DOCTYPE …>), which no cluster.conf needs; remove it")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _DEEPEST:
            raise self._refuse(f"has more than {_MOST_ELEMENTS} elements or {_DEEPEST} levels of them; split it")
        for name, value in attributes.items():
            if _CONTROLS.search(value):
                raise self._refuse(f"{name} of <{tag}> has a control character in it; remove it")
        self._open.append(_Open(tag, self._parser.CurrentLineNumber, dict(attributes)))

    def _end(self, _tag: str) -> None:
        element = self._open.pop().close()
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element

    def _characters(self, text: str) -> None:
        self._open[-1].text.append(text)
