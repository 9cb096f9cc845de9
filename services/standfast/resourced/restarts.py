"""How often this daemon crashed lately: after the first crash it joins at once, then after 1, 2, 4 … 16 s.

So a message that crashes it does not end every term of the others again and again (DESIGN section 4).
"""

import contextlib
from pathlib import Path

CRASHES = Path("/run/standfast/crashes")
LONGEST_S = 16
_COUNTED = 7  # from then on the pause is the longest


class Restarts:
    """Counts this start as one after a crash until `settled` says otherwise.

    One empty file for each: a /run without a free byte has room for names.
    """

    def __init__(self, folder: Path = CRASHES) -> None:
        self._folder = folder
        self._settled = False
        with contextlib.suppress(OSError):  # not even names: then nothing can be held either, and nothing is begun here
            folder.mkdir(parents=True, exist_ok=True)
        crashes = len(self._files())
        self.pause_s = 0 if crashes < 2 else min(1 << (crashes - 2), LONGEST_S)
        if crashes < _COUNTED:
            with contextlib.suppress(OSError):
                (folder / str(crashes + 1)).touch()

    def settled(self) -> None:
        """An ordered end, or long enough in an open term: the count starts anew."""
        if not self._settled:
            for file in self._files():
                file.unlink(missing_ok=True)
        self._settled = True

    def _files(self) -> list[Path]:
        try:
            return list(self._folder.iterdir())
        except OSError:
            return []
