"""What waits for the disk is bounded, and a disk that refuses ends nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from standfast.configuration import versions
from standfast.configuration.bundle import pack
from standfast.configuration.tree import File, Tree
from standfast.membershipd.carrier import MOST_WAITING, Carrier
from standfast.membershipd.chunks import Chunk, Want, encode

ME, OTHER = (1, 101), (2, 102)


def version(number: int) -> Tree:
    return Tree(files={"cluster.conf": File(content=bytes([number]), mode=0o600)}, problems=())


def whole(tree: Tree) -> bytes:
    return encode(Chunk(digest=tree.digest, index=0, count=1, content=pack(tree)))


class Bench:
    """One node's carrier, in a group with another member."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored: list[str] = []
        self.sent: list[bytes] = []
        self.carrier = Carrier(folder, lambda node: f"node{node}", self.stored.append)
        self.carrier.enter(ME[0], self.sent.append)
        self.carrier.members_changed((ME, OTHER), frozenset({ME, OTHER}))

    async def until(self, condition: Callable[[], bool]) -> None:
        """The disk is used until then."""
        keeping = asyncio.ensure_future(self.carrier.keep())
        try:
            async with asyncio.timeout(10):
                while not condition():  # noqa: ASYNC110 - a thread makes it true
                    await asyncio.sleep(0.002)
        finally:
            keeping.cancel()


def play(folder: Path, scenario: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario(Bench(folder))

    asyncio.run(main())


def test_more_versions_than_wait_for_the_disk_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(bench: Bench) -> None:
        sent = [version(number) for number in range(MOST_WAITING + 2)]
        for tree in sent:
            bench.carrier.heard(OTHER, whole(tree))
        await bench.until(lambda: len(bench.stored) == MOST_WAITING)
        assert bench.stored == [tree.digest for tree in sent[:MOST_WAITING]]

    play(tmp_path, scenario)
    (line,) = capsys.readouterr().err.splitlines()
    assert f"Node node2 sent version {version(MOST_WAITING).digest[:12]} while 8 others waited for the disk" in line


def test_a_question_while_the_disk_is_busy_is_left_to_others(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        versions.store(version(0), tmp_path)
        for number in range(MOST_WAITING):
            bench.carrier.heard(OTHER, whole(version(number + 1)))
        bench.carrier.heard(OTHER, encode(Want(digest=version(0).digest)))
        await asyncio.sleep(0.05)  # its turn comes at once
        assert not bench.carrier._exchange.asked
        await bench.until(lambda: len(bench.stored) == MOST_WAITING)
        assert not bench.sent
        bench.carrier.heard(OTHER, encode(Want(digest=version(0).digest)))
        await bench.until(lambda: bool(bench.sent))
        assert bench.sent == [whole(version(0))]

    play(tmp_path, scenario)


def test_a_version_that_is_damaged_here_answers_no_question(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        tree = version(0)
        versions.store(tree, tmp_path)
        (tmp_path / "versions" / tree.digest / "cluster.conf").write_bytes(b"damaged")
        bench.carrier.heard(OTHER, encode(Want(digest=tree.digest)))
        assert bench.carrier._exchange.asked
        await bench.until(lambda: not bench.carrier._exchange.asked)
        assert not bench.sent

    play(tmp_path, scenario)


@pytest.mark.parametrize("delivered", [True, False])
def test_who_gives_up_in_the_very_moment_of_the_answer_ends_nothing(tmp_path: Path, delivered: bool) -> None:
    async def scenario(bench: Bench) -> None:
        tree = version(0)
        asked = asyncio.ensure_future(bench.carrier.send(tree.digest, pack(tree)))
        await asyncio.sleep(0)
        assert bench.sent == [whole(tree)]
        asked.cancel()
        if delivered:
            bench.carrier._return(tree.digest, None)
        else:
            bench.carrier.leave()
        with pytest.raises(asyncio.CancelledError):
            await asked

    play(tmp_path, scenario)
