"""How an entry of the journal is made: its level says who must act."""

from collections.abc import Mapping

from standfast.resourced.events import Entry

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6


def tell(event: str, level: int, text: str, shared: Mapping[str, str], **fields: str) -> Entry:
    subject = fields.get("SUBJECT", "")
    if subject and "," not in subject:
        fields["NODE"] = subject  # else journal.write says the node that it is written on
    return Entry(event=event, level=level, text=text, fields={**shared, **{k: v for k, v in fields.items() if v}})
