"""What a daemon reads again and again: the configuration in force on this node."""

from pathlib import Path

from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration
from standfast.configuration.versions import FOLDER


class Reader:
    """Each call reads it anew, and blocks. What is wrong with it, or that there is none, membershipd tells."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def __call__(self) -> Configuration | None:
        return load_in_force(self._folder, system=None)[0]
