"""What a fence agent is asked, and what it answers. Pure."""

from enum import StrEnum


class Action(StrEnum):
    """What a fence agent is asked."""

    OFF = "off"
    STATUS = "status"
    ON = "on"


class Answer(StrEnum):
    """What a fence agent said by its exit code: 0, 2 (only `status` may), anything else or nothing at all."""

    DONE = "done"  # of `status`: the power is on
    IS_OFF = "is-off"
    FAILED = "failed"
