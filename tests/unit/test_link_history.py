"""Since when links are up or down; a link that flaps is told once."""

from standfast.membershipd.link_history import FLAPS, WINDOW_MS, Change, History, LinkState, News, look


def follow(*looks: tuple[int, bool]) -> tuple[LinkState, list[tuple[int, News]]]:
    """Link 1 to node 2 at these seconds; what it is in the end, and what was told when."""
    history: History = {}
    told = []
    for second, up in looks:
        history, changes = look(history, {2: {1: up}}, second * 1000, f"at {second}")
        told += [(second, change.news) for change in changes]
    (link,) = history[2]
    return link, told


def flapping(until: int) -> list[tuple[int, bool]]:
    return [(second, second % 2 == 0) for second in range(until)]


def test_the_first_look_tells_nothing_and_begins_the_time() -> None:
    link, told = follow((3, False), (5, False))
    assert (link.up, link.since, told) == (False, "at 3", [])


def test_each_change_is_told_with_its_time() -> None:
    link, told = follow((0, True), (10, False), (20, False), (100, True))
    assert told == [(10, News.DOWN), (100, News.UP)]
    assert link.since == "at 100"


def test_a_link_that_flaps_is_told_once_and_its_state_is_still_shown() -> None:
    link, told = follow(*flapping(50))
    assert told == [(1, News.DOWN), (2, News.UP), (3, News.DOWN), (4, News.FLAPS)]
    assert (link.up, link.since) == (False, "at 49")


def test_a_link_that_flapped_is_told_again_after_a_minute_without_a_change() -> None:
    last = FLAPS + 5
    looks = flapping(last + 1)
    up = looks[-1][1]
    after = last + WINDOW_MS // 1000
    link, told = follow(*looks, (after - 1, up), (after, up), (after + 10, not up))
    assert told[-2:] == [(after, News.STEADY), (after + 10, News.UP if not up else News.DOWN)]
    assert not link.flaps


def test_changes_that_are_far_apart_are_no_flapping() -> None:
    _, told = follow(*((second * 25, second % 2 == 0) for second in range(20)))
    assert {news for _, news in told} == {News.UP, News.DOWN}
    assert len(told) == 19


def test_links_are_told_apart_and_those_that_are_gone_forgotten() -> None:
    history, _ = look({}, {2: {0: True, 1: True}, 3: {0: True, 1: True}}, 0, "first")
    history, changes = look(history, {2: {0: True, 1: False}, 3: {0: True}}, 1000, "then")
    down = LinkState(number=1, up=False, since="then", changes_ms=(1000,))
    assert changes == (Change(peer=2, link=down, news=News.DOWN),)
    assert [link.number for link in history[3]] == [0]
