"""What a daemon reads again and again: the configuration in force on this node."""

from pathlib import Path

from standfast import journal
from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration
from standfast.configuration.versions import FOLDER
from standfast.journal import Event, Level


class Reader:
    """Each call reads it anew, and blocks; the journal has once that there is none. membershipd tells its problems."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._told = ""

    def __call__(self) -> Configuration | None:
        configuration, problems = load_in_force(self._folder, system=None)
        text = "" if configuration is not None else f"Nothing to work with: {'; '.join(map(str, problems))}"
        if text and text != self._told:
            journal.write(Event.CONFIGURATION_MISSING, Level.ERROR, text)
        self._told = text
        return configuration
