"""page.py NAME PORT: a page that says `well`, until /run/page.NAME says what is wrong with it."""

import contextlib
import os
import signal
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, PORT = sys.argv[1], int(sys.argv[2])
SLOW_START_S = 40


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        wrong = ""
        with contextlib.suppress(FileNotFoundError):
            wrong = Path(f"/run/page.{NAME}").read_text().strip()
        if wrong == "mute":
            time.sleep(3600)
        is_error = wrong == "error" or (wrong == "flaps" and int(time.monotonic()) % 2)
        body = b"Welcome to nginx!\n" if wrong == "another page" else b"well\n"
        self.send_response(500 if is_error else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    if NAME == "slow":
        time.sleep(SLOW_START_S)
    if NAME == "zombie" and os.fork():
        signal.pause()  # and it never waits for its worker
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Page)
    if NAME == "certificate":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = ("/srv/probed/page.crt", "/srv/probed/page.key")
        context.load_cert_chain(*files)
        signal.signal(signal.SIGHUP, lambda *_: context.load_cert_chain(*files))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


main()
