"""What the journal tells of incidents, put together: the entries of one incident and the steps that it went through.

`standfast.incidents.reading` reads the entries; everything else is pure.
"""

from standfast.incidents.entry import Entry, entry_of
from standfast.incidents.gathering import Incident, about, gather, with_loss
from standfast.incidents.steps import Step, StepName, slowest, steps

__all__ = ["Entry", "Incident", "Step", "StepName", "about", "entry_of", "gather", "slowest", "steps", "with_loss"]
