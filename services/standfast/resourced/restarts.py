"""How often this daemon crashed lately: after the first crash it joins at once, then after 1, 2, 4 … 16 s.

So a message that crashes it does not end every term of the others again and again (DESIGN section 4).
"""

from pathlib import Path

COUNT = Path("/run/standfast/resourced.crashes")
LONGEST_S = 16


class Restarts:
    """Counts this start as one after a crash until `settled` says otherwise."""

    def __init__(self, path: Path = COUNT) -> None:
        self._path = path
        self._settled = False
        crashes = self._read()
        self.pause_s = 0 if crashes < 2 else min(1 << min(crashes - 2, 4), LONGEST_S)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(crashes + 1))

    def settled(self) -> None:
        """An ordered end, or long enough in an open term: the count starts anew."""
        if not self._settled:
            self._path.unlink(missing_ok=True)
        self._settled = True

    def _read(self) -> int:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return 0
        return int(text) if text.isdecimal() else 0
