"""Who reads what of the file: whatever nobody took is told in the end, so nothing is passed over."""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from standfast.configuration.model import Source
from standfast.configuration.secrets import names_secret
from standfast.rhcs.advice import advice_for
from standfast.rhcs.document import Element
from standfast.rhcs.report import Became, Finding, Kind

_YES: Final = frozenset({"1", "yes", "y", "true", "on", "enable", "enabled"})
_NO: Final = frozenset({"0", "no", "n", "false", "off", "disable", "disabled"})
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_LONGEST_SHOWN: Final = 60

Told = TypeVar("Told", Became, Finding)


class Ledger:
    """The findings about one file, and which of its attributes and elements were taken."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._attributes: set[tuple[int, str]] = set()
        self._elements: set[int] = set()
        self._findings: dict[Finding, None] = {}  # in order, each once
        self._became: list[Became] = []

    def visit(self, element: Element) -> None:
        """The element itself means something; its attributes still have to be taken."""
        self._elements.add(id(element))

    def text(self, element: Element, name: str, default: str = "") -> str:
        """The attribute's value, "" counts as not written; told where no unit file could hold it."""
        value = self.secret(element, name).strip()
        if value.endswith("\\"):
            self.left(element, "ends with a backslash, which no value of a unit file can", name)
            return default
        return value or default

    def secret(self, element: Element, name: str) -> str:
        """The attribute's value as it is; for a file of its own, never for a line or a message."""
        self._attributes.add((id(element), name))
        return element.attributes.get(name, "")

    def flag(self, element: Element, name: str, default: bool = False) -> bool:
        """An attribute that says yes or no, in any of RHCS's words."""
        word = self.text(element, name).lower()
        if word and word not in _YES | _NO:
            self.left(element, f"is neither 1 nor 0; taken as {int(default)}", name)
        return default if word not in _YES | _NO else word in _YES

    def number(self, element: Element, name: str, default: int, most: int = 10**9) -> int:
        """A whole number from 0 to `most`; a larger one is told and cut, what is no number is told too."""
        word = self.text(element, name)
        if not word:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", word):
            self.left(element, f"is no number; taken as {default}", name)
            return default
        if int(word) > most:
            self.differs(element, f"the largest that is possible is {most}, so it is that", name)
        return min(int(word), most)

    def seconds(self, element: Element, name: str, most: int = 10**10) -> int | None:
        """A time as rgmanager writes it (90, 10m, 1d), cut as a number is; None: not written, or told as no time."""
        word = self.text(element, name)
        matched = re.fullmatch(r"([0-9]{1,9})([smhdwy]?)", word)
        if word and not matched:
            self.left(element, "is no time such as 90 or 10m", name)
        if not matched:
            return None
        found = int(matched[1]) * _SECONDS[matched[2]]
        if found > most:
            self.differs(element, f"the longest that is possible is {most}s, so it is that", name)
        return min(found, most)

    def left(self, element: Element, text: str, attribute: str = "") -> None:
        """It has no counterpart; `text` says what to do."""
        self._find(Kind.LEFT_OUT, element, text, attribute)

    def differs(self, element: Element, text: str, attribute: str = "") -> None:
        """It has a counterpart that does not do quite the same."""
        self._find(Kind.DIFFERS, element, text, attribute)

    def to_do(self, element: Element, text: str, attribute: str = "") -> None:
        """Somebody has to do something before it can be used."""
        self._find(Kind.TO_DO, element, text, attribute)

    def became(self, element: Element, now: str) -> None:
        """It was translated."""
        self._became.append(Became(source=self.source(element), what=shown(element), now=now))

    def source(self, element: Element) -> Source:
        return Source(path=self._path, line=element.line)

    def skip(self, element: Element) -> None:
        """The element and all below it are accounted for by one finding."""
        self.visit(element)
        self._attributes |= {(id(element), name) for name in element.attributes}
        for child in element.children:
            self.skip(child)

    def close(self, root: Element) -> tuple[tuple[Became, ...], tuple[Finding, ...]]:
        """All that was told, in the order of the file; what nobody took is told now."""
        self._tell_rest(root, "")
        return tuple(_by_line(self._became, lambda one: one.source)), tuple(
            _by_line(self._findings, lambda one: one.source)
        )

    def _tell_rest(self, element: Element, parent: str) -> None:
        if id(element) not in self._elements:
            text = advice_for(element.tag, "", "") or f"is no element that is known here, in <{parent}>"
            self.left(element, text)
            self.skip(element)
            return
        for name, value in element.attributes.items():
            if (id(element), name) in self._attributes:
                continue
            advice = advice_for(element.tag, name, value)
            if advice is None:
                self.left(element, "is no attribute that is known here; nothing was made of it", name)
            elif advice:
                self.left(element, advice, name)
        if element.text:
            self.left(element, "has text between its tags, which means nothing there")
        for child in element.children:
            self._tell_rest(child, element.tag)

    def _find(self, kind: Kind, element: Element, text: str, attribute: str) -> None:
        what = shown(element, attribute)
        self._findings[Finding(kind=kind, source=self.source(element), what=what, text=text)] = None


def is_secret(attribute: str) -> bool:
    """Its value is for nobody's eyes."""
    return (
        names_secret(attribute) and not attribute.endswith("_script") and not attribute.startswith("token")
    )  # totem's


def shown(element: Element, attribute: str = "") -> str:
    """The element as it is written, with what names it or with that attribute; a secret's value never."""
    name = attribute or next((key for key in ("name", "ref", "address", "label") if key in element.attributes), "")
    value = element.attributes.get(name, "")
    if not name or name not in element.attributes:
        return f"<{element.tag}>"
    if is_secret(name) or is_secret(value):  # options="username=…,password=…"
        return f"<{element.tag} {name}=…>"
    cut = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
    return f'<{element.tag} {name}="{cut}">'


def _by_line(found: Iterable[Told], source: Callable[[Told], Source]) -> list[Told]:
    return sorted(found, key=lambda one: source(one).line)
