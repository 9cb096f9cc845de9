"""How a probe's password is read, and that nothing of it is told."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Probe
from standfast.probes import secrets
from standfast.probes.secrets import password
from standfast.probes.verdict import CannotCheckError
from unit.probing import in_loop, probe

DECRYPTED = "echo $* >>{log}; echo hidden"


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A node with a version in force and empty stores."""
    for name in ("config", "store", "encrypted", "given"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(secrets, "IN_FORCE", tmp_path / "config")
    monkeypatch.setattr(secrets, "STORES", (tmp_path / "store",))
    monkeypatch.setattr(secrets, "ENCRYPTED", (tmp_path / "encrypted",))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    yield tmp_path
    secrets._readings.clear()


def decrypting(node: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """systemd-creds is this script; the file that it may log to."""
    program = node / "systemd-creds"
    program.write_text("#!/bin/sh\n" + script.format(log=node / "log"))
    program.chmod(0o755)
    monkeypatch.setattr(secrets, "_DECRYPT", (str(program), "decrypt"))
    (node / "encrypted" / "db").write_text("sealed")
    return node / "log"


def of_file(**fields: Any) -> Probe:
    return probe(user="x", **{"password_file": "db.secret", "timeout_ms": 5000, **fields})


def of_credential(**fields: Any) -> Probe:
    return probe(user="x", **{"credential": "db", "timeout_ms": 5000, **fields})


async def refusal(one: Probe) -> str:
    with pytest.raises(CannotCheckError) as caught:
        await password(one)
    assert "hidden" not in str(caught.value)
    return str(caught.value)


@in_loop
async def test_a_probe_without_a_password_has_none() -> None:
    assert await password(probe()) is None


@in_loop
async def test_a_password_file_is_read_in_the_version_in_force_and_again_when_it_changes(node: Path) -> None:
    (node / "config" / "db.secret").write_text("hidden\n")
    assert await password(of_file()) == "hidden"
    other = node / "config" / "other"
    other.write_text("chängèd")  # an editor may end a file without a new line
    other.rename(node / "config" / "db.secret")
    assert await password(of_file()) == "chängèd"


@in_loop
async def test_a_file_that_did_not_change_is_not_read_again(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (node / "config" / "db.secret").write_text("hidden\n")
    assert await password(of_file()) == "hidden"

    def fail(_: Path) -> str:
        raise AssertionError

    monkeypatch.setattr(secrets, "_content", fail)
    assert await password(of_file()) == "hidden"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "PasswordFile=db.secret cannot be read: No such file or directory"),
        (b"", "PasswordFile=db.secret is not one line of text"),
        (b"hidden\nhidden\n", "PasswordFile=db.secret is not one line of text"),
        (b"hidden\0\n", "PasswordFile=db.secret is not one line of text"),
        (b"hidden\xff\n", "PasswordFile=db.secret is no UTF-8"),
    ],
)
@in_loop
async def test_a_password_that_cannot_be_used_is_told_without_it(content: bytes | None, text: str, node: Path) -> None:
    if content is not None:
        (node / "config" / "db.secret").write_bytes(content)
    assert await refusal(of_file()) == text


@in_loop
async def test_a_credential_is_what_systemd_gave_us_then_what_the_stores_have(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decrypting(node, monkeypatch, "echo sealed")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(node / "given"))
    assert await password(of_credential()) == "sealed"
    (node / "store" / "db").write_text("stored")
    assert await password(of_credential()) == "stored"
    (node / "given" / "db").write_text("given")
    assert await password(of_credential()) == "given"


@in_loop
async def test_a_credential_that_is_not_here_is_told_with_what_to_type(node: Path) -> None:
    text = f"this node has no credential db: systemd-creds encrypt --name=db - {node}/encrypted/db"
    assert await refusal(of_credential()) == text


@in_loop
async def test_an_encrypted_credential_is_decrypted_once_however_many_ask(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = decrypting(node, monkeypatch, DECRYPTED)
    assert await asyncio.gather(*(password(of_credential()) for _ in range(20))) == ["hidden"] * 20
    assert await password(of_credential()) == "hidden"
    assert log.read_text() == f"decrypt --name=db {node}/encrypted/db -\n"


@in_loop
async def test_what_systemd_says_of_a_credential_is_told_and_it_is_tried_again_later(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = decrypting(node, monkeypatch, "echo x >>{log}; echo hidden; echo 'No TPM here.' >&2; exit 1")
    for _ in range(3):
        assert await refusal(of_credential()) == "Credential=db cannot be decrypted: No TPM here"
    assert log.read_text() == "x\n"
    monkeypatch.setattr(secrets, "_AGAIN_S", 0.0)
    decrypting(node, monkeypatch, DECRYPTED)
    os.utime(node / "encrypted" / "db")
    assert await password(of_credential()) == "hidden"


@in_loop
async def test_a_hung_decryption_ends_no_try_as_bad_and_is_one_process(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = node / "go"
    os.mkfifo(go)
    log = decrypting(node, monkeypatch, "echo x >>{log}; read word <" + str(go) + "; echo hidden")
    for _ in range(3):
        assert "could not be read in time" in await refusal(of_credential(timeout_ms=100))
    waiting = asyncio.create_task(password(of_credential(timeout_ms=60_000)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    last = asyncio.create_task(password(of_credential(timeout_ms=60_000)))
    await asyncio.to_thread(go.write_text, "go\n")
    assert await last == "hidden"
    assert log.read_text() == "x\n"


@in_loop
async def test_a_decryption_that_never_ends_is_ended(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decrypting(node, monkeypatch, "exec sleep 1000")
    monkeypatch.setattr(secrets, "_DECRYPT_S", 0.05)
    assert await refusal(of_credential()) == "Credential=db could not be decrypted within 0.05 s"


@in_loop
async def test_without_systemd_creds_it_is_told(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decrypting(node, monkeypatch, "true").parent.joinpath("systemd-creds").unlink()
    assert await refusal(of_credential()) == "Credential=db cannot be read: No such file or directory"
