"""Certificates for tests."""

import datetime
import ssl
import subprocess
from pathlib import Path


def make_certificate(folder: Path, left: datetime.timedelta) -> ssl.SSLContext:
    """A server's context with a certificate of localhost, certificate.pem, that is good for so long from now."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    until = datetime.datetime.now(datetime.UTC) + left
    configuration = folder / "ca.cnf"
    (folder / "index").touch()
    (folder / "serial").write_text("01")
    configuration.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n"
        "[names]\nsubjectAltName=DNS:localhost\n[req]\ndistinguished_name=name\n[name]\n"
    )
    request = folder / "request.pem"
    _openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=localhost",
             "-config", configuration)  # fmt: skip
    _openssl("ca", "-batch", "-selfsign", "-config", configuration, "-keyfile", key, "-in", request, "-out",
             certificate, "-notext", "-startdate", "20200101000000Z", "-enddate", f"{until:%Y%m%d%H%M%SZ}")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
