"""What resourceds ask each other in the CPG group `standfast.ask`, beside the record: no term depends on it."""

from dataclasses import dataclass
from enum import StrEnum

from standfast.vocabulary import DrillKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAsked:
    """The node is to make the probes of a unit once ("" = all of it), and to say what it saw."""

    id: str
    node: str
    unit: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswered:
    """What it saw, as JSON; or why it made none, a sentence."""

    id: str
    document: str = ""
    refusal: str = ""


class FaultAct(StrEnum):
    """What is to be done with the fault of a fire drill."""

    CHECK = "check"  # it could be injected
    INJECT = "inject"
    UNDO = "undo"  # what ends by itself ends now
    ABANDONED = "abandoned"  # nobody conducts the drill there any more; asked of who is to


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAsked:
    """The node is to do that with a drill's fault; nothing is injected but for the drill that its record has."""

    id: str
    node: str
    act: FaultAct
    kind: DrillKind
    unit: str
    drill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAnswered:
    """It is done; or why not, a sentence."""

    id: str
    refusal: str = ""


Question = ProbeAsked | ProbeAnswered | FaultAsked | FaultAnswered
