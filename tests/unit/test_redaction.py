"""What is taken out of a configuration that is given away, and what stays."""

from dataclasses import replace

import pytest

from standfast.configuration.load import check
from standfast.configuration.redaction import Redaction
from standfast.configuration.tree import File, Tree
from unit.site import CLUSTER

SECRET = "Hx7-plantéd?"
LINES = {
    "Option=passwd={}": "Option=passwd=removed-1",
    "Option = snmp_community = {}": "Option = snmp_community = removed-1",
    "Parameter=password={}": "Parameter=password=removed-1",
    "Parameter=ldap_bind_pw=\\\n   {}": "Parameter=ldap_bind_pw=\\\n   removed-1",
    'Environment="A=b" "DB_PASSWORD={}"': 'Environment="A=b" "DB_PASSWORD=removed-1',
    "Environment=API_TOKEN={}": "Environment=API_TOKEN=removed-1",
    "ExecStart=/usr/bin/x --password {} --port 3": "ExecStart=/usr/bin/x --password removed-1 --port 3",
    "ExecStart=/usr/bin/x --password={}": "ExecStart=/usr/bin/x --password=removed-1",
    "ExecStart=/usr/bin/curl -u me:{} http://x/": "ExecStart=/usr/bin/curl -u me:removed-1 http://x/",
    "URL=http://me:{}@127.0.0.1/healthz": "URL=http://me:removed-1@127.0.0.1/healthz",
    "Header=Authorization: {}": "Header=Authorization: removed-1",
    "Send=AUTH {}\\r\\n": "Send=removed-1",
    "SetCredential=db:{}": "SetCredential=removed-1",
    "# the old password was {}": "# removed-2",
    "; passwd={}": "# removed-2",
    "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----": "removed-1",
}


def redacted(text: str) -> str:
    tree = Tree(files={"units/a.service": File(content=text.encode(), mode=0o644)}, problems=())
    return Redaction().tree(tree).files["units/a.service"].content.decode()


@pytest.mark.parametrize("line", LINES)
def test_a_secret_is_known_by_its_name(line: str) -> None:
    text = redacted(f"[X]\nAfter=this\n{line.format(SECRET)}\nBefore=that\n")
    assert SECRET not in text
    assert text == f"[X]\nAfter=this\n{LINES[line]}\nBefore=that\n"


@pytest.mark.parametrize(
    "line",
    [
        "PasswordFile=bmc.secret",
        "Credential=db",
        "LoadCredential=db:/etc/credstore/db",
        "PassAfter=2",
        "ExecStart=/usr/bin/x --port 3 --user me",
        "URL=http://127.0.0.1:80/a?b=c:d@e",
        "# an ordinary comment",
        "Send=PING\\r\\n",
        "Address=2001:db8::1",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redacted(f"{line}\n") == f"{line}\n"


def test_files_that_are_secret_are_words_and_equal_ones_the_same_word() -> None:
    files = {
        "bmc.secret": File(content=b"calvin-1\n", mode=0o600),
        "cluster.conf": File(content=b"PasswordFile=bmc.secret\nOption=passwd=calvin-1\n", mode=0o644),
        "corosync.key": File(content=bytes(range(200)), mode=0o600),
    }
    redaction = Redaction()
    tree = redaction.tree(Tree(files=files, problems=()))
    assert tree.files["bmc.secret"] == File(content=b"removed-1\n", mode=0o600)
    assert b"Option=passwd=removed-1" in tree.files["cluster.conf"].content
    assert tree.files["corosync.key"].content.startswith(b"removed-2\n.")
    assert list(redaction.hidden) == ["bmc.secret", "corosync.key"]


def test_a_secret_is_taken_out_of_every_other_text_however_it_is_written() -> None:
    redaction = Redaction()
    odd = 'quo"te\\d é'
    redaction.tree(Tree(files={"a.secret": File(content=odd.encode(), mode=0o600)}, problems=()))
    for text in (odd, 'say "quo\\"te\\\\d \\u00e9"', repr(odd)):
        assert b"removed-1" in redaction.text(text.encode())
    assert redaction.text(b"true and root") == b"true and root"


def test_the_path_of_a_webhook_is_a_secret_and_that_of_a_page_is_none() -> None:
    script = b'#!/bin/sh\ncurl -d @- "https://hooks.example.com/services/T0/B1/xyz"\n'
    page = b"[X-Probe]\nURL=http://127.0.0.1/services/health\n"
    files = {"alerts.d/hook": File(content=script, mode=0o755), "units/a.service": File(content=page, mode=0o644)}
    shown = Redaction().tree(Tree(files=files, problems=())).files
    assert shown["alerts.d/hook"].content == b'#!/bin/sh\ncurl -d @- "https://hooks.example.com/removed-1"\n'
    assert shown["units/a.service"].content == page


def test_a_secret_in_a_comment_is_known_elsewhere() -> None:
    redaction = Redaction()
    comment = File(content=b"# its password: calvin-1 (of 2021)\n", mode=0o644)
    redaction.tree(Tree(files={"cluster.conf": comment}, problems=()))
    assert b"calvin-1" not in redaction.text(b"login as root with calvin-1 failed")


def test_a_word_that_is_in_any_text_is_not_taken_out_of_all_texts() -> None:
    redaction = Redaction()
    line = File(content=b"Option=use_passwords=true\nOption=passwd=root\n", mode=0o644)
    redaction.tree(Tree(files={"cluster.conf": line}, problems=()))
    assert redaction.text(b'{"quorate": true, "by": "root"}') == b'{"quorate": true, "by": "root"}'


def test_a_configuration_without_its_secrets_is_read_as_before() -> None:
    contents = {
        "bmc.secret": "calvin-1\n",
        "cluster.conf": f"{CLUSTER}# passwd: calvin-1\n",
        "corosync.key": "k" * 128,
        "units/webserv.target": "[X-Standfast]\nResources=apache2.service\nDomain=web\n",
        "units/apache2.service.d/probe.conf": "[X-Probe]\nURL=http://127.0.0.1/\nUser=me\nPasswordFile=web.secret\n",
        "web.secret": "sesame-2\n",
    }
    tree = Tree(files={name: File(content=text.encode(), mode=0o600) for name, text in contents.items()}, problems=())
    before, after = check(tree, system=None), check(Redaction().tree(tree), system=None)
    assert after.digest != before.digest
    assert replace(after, digest=before.digest, key=before.key) == before
