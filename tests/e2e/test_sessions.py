"""Devices: listing, revoking and logging out, and what becomes of their tokens and sockets."""

from __future__ import annotations

import time

import pytest
from harness.api import refused
from harness.device import PASSWORD, Device
from harness.server import MakeServer
from harness.websocket import Refused, WebSocket

REVOKED = 4003
CLOSED_WITHIN_S = 2.0


def sessions(device: Device) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = device.get("/sessions")["sessions"]
    return listed


def test_every_device_is_listed_and_the_own_one_marked(alice: Device) -> None:
    laptop = alice.another("laptop")
    listed = {session["device_id"]: session for session in sessions(laptop)}
    assert set(listed) == {alice.device_id, laptop.device_id}
    assert listed[laptop.device_id]["current"] is True
    assert listed[alice.device_id]["current"] is False
    own = listed[laptop.device_id]
    assert (own["name"], own["platform"]) == ("laptop", "test")
    assert {"created_at", "last_seen_at"} <= own.keys()
    assert not any("token" in name for name in own)


def test_logging_out_ends_the_token_and_closes_the_socket(alice: Device) -> None:
    laptop = alice.another()
    socket, other_socket = alice.connect(), laptop.connect()
    assert alice.call("DELETE", "/sessions/current").status in (200, 204)
    assert socket.expect_close(CLOSED_WITHIN_S).code == REVOKED
    with refused("unauthenticated"):
        alice.get("/users/me")
    other_socket.ping()
    assert [session["device_id"] for session in sessions(laptop)] == [laptop.device_id]


def test_revoking_a_device_ends_its_token_and_closes_its_socket(alice: Device) -> None:
    laptop = alice.another()
    socket = laptop.connect()
    began = time.monotonic()
    alice.call("DELETE", f"/sessions/{laptop.device_id}")
    assert socket.expect_close(CLOSED_WITHIN_S).code == REVOKED
    assert time.monotonic() - began < CLOSED_WITHIN_S
    with refused("unauthenticated"):
        laptop.get("/users/me")
    assert alice.get("/users/me")["id"] == alice.id


def test_revoking_closes_a_socket_that_was_never_attached(alice: Device) -> None:
    laptop = alice.another()
    socket = laptop.connect(attach=False)
    socket.ping()
    alice.call("DELETE", f"/sessions/{laptop.device_id}")
    assert socket.expect_close(CLOSED_WITHIN_S).code == REVOKED


def test_revoking_closes_every_socket_of_the_device(alice: Device) -> None:
    laptop = alice.another()
    sockets = [laptop.connect() for _ in range(3)]
    alice.call("DELETE", f"/sessions/{laptop.device_id}")
    for socket in sockets:
        assert socket.expect_close(CLOSED_WITHIN_S).code == REVOKED


def test_a_revoked_token_opens_no_socket(alice: Device) -> None:
    laptop = alice.another()
    alice.call("DELETE", f"/sessions/{laptop.device_id}")
    with pytest.raises(Refused) as caught:
        laptop.socket()
    assert caught.value.status == 401


def test_an_unknown_device_is_not_found(alice: Device) -> None:
    with refused("not_found"):
        alice.call("DELETE", "/sessions/4611686018427387904")


def test_the_device_of_another_user_cant_be_revoked(alice: Device, mallory: Device) -> None:
    with refused("not_found"):
        mallory.call("DELETE", f"/sessions/{alice.device_id}")
    assert alice.get("/users/me")["id"] == alice.id


def test_one_device_too_many_signs_out_the_one_unused_for_longest(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ndevices_per_user = 3\n").api
    first = Device.sign_up(api, "alice")
    second, third = first.another("second"), first.another("third")
    socket = second.connect()
    third.get("/users/me")
    while True:  # the first one is used last, by the millisecond
        seen = {session["device_id"]: str(session["last_seen_at"]) for session in sessions(first)}
        if seen[first.device_id] > seen[third.device_id]:
            break
    first.another("fourth")
    with refused("unauthenticated"):
        third.get("/users/me")
    assert len(sessions(first)) == 3
    socket.ping()


def test_the_socket_of_a_device_that_is_signed_out_closes(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ndevices_per_user = 2\n").api
    first = Device.sign_up(api, "alice")
    socket = first.connect()
    second = first.another("second")
    other_socket = second.connect()
    first.another("third")
    other_socket.ping()
    assert socket.expect_close(CLOSED_WITHIN_S).code == REVOKED


def test_a_user_has_ten_devices_out_of_the_box(alice: Device) -> None:
    for number in range(2, 11):
        alice.another(f"device {number}")
    assert len(sessions(alice)) == 10
    eleventh = alice.another("device 11")
    listed = [session["name"] for session in sessions(eleventh)]
    assert len(listed) == 10
    assert "device 11" in listed


def test_sessions_survive_a_restart(make_server: MakeServer) -> None:
    server = make_server()
    alice = Device.sign_up(server.api, "alice")
    laptop = alice.another()
    alice.call("DELETE", f"/sessions/{laptop.device_id}")
    server.restart(kill=True)
    assert alice.get("/users/me")["id"] == alice.id
    with refused("unauthenticated"):
        laptop.get("/users/me")


def test_no_secret_stands_in_the_log(make_server: MakeServer) -> None:
    server = make_server()
    api = server.api
    alice = Device.sign_up(api, "alice")
    alice.connect().close()
    subprotocols = ("madang.v1", f"bearer.{alice.token}")
    WebSocket(server.host, server.port, subprotocols=subprotocols).close()
    api.exchange("GET", f"/v1/sync?token={alice.token}")
    api.exchange("GET", "/v1/users/me", headers={"Authorization": f"Bearer {alice.token}x"})
    with refused("unauthenticated"):
        Device.log_in(api, "alice", "a mistyped password")
    alice.call("DELETE", "/sessions/current")
    server.stop()
    log = server.log_text()
    assert log, "nothing was logged at all"
    for secret in (alice.token, alice.token[24:], PASSWORD, "a mistyped password"):
        assert secret not in log
