"""[Node] sections written into cluster.conf and taken out of it; what an administrator wrote around them stays. Pure.

What comes out is text, not yet a good configuration: who calls checks it whole, as any other file.
"""

from collections.abc import Sequence
from typing import Final

from standfast.configuration.unitfile import Entry, Section, last_line, physical_lines, scan

FILE: Final = "cluster.conf"


def first_text(cluster: str, nodes: Sequence[tuple[str, Sequence[str]]], *, unsafe: bool) -> str:
    """The cluster.conf of a new cluster: its nodes (name, one address for each link), numbered from 1."""
    text = f"[Cluster]\nName={cluster}\n"
    for number, (name, addresses) in enumerate(nodes, start=1):
        text = with_node(text, name, number, addresses)
    return with_unsafe(text) if unsafe else text


def with_node(text: str, name: str, number: int, addresses: Sequence[str], fence: Sequence[str] = ()) -> str:
    """`text` with one more [Node] at its end; `fence` has one value for each level."""
    lines = [f"Name={name}", f"Id={number}"]
    lines += [f"Address={address}" for address in addresses]
    lines += [f"Fence={level}" for level in fence]
    before = text if not text or text.endswith("\n") else f"{text}\n"
    return before + "\n[Node]\n" + "\n".join(lines) + "\n"


def with_unsafe(text: str) -> str:
    """`text` with Unsafe=yes in its first [Cluster], unless it is in there already."""
    lines = physical_lines(text)
    clusters = [section for section in scan(text, FILE)[0] if section.name == "Cluster"]
    if not clusters or any(entry.key == "Unsafe" for section in clusters for entry in section.entries):
        return text
    lines.insert(
        _end(lines, clusters[0]),
        "# a person confirms that a lost node is off, until there are fence devices\nUnsafe=yes\n",
    )
    return "".join(lines)


def without_node(text: str, name: str) -> str:
    """`text` without the [Node] sections of that name, and without the name in any domain's Nodes=.

    Comments stay, but for those between the lines that go. A domain of this node alone is left without Nodes=.
    """
    lines: list[str | None] = list(physical_lines(text))
    whole = [line or "" for line in lines]
    for section in scan(text, FILE)[0]:
        if section.name == "Node" and _named(section, name):
            lines[section.source.line - 1 : _end(whole, section)] = [None] * (
                _end(whole, section) - section.source.line + 1
            )
        elif section.name == "Domain":
            for entry in section.entries:
                if entry.key == "Nodes" and name in entry.value.split():
                    _replace(lines, entry, last_line(whole, entry.source.line), name)
    return _without_gaps(lines)


def _replace(lines: list[str | None], entry: Entry, last: int, name: str) -> None:
    kept = " ".join(word for word in entry.value.split() if word != name)
    first = entry.source.line - 1
    lines[first:last] = [f"Nodes={kept}\n" if kept else None, *[None] * (last - first - 1)]


def _named(section: Section, name: str) -> bool:
    return any(entry.key == "Name" and entry.value == name for entry in section.entries)


def _end(lines: Sequence[str], section: Section) -> int:
    """How many lines of the file there are up to the end of the section's last entry."""
    return last_line(lines, section.entries[-1].source.line) if section.entries else section.source.line


def _without_gaps(lines: Sequence[str | None]) -> str:
    """The lines that are left; where some went, no more than one of the empty lines around them."""
    kept: list[str] = []
    gone = False
    for line in lines:
        if line is None:
            gone = True
        elif not line.strip() and gone and (not kept or not kept[-1].strip()):
            continue
        else:
            gone = gone and not line.strip()
            kept.append(line)
    return "".join(kept)
