"""corosync.conf(5) out of cluster.conf: always knet, always encrypted, token_coefficient always 0."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from standfast.configuration.model import Configuration, Node
from standfast.configuration.quorum import arbiter_sync_timeout_ms, arbiter_timeout_ms, quorum_of
from standfast.corosync import knet_log

# A key of our own in the running Corosync: the digest of the file that it read last. Corosync keeps keys that it
# does not know (cmap_keys(7)), so it tells whether it works with this file, an older one, or somebody else's.
DIGEST_KEY: Final = "standfast.corosync_conf"
KEY_KEY: Final = "standfast.key"  # the digest of the key, which is a file of its own

# How long the votes of a lost node are still expected with LastManStanding: votequorum's own default, or several rings.
_LAST_MAN_WINDOW_MS: Final = 10_000


def render(configuration: Configuration, key_file: Path, key: bytes) -> str:
    """The whole file; its quorum section says what `quorum_of` says of the same configuration. `key`: in `key_file`."""
    text = "\n".join(
        [
            "# Written by standfast-membershipd out of the version in force; changes here are lost.",
            *_section("totem", _totem(configuration, key_file)),
            "nodelist {",
            *(f"    {line}" for node in configuration.nodes for line in _section("node", _node(node))),
            "}",
            *_quorum(configuration),
            *_logging(),
            "",
        ]
    )
    section, _, name = DIGEST_KEY.partition(".")
    of_key = hashlib.sha256(key).hexdigest()
    values = [(KEY_KEY.partition(".")[2], of_key), (name, _digest(text + of_key))]
    return text + "\n".join([*_section(section, values), ""])


def digest_of(text: str) -> str:
    """What a Corosync that works with the file `text` shows as DIGEST_KEY."""
    return _own_value(text, DIGEST_KEY)


def key_of(text: str) -> str:
    """The digest of the key that goes with the file `text`, as Corosync shows it as KEY_KEY."""
    return _own_value(text, KEY_KEY)


def _own_value(text: str, key: str) -> str:
    return text.rpartition(f" {key.partition('.')[2]}: ")[2].split()[0]


def device_of(configuration: Configuration) -> str:
    """What corosync-qdevice reads of the file; "" without an arbiter."""
    return "\n".join(_device(configuration)) if configuration.cluster.arbiter else ""


def token_ms(detect_within_ms: int) -> int:
    """Corosync's token: a loss is noticed after token + consensus = 2.2 token."""
    return detect_within_ms * 10 // 22


def _totem(configuration: Configuration, key_file: Path) -> list[tuple[str, str]]:
    return [
        ("version", "2"),
        ("cluster_name", configuration.cluster.name),
        ("transport", "knet"),
        ("crypto_cipher", "aes256"),
        ("crypto_hash", "sha256"),
        ("keyfile", str(key_file)),
        ("token", str(token_ms(configuration.cluster.detect_within_ms))),
        ("token_coefficient", "0"),  # else the time to notice a loss would grow with every node
    ]


def _node(node: Node) -> list[tuple[str, str]]:
    return [
        ("name", node.name),
        ("nodeid", str(node.id)),
        ("quorum_votes", str(node.votes)),
        *((f"ring{link}_addr", address) for link, address in enumerate(node.addresses) if address),
    ]


def _quorum(configuration: Configuration) -> list[str]:
    rules = quorum_of(configuration)
    options = [("provider", "corosync_votequorum")]
    if rules.two_node:
        options += [("two_node", "1")]
    if rules.wait_for_all and not rules.two_node:
        # two_node implies it, and takes it along at a reload only if it is not written; the others only advise it
        options += [("wait_for_all", "1")]
    if rules.auto_tie_breaker:
        options += [("auto_tie_breaker", "1"), ("auto_tie_breaker_node", "lowest")]
    if rules.last_man_standing:
        window_ms = max(_LAST_MAN_WINDOW_MS, 5 * configuration.cluster.detect_within_ms)
        options += [("last_man_standing", "1"), ("last_man_standing_window", str(window_ms))]
    *section, end = _section("quorum", options)
    if rules.arbiter_votes:
        section += [f"    {line}" for line in _device(configuration)]
    return [*section, end]


def _device(configuration: Configuration) -> list[str]:
    """corosync-qdevice(8): it and votequorum both read this."""
    cluster = configuration.cluster
    *section, end = _section(
        "device",
        [
            ("model", "net"),
            ("votes", "1"),  # ffsplit's one; without it the device would get a vote for each node but one
            ("timeout", str(arbiter_timeout_ms(cluster.detect_within_ms))),
            ("sync_timeout", str(arbiter_sync_timeout_ms(cluster.detect_within_ms))),
        ],
    )
    net = [("host", cluster.arbiter), ("tls", "required"), ("algorithm", "ffsplit"), ("tie_breaker", "lowest")]
    return [*section, *(f"    {line}" for line in _section("net", net)), end]


def _logging() -> list[str]:
    *section, end = _section("logging", [("to_syslog", "yes"), ("to_logfile", "no"), ("to_stderr", "no")])
    links = _section("logger_subsys", [("subsys", "KNET"), ("to_logfile", "yes"), ("logfile", str(knet_log.FILE))])
    return [*section, *(f"    {line}" for line in links), end]


def _section(name: str, values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name} {{", *(f"    {key}: {value}" for key, value in values), "}"]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
