"""Load over WebSocket from one thread: as many attached devices as asked for, sending in a closed loop or at a fixed rate.

It is Python, and slower than the server: take its figures of CPU and memory per unit, which are the server's, not its throughput.
Thread: one owner. Limits: file descriptors, one per device.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import statistics
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MASK = b"\0\0\0\0"  # a mask of zeroes is one, and spares the generator the work
TEXT_CHARS = 100


@dataclass(frozen=True)
class Account:
    """A line of what `madang seed` writes."""

    user_id: str
    token: str
    direct_id: str
    group_id: str


@dataclass
class Figures:
    """What came back."""

    sent: int = 0
    replies: int = 0
    deliveries: int = 0
    attached: int = 0
    signals: int = 0
    latencies_s: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: int) -> float:
        if len(self.latencies_s) < 2:
            return 0.0
        return statistics.quantiles(self.latencies_s, n=100)[percent - 1] * 1000


class Device:
    """One attached socket."""

    def __init__(self, host: str, port: int, account: Account) -> None:
        self.account = account
        self.sent_at = 0.0
        self.cursor = self.acked = 0
        self._buffer = bytearray()
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = "bWFkYW5nIGJlbmNobWFyaw=="
        self.socket.sendall(
            f"GET /v1/connect HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: madang.v1\r\nAuthorization: Bearer {account.token}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.socket.recv(4096)
            if not data:
                raise ConnectionError("the handshake was not answered")
            head += data
        if b" 101 " not in head[:16]:
            raise ConnectionError(head.decode("latin-1"))
        self._buffer += head.partition(b"\r\n\r\n")[2]

    def send(self, frame: dict[str, object]) -> None:
        body = json.dumps(frame).encode()
        size = struct.pack("!BB", 0x81, 0x80 | len(body)) if len(body) < 126 else struct.pack("!BBH", 0x81, 0xFE, len(body))
        self.socket.sendall(size + MASK + body)

    def receive(self) -> list[bytes]:
        """The messages that have arrived whole; server frames are neither masked nor, so small, in fragments."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("closed by the server")
        self._buffer += data
        messages, at, end = [], 0, len(self._buffer)
        while end - at >= 2:
            opcode, size, body = self._buffer[at] & 15, self._buffer[at + 1], at + 2
            if size == 126:
                size, body = int.from_bytes(self._buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, body = int.from_bytes(self._buffer[at + 2 : at + 10], "big"), at + 10
            if body + size > end:
                break
            if opcode == 1:
                messages.append(bytes(self._buffer[body : body + size]))
            elif opcode == 9:
                self.socket.sendall(struct.pack("!BB", 0x8A, 0x80 | size) + MASK + self._buffer[body : body + size])
            elif opcode == 8:
                raise ConnectionError(f"closed with {int.from_bytes(self._buffer[body : body + 2], 'big')}")
            at = body + size
        del self._buffer[:at]
        return messages


class Load:
    """A number of devices and what they do."""

    def __init__(self, host: str, port: int, accounts: list[Account], ack_every_s: float | None = None) -> None:
        """`ack_every_s`: how often each device acks what it has; 0 = every frame of events, None = never."""
        self.figures = Figures()
        self._ack_every_s = ack_every_s
        self._ack_at = 0.0
        self._next_to_ack = 0
        self._run = os.urandom(4).hex()
        self._selector = selectors.DefaultSelector()
        self.devices = [Device(host, port, account) for account in accounts]
        for device in self.devices:
            self._selector.register(device.socket, selectors.EVENT_READ, device)
            device.send({"op": "attach"})
        self._await(lambda: self.figures.attached == len(accounts), "not all devices are attached")

    def pairs(self, seconds: float) -> None:
        """Every device keeps one message to its pair under way."""
        self._closed_loop(seconds, self.devices, lambda account: account.direct_id)

    def groups(self, seconds: float, size: int) -> None:
        """One device in every group keeps one message to it under way."""
        self._closed_loop(seconds, self.devices[::size], lambda account: account.group_id)

    def pairs_at(self, rate: int, seconds: float) -> None:
        """Messages to pairs at a fixed rate, whether or not the server keeps up; latency counts from when each was due."""
        began = time.monotonic()
        due = 0
        while (elapsed := time.monotonic() - began) < seconds:
            while due < elapsed * rate:
                device = self.devices[due % len(self.devices)]
                self._send(device, device.account.direct_id, began + due / rate)
                due += 1
            self._receive(max(0.0, began + due / rate - time.monotonic()), None)
        self._drain()

    def rest(self, seconds: float) -> None:
        """Answer the server's pings, and send nothing: a device that doesn't is offline before the next load."""
        self._receive(seconds, None)

    def close(self) -> None:
        for device in self.devices:
            self._selector.unregister(device.socket)
            device.socket.close()
        self._selector.close()

    def _closed_loop(self, seconds: float, senders: list[Device], target: Callable[[Account], str]) -> None:
        until = time.monotonic() + seconds

        def again(device: Device) -> None:
            if time.monotonic() < until:
                self._send(device, target(device.account), time.monotonic())

        for device in senders:
            again(device)
        while time.monotonic() < until:
            self._receive(0.1, again)
        self._drain()

    def _send(self, device: Device, conversation_id: str, due_at: float) -> None:
        self.figures.sent += 1
        device.sent_at = due_at
        number = self.figures.sent
        frame = {"op": "send", "ref": number, "conversation_id": conversation_id, "client_id": f"{self._run}-{number}"}
        device.send({**frame, "text": f"{number} ".ljust(TEXT_CHARS, "x")})

    def _receive(self, within: float, on_reply: Callable[[Device], None] | None) -> None:
        self._ack_in_turn()
        for key, _ in self._selector.select(within):
            device: Device = key.data
            for message in device.receive():
                frame = json.loads(message)
                if frame["op"] == "events":
                    self.figures.deliveries += len(frame["events"])
                    device.cursor = frame["events"][-1]["cursor"]
                    if self._ack_every_s == 0:
                        self._ack(device)
                elif frame["op"] == "signal":
                    self.figures.signals += 1
                elif frame["op"] == "attached":
                    self.figures.attached += 1
                elif frame["op"] == "reply":
                    if "error" in frame:
                        raise RuntimeError(f"refused: {frame['error']}")
                    self.figures.replies += 1
                    self.figures.latencies_s.append(time.monotonic() - device.sent_at)
                    if on_reply is not None:
                        on_reply(device)

    def _ack(self, device: Device) -> None:
        if device.acked < device.cursor:
            device.acked = device.cursor
            device.send({"op": "ack", "cursor": device.cursor})

    def _ack_in_turn(self) -> None:
        """A tenth of the devices each time, so that they don't all ack at once."""
        if not self._ack_every_s or time.monotonic() < self._ack_at:
            return
        self._ack_at = time.monotonic() + self._ack_every_s / 10
        self._next_to_ack = (self._next_to_ack + 1) % 10
        for device in self.devices[self._next_to_ack :: 10]:
            self._ack(device)

    def _drain(self) -> None:
        self._await(lambda: self.figures.replies == self.figures.sent, "not all sends were answered")

    def _await(self, done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + 30
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(complaint)
            self._receive(0.1, None)
