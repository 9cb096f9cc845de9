"""What others sent and nobody could understand, told rarely enough to be read."""

from collections.abc import Callable

from standfast.resourced import story
from standfast.resourced.events import Entry


class Complaints:
    def __init__(self, act: Callable[[Entry], None]) -> None:
        self._act = act
        self._ticks: set[str] = set()  # whose ticks could not be understood
        self._messages: dict[str, int] = {}  # by sender

    def message(self, sender: str, text: str) -> None:
        """It is told at the first, the tenth, the hundredth of a sender."""
        count = self._messages[sender] = self._messages.get(sender, 0) + 1
        if str(count).strip("0") == "1":
            self._act(story.bad_message(sender, text, count))

    def tick(self, sender: str, text: str) -> None:
        """It is told once for each sender."""
        if sender not in self._ticks:
            self._ticks.add(sender)
            self._act(story.bad_tick(sender, text))
