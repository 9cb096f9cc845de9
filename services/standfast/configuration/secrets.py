"""Which files of a configuration nobody is shown, whether the configuration is good or not."""

import re
from typing import Final

from standfast.configuration.tree import Tree

KEY: Final = "corosync.key"
_NAMED: Final = re.compile(r"PasswordFile\s*=\s*(.+?)\s*$", re.MULTILINE)  # also in a comment: it was one yesterday
_SECRET: Final = re.compile(
    r"passw|passphrase|passcode|pass\b|pass_|secret|community|pwd\b|\bpw\b|_pw\b|token|credential|authorization|cookie"
    r"|(?:api|access|private)[_-]?key",
    re.IGNORECASE,
)
_OPEN: Final = ("cluster.conf", "cluster.conf.d/", "units/")  # what is elsewhere and others may not read is secret


def names_secret(name: str) -> bool:
    """What is called so is for nobody's eyes: an option, a parameter of an agent, a variable."""
    return bool(_SECRET.search(name))


def secret_names(tree: Tree) -> frozenset[str]:
    """corosync.key, what any PasswordFile= names, and what others may not read beside cluster.conf."""
    hidden = {name for name, file in tree.files.items() if not name.startswith(_OPEN) and not file.mode & 0o077}
    texts = (
        file.content.decode(errors="replace").replace("\\\n", " ")
        for name, file in tree.files.items()
        if name.startswith(_OPEN)
    )
    return frozenset({KEY, *hidden, *(name for text in texts for name in _NAMED.findall(text))})
