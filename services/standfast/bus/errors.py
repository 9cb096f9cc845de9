"""What goes wrong on the bus, as callers see it."""

from enum import StrEnum
from typing import Final


class ErrorName(StrEnum):
    """Our own error names; those of D-Bus itself and of systemd pass through as they are."""

    REFUSED = "org.standfast.Error.Refused"
    FAILED = "org.standfast.Error.Failed"
    ACCESS_DENIED = "org.standfast.Error.AccessDenied"
    NOT_QUORATE = "org.standfast.Error.NotQuorate"
    OUTCOME_UNKNOWN = "org.standfast.Error.OutcomeUnknown"
    INVALID_ARGUMENTS = "org.standfast.Error.InvalidArguments"
    TOO_MANY_CALLS = "org.standfast.Error.TooManyCalls"
    TIMED_OUT = "org.standfast.Error.TimedOut"
    NAME_TAKEN = "org.standfast.Error.NameTaken"
    BUS_LOST = "org.standfast.Error.BusLost"
    # D-Bus's own, for what its specification names
    UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
    UNKNOWN_INTERFACE = "org.freedesktop.DBus.Error.UnknownInterface"
    UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
    UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"
    PROPERTY_READ_ONLY = "org.freedesktop.DBus.Error.PropertyReadOnly"
    SERVICE_UNKNOWN = "org.freedesktop.DBus.Error.ServiceUnknown"
    NAME_HAS_NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"
    NO_REPLY = "org.freedesktop.DBus.Error.NoReply"


GONE: Final = frozenset(  # nobody is there who could answer
    {
        ErrorName.BUS_LOST,
        ErrorName.SERVICE_UNKNOWN,
        ErrorName.NAME_HAS_NO_OWNER,
        ErrorName.NO_REPLY,
        "org.freedesktop.DBus.Error.Disconnected",
    }
)


class BusError(Exception):
    """A call was refused, failed or got no answer: its error name and one sentence."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = str(name)
        self.text = text

    def __repr__(self) -> str:
        return f"BusError({self.name!r}, {self.text!r})"
