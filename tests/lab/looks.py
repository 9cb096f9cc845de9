"""A view of the page as everybody may see it: wide, narrow, light, dark, English, Chinese, with a screen reader."""

import os
from itertools import product
from pathlib import Path
from typing import Final

from lab.browser import Browser
from lab.conftest import FULL
from lab.pictures import FOLDER, REWRITE

SCREENSHOTS: Final = "STANDFAST_SCREENSHOTS"  # set: the folder that pictures of the page are written into
WIDTHS: Final = (1280, 360)
LANGUAGES: Final = ("en-us", "zh-cn")


def look(page: Browser, what: str, width: int = WIDTHS[0], language: str = LANGUAGES[0], *, dark: bool = False) -> None:
    """Nothing of the page is in the way of anybody who looks at it like this."""
    folder = os.environ.get(SCREENSHOTS)
    name = f"{what}-{width}-{'dark' if dark else 'light'}-{language}.png"
    file = str(Path(folder) / name) if folder else ""
    wrong = page.do("look", file=file, width=width, dark=dark, language=language)
    assert wrong == [], f"{name}: {wrong}"


def picture(page: Browser, name: str) -> None:
    """What it shows now is the picture of this name in the documentation, where they are drawn anew."""
    if os.environ.get(REWRITE):
        page.do("picture", file=str(FOLDER / f"{name}.png"))


def look_at_all(page: Browser, what: str) -> None:
    """Every look of this view, or without --full and pictures the hardest one; then as it was."""
    few = [(WIDTHS[1], LANGUAGES[1], True)]
    many = os.environ.get(FULL) or os.environ.get(SCREENSHOTS)
    for width, language, dark in product(WIDTHS, LANGUAGES, (False, True)) if many else few:
        look(page, what, width, language, dark=dark)
    look(page, what)
