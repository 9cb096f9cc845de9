"""The files that say what may run on this node: held and lease, one of each for a group (DESIGN section 1).

They live below /run: a boot takes them away, as it must. No content, no fsync: that they are there is the message,
to systemd (AssertPathExists of every resource) and to the next resourced.
"""

import os
from pathlib import Path

RUN = Path("/run/standfast")


class Leases:
    """held/GROUP and lease/GROUP below `root`; a lease is never there without held. Guards are the same on all nodes,
    so the lease of a copy has the name that its group is written under.

    Every method may be repeated. OSError when the files cannot be written: then nothing may start.
    """

    def __init__(self, root: Path = RUN) -> None:
        self._held = root / "held"
        self._lease = root / "lease"
        for folder in (root, self._held, self._lease):
            _make_folder(folder)

    def hold(self, group: str) -> None:
        """From now on anything of `group` may run here, also in the eyes of a resourced that starts later."""
        _touch(self._held / _name(group))

    def release(self, group: str) -> None:
        """Nothing of `group` runs here: call it after its observed stop, with the lease gone."""
        assert self.path(group).name not in self.leased(), f"{group} is released while its lease is here"
        (self._held / _name(group)).unlink(missing_ok=True)

    def grant(self, group: str) -> None:
        """systemd starts units of `group` from now on."""
        assert group in self.held(), f"{group} gets a lease without being held"
        _touch(self.path(group))

    def revoke(self, group: str) -> None:
        """systemd refuses to start units of `group`; what runs goes on."""
        self.path(group).unlink(missing_ok=True)

    def held(self) -> tuple[str, ...]:
        """The groups that may run here, by name."""
        return _names(self._held)

    def leased(self) -> tuple[str, ...]:
        """The groups whose units may start here, by the name that each is written under."""
        return _names(self._lease)

    def path(self, group: str) -> Path:
        """The file that AssertPathExists= of the group's resources names."""
        return self._lease / _name(group.partition("@")[0])


def _name(group: str) -> str:
    assert group and "/" not in group and not group.startswith("."), f"{group!r} is no group's name"
    return group


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.chmod(0o755)  # whatever the umask is: systemd and people look into it, only root writes


def _touch(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(name for name in os.listdir(folder) if not name.startswith(".")))  # noqa: PTH208 - names, no paths
