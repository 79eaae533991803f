"""What goes over the socket between a server and the worker process of a plugin: frames of four bytes of length and a payload.

To the worker a payload is a marshalled tuple: it is made by this very interpreter, and quick. From the worker it is JSON: whatever a plugin
has done to its process, what comes from there is parsed, never trusted."""

from __future__ import annotations

import json
import marshal
import struct
from typing import Any

HEAD = struct.Struct("<I")
FRAME_MAX = 64 << 20  # bytes; the mailbox holds no more than this altogether


class BadFrame(Exception):
    """What has come is no frame, or one that is too large."""


def to_worker(*what: Any) -> bytes:
    payload = marshal.dumps(what)
    return HEAD.pack(len(payload)) + payload


def from_server(payload: bytes) -> tuple[Any, ...]:
    what = marshal.loads(payload)  # noqa: S302 - the server's own
    assert isinstance(what, tuple)
    return what


def to_server(operations: list[list[Any]]) -> bytes:
    payload = json.dumps(operations, separators=(",", ":")).encode()
    return HEAD.pack(len(payload)) + payload


def from_worker(payload: bytes) -> list[list[Any]]:
    """BadFrame."""
    try:
        operations = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"it is no JSON: {error}") from None
    if not isinstance(operations, list) or not all(isinstance(each, list) and each and isinstance(each[0], str) for each in operations):
        raise BadFrame("it is no list of operations")
    return operations


class Reassembly:
    """Payloads out of whatever pieces of bytes arrive. Limits: FRAME_MAX; BadFrame beyond it."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        self._bytes += piece
        at, payloads = 0, []
        while len(self._bytes) - at >= HEAD.size:
            (length,) = HEAD.unpack_from(self._bytes, at)
            if length > FRAME_MAX:
                raise BadFrame(f"it has {length} bytes (at most {FRAME_MAX})")
            end = at + HEAD.size + length
            if len(self._bytes) < end:
                break
            payloads.append(bytes(memoryview(self._bytes)[at + HEAD.size : end]))
            at = end
        del self._bytes[:at]
        return payloads
