"""`python3 -m standfast.resourced.initial`: the first record of a new cluster, every node marked left.

The same bytes on every node: it is made from /etc/standfast alone, which is in force on this node then. A record that
exists is never overwritten.
"""

import sys
from pathlib import Path

from standfast.configuration import versions
from standfast.configuration.load import ROOT, check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import read_tree
from standfast.files import write_atomic
from standfast.resourced.codec import encode
from standfast.resourced.disk import RECORD
from standfast.resourced.record import Disk, Record, initial


def first_record(configuration: Configuration) -> Record:
    """The record of a cluster that never ran."""
    votes = {node.name: node.votes for node in configuration.nodes}
    return initial(configuration.digest, votes, tuple(group.name for group in configuration.groups))


def main(path: Path = RECORD) -> int:
    """Exit code 0: the record was written; 1: it exists already, or the configuration is broken."""
    if path.exists():
        print(f"{path} exists: this node has a record already, nothing was changed", file=sys.stderr)
        return 1
    tree = read_tree(ROOT)
    try:
        configuration = check(tree)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    versions.store(tree)
    versions.point(tree.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, encode(Disk(highest_term=0, record=first_record(configuration))))
    print(f"{path}: the first record of cluster {configuration.cluster.name}, every node marked left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
