"""The versions that were in force, for programs."""

from standfast.operations.config_versions import Known, Version
from standfast.status_report import Report


def document(known: Known) -> Report:
    """The newest first, and the one that comes back unless somebody confirms."""
    return {"versions": [row(known, one) for one in known.history], "unconfirmed": unconfirmed(known)}


def row(known: Known, one: Version) -> Report:
    """One version, and whether it is in force."""
    return {
        "number": one.number or None,
        "digest": one.digest,
        "base": one.base or None,
        "in_force_since": one.at or None,
        "by": one.by or None,
        "why": one.why or None,
        "in_force": one.digest == known.in_force,
    }


def unconfirmed(known: Known) -> Report | None:
    """The version that comes back, and when; None: the one in force stays."""
    return {"back_to": known.unconfirmed, "left_ms": known.left_ms} if known.unconfirmed else None
