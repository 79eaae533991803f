"""HTTP of people who mean harm or know no better: an error code, nothing changed, and nobody else notices."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json, refused
from harness.device import Device
from harness.raw import RawConnection
from harness.server import MakeServer, Server

NOBODY = "4611686018427387904"
CALLS = [
    ("DELETE", "/sessions/current"),
    ("GET", "/sessions"),
    ("DELETE", f"/sessions/{NOBODY}"),
    ("GET", "/users/me"),
    ("PATCH", "/users/me"),
    ("GET", f"/users/{NOBODY}"),
    ("GET", "/users?username=x"),
    ("POST", "/conversations"),
    ("GET", "/conversations"),
    ("GET", f"/conversations/{NOBODY}"),
    ("PATCH", f"/conversations/{NOBODY}"),
    ("GET", f"/conversations/{NOBODY}/members"),
    ("PUT", f"/conversations/{NOBODY}/members/{NOBODY}"),
    ("DELETE", f"/conversations/{NOBODY}/members/{NOBODY}"),
    ("POST", f"/conversations/{NOBODY}/messages"),
    ("GET", f"/conversations/{NOBODY}/messages"),
    ("GET", "/sync?cursor=0"),
]
WRITES = [("POST", "/users"), ("POST", "/sessions"), ("PATCH", "/users/me"), ("POST", "/conversations")]


def raw_call(device: Device, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Json]:
    head = {"Authorization": f"Bearer {device.token}", "Content-Type": "application/json", **(headers or {})}
    answer = device.api.exchange(method, f"/v1{path}", body=body, headers=head)
    return answer.status, answer.problem().code if answer.status >= 400 else answer.json()


def head_of(device: Device, cid: str) -> int:
    return int(device.get(f"/conversations/{cid}")["head_seq"])


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[f"{method} {path}" for method, path in CALLS])
def test_no_call_is_answered_without_a_token(server: Server, method: str, path: str) -> None:
    body = {"title": "x"} if method in ("POST", "PATCH", "PUT") else None
    with refused("unauthenticated"):
        server.api.call(method, path, body)
    with refused("unauthenticated"):
        server.api.call(method, path, body, token="AAAA" * 20)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v1/nothing", "/v2/users/me", "/v1/friend", "/v1/presences", "/v1/users/me/x", "//v1//users//me", "/%2e%2e/etc"],
)
def test_an_unknown_address_is_not_found(alice: Device, path: str) -> None:
    answer = alice.api.exchange("GET", path, headers={"Authorization": f"Bearer {alice.token}"})
    assert (answer.status, answer.problem().code) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "POST", "TRACE", "CONNECT", "BREW", "get"])
def test_a_method_an_address_doesnt_know_is_refused(alice: Device, method: str) -> None:
    connection = RawConnection(alice.api.address)
    connection.send(f"{method} /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode())
    assert connection.answer()[0] in (400, 404, 405, 501)
    assert alice.get("/users/me")["id"] == alice.id


BAD_BODIES = {
    "empty": b"",
    "no json": b"username=alice&password=x",
    "truncated": b'{"username":"alice',
    "trailing": b'{"text":"a"} {"text":"b"}',
    "array": b"[]",
    "null": b"null",
    "nan": b'{"text":NaN}',
    "invalid utf-8": b'{"text":"\xff\xfe"}',
    "utf-16": '{"text":"a"}'.encode("utf-16"),
    "deep": b'{"text":' + b"[" * 33 + b"]" * 33 + b"}",
    "very deep": b'{"a":' * 300_000,
    "very deep and closed": b"[" * 900_000 + b"]" * 900_000,
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_no_proper_json_is_refused_everywhere(alice: Device, bob: Device, name: str) -> None:
    cid = alice.direct(bob)
    head = head_of(alice, cid)
    alice.caught_up(cid)
    for method, path in [*WRITES, ("POST", f"/conversations/{cid}/messages")]:
        assert raw_call(alice, method, path, BAD_BODIES[name]) == (400, "bad_request")
    assert head_of(alice, cid) == head
    assert len(alice.conversations()) == 1


def test_a_body_over_2_mib_is_too_large(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    body = b'{"client_id":"k","text":"x","more":"' + b"x" * (2 << 20) + b'"}'
    connection = RawConnection(alice.api.address)
    head = f"POST /v1/conversations/{cid}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    connection.send(body)
    status, problem = connection.answer()
    assert (status, problem["code"]) == (413, "too_large")
    assert alice.all_messages(cid) == []


def test_a_promise_of_a_huge_body_is_refused_before_it_comes(alice: Device) -> None:
    connection = RawConnection(alice.api.address)
    connection.send(f"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: {10**15}\r\n\r\n".encode())
    assert connection.answer()[0] == 413


def test_an_endless_chunked_body_is_refused(alice: Device) -> None:
    connection = RawConnection(alice.api.address)
    connection.send(b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(64):  # 4 MiB
        if not connection.send(chunk):
            break
    with contextlib.suppress(ConnectionError):  # a reset took the answer with it: refused all the same
        assert connection.answer()[0] == 413


def test_a_chunked_body_is_a_body(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    connection = RawConnection(alice.api.address)
    head = f"POST /v1/conversations/{cid}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    body = b'{"client_id":"k","text":"in chunks"}'
    chunks = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body)))
    connection.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n")
    status, message = connection.answer()
    assert (status, message["text"]) == (201, "in chunks")


BAD_REQUESTS = {
    "garbage": b"\x00\x01\x02\xff\xfe\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + b"\x55" * 60,
    "no version": b"GET /v1/users/me\r\n\r\n",
    "http 9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "negative length": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length of letters": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "two lengths": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length and chunked": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    "space before the colon": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nabcde",
    "nul in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    "long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "endless header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 3_000_000,
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_request_that_is_none_is_refused_and_its_connection_ended(alice: Device, name: str) -> None:
    connection = RawConnection(alice.api.address)
    connection.send(BAD_REQUESTS[name])
    with contextlib.suppress(ConnectionError):  # ended without a word
        assert 400 <= connection.answer()[0] < 600
    connection.expect_end()
    assert alice.get("/users/me")["id"] == alice.id


@pytest.mark.parametrize("second", ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"])
def test_a_smuggled_request_is_never_answered(alice: Device, second: str) -> None:
    connection = RawConnection(alice.api.address)
    hidden = f"GET /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n"
    connection.send(f"POST /v1/users HTTP/1.1\r\nHost: x\r\n{second}\r\n\r\n0\r\n\r\n{hidden}".encode())
    assert alice.id.encode() not in connection.expect_end()


def test_pipelined_requests_are_answered_in_order(alice: Device, bob: Device, carol: Device) -> None:
    connection = RawConnection(alice.api.address)
    people = [alice, bob, carol] * 30
    connection.send(
        b"".join(f"GET /v1/users/{each.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode() for each in people)
    )
    assert [connection.answer()[1]["id"] for _ in people] == [each.id for each in people]


def test_pipelined_sends_are_stored_in_order(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    connection = RawConnection(alice.api.address)
    head = f"POST /v1/conversations/{cid}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    bodies = [f'{{"client_id":"k{n}","text":"text {n}"}}' for n in range(50)]
    connection.send("".join(f"{head}Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies).encode())
    assert [connection.answer()[1]["text"] for _ in bodies] == [f"text {n}" for n in range(50)]
    assert [message["text"] for message in bob.all_messages(cid)] == [f"text {n}" for n in range(50)]


def test_a_client_of_http_1_0_is_answered_and_left(server: Server) -> None:
    connection = RawConnection(server)
    connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert connection.answer()[0] == 200
    assert connection.expect_end() == b""


def test_slow_clients_are_ended_and_the_others_notice_nothing(make_server: MakeServer) -> None:
    server = make_server(config='[limits]\nhandshake_timeout = "1s"\n')
    alice = Device.sign_up(server.api, "alice")
    beginnings = [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow:",
        b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    ]
    slow = [RawConnection(server) for _ in range(200)]
    for n, connection in enumerate(slow):
        connection.send(beginnings[n % 4])
    began = time.monotonic()
    assert alice.get("/users/me")["id"] == alice.id
    assert time.monotonic() - began < 1
    began = time.monotonic()
    for connection in slow:
        connection.send(b" ")
        connection.expect_end()
    assert time.monotonic() - began < 8
    assert alice.get("/users/me")["id"] == alice.id


def test_connections_that_come_and_go_leave_nothing_behind(server: Server, alice: Device) -> None:
    def visit(n: int) -> None:
        if n % 3 == 0:
            RawConnection(server).close()
        elif n % 3 == 1:
            alice.socket().abort()
        else:
            listener = alice.connect(0)
            listener.socket.abort()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(300)))
    alice.connect().ping()


def test_who_asks_without_end_and_reads_nothing_is_not_listened_to(server: Server, alice: Device) -> None:
    connection = RawConnection(server)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.socket.settimeout(4)
    requests = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 30_000
    # Far above what the kernel's buffers hold of both directions: the rest would lie in the server's memory.
    assert not all(connection.send(requests) for _ in range(64)), "64 MB of requests were taken in"
    alice.connect().ping()


def test_honest_people_chat_while_others_send_nonsense(server: Server, alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sender, receiver = alice.connect(), bob.connect()

    def nonsense(n: int) -> None:
        connection = RawConnection(server)
        connection.send(list(BAD_REQUESTS.values())[n % len(BAD_REQUESTS)])
        connection.close()
        bob.connect().socket.send(b"\xff" * (n * 100))

    with ThreadPoolExecutor(4) as pool:
        attack = [pool.submit(nonsense, n) for n in range(100)]
        for n in range(100):
            sender.send(cid, f"text {n}", f"k{n}")
            receiver.expect_text(f"text {n}", within=5)
        for each in attack:
            each.result()


@pytest.mark.parametrize("wanted", ["../../etc/passwd", "\x00", "'; DROP TABLE users; --", "%n%n%n", "\r\nX-Injected: 1"], ids=range(5))
def test_what_looks_like_an_attack_is_only_text(alice: Device, bob: Device, wanted: str) -> None:
    cid = alice.direct(bob)
    assert alice.send(cid, wanted, wanted)["text"] == wanted
    assert bob.all_messages(cid)[0]["client_id"] == wanted
    assert bob.get("/users", username=wanted)["users"] == []
