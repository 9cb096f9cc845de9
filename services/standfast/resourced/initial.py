"""`python3 -m standfast.resourced.initial`: the first record of a new cluster, every node marked left.

`standfast init` runs it on each node that begins with the cluster: the record has the same bytes there, for it is made
from the version in force alone. A record that exists is never overwritten.
"""

import sys
from pathlib import Path

from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration
from standfast.configuration.versions import FOLDER
from standfast.files import write_atomic
from standfast.resourced.codec import encode
from standfast.resourced.disk import RECORD
from standfast.resourced.record import Disk, Record, initial


def first_record(configuration: Configuration) -> Record:
    """The record of a cluster that never ran."""
    votes = {node.name: node.votes for node in configuration.nodes}
    return initial(configuration.digest, votes, tuple(group.name for group in configuration.groups))


def main(path: Path = RECORD, folder: Path = FOLDER) -> int:
    """Exit code 0: the record was written; 1: it exists already, or nothing good is in force here."""
    if path.exists():
        print(f"{path} exists: this node has a record already, nothing was changed", file=sys.stderr)
        return 1
    configuration, problems = load_in_force(folder, system=None)
    if configuration is None:
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    write_atomic(path, encode(Disk(highest_term=0, record=first_record(configuration))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
