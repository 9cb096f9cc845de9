"""A whole configuration as bytes that travel between nodes, secrets included.

One zlib stream: a line of JSON that lists [name, mode, size] of each file in the order of the names, then their content
without gaps. It can name nothing but plain files; what it unpacks to is bounded before it is looked at.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from standfast.configuration.model import ConfigurationError, Problem, Source
from standfast.configuration.tree import LARGEST_FILE_BYTES, LARGEST_TREE_BYTES, File, Tree, name_refusal

LARGEST_BYTES: Final = LARGEST_TREE_BYTES  # packed, and unpacked
MOST_FILES: Final = 10_000
_NO_BUNDLE: Final = "is no configuration as Standfast packs one; push it again from a node with the same version"
_TOO_LARGE: Final = f"is larger than {LARGEST_BYTES >> 20} MiB; large data does not belong into /etc/standfast"


def pack(tree: Tree) -> bytes:
    """The files of `tree`; equal trees make equal bytes.

    Raises ConfigurationError: a file could not be read, or it is more than LARGEST_BYTES or MOST_FILES.
    """
    if tree.problems:
        raise ConfigurationError(tree.problems)
    if len(tree.files) > MOST_FILES:
        raise _refusal(f"has {len(tree.files)} files; {MOST_FILES} at most can be replicated")
    entries = [(name, file.mode, len(file.content)) for name, file in tree.files.items()]
    head = json.dumps(entries, separators=(",", ":"))
    plain = b"".join((head.encode(), b"\n", *(file.content for file in tree.files.values())))
    data = zlib.compress(plain)
    if max(len(plain), len(data)) > LARGEST_BYTES:
        raise _refusal(_TOO_LARGE)
    return data


def unpack(data: bytes) -> Tree:
    """The tree that was packed, be its files good or not. Raises ConfigurationError: it is no tree."""
    head, _, content = _decompress(data).partition(b"\n")
    files: dict[str, File] = {}
    start = 0
    for name, mode, size in _entries(head):
        end = start + size
        files[name] = File(content=content[start:end], mode=mode)
        start = end
    if start != len(content):
        raise _refusal(_NO_BUNDLE)
    return Tree(files=files, problems=())


def _decompress(data: bytes) -> bytes:
    if len(data) > LARGEST_BYTES:
        raise _refusal(_TOO_LARGE)
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, LARGEST_BYTES + 1)
    except zlib.error as error:
        raise _refusal(_NO_BUNDLE) from error
    if len(plain) > LARGEST_BYTES:
        raise _refusal(_TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise _refusal(_NO_BUNDLE)
    return plain


def _entries(head: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, mode and size of each file, in the order of the names, each name once and below no other file."""
    try:
        rows = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise _refusal(_NO_BUNDLE) from error
    if not isinstance(rows, list) or len(rows) > MOST_FILES:
        raise _refusal(_NO_BUNDLE)
    seen: set[str] = set()
    before = ""
    for row in rows:
        match row:
            case [str(name), int(mode), int(size)] if 0 <= mode <= 0o777 and 0 <= size <= LARGEST_FILE_BYTES:
                above = {str(folder) for folder in PurePosixPath(name).parents}
                if name <= before or above & seen or name_refusal(name):
                    raise _refusal(f"has a file that is called {name[:200]!a}; nothing of it is taken")
                seen.add(name)
                before = name
                yield name, int(mode), int(size)
            case _:
                raise _refusal(_NO_BUNDLE)


def _refusal(text: str) -> ConfigurationError:
    return ConfigurationError((Problem(source=Source(path="the configuration", line=0), text=text),))
