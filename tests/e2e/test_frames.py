"""Frames: fragments, control frames, and what becomes of those that break the rules of RFC 6455 or of the protocol."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.device import Device
from harness.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket

BAD_FRAME, TOO_BIG, PROTOCOL_ERROR = 4004, 1009, 1002


def test_a_ping_of_the_protocol_below_is_answered_too(alice: Device) -> None:
    listener = alice.connect()
    for payload in (b"", b"hello", bytes(range(125))):
        listener.socket.send_frame(PING, payload)
        listener.pump_until(lambda payload=payload: payload in listener.socket.pongs, 10)  # type: ignore[misc]


def test_a_pong_nobody_asked_for_is_ignored(alice: Device) -> None:
    listener = alice.connect()
    listener.socket.send_frame(PONG, b"unasked")
    listener.ping()


def test_a_message_in_fragments_is_one(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    frame = json.dumps(
        {"op": "send", "ref": 9, "conversation_id": cid, "client_id": "k", "text": "나뉜 글 😀"}, ensure_ascii=False
    ).encode()
    for at in range(len(frame)):
        listener.socket.send_frame(TEXT if at == 0 else CONTINUATION, frame[at : at + 1], fin=at == len(frame) - 1)
        if at == 20:
            listener.socket.send_frame(PING, b"in between")
    assert listener.reply(9)["message"]["text"] == "나뉜 글 😀"
    assert b"in between" in listener.socket.pongs


def test_frames_may_arrive_byte_by_byte_or_all_at_once(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    raw = bytearray()
    for n in range(50):
        body = json.dumps({"op": "send", "ref": f"r{n}", "conversation_id": cid, "client_id": f"k{n}", "text": f"text {n}"}).encode()
        mask = os.urandom(4)
        raw += struct.pack("!BBH", 0x81, 0x80 | 126, len(body)) if len(body) > 125 else struct.pack("!BB", 0x81, 0x80 | len(body))
        raw += mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))
    for at in range(300):
        listener.socket.send_bytes(bytes(raw[at : at + 1]))
    listener.socket.send_bytes(bytes(raw[300:]))
    for n in range(50):
        assert listener.reply(f"r{n}")["message"]["text"] == f"text {n}"


BAD_TEXTS = {
    "empty": b"",
    "no json": b"hello",
    "truncated": b'{"op":"ping"',
    "trailing": b'{"op":"ping"} {}',
    "array": b'[{"op":"ping"}]',
    "string": b'"ping"',
    "number": b"1",
    "null": b"null",
    "no op": b"{}",
    "unknown op": b'{"op":"dance"}',
    "op of another type": b'{"op":1}',
    "nan": b'{"op":NaN}',
    "single quotes": b"{'op':'ping'}",
    "deep array": b'{"op":"ping","x":' + b"[" * 100 + b"]" * 100 + b"}",
    "very deep": b'{"op":"ping","x":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "deep and open": b'{"a":' * 200_000,
    "invalid utf-8": b'{"op":"ping","x":"\xff"}',
    "overlong": b'{"op":"ping","x":"\xc0\xaf"}',
    "surrogate": b'{"op":"ping","x":"\xed\xa0\x80"}',
    "cut character": b'{"op":"ping","x":"\xe2\x82',
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_bad_frame_closes_the_socket(alice: Device, name: str) -> None:
    socket = alice.connect().socket
    socket.send(BAD_TEXTS[name])
    allowed = {BAD_FRAME, 1007} if name in ("invalid utf-8", "overlong", "surrogate", "cut character") else {BAD_FRAME}
    assert socket.expect_close().code in allowed


def test_nesting_up_to_32_is_taken(alice: Device) -> None:
    listener = alice.connect()
    listener.socket.send(b'{"op":"ping","x":' + b"[" * 31 + b"]" * 31 + b"}")
    listener.pump_until(lambda: bool(listener.others), 10)


def test_a_binary_frame_closes_the_socket(alice: Device) -> None:
    socket = alice.connect().socket
    socket.send_frame(BINARY, b'{"op":"ping"}')
    assert socket.expect_close().code in (BAD_FRAME, 1003)


def test_a_frame_over_2_mib_closes_the_socket(alice: Device) -> None:
    socket = alice.connect().socket
    socket.send(b'{"op":"ping","x":"' + b"x" * (2 << 20) + b'"}')
    assert socket.expect_close().code == TOO_BIG


def test_fragments_over_2_mib_close_the_socket(alice: Device) -> None:
    socket = alice.connect().socket
    socket.send_frame(TEXT, b'{"op":"ping","x":"', fin=False)
    for _ in range(3):
        socket.send_frame(CONTINUATION, b"x" * (1 << 20), fin=False)
    assert socket.expect_close().code == TOO_BIG


def test_a_length_nobody_can_mean_closes_the_socket(alice: Device) -> None:
    for length in (1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        socket = alice.connect().socket
        socket.send_bytes(struct.pack("!BBQ", 0x81, 0x80 | 127, length) + b"abcd")
        assert socket.expect_close().code in (TOO_BIG, PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "opcode_fin_reserved_payload",
    [
        (TEXT, True, 4, b'{"op":"ping"}'),
        (TEXT, True, 1, b'{"op":"ping"}'),
        (3, True, 0, b""),
        (11, True, 0, b""),
        (CONTINUATION, True, 0, b"x"),
        (PING, False, 0, b"x"),
        (PING, True, 0, b"x" * 126),
    ],
    ids=["rsv1", "rsv3", "opcode 3", "opcode 11", "lone continuation", "fragmented ping", "long ping"],
)
def test_a_frame_against_rfc_6455_closes_the_socket(alice: Device, opcode_fin_reserved_payload: tuple[int, bool, int, bytes]) -> None:
    opcode, fin, reserved, payload = opcode_fin_reserved_payload
    socket = alice.connect().socket
    socket.send_frame(opcode, payload, fin=fin, reserved=reserved)
    assert socket.expect_close().code in (PROTOCOL_ERROR, BAD_FRAME)


def test_a_text_within_fragments_of_another_closes_the_socket(alice: Device) -> None:
    socket = alice.connect().socket
    socket.send_frame(TEXT, b"{", fin=False)
    socket.send_frame(TEXT, b"{}")
    assert socket.expect_close().code in (PROTOCOL_ERROR, BAD_FRAME)


def test_an_unmasked_frame_closes_the_socket(alice: Device) -> None:
    socket = alice.connect().socket
    socket.send_frame(TEXT, b'{"op":"ping"}', masked=False)
    assert socket.expect_close().code in (PROTOCOL_ERROR, BAD_FRAME)


@pytest.mark.parametrize(
    ("payload", "codes"),
    [
        (b"", {1000, 1005}),
        (struct.pack("!H", 1000), {1000}),
        (struct.pack("!H", 1001) + b"bye", {1001, 1000}),
        (struct.pack("!H", 4999) + "안녕".encode(), {4999, 1000}),
        (b"\x03", {PROTOCOL_ERROR}),
        (struct.pack("!H", 1005), {PROTOCOL_ERROR}),
        (struct.pack("!H", 999), {PROTOCOL_ERROR}),
        (struct.pack("!H", 1000) + b"\xff", {1007, PROTOCOL_ERROR}),
    ],
    ids=range(8),
)
def test_a_close_is_answered_with_one(alice: Device, payload: bytes, codes: set[int]) -> None:
    socket = alice.connect().socket
    socket.send_frame(CLOSE, payload)
    assert socket.expect_close().code in codes


def test_a_socket_that_breaks_leaves_the_others_alone(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    good, bad = bob.connect(), bob.connect()
    bad.socket.send(b"\xff")
    bad.expect_close()
    alice.send(cid, "still here")
    good.expect_text("still here")


def test_large_frames_without_end_keep_nobody_waiting(alice: Device, bob: Device, mallory: Device) -> None:
    conversation_id = alice.direct(bob)
    text = json.dumps({"op": "typing", **{f"member {n}": n for n in range(80_000)}}).encode()
    frame = struct.pack("!BBQ4x", 0x80 | TEXT, 0xFF, len(text)) + text  # made once, or making it would take longer than reading it
    done = threading.Event()

    def pump(socket: WebSocket) -> None:
        while not done.is_set():
            socket.send_bytes(frame)

    with ThreadPoolExecutor(2) as pool:
        pumps = [pool.submit(pump, mallory.socket()) for _ in range(2)]
        try:
            began = time.monotonic()
            for n in range(10):
                alice.send(conversation_id, f"message {n}")
            took = time.monotonic() - began
        finally:
            done.set()
        assert not [pumping.exception() for pumping in pumps if pumping.exception()]
    assert took < 15, f"10 messages took {took:.1f} s"
