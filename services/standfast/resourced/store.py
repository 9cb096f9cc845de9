"""The versions on this node's disk as resourced uses them, and putting one in place (DESIGN section 3)."""


from standfast.configuration import checkout, versions
from standfast.configuration.guards import DROPIN
from standfast.configuration.install import SYSTEM, find_foreign, install, installed_digest
from standfast.configuration.load import IN_FORCE, ROOT, load
from standfast.configuration.model import Configuration, ConfigurationError


def load_version(digest: str) -> Configuration | None:
    """A stored version as this machine judges it; None: it is not stored here whole. Raises ConfigurationError."""
    return load(versions.folder(digest)) if versions.read(digest) is not None else None


def load_decided(digest: str) -> Configuration | None:
    """A stored version that is in force: nothing is asked of this machine; None: it is not stored here whole.

    Raises ConfigurationError: the others accepted what this release does not understand.
    """
    return load(versions.folder(digest), system=None) if versions.read(digest) is not None else None


def in_the_way(configuration: Configuration) -> tuple[str, ...]:
    """What of an administrator on this machine has a name that this version needs, a sentence each."""
    return tuple(map(str, find_foreign(configuration, versions.folder(configuration.digest))))


def put_in_place(configuration: Configuration) -> bool:
    """It is the version in force here, its units are installed, /etc/standfast shows it; True: systemd must reload.

    Each step may be repeated: who dies in between does all of them again. Files that somebody edited are left alone.
    Raises ConfigurationError before anything changes when something of an administrator is in the way; OSError.
    """
    if problems := find_foreign(configuration, versions.folder(configuration.digest)):
        raise ConfigurationError(problems)
    before, after = versions.read(versions.in_force()), versions.read(configuration.digest)
    if after is None:
        raise FileNotFoundError(f"version {configuration.digest[:12]} is not whole on this disk")
    if before is not None:
        checkout.update(ROOT, before, after)
    versions.point(configuration.digest)
    return install(configuration, IN_FORCE)


def unguarded(configuration: Configuration) -> tuple[str, ...]:
    """Units that would become resources by this configuration: no guard of ours is in place for them."""
    units = [resource.unit for group in configuration.groups for resource in group.resources]
    return tuple(unit for unit in units if not (SYSTEM / f"{unit}.d" / DROPIN).exists())


def installed() -> str:
    """Digest of the version whose units are installed, "" = none, or an installation was interrupted."""
    return installed_digest() or ""


def drift() -> tuple[str, ...]:
    """Names of the files in /etc/standfast that differ from the version in force."""
    in_force = versions.read(versions.in_force())
    return checkout.drift(ROOT, in_force) if in_force is not None else ()


def prune(keep: set[str]) -> None:
    """Versions that nobody may want again are gone."""
    versions.prune(keep)
