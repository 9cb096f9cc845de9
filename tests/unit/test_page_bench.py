"""The bench of the page in Cockpit: what it weighs, its table, and its rounds with a browser that is made up."""

import gzip
import sys
from pathlib import Path
from typing import Any

from house.source import REPOSITORY

sys.path.append(str(REPOSITORY / "contrib/bench"))

from standfast_bench.page import Figure, first_views, on_the_screen, table, weights


class FakeBrowser:
    """A second for each view, except the first one: a request of it hung."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []

    def address(self, node: str, *, alone: bool) -> str:
        return f"{node} {'alone' if alone else 'in its window'}"

    def do(self, step: str, **values: Any) -> Any:
        if step == "signals":
            return [{"came": 2, "changed": 20, "painted": 40}, {"came": None, "changed": 21, "painted": 50}]
        self.seen.append((values["url"], values["cold"]))
        late = 30_000 if len(self.seen) == 1 else 0
        return {"bytes": 2048, "asked": 100.0, "loaded": 500.0 + late, "nodes": 900 + late, "verdict": 1000 + late}


def test_what_the_page_weighs_is_what_is_sent(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.js.gz").write_bytes(gzip.compress(b"x" * 1_000_000, 9))
    (tmp_path / "assets/one.woff2").write_bytes(b"x" * 2048)
    first, fonts, everything = weights(tmp_path)
    assert 0 < first.values[0] < 10
    assert fonts.values == (2.0,)
    assert (everything.values[0], everything.aim) == (first.values[0] + 2.0, 1024)


def test_each_view_is_seen_in_its_window_and_alone_with_both_caches() -> None:
    browser = FakeBrowser()
    figures = list(first_views(browser, "node1", "three nodes", 2))
    places = [
        ("node1 in its window", True),
        ("node1 in its window", False),
        ("node1 alone", True),
        ("node1 alone", False),
    ]
    assert browser.seen == [place for place in places for _ in range(2)]
    assert [one.what for one in figures if one.aim] == [
        f"first view, three nodes{where}, {cache} cache"
        for where in (", in Cockpit's window", "")
        for cache in ("empty", "full")
    ]
    lines = table(figures)
    assert lines[1].split("cache")[1].split() == ["1000", "1000", "1000", "ms,", "aim", "1500"]
    assert lines[-1].startswith("Left out: ") and lines[-1].endswith(": 1")


def test_a_signal_has_its_steps_and_who_was_not_seen_coming_counts_for_the_others() -> None:
    painted, came, changed = on_the_screen(FakeBrowser(), "8 nodes", 2)
    assert painted == Figure(what="signal to screen, 8 nodes", unit="ms", values=(40, 50), aim=100)
    assert (came.values, changed.values) == ((2,), (20, 21))
    assert table([painted, came, changed])[1].split()[-6:] == ["40", "45", "50", "ms,", "aim", "100"]
