"""Files that stand for /etc/standfast, put in force in a folder that stands for /var/lib/standfast."""

from pathlib import Path

from standfast.configuration import versions
from standfast.configuration.tree import read_tree


def put_in_force(root: Path, folder: Path) -> str:
    """The files below `root` are in force in `folder`, good or not; their digest."""
    tree = read_tree(root)
    versions.store(tree, folder)
    versions.point(tree.digest, folder)
    return tree.digest
