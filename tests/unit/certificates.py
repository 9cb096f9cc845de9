"""Certificates for tests."""

import datetime
import ssl
import subprocess
from pathlib import Path

MONTH = datetime.timedelta(days=30)


def make_certificate(folder: Path, left: datetime.timedelta) -> ssl.SSLContext:
    """A server's context with a certificate of localhost, certificate.pem, that is good for so long from now."""
    return _sign(folder, "certificate", "DNS:localhost", left, None)


class Authority:
    """A private one; `file` has its certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "authority"
        self._folder.mkdir()
        self.file = self._folder / "authority.pem"
        _sign(self._folder, "authority", "DNS:authority", MONTH, None)

    def server(self, names: str = "DNS:localhost", left: datetime.timedelta = MONTH) -> ssl.SSLContext:
        """The context of a server with a certificate for these names (OpenSSL's subjectAltName)."""
        return _sign(self._folder, "server", names, left, "authority")

    def demanding(self) -> ssl.SSLContext:
        """The same of a server that wants a client's certificate of this authority."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.file)
        return context

    def client(self) -> tuple[Path, Path]:
        """The files of a client's certificate and its key."""
        _sign(self._folder, "client", "DNS:client", MONTH, "authority")
        return self._folder / "client.pem", self._folder / "client.key"


def _sign(folder: Path, name: str, names: str, left: datetime.timedelta, issuer: str | None) -> ssl.SSLContext:
    """A server's context with NAME.pem and NAME.key in `folder`, signed by `issuer`'s there or by its own key."""
    key, certificate, request = (folder / f"{name}.{suffix}" for suffix in ("key", "pem", "request"))
    configuration = folder / f"{name}.cnf"
    until = datetime.datetime.now(datetime.UTC) + left
    (folder / "index").write_text("")
    (folder / "index.attr").write_text("unique_subject = no\n")
    configuration.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nrand_serial=yes\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n"
        f"[names]\nsubjectAltName={names}\n{'' if issuer else 'basicConstraints=CA:true'}\n"
        "[req]\ndistinguished_name=name\n[name]\n"
    )
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
             "-out", request, "-subj", f"/CN={name}", "-config", configuration)  # fmt: skip
    own = ("-selfsign", "-keyfile", key)
    by = ("-cert", folder / f"{issuer}.pem", "-keyfile", folder / f"{issuer}.key") if issuer else own
    _openssl("ca", "-batch", "-config", configuration, *by, "-in", request, "-out", certificate, "-notext",
             "-startdate", "20200101000000Z", "-enddate", f"{until:%Y%m%d%H%M%SZ}")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
