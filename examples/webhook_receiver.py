"""Receives what the plugin `webhook` sends for people who are away, checks the signature and prints it, or sends a text message, a mail.

    printf 'whsec_%s' "$(head -c 32 /dev/urandom | base64)" > webhook.secret
    python examples/webhook_receiver.py --port 9000 --secret-file webhook.secret

And in madang.toml, with `allow_private` because this address is no public one:

    [[plugins]]
    use = "webhook"
    settings = { url = "http://127.0.0.1:9000/", secret_file = "webhook.secret", allow_private = true }

What is answered decides: 2xx = done, everything else = again later. A notification comes at least once; its id tells a repeat.
"""

from __future__ import annotations

import argparse
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from madang.push.signature import BadSignature, key_of, verify

BODY_BYTES_MAX = 1_000_000
REMEMBERED = 10_000  # ids of notifications that were printed


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    secret = ""
    timeout = 10  # seconds for a request
    seen: dict[str, None] = {}  # noqa: RUF012  # the oldest first; a real one keeps them in its database

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413)
        try:
            told = verify(self.secret, dict(self.headers), self.rfile.read(length))
        except BadSignature as error:
            self.log_message("refused: %s", error)
            return self.answer(401)
        if told["id"] not in self.seen:
            sender = told["sender"]["username"] + (f" in {told['title']}" if "title" in told else "")
            print(f"to {told['user']['username']} ({told['badge']} unread): {sender}: {told['text']}", flush=True)
            self.seen[told["id"]] = None
            if len(self.seen) > REMEMBERED:
                del self.seen[next(iter(self.seen))]
        return self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Not each."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--port", type=int, default=9000, help="0 = any free one")
    options.add_argument("--secret-file", type=Path, required=True)
    given = options.parse_args()
    Receiver.secret = given.secret_file.read_text().strip()
    key_of(Receiver.secret)  # raises where it is none
    with ThreadingHTTPServer(("127.0.0.1", given.port), Receiver) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        print(f"ready http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
