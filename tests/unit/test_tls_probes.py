"""TLS of probes: whom they believe, what they show, and files that are renewed, wrong or out of reach."""

import asyncio
import datetime
import os
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.probes import tls
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome
from unit.certificates import Authority
from unit.probing import OK, UNIT, in_loop, probe, send, serving


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def believing(url: str, authority: Authority, **fields: Any) -> Probe:
    return probe(url, **{"ca_file": str(authority.file), "timeout_ms": 5000, **fields})


def tcp(url: str, **fields: Any) -> Probe:
    connect = Endpoint(host="localhost", port=int(url.rpartition(":")[2].partition("/")[0]))
    more = {"timeout_ms": 5000, "tls": True, "send": b"GET / HTTP/1.1\r\n\r\n", "expect": "200 OK", **fields}
    return Probe(name="", unit=UNIT, type="tcp", connect=connect, **more)


@in_loop
async def test_a_private_authority_is_believed_and_nobody_else(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    async with serving(send(OK), authority.server()) as url:
        told = [await check(one) for one in (believing(url, authority), tcp(url, ca_file=str(authority.file)))]
        strange = [await check(one) for one in (believing(url, other), believing(url, other, ca_file=None), tcp(url))]
    assert [one.outcome for one in told] == [Outcome.GOOD] * 2, told
    assert [one.outcome for one in strange] == [Outcome.BAD] * 3
    assert all("its certificate is not good: unable to get local issuer certificate" in one.text for one in strange)


@pytest.mark.parametrize(
    ("names", "days", "text"),
    [
        ("DNS:elsewhere", 30, "its certificate is not good: Hostname mismatch"),
        ("DNS:localhost", -1, "its certificate is not good: certificate has expired"),
    ],
)
@in_loop
async def test_a_certificate_of_another_host_or_time_is_bad(
    names: str, days: int, text: str, authority: Authority
) -> None:
    async with serving(send(OK), authority.server(names, datetime.timedelta(days=days))) as url:
        for one in (believing(url, authority), tcp(url, ca_file=str(authority.file))):
            told = await check(one)
            assert told.outcome is Outcome.BAD
            assert text in told.text


@in_loop
async def test_a_certificate_of_its_own_is_shown_to_a_server_that_wants_one(authority: Authority) -> None:
    certificate, key = authority.client()
    both = certificate.with_name("both.pem")
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        server = authority.demanding()
        server.maximum_version = version
        async with serving(send(OK), server) as url:
            shown = await check(believing(url, authority, client_certificate=str(certificate), client_key=str(key)))
            in_one = await check(tcp(url, ca_file=str(authority.file), client_certificate=str(both)))
            without = await check(believing(url, authority))
        assert (shown.outcome, in_one.outcome) == (Outcome.GOOD, Outcome.GOOD), (shown, in_one)
        assert without.outcome is Outcome.BAD, without


@in_loop
async def test_a_renewed_file_counts_from_the_next_try_on(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    believed = tmp_path / "believed.pem"
    believed.write_bytes(Authority(tmp_path / "other").file.read_bytes())
    async with serving(send(OK), authority.server()) as url:
        before = await check(believing(url, authority, ca_file=str(believed)))
        renewed = tmp_path / "renewed"
        renewed.write_bytes(authority.file.read_bytes())
        renewed.rename(believed)
        after = await check(believing(url, authority, ca_file=str(believed)))
    assert (before.outcome, after.outcome) == (Outcome.BAD, Outcome.GOOD)


@in_loop
async def test_a_file_that_cannot_be_used_says_nothing_about_the_unit(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.client()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    (tmp_path / "large").write_bytes(b"x" * (2 << 20))
    locking = f"openssl ec -in {key} -out {tmp_path}/locked -aes128 -passout pass:secret".split()
    subprocess.run(locking, check=True, capture_output=True)  # noqa: ASYNC221 - nothing else runs yet
    os.mkfifo(tmp_path / "pipe")
    wrong: dict[str, dict[str, Any]] = {
        f"{tmp_path}/none cannot be read: No such file or directory": {"ca_file": f"{tmp_path}/none"},
        f"{tmp_path}/empty has no certificate in PEM": {"ca_file": f"{tmp_path}/empty"},
        f"{tmp_path}/text has no certificate in PEM": {"ca_file": f"{tmp_path}/text"},
        f"{tmp_path}/large is no file with certificates or a key": {"ca_file": f"{tmp_path}/large"},
        f"{tmp_path}/pipe is no file with certificates or a key": {"ca_file": f"{tmp_path}/pipe"},
        f"{tmp_path}/gone cannot be read": {"client_certificate": str(certificate), "client_key": f"{tmp_path}/gone"},
        f"{certificate} is no certificate with its key in PEM": {"client_certificate": str(certificate)},
        f"{authority.file} and {key} are no certificate and its key in PEM: key values mismatch": {
            "client_certificate": str(authority.file),
            "client_key": str(key),
        },
        f"{certificate} and {tmp_path}/locked are no certificate and its key": {
            "client_certificate": str(certificate),
            "client_key": f"{tmp_path}/locked",
        },
    }
    async with serving(send(OK), authority.server()) as url:
        for text, fields in wrong.items():
            told = await check(believing(url, authority, **fields))
            assert told.outcome is Outcome.UNKNOWN, told.text
            assert text in told.text


@in_loop
async def test_a_file_system_that_hangs_takes_one_thread_and_says_nothing_about_the_unit(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering, hanging = threading.Event(), set()

    def hang(_: str) -> tuple[int, int, int]:
        hanging.add(threading.get_ident())
        answering.wait(60)
        return (0, 0, 0)

    async with serving(send(OK), authority.server()) as url:
        with monkeypatch.context() as patched:
            patched.setattr(tls, "_stamp", hang)
            told = await asyncio.gather(*(check(believing(url, authority, timeout_ms=300)) for _ in range(20)))
            told += await asyncio.gather(*(check(believing(url, authority, timeout_ms=300)) for _ in range(20)))
            answering.set()
        after = await check(believing(url, authority))
    assert {one.outcome for one in told} == {Outcome.UNKNOWN}
    assert len(hanging) == 1
    assert all("some file system does not answer" in one.text for one in told)
    assert after.outcome is Outcome.GOOD


@in_loop
async def test_what_is_kept_of_files_is_bounded(authority: Authority, tmp_path: Path) -> None:
    content = authority.file.read_bytes()
    for number in range(40):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(content)
        await tls.tls_context(probe(ca_file=str(path), timeout_ms=5000))
        assert len(tls._made) <= 32
    first = await tls.tls_context(probe(ca_file=str(path), timeout_ms=5000))
    assert first is await tls.tls_context(probe(ca_file=str(path), timeout_ms=5000))
