"""Who is online, and who is told. The clock is moved instead of waited for."""

from __future__ import annotations

import re
import socket
import time
from datetime import datetime

import pytest
from harness.api import Json, refused
from harness.device import Device
from harness.listener import Listener
from harness.server import MakeServer, Server

NOBODY = "4096000077"


@pytest.fixture
def yard(make_server: MakeServer) -> Server:
    return make_server(clock="movable")


@pytest.fixture
def anna(yard: Server) -> Device:
    return Device.sign_up(yard.api, "anna")


@pytest.fixture
def bert(yard: Server) -> Device:
    return Device.sign_up(yard.api, "bert")


def presence(device: Device, *users: str) -> list[Json]:
    return list(device.get("/presence", users=",".join(users))["presence"])


def status(device: Device, user: str) -> str:
    return str(presence(device, user)[0]["status"])


def watching(device: Device, *users: str) -> Listener:
    listener = device.connect()
    listener.request("watch", users=list(users))
    for user in users:
        listener.expect_signal("presence", user_id=user)
    return listener


def test_online_from_attach_and_not_before(anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    bert.caught_up(cid)
    socket = anna.connect(attach=False)
    socket.ping()
    assert status(bert, anna.id) == "offline"
    socket.attach()
    assert status(bert, anna.id) == "online"
    assert datetime.fromisoformat(presence(bert, anna.id)[0]["last_active_at"])


def test_a_lost_connection_is_offline_after_the_time_and_not_sooner(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    listener = anna.connect()
    reader = watching(bert, anna.id)
    listener.close()
    yard.advance(25)
    assert status(bert, anna.id) == "online"
    assert reader.new_signals("presence") == []
    yard.advance(6)
    reader.expect_signal("presence", user_id=anna.id, status="offline")
    assert status(bert, anna.id) == "offline"


def test_a_short_loss_is_not_told(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    first = anna.connect()
    reader = watching(bert, anna.id)
    first.close()
    yard.advance(20)
    second = anna.connect()
    yard.advance(60)
    assert reader.new_signals("presence") == []
    second.ping()


def test_a_silent_socket_is_offline_with_its_close(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    silent = anna.connect()
    silent.keeps_silent, silent.socket.answers_pings = True, False
    reader = watching(bert, anna.id)
    yard.advance(31)
    assert silent.expect_close().code == 4008
    reader.expect_signal("presence", user_id=anna.id, status="offline")


def test_the_last_device_that_logs_out_is_offline_at_once(anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    laptop = anna.another()
    anna.connect(), laptop.connect()
    reader = watching(bert, anna.id)
    laptop.call("DELETE", "/sessions/current")
    reader.ping()
    assert status(bert, anna.id) == "online"
    anna.call("DELETE", "/sessions/current")
    told = reader.expect_signal("presence", user_id=anna.id)
    assert told["status"] == "offline"
    assert "last_active_at" in told


def befriended(yard: Server, one: Device, other: Device) -> None:
    """They know of it, and the polls by which they learnt it count no more."""
    for asker, asked in ((one, other), (other, one)):
        asker.call("PUT", f"/friends/{asked.id}")
    for each in (one, other):
        each.await_event(lambda event: event["type"] == "friend.updated" and event["state"] == "friends")
    yard.advance(31)


def test_friends_are_told_without_watching(yard: Server, anna: Device, bert: Device) -> None:
    befriended(yard, anna, bert)
    reader = bert.connect()
    laptop = anna.another()
    socket = anna.connect()
    reader.expect_signal("presence", user_id=anna.id, status="online")
    other = laptop.connect()
    socket.close()
    yard.advance(60)
    assert reader.new_signals("presence") == [], "several devices are one"
    other.close()
    yard.advance(20)
    again = laptop.connect()
    yard.advance(20)
    assert reader.new_signals("presence") == [], "a short loss is none"
    laptop.call("DELETE", "/sessions/current")
    reader.expect_signal("presence", user_id=anna.id, status="offline")
    again.expect_close()


@pytest.mark.parametrize("how", ["revoked", "a new password"])
def test_who_is_signed_out_by_another_device_is_offline_at_once(yard: Server, anna: Device, bert: Device, how: str) -> None:
    befriended(yard, anna, bert)
    laptop = anna.another()
    reader = bert.connect()
    laptop.connect()
    reader.expect_signal("presence", user_id=anna.id, status="online")
    if how == "revoked":
        anna.call("DELETE", f"/sessions/{laptop.device_id}")
    else:
        anna.call("PUT", "/users/me/password", {"old_password": anna.password, "new_password": "battery horse staple"})
    reader.expect_signal("presence", user_id=anna.id, status="offline")


def sockets_become(yard: Server, wanted: int) -> None:
    """As the engines know of them; their figures lag behind a little."""
    deadline = time.monotonic() + 20
    found = None
    while found != wanted:
        assert time.monotonic() < deadline, found
        page = yard.api.exchange("GET", "/metrics").body.decode()
        found = sum(int(float(line.split()[1])) for line in page.splitlines() if line.startswith("madang_engine_sessions"))


def close(yard: Server, listener: Listener, others: int) -> None:
    """And the server knows."""
    sockets_become(yard, others + 1)
    listener.close()
    sockets_become(yard, others)


def test_who_comes_back_hears_that_a_friend_has_gone(yard: Server, anna: Device, bert: Device) -> None:
    befriended(yard, anna, bert)
    reader = bert.connect()
    anna.connect()
    reader.expect_signal("presence", user_id=anna.id, status="online")
    close(yard, reader, others=1)
    anna.call("DELETE", "/sessions/current")
    bert.connect().expect_signal("presence", user_id=anna.id, status="offline")


def test_who_comes_back_hears_that_a_friend_has_come_and_goes(yard: Server, anna: Device, bert: Device) -> None:
    befriended(yard, anna, bert)
    close(yard, bert.connect(), others=0)
    anna.connect()
    again = bert.connect()
    again.expect_signal("presence", user_id=anna.id, status="online")
    anna.call("DELETE", "/sessions/current")
    again.expect_signal("presence", user_id=anna.id, status="offline")


def test_a_second_device_hears_which_friends_are_online(yard: Server, anna: Device, bert: Device) -> None:
    befriended(yard, anna, bert)
    laptop = bert.another()
    reader = bert.connect()
    anna.connect()
    reader.expect_signal("presence", user_id=anna.id, status="online")
    second = laptop.connect()
    second.expect_signal("presence", user_id=anna.id, status="online")
    anna.call("DELETE", "/sessions/current")
    for each in (reader, second):
        each.expect_signal("presence", user_id=anna.id, status="offline")


def test_who_asked_hears_when_a_friend_goes_before_the_first_push(yard: Server, anna: Device, bert: Device) -> None:
    befriended(yard, anna, bert)
    anna.connect()
    reader = bert.connect()
    assert status(bert, anna.id) == "online"
    anna.call("DELETE", "/sessions/current")
    reader.expect_signal("presence", user_id=anna.id, status="offline")


@pytest.mark.parametrize("how", ["block", "unfriend", "deletion"])
def test_who_is_no_friend_any_more_is_seen_offline(yard: Server, anna: Device, bert: Device, how: str) -> None:
    befriended(yard, anna, bert)
    reader = bert.connect()
    anna.connect()
    reader.expect_signal("presence", user_id=anna.id, status="online")
    path = {"block": f"/blocks/{bert.id}", "unfriend": f"/friends/{bert.id}", "deletion": "/users/me"}[how]
    anna.call("PUT" if how == "block" else "DELETE", path)
    reader.expect_signal("presence", user_id=anna.id, status="offline")
    assert presence(bert, anna.id) == [{"user_id": anna.id, "status": "offline"}]


def test_strangers_and_unknown_ids_look_alike(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    anna.connect()
    mallory = Device.sign_up(yard.api, "mallory")
    assert presence(mallory, anna.id, NOBODY) == [{"user_id": anna.id, "status": "offline"}, {"user_id": NOBODY, "status": "offline"}]
    listener = mallory.connect()
    listener.request("watch", users=[anna.id, NOBODY])
    for user in (anna.id, NOBODY):
        assert listener.expect_signal("presence", user_id=user) == {
            "op": "signal",
            "type": "presence",
            "user_id": user,
            "status": "offline",
        }


def test_who_leaves_the_group_sees_nothing_any_more(anna: Device, bert: Device) -> None:
    cid = anna.group(bert)
    bert.caught_up(cid)
    anna.connect()
    reader = watching(bert, anna.id)
    anna.call("DELETE", f"/conversations/{cid}/members/{bert.id}")
    told = reader.expect_signal("presence", user_id=anna.id)
    assert told == {"op": "signal", "type": "presence", "user_id": anna.id, "status": "offline"}
    bert.caught_up(anna.direct(bert))
    reader.expect_signal("presence", user_id=anna.id, status="online")


def test_a_new_list_replaces_the_old_one(anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    reader = watching(bert, anna.id)
    reader.request("watch", users=[bert.id])
    reader.expect_signal("presence", user_id=bert.id, status="online")
    anna.connect()
    assert status(bert, anna.id) == "online"
    assert reader.new_signals("presence") == []


def test_a_long_poll_is_presence_until_some_time_after_it(yard: Server, anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    tail = anna.caught_up(cid)
    bert.caught_up(cid)
    yard.advance(31)  # those polls are over
    assert status(bert, anna.id) == "offline"
    anna.sync(tail)
    assert status(bert, anna.id) == "offline"
    anna.sync(tail, wait="10ms")
    assert status(bert, anna.id) == "online"
    yard.advance(31)
    assert status(bert, anna.id) == "offline"


def test_a_restart_begins_with_everybody_offline_and_their_last_time(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    anna.connect()
    before = presence(bert, anna.id)[0]["last_active_at"]
    yard.restart(kill=True)
    after = presence(bert, anna.id)[0]
    assert after["status"] == "offline"
    assert abs((datetime.fromisoformat(after["last_active_at"]) - datetime.fromisoformat(before)).total_seconds()) <= 60
    anna.connect()
    assert status(bert, anna.id) == "online"


def test_who_only_answers_pings_was_there_a_moment_ago_after_a_kill(yard: Server, anna: Device, bert: Device) -> None:
    bert.caught_up(anna.direct(bert))
    listener = anna.connect()
    attached = datetime.fromisoformat(presence(bert, anna.id)[0]["last_active_at"])
    yard.advance(300)
    assert not listener.events
    yard.restart(kill=True)
    seen = datetime.fromisoformat(presence(bert, anna.id)[0]["last_active_at"])
    assert (seen - attached).total_seconds() >= 300 - 60 - 60 - 30


def test_members_are_asked_for_page_by_page(anna: Device, bert: Device, yard: Server) -> None:
    cid = anna.group(bert, Device.sign_up(yard.api, "carol"))
    bert.connect()
    everybody = anna.pages(f"/conversations/{cid}/presence", "presence", 2)
    assert {each["user_id"]: each["status"] for each in everybody}[bert.id] == "online"
    assert len(everybody) == 3
    with refused("not_found"):
        Device.sign_up(yard.api, "mallory").get(f"/conversations/{cid}/presence")


def test_bad_questions_are_refused(anna: Device) -> None:
    for question in ("", "x", "1,", "1,,2", ",".join(str(n) for n in range(1, 102))):
        with refused("bad_request"):
            anna.get("/presence", users=question)
    with refused("bad_request"):
        anna.get("/presence")
    listener = anna.connect()
    for users in (None, "1", [1], ["x"], [str(n) for n in range(1, 1_002)]):
        with refused("bad_request"):
            listener.request("watch", users=users)
    listener.send_json({"op": "watch", "users": "1"})  # without a ref: silence
    listener.ping()
    assert listener.replies == {}


def test_a_poll_whose_client_has_gone_counts_no_more(yard: Server, anna: Device, bert: Device) -> None:
    cursor = bert.caught_up(anna.direct(bert))
    with socket.create_connection((yard.host, yard.port), timeout=10) as line:
        line.sendall(
            f"GET /v1/sync?cursor={cursor}&wait=60s HTTP/1.1\r\nHost: {yard.host}\r\nAuthorization: Bearer {bert.token}\r\n\r\n".encode()
        )
        pollers(yard, 1)
    pollers(yard, 0)
    yard.advance(29)
    assert status(anna, bert.id) == "online"
    yard.advance(2)
    assert status(anna, bert.id) == "offline"


def pollers(server: Server, wanted: int) -> None:
    deadline = time.monotonic() + 10
    waiting = re.compile(r"^madang_engine_pollers{.*} (\d+)$", re.MULTILINE)
    while sum(map(int, waiting.findall(server.api.exchange("GET", "/metrics").body.decode()))) != wanted:
        assert time.monotonic() < deadline, f"never {wanted} polls wait"
        time.sleep(0.02)
