"""Which entry of the journal follows from which, from one update to the next."""

from dataclasses import replace

from standfast.resourced.events import Entry
from standfast.resourced.messages import Update
from standfast.resourced.record import Record
from standfast.resourced.story import entries
from standfast.resourced.terms import Terms

SETTLED = ("group-started", "group-stopped", "group-serves")


class Chronicle:
    """Tells the updates of all terms; PARENT is the POSITION of the update that an entry follows from."""

    def __init__(self) -> None:
        self._last: dict[
            str, tuple[str, str]
        ] = {}  # by group on its way, or loss: the last update about it, its parent

    def told(self, before: Record, after: Record, terms: Terms, update: Update, now: int) -> list[Entry]:
        """The entries of an update of the open term that was just applied."""
        assert terms.term is not None
        told = entries(before, after, terms.term.number, update)
        return [self._linked(entry, after, terms, now) for entry in told] if told else told

    def _linked(self, entry: Entry, after: Record, terms: Terms, now: int) -> Entry:
        fields, more = entry.fields, {"VIEW": str(terms.ring)} if terms.ring is not None else {}
        group, loss, position = fields.get("GROUP", ""), fields.get("INCIDENT", ""), fields["POSITION"]
        if entry.event == "node-lost":
            self._last = {key: at for key, at in self._last.items() if key in after.groups or after.by_number(key)}
            last = self._last.get(after.losses[fields["SUBJECT"]].reason.facts.get("group", ""))  # its stop failed
            silent_ms = terms.ticks.silent_ms(fields["SUBJECT"], now)
            more |= {"SILENT_MS": str(silent_ms)} if silent_ms is not None else {}
        else:
            last = self._last.get(group) or self._last.get(loss)
        known, its_parent = last or ("", "")
        parent = its_parent if known == position else known  # one update may be told in several entries
        more |= {"PARENT": parent} if parent else {}
        if group and entry.event in SETTLED:
            self._last.pop(group, None)
        elif group or loss:
            self._last[group or loss] = (position, parent)
        return replace(entry, fields={**fields, **more})
