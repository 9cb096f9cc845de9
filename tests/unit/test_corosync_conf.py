"""corosync.conf out of the configuration."""

from pathlib import Path

import pytest

from standfast.configuration.model import Cluster, Configuration, Node
from standfast.membershipd.corosync_conf import DIGEST_KEY, digest_of, render, token_ms
from standfast.membershipd.incarnations import Presence, PresenceError, decode, encode
from standfast.membershipd.settings import find_node

KEY = Path("/etc/standfast/corosync.key")


def make_configuration(count: int, *, detect_within_ms: int = 2200) -> Configuration:
    nodes = tuple(
        Node(
            name=f"node{number}",
            id=number,
            addresses=(f"192.0.2.{10 + number}", f"198.51.100.{10 + number}"),
            votes=number,
        )
        for number in range(1, count + 1)
    )
    cluster = Cluster(name="webha", detect_within_ms=detect_within_ms)
    return Configuration(cluster=cluster, nodes=nodes, devices=(), domains=(), groups=(), digest="d1")


def test_two_nodes_make_this_file() -> None:
    text = render(make_configuration(2), KEY)
    assert (
        text
        == f"""\
# Written by standfast-membershipd out of /etc/standfast/cluster.conf; changes here are lost.
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
        quorum_votes: 2
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
}}
standfast {{
    corosync_conf: {digest_of(text)}
}}
"""
    )
    assert DIGEST_KEY == "standfast.corosync_conf"


@pytest.mark.parametrize("count", [1, 3, 5])
def test_only_two_nodes_get_two_node(count: int) -> None:
    assert "two_node" not in render(make_configuration(count), KEY)


@pytest.mark.parametrize(("detect_within_ms", "token"), [(2200, 1000), (1100, 500), (3000, 1363), (5500, 2500)])
def test_the_token_is_what_detection_takes_by_2_2_rounded_down(detect_within_ms: int, token: int) -> None:
    assert token_ms(detect_within_ms) == token
    assert f"    token: {token}\n" in render(make_configuration(3, detect_within_ms=detect_within_ms), KEY)


def test_the_digest_changes_with_the_file_and_only_with_it() -> None:
    three = make_configuration(3)
    assert digest_of(render(three, KEY)) == digest_of(render(three, KEY))
    assert digest_of(render(three, KEY)) != digest_of(render(make_configuration(2), KEY))
    assert len(digest_of(render(three, KEY))) == 64


def test_a_machine_is_found_by_its_full_name_or_the_short_one() -> None:
    nodes = make_configuration(2).nodes
    assert find_node(nodes, "node2") is nodes[1]
    assert find_node(nodes, "node2.example.com") is nodes[1]
    assert find_node(nodes, "node22") is None
    full = Node(name="node1.example.com", id=9, addresses=())
    assert find_node((*nodes, full), "node1.example.com") is full


def test_a_presence_comes_back_as_it_was() -> None:
    presence = Presence(node="node1", incarnation="6f0e/123")
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
