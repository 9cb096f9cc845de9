"""The README of a report: what is in it, what is not, and what to do with it."""

import re
from collections.abc import Mapping
from typing import Final

_PARTS: Final = {
    "about.json": "the machine: release, kernel, system, packages, load, memory, free space",
    "status.json": "standfast status --json, as it was when the report was taken",
    "published.json": "everything that the four daemons publish on the bus",
    "units.json": "systemd's word on Standfast's units and on those of the groups",
    "journal/standfast.jsonl": "what Standfast's daemons wrote into the journal (as journald knows them)",
    "journal/corosync.jsonl": "… of Corosync",
    "journal/systemd.jsonl": "… of systemd about these units",
    "configuration/in-force": "the digest of the version in force",
    "configuration/DIGEST/": "the files of that version, and of others that the recording needs, without secrets",
    "configuration/edited/": "files of /etc/standfast that differ from the version in force, without secrets",
    "flight/": "the flight recorder: every change of the record and every plan, for standfast simulate --replay",
    "state/": "what the daemons keep in /var/lib/standfast, among it the record; names of what is in /run/standfast",
    "corosync.json": "Corosync's keys and statistics",
}
_REMOVED: Final = """\
Removed: the contents of corosync.key, of every file that a PasswordFile= names, of every file that others may not read,
and the value of whatever is called password, passphrase, secret, token, community, key or the like, in cluster.conf and
in units, in URLs (of a webhook its path) and in comments. Instead there is a word such as removed-3: equal values have
the same word, and it is in their place in all other files, too.
Never taken: the journals of the services in the groups, their data, systemd's credentials, other users' files.
Not removed: names of nodes, groups, units and operators, addresses, host names, and what was typed as a reason.
So look through it before you give it to somebody: tar xzf FILE.
"""


def readme(*, at: str, since: str, names: Mapping[str, list[str]], left_out: Mapping[str, list[str]]) -> bytes:
    """`names` and `left_out` are by node: the files, and a sentence for each thing that could not be had."""
    lines = [f"A report of Standfast, taken {at}; its journals begin at {since}.", ""]
    lines += ["Once more what happened, on any machine with Standfast: standfast simulate --replay FILE", ""]
    for node, files in names.items():
        lines += [f"{node}/ ({len(files)} files)"]
        lines += [f"  {name:<25} {what}" for name, what in _PARTS.items() if _has(files, name)]
        missing = left_out.get(node, [])
        lines += ["  Not here:", *(f"  - {one}" for one in missing)] if missing else []
        lines += [""]
    for node in left_out.keys() - names.keys():
        lines += [f"{node}/ is not here:", *(f"  - {one}" for one in left_out[node]), ""]
    return ("\n".join(lines) + "\n" + _REMOVED).encode(errors="replace")


def _has(files: list[str], name: str) -> bool:
    """A name that ends in a slash is a folder; DIGEST is any."""
    expression = re.compile(re.escape(name).replace("DIGEST", "[0-9a-f]{64}"))
    return any(expression.match(file) for file in files)
