"""A tree that travels arrives as it was, and bytes that are no tree are refused before anything is made of them."""

import json
import zlib
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration import bundle
from standfast.configuration.bundle import LARGEST_BYTES, pack, unpack
from standfast.configuration.model import ConfigurationError, Problem, Source
from standfast.configuration.tree import File, Tree, name_refusal

PARTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\0"), min_size=1, max_size=20)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join).filter(lambda name: not name_refusal(name))


def tree_of(contents: dict[str, bytes], mode: int = 0o644) -> Tree:
    """Names that are below another file are left out."""
    files: dict[str, File] = {}
    for name in sorted(contents):
        if not any(str(above) in files for above in PurePosixPath(name).parents):
            files[name] = File(content=contents[name], mode=mode)
    return Tree(files=files, problems=())


def raw(rows: Any, content: bytes = b"") -> bytes:
    return zlib.compress(json.dumps(rows).encode() + b"\n" + content)


def refusal(data: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        unpack(data)
    return str(caught.value)


@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=8), st.integers(0, 0o777))
def test_what_is_unpacked_is_what_was_packed(contents: dict[str, bytes], mode: int) -> None:
    tree = tree_of(contents, mode)
    packed = pack(tree)
    assert unpack(packed) == tree
    assert unpack(packed).digest == tree.digest
    assert pack(unpack(packed)) == packed


def test_an_empty_file_travels_and_a_name_that_nobody_could_be_told_does_not() -> None:
    tree = tree_of({"café": b"", "units/a.service": b"[Unit]\n"}, 0o600)
    assert unpack(pack(tree)) == tree
    with pytest.raises(ConfigurationError, match=r"called 'caf.udce9'"):
        unpack(pack(tree_of({"caf\udce9": b""}, 0o600)))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_tree_or_are_refused(data: bytes) -> None:
    for tried in (data, zlib.compress(data), zlib.compress(b"[" + data + b"]\n")):
        try:
            tree = unpack(tried)
        except ConfigurationError:
            continue
        assert not any(map(name_refusal, tree.files))


@given(st.data())
def test_a_bundle_that_was_cut_or_changed_is_refused_or_another_tree(data: st.DataObject) -> None:
    packed = pack(tree_of({"cluster.conf": b"[Cluster]\n" * 20, "units/a.service": b"[Unit]\n"}))
    refusal(packed[: data.draw(st.integers(0, len(packed) - 1))])
    refusal(packed + b"x")


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "units/../../x", "/etc/passwd", "./x", "units//x", "units/", "a\0b", "\ud800"),
        *(".git/x", "a~", "x" * 256, "/".join(["x"] * 2000)),
    ],
)
def test_a_name_that_leaves_the_tree_or_that_no_file_has_is_refused(name: str) -> None:
    assert "the configuration: has a file that is called" in refusal(raw([[name, 0o644, 0]]))


@pytest.mark.parametrize(
    "rows",
    [
        [["a", 0o644, 0], ["a", 0o644, 0]],
        [["b", 0o644, 0], ["a", 0o644, 0]],
        [["a", 0o644, 0], ["a-b", 0o644, 0], ["a/b", 0o644, 0]],
    ],
)
def test_a_name_that_comes_twice_or_is_below_a_file_is_refused(rows: list[Any]) -> None:
    assert "has a file that is called" in refusal(raw(rows))


@pytest.mark.parametrize(
    "rows",
    [
        *({}, 1, [1], [["a"]], [["a", 0o644]], [["a", 0o644, 0, "/etc/passwd"]], [[1, 0o644, 0]], [["a", "rw", 0]]),
        *([["a", 0o4755, 0]], [["a", -1, 0]], [["a", 0o644, -1]], [["a", 0o644, 1]], [["a", 0o644, 1 << 21]]),
        [[f"{number:05}", 0o644, 0] for number in range(bundle.MOST_FILES + 1)],
    ],
)
def test_what_lists_no_plain_files_is_refused(rows: Any) -> None:
    assert "is no configuration as Standfast packs one" in refusal(raw(rows))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"x", zlib.compress(b""), zlib.compress(b"[" * 100_000), zlib.compress(b"9" * 10_000 + b"\n")),
        raw([["a", 0o644, 1]], b"xx"),
        pack(tree_of({"a": b"x"})) * 2,
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    assert "is no configuration as Standfast packs one" in refusal(data)


def test_a_bundle_that_unpacks_to_more_than_the_limit_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(16 << 20))
    assert len(bomb) < LARGEST_BYTES
    assert "is larger than 8 MiB" in refusal(bomb)
    assert "is larger than 8 MiB" in refusal(bytes(LARGEST_BYTES + 1))


def test_what_is_too_large_or_could_not_be_read_is_not_packed() -> None:
    mebibyte = bytes(1 << 20)
    with pytest.raises(ConfigurationError, match="is larger than 8 MiB"):
        pack(tree_of({str(number): mebibyte for number in range(8)}))
    assert pack(tree_of({str(number): mebibyte for number in range(7)}))
    with pytest.raises(ConfigurationError, match="has 10001 files"):
        pack(tree_of({f"{number:05}": b"" for number in range(bundle.MOST_FILES + 1)}))
    torn = Problem(source=Source(path="torn", line=0), text="cannot be read")
    with pytest.raises(ConfigurationError, match="torn: cannot be read"):
        pack(Tree(files={}, problems=(torn,)))
