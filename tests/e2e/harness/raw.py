"""HTTP by hand: bytes in, answers out, for what no decent client would send. Thread: one owner."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any

from harness.api import Address

ANSWER_WITHIN_S = 10.0

_all: list[RawConnection] = []


def close_raw_connections() -> None:
    while _all:
        _all.pop().close()


class RawConnection:
    """A TCP connection to the server's port."""

    def __init__(self, server: Address) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=ANSWER_WITHIN_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.socket.makefile("rb")
        _all.append(self)

    def send(self, data: bytes) -> bool:
        """False when the server no longer takes any."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def answer(self, method: str = "GET") -> tuple[int, Any]:
        """Status and JSON (or text) of the next answer; raises ConnectionError when there is none."""
        response = http.client.HTTPResponse(_Stream(self._stream), method=method)  # type: ignore[arg-type]
        try:
            response.begin()
            body = response.read()
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionError(str(error)) from error
        is_json = "json" in (response.getheader("content-type") or "")
        return response.status, json.loads(body) if is_json else body.decode("utf-8", errors="replace")

    def expect_end(self, within: float = ANSWER_WITHIN_S) -> bytes:
        """What still comes before the server ends the connection; raises TimeoutError when it doesn't."""
        self.socket.settimeout(within)
        rest = b""
        with contextlib.suppress(ConnectionError):
            while data := self._stream.read1(1 << 16):
                rest += data
        return rest

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


class _Stream:
    """Lends the one stream of the connection to answer after answer."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> Any:
        return _Unclosable(self._stream)


class _Unclosable:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
