"""corosync.conf out of the configuration."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Cluster, Configuration, Node
from standfast.membershipd.corosync_conf import DIGEST_KEY, KEY_KEY, digest_of, key_of, render, token_ms
from standfast.membershipd.incarnations import Presence, PresenceError, decode, encode
from standfast.membershipd.settings import find_node

KEY = Path("/etc/standfast/corosync.key")


def make_configuration(count: int, *, detect_within_ms: int = 2200, votes: int = 1, **options: Any) -> Configuration:
    nodes = tuple(
        Node(
            name=f"node{number}",
            id=number,
            addresses=(f"192.0.2.{10 + number}", f"198.51.100.{10 + number}"),
            votes=votes,
        )
        for number in range(1, count + 1)
    )
    cluster = Cluster(name="webha", detect_within_ms=detect_within_ms, **options)
    return Configuration(
        cluster=cluster, nodes=nodes, devices=(), domains=(), groups=(), digest="d1", key="0123456789abcdef" * 4
    )


def test_two_nodes_make_this_file() -> None:
    text = render(make_configuration(2), KEY, b"key")
    assert (
        text
        == f"""\
# Written by standfast-membershipd out of the version in force; changes here are lost.
totem {{
    version: 2
    cluster_name: webha
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    keyfile: /etc/standfast/corosync.key
    token: 1000
    token_coefficient: 0
}}
nodelist {{
    node {{
        name: node1
        nodeid: 1
        quorum_votes: 1
        ring0_addr: 192.0.2.11
        ring1_addr: 198.51.100.11
    }}
    node {{
        name: node2
        nodeid: 2
        quorum_votes: 1
        ring0_addr: 192.0.2.12
        ring1_addr: 198.51.100.12
    }}
}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
logging {{
    to_syslog: yes
    to_logfile: no
    to_stderr: no
    logger_subsys {{
        subsys: KNET
        to_logfile: yes
        logfile: /run/standfast/corosync-links.log
    }}
}}
standfast {{
    key: {key_of(text)}
    corosync_conf: {digest_of(text)}
}}
"""
    )
    assert (DIGEST_KEY, KEY_KEY) == ("standfast.corosync_conf", "standfast.key")
    assert key_of(text) == hashlib.sha256(b"key").hexdigest()


def quorum_section(configuration: Configuration) -> list[str]:
    """The lines of the quorum section without its braces, what is in a section of it with that name before it."""
    lines = render(configuration, KEY, b"key").splitlines()
    inside: list[str] = []
    found = []
    for line in map(str.strip, lines):
        if line.endswith("{"):
            inside.append(line.removesuffix(" {"))
        elif line == "}":
            inside.pop()
        elif inside[:1] == ["quorum"]:
            found.append(".".join([*inside[1:], line]))
    assert not inside
    return found


PROVIDER = "provider: corosync_votequorum"


@pytest.mark.parametrize("count", [1, 3, 5])
def test_more_or_fewer_than_two_nodes_have_no_quorum_option(count: int) -> None:
    assert quorum_section(make_configuration(count)) == [PROVIDER]


def test_the_options_that_need_wait_for_all_are_written_with_it() -> None:
    breaker = ["wait_for_all: 1", "auto_tie_breaker: 1", "auto_tie_breaker_node: lowest"]
    assert quorum_section(make_configuration(4, auto_tie_breaker=True)) == [PROVIDER, *breaker]
    assert quorum_section(make_configuration(2, auto_tie_breaker=True)) == [PROVIDER, *breaker]
    last = ["wait_for_all: 1", "last_man_standing: 1", "last_man_standing_window: 11000"]
    assert quorum_section(make_configuration(3, last_man_standing=True)) == [PROVIDER, *last]
    assert quorum_section(make_configuration(2, two_node=False)) == [PROVIDER]


def test_votes_are_written_for_each_node() -> None:
    assert render(make_configuration(2, votes=3), KEY, b"key").count("quorum_votes: 3\n") == 2


def test_an_arbiter_is_a_device_of_one_vote_with_tls_and_no_two_node() -> None:
    assert quorum_section(make_configuration(2, arbiter="192.0.2.99")) == [
        PROVIDER,
        "device.model: net",
        "device.votes: 1",
        "device.timeout: 4400",
        "device.sync_timeout: 8800",
        "device.net.host: 192.0.2.99",
        "device.net.tls: required",
        "device.net.algorithm: ffsplit",
        "device.net.tie_breaker: lowest",
    ]


@pytest.mark.skipif(shutil.which("corosync") is None, reason="there is no corosync here")
@pytest.mark.parametrize(
    "options",
    [{}, {"auto_tie_breaker": True}, {"last_man_standing": True}, {"arbiter": "192.0.2.99"}, {"two_node": False}],
)
@pytest.mark.parametrize("count", [2, 4])
def test_corosync_itself_takes_the_file(tmp_path: Path, count: int, options: dict[str, Any]) -> None:
    key = tmp_path / "corosync.key"
    key.write_bytes(b"k" * 1024)
    # it looks for the node that it is to be
    text = render(make_configuration(count, **options), key, b"key").replace("192.0.2.11", "127.0.0.1")
    text = text.replace("to_stderr: no", "to_stderr: yes") + f"system {{\n    state_dir: {tmp_path}\n}}\n"
    assert _corosync_says(tmp_path, text) == ""
    assert "transport" in _corosync_says(tmp_path, text.replace("transport: knet", "transport: carrier"))
    assert "quorum_votes" in _corosync_says(tmp_path, text.replace("quorum_votes: 1", "quorum_votes: many"))


def _corosync_says(folder: Path, text: str) -> str:
    """What `corosync -t` has against this file; "" = nothing."""
    (folder / "corosync.conf").write_text(text)
    done = subprocess.run(
        ["corosync", "-t", "-c", str(folder / "corosync.conf")], check=False, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr + f" (exit code {done.returncode})"


@pytest.mark.parametrize(("detect_within_ms", "token"), [(2200, 1000), (1100, 500), (3000, 1363), (5500, 2500)])
def test_the_token_is_what_detection_takes_by_2_2_rounded_down(detect_within_ms: int, token: int) -> None:
    assert token_ms(detect_within_ms) == token
    assert f"    token: {token}\n" in render(make_configuration(3, detect_within_ms=detect_within_ms), KEY, b"key")


def test_the_digest_changes_with_the_file_and_only_with_it() -> None:
    three = make_configuration(3)
    assert digest_of(render(three, KEY, b"key")) == digest_of(render(three, KEY, b"key"))
    assert digest_of(render(three, KEY, b"key")) != digest_of(render(make_configuration(2), KEY, b"key"))
    assert len(digest_of(render(three, KEY, b"key"))) == 64
    assert digest_of(render(three, KEY, b"key")) != digest_of(render(three, KEY, b"other"))


def test_a_machine_is_found_by_its_full_name_or_the_short_one() -> None:
    nodes = make_configuration(2).nodes
    assert find_node(nodes, "node2") is nodes[1]
    assert find_node(nodes, "node2.example.com") is nodes[1]
    assert find_node(nodes, "node22") is None
    full = Node(name="node1.example.com", id=9, addresses=())
    assert find_node((*nodes, full), "node1.example.com") is full


def test_a_presence_comes_back_as_it_was() -> None:
    presence = Presence(node="node1", incarnation="6f0e/123", file="d1")
    assert decode(encode(presence)) == presence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"3",
        b'{"node": "node1"}',
        b'{"node": 1, "incarnation": "x"}',
        b'{"node": "", "incarnation": "x"}',
        b'{"node": "node1", "incarnation": "x\\n"}',
        b'{"node": "' + b"n" * 300 + b'", "incarnation": "x"}',
        b"[" * 60_000,
    ],
)
def test_bytes_that_are_no_presence_are_refused(data: bytes) -> None:
    with pytest.raises(PresenceError):
        decode(data)
