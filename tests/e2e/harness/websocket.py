"""A WebSocket client of our own: blocking, with deadlines, and able to break the rules of RFC 6455 on purpose.

Thread: any may send, one receives. Limits: none of its own; what the server sends is kept until it is received, in the kernel's buffer.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONNECT_WITHIN_S = 10.0

_all: list[WebSocket] = []


def close_sockets() -> None:
    """Closes whatever is still open."""
    while _all:
        _all.pop().close()


class Closed(Exception):
    """The connection is over: the peer's close code, or 1006 when it ended without one."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The handshake was answered with something other than 101."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"{status} {body[:200]!r}")
        self.status = status
        self.headers = headers
        self.body = body


class WebSocket:
    """An open connection; raises Refused when there is none to be had."""

    def __init__(
        self,
        host: str,
        port: int,
        path: str = "/v1/connect",
        *,
        token: str | None = None,
        subprotocols: Sequence[str] = ("madang.v1",),
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self.port = port
        self._socket = socket.socket()
        if receive_buffer is not None:  # before connect, or the window is already larger
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(CONNECT_WITHIN_S)
        self._buffer = bytearray()
        self._at = 0  # of what is parsed in the buffer
        self._parts: list[bytes] = []
        self._send_lock = threading.Lock()
        self.subprotocol: str | None = None
        self.pongs: list[bytes] = []
        self.answers_pings = True
        _all.append(self)
        try:
            self._socket.connect((host, port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handshake(f"{host}:{port}", path, token, subprotocols, headers or {})
        except BaseException:
            self._socket.close()
            raise

    # ---- sending ----------------------------------------------------------------------------------------------------

    def send(self, text: str | bytes) -> None:
        self.send_frame(TEXT, text.encode() if isinstance(text, str) else text)

    def send_frame(self, opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0, masked: bool = True) -> None:
        first = (0x80 if fin else 0) | (reserved << 4) | opcode
        size = len(payload)
        mask_bit = 0x80 if masked else 0
        if size < 126:
            head = struct.pack("!BB", first, mask_bit | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", first, mask_bit | 126, size)
        else:
            head = struct.pack("!BBQ", first, mask_bit | 127, size)
        self.send_bytes(head + (_masked(payload) if masked else payload))

    def send_bytes(self, data: bytes) -> None:
        """Raw bytes after the handshake."""
        try:
            with self._send_lock:
                self._socket.settimeout(30)
                self._socket.sendall(data)
        except OSError as error:
            raise Closed(1006, str(error)) from error

    # ---- receiving --------------------------------------------------------------------------------------------------

    def receive(self, within: float) -> str:
        """The next text message; answers pings on the way. Raises Closed, or TimeoutError."""
        deadline = time.monotonic() + within
        while True:
            fin, opcode, payload = self._frame(deadline)
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                self._answer_close(payload)
                raise Closed(code, payload[2:].decode("utf-8", errors="replace"))
            if opcode == PING:
                if self.answers_pings:
                    self.send_frame(PONG, payload)
            elif opcode == PONG:
                self.pongs.append(payload)
                return ""
            else:
                self._parts.append(payload)
                if fin:
                    message = b"".join(self._parts)
                    self._parts.clear()
                    return message.decode()

    def expect_close(self, within: float = 10) -> Closed:
        """Reads on until the connection ends; whatever comes before is thrown away."""
        deadline = time.monotonic() + within
        while True:
            try:
                self.receive(deadline - time.monotonic())
            except Closed as closed:
                return closed

    def close(self, code: int = 1000) -> None:
        """Says good-bye and leaves without waiting for the answer; again does nothing."""
        if self._socket.fileno() < 0:
            return
        with contextlib.suppress(Closed):
            self.send_frame(CLOSE, struct.pack("!H", code))
        self._socket.close()

    def abort(self) -> None:
        """Ends with a reset, as a phone that loses its network."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _handshake(self, host: str, path: str, token: str | None, subprotocols: Sequence[str], extra: Mapping[str, str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        if subprotocols:
            lines["Sec-WebSocket-Protocol"] = ", ".join(subprotocols)
        if token is not None:
            lines["Authorization"] = f"Bearer {token}"
        lines.update(extra)
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        deadline = time.monotonic() + CONNECT_WITHIN_S
        while b"\r\n\r\n" not in self._buffer:
            self._fill(deadline)
        raw, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        status_line, *header_lines = raw.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in header_lines)}
        status = int(status_line.split(" ")[1])
        if status != 101:
            size = int(headers.get("content-length", "0"))
            while len(self._buffer) < size:
                self._fill(deadline)
            raise Refused(status, headers, bytes(self._buffer[:size]))
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert headers["sec-websocket-accept"] == expected, headers
        self.subprotocol = headers.get("sec-websocket-protocol")

    def _frame(self, deadline: float) -> tuple[bool, int, bytes]:
        head = self._peek(2, deadline)
        first, second = head[0], head[1]
        assert second & 0x80 == 0, "a server never masks"
        assert first & 0x70 == 0, "a reserved bit without an extension"
        size, offset = second & 0x7F, 2
        if size == 126:
            size, offset = struct.unpack("!H", self._peek(4, deadline)[2:4])[0], 4
        elif size == 127:
            size, offset = struct.unpack("!Q", self._peek(10, deadline)[2:10])[0], 10
        payload = self._peek(offset + size, deadline)[offset:]
        self._at += offset + size
        return bool(first & 0x80), first & 0x0F, payload

    def _peek(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) - self._at < count:
            if self._at:
                del self._buffer[: self._at]
                self._at = 0
            self._fill(deadline)
        return bytes(self._buffer[self._at : self._at + count])

    def _fill(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("nothing came in time")
        try:
            self._socket.settimeout(remaining)
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise TimeoutError("nothing came in time") from None
        except OSError as error:
            raise Closed(1006, str(error)) from error
        if not data:
            raise Closed(1006, "the stream ended without a close frame")
        self._buffer += data

    def _answer_close(self, payload: bytes) -> None:
        with contextlib.suppress(Closed):
            self.send_frame(CLOSE, payload[:2])
        self._socket.close()


def _masked(payload: bytes) -> bytes:
    key = os.urandom(4)
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return key + (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
