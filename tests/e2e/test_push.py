"""Notifications: who gets one, when, how often, and that none is lost. The plugin writes down what it is given."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.admin import ask
from harness.api import Api, refused
from harness.device import Device
from harness.server import MakeServer, Server

WITHIN_S = 20.0
POLL_S = 0.02

HOUSE = """
    import json, pathlib, time
    import madang
    from madang import Delivery

    class All(madang.Plugin):
        def setup(self):
            self.folder = pathlib.Path(__file__).parent

        def push(self, notifications):
            self.say(notifications)
            return [self.outcome(n) for n in notifications]

        def say(self, notifications):
            with (self.folder / "pushed").open("a") as out:
                for n in notifications:
                    out.write(json.dumps({"plugin": self.name, "id": n.id, "user": n.user.username, "device": n.device, "text": n.text,
                        "registration": n.registration and dict(n.registration), "badge": n.badge, "attempt": n.attempt, "seq": n.seq,
                        "title": n.title, "kind": n.conversation_kind, "key": n.collapse_key, "sender": n.sender.username,
                        "at": n.created_at.isoformat(), "message_id": n.message_id}) + "\\n")

        def outcome(self, n):
            word = n.text.split(" ")[0]
            if (self.folder / "down").exists(): return Delivery.retry(detail="the provider is down")
            if (self.folder / "broken").exists(): raise ValueError("it broke")
            if word == "hang" and n.attempt == 1: time.sleep(60)
            if word == "nothing" and n.attempt == 1: return None
            if word == "gone": return Delivery.gone()
            return Delivery.sent()

    class Phones(All):
        providers = ("fcm", "apns")
"""

MakeYard = Callable[..., Server]


def yard_config(plugins: tuple[str, ...] = ("All",), more: str = "") -> str:
    return more + "".join(f'\n[[plugins]]\nuse = "house:{name}"\nhooks.push = {{ timeout = "1s" }}\n' for name in plugins)


@pytest.fixture
def make_yard(make_server: MakeServer) -> MakeYard:
    def make(*plugins: str, more: str = "", **options: Any) -> Server:
        server = make_server(start=False, config=yard_config(plugins or ("All",), more), clock="movable", **options)
        (server.folder / "house.py").write_text(textwrap.dedent(HOUSE), encoding="utf-8")
        server.start()
        return server

    return make


@pytest.fixture
def yard(make_yard: MakeYard) -> Server:
    return make_yard()


def pushed(server: Server) -> list[dict[str, Any]]:
    path = server.folder / "pushed"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def texts(server: Server) -> list[str]:
    return [each["text"] for each in pushed(server)]


def expect(server: Server, count: int) -> list[dict[str, Any]]:
    """So many notifications, and no more while the outbox empties."""
    deadline = time.monotonic() + WITHIN_S
    while len(pushed(server)) < count:
        assert time.monotonic() < deadline, f"{len(pushed(server))} of {count} notifications: {texts(server)}"
        time.sleep(POLL_S)
    wait_for(lambda: metric(server, "madang_push_outbox") == 0, "the outbox isn't empty")
    assert len(pushed(server)) == count, texts(server)
    return pushed(server)


def wait_for(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(POLL_S)


def metric(server: Server, name: str) -> float:
    text = server.api.exchange("GET", "/metrics").body.decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))


@contextmanager
def flag(server: Server, name: str) -> Iterator[None]:
    (server.folder / name).touch()
    yield
    (server.folder / name).unlink()


def pair(api: Api) -> tuple[Device, Device, str]:
    alice, bob = Device.sign_up(api, "alice"), Device.sign_up(api, "bob")
    return alice, bob, alice.direct(bob)  # a poll that waits would count as attached


def test_who_has_no_device_attached_gets_one_and_the_sender_none(yard: Server) -> None:
    alice, _bob, cid = pair(yard.api)
    message = alice.send(cid, "Hi Bob")
    [one] = expect(yard, 1)
    assert one["user"] == "bob"
    assert one["sender"] == "alice"
    assert one["text"] == "Hi Bob"
    assert one["key"] == cid
    assert one["kind"] == "direct"
    assert one["title"] is None
    assert one["badge"] == 1
    assert one["attempt"] == 1
    assert one["seq"] == message["seq"]
    assert one["message_id"] == message["message_id"]
    assert one["device"] is None
    alice.send(cid, "Are you there?")
    assert expect(yard, 2)[1]["badge"] == 2
    yard.advance(60)
    assert len(pushed(yard)) == 2


def test_a_group_pushes_to_everybody_else_with_its_title(yard: Server) -> None:
    alice, bob, carol = (Device.sign_up(yard.api, name) for name in ("alice", "bob", "carol"))
    cid = alice.group(bob, carol, title="Garden")
    alice.send(cid, "water, please")
    got = expect(yard, 2)
    assert {each["user"] for each in got} == {"bob", "carol"}
    assert {each["title"] for each in got} == {"Garden"}
    assert len({each["id"] for each in got}) == 2


def test_who_is_attached_gets_one_only_when_no_device_acks_in_time(yard: Server) -> None:
    alice, bob, cid = pair(yard.api)
    listener = bob.connect()
    alice.send(cid, "acked")
    listener.request("ack", cursor=listener.expect_text("acked")["cursor"])
    yard.advance(4)
    assert pushed(yard) == []
    alice.send(cid, "not acked")
    listener.expect_text("not acked")
    yard.advance(1)
    assert pushed(yard) == []
    yard.advance(2)
    assert expect(yard, 1)[0]["text"] == "not acked"


def test_presence_plays_no_part(yard: Server) -> None:
    alice, bob, cid = pair(yard.api)
    alice.send(cid, "first")
    expect(yard, 1)
    bob.connect().close()
    wait_for(lambda: metric(yard, "madang_engine_sessions") == 0, "the socket is still there")
    assert alice.get("/presence", users=bob.id)["presence"][0]["status"] == "online"
    alice.send(cid, "just gone")
    assert expect(yard, 2)[1]["text"] == "just gone"


def test_a_muted_conversation_is_silent_for_its_user(yard: Server) -> None:
    alice, bob, cid = pair(yard.api)
    bob.call("PATCH", f"/conversations/{cid}/me", {"muted_until": "2999-01-01T00:00:00.000Z"})
    alice.send(cid, "@bob psst")
    wait_for(lambda: bool(bob.get("/mentions")["mentions"]), "it is in the inbox")
    bob.call("PATCH", f"/conversations/{cid}/me", {"muted_until": None})
    alice.send(cid, "louder")
    assert expect(yard, 1)[0]["text"] == "louder"


def test_what_was_read_or_deleted_meanwhile_is_cancelled_and_an_edit_is_shown(yard: Server) -> None:
    alice, bob, cid = pair(yard.api)
    with flag(yard, "down"):
        read = alice.send(cid, "read")
        gone = alice.send(cid, "deleted")
        edited = alice.send(cid, "edited")
        wait_for(lambda: len(pushed(yard)) == 3, "three attempts")
        bob.read(cid, read["seq"])
        alice.call("DELETE", f"/conversations/{cid}/messages/{gone['seq']}")
        alice.call("PATCH", f"/conversations/{cid}/messages/{edited['seq']}", {"text": "better"})
    yard.advance(5)
    wait_for(lambda: metric(yard, "madang_push_outbox") == 0, "the outbox isn't empty")
    last = pushed(yard)[3:]
    assert [(each["text"], each["attempt"]) for each in last] == [("better", 2)]
    assert last[0]["id"] == next(each["id"] for each in pushed(yard) if each["text"] == "edited")


def test_a_plugin_that_fails_hangs_or_says_nothing_is_tried_again(yard: Server) -> None:
    alice, _, cid = pair(yard.api)
    with flag(yard, "broken"):
        alice.send(cid, "once")
        wait_for(lambda: len(pushed(yard)) == 1, "an attempt")
        wait_for(lambda: "it broke" in yard.log_text(), "the log tells of it")
    yard.advance(5)
    assert [each["attempt"] for each in expect(yard, 2)] == [1, 2]
    alice.send(cid, "nothing at all")
    wait_for(lambda: metric(yard, "madang_hook_errors_total") == 2, "the figures tell of it")  # the log has at most a line a second
    yard.advance(5)
    assert expect(yard, 4)[-1]["attempt"] == 2
    alice.send(cid, "hang about")
    wait_for(lambda: len(pushed(yard)) == 5, "an attempt")
    yard.advance(5)
    yard.advance(5)
    assert expect(yard, 6)[-1]["attempt"] == 2


def test_registrations_of_a_device(make_yard: MakeYard) -> None:
    yard = make_yard("Phones")
    alice, bob, cid = pair(yard.api)
    alice.send(cid, "nobody is registered")
    bob.call("PUT", "/devices/current/push", {"provider": "fcm", "token": "t1"})
    alice.send(cid, "one")
    [one] = expect(yard, 1)
    assert one["registration"] == {"provider": "fcm", "token": "t1"}
    assert one["device"] == bob.device_id
    assert one["text"] == "one"
    bob.call("PUT", "/devices/current/push", {"provider": "webpush", "endpoint": "https://example.org"})
    alice.send(cid, "served by nobody")
    bob.call("PUT", "/devices/current/push", {"provider": "apns", "token": "t2"})
    alice.send(cid, "gone for ever")
    assert expect(yard, 2)[-1]["registration"]["token"] == "t2"
    alice.send(cid, "dropped")
    bob.call("PUT", "/devices/current/push", {"provider": "apns", "token": "t3"})
    bob.call("DELETE", "/devices/current/push")
    alice.send(cid, "taken back")
    yard.advance(5)
    assert len(pushed(yard)) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request"),
        ({"provider": 1}, "bad_request"),
        ({"provider": ""}, "bad_request"),
        ({"provider": "x" * 33}, "bad_request"),
        ({"provider": "fcm", "token": "x" * 4096}, "too_large"),
        ([], "bad_request"),
    ],
)
def test_a_registration_that_is_none_is_refused(alice: Device, body: Any, code: str) -> None:
    with refused(code):
        alice.call("PUT", "/devices/current/push", body)


def test_nothing_is_lost_over_kills_at_random(make_yard: MakeYard) -> None:
    yard = make_yard()
    alice, _, cid = pair(yard.api)
    sent = []
    for round_number in range(6):
        with flag(yard, "down" if round_number % 2 else "up"):
            sent += [alice.send(cid, f"{round_number}.{n}")["text"] for n in range(10)]
            if round_number % 3 == 2:
                wait_for(lambda: bool(pushed(yard)), "something has come")
            yard.kill9()
        yard.start()
    for _ in range(30):
        yard.advance(5)
        if set(texts(yard)) >= set(sent):
            break
    wait_for(lambda: set(texts(yard)) >= set(sent), f"missing: {set(sent) - set(texts(yard))}")


def test_a_stop_in_good_order_hands_each_out_exactly_once(make_yard: MakeYard, engines: int) -> None:
    yard = make_yard()
    alice, bob, cid = pair(yard.api)
    sent = []
    for round_number in range(4):
        listener = bob.connect() if round_number % 2 else None
        sent += [alice.send(cid, f"{round_number}.{n}")["text"] for n in range(20)]
        if listener is not None:
            listener.close()
        yard.restart(engines=engines if round_number % 2 else 2)
    yard.advance(5)
    expect(yard, len(sent))
    assert Counter(texts(yard)) == Counter(sent)


def test_given_up_notifications_are_listed_for_operators(make_yard: MakeYard) -> None:
    yard = make_yard(more="[push]\nmax_attempts = 2\ndead_letters = 3\n")
    alice, _, cid = pair(yard.api)
    ask(yard.data, "user-add", "olga", "", "", "operator")
    [[token, *_]] = ask(yard.data, "token-mint", "olga")
    with flag(yard, "down"):
        message = alice.send(cid, "never")
        wait_for(lambda: len(pushed(yard)) == 1, "an attempt")
        yard.advance(5)
        wait_for(lambda: metric(yard, "madang_pushes_dead_total") == 1, "it is given up")
    answer = yard.api.call("GET", "/admin/push/dead", token=token).json()
    [dead] = answer["dead"]
    assert dead["user_id"]
    assert dead["conversation_id"] == cid
    assert dead["seq"] == message["seq"]
    assert dead["attempts"] == 2
    assert dead["reason"] == "attempts"
    assert dead["error"] == "the provider is down"
    with refused("forbidden"):
        alice.get("/admin/push/dead")
    listed = subprocess.run(
        [sys.executable, "-m", "madang", "push", "dead", "--data", str(yard.data), "--json"], capture_output=True, text=True, check=True
    )
    [printed] = map(json.loads, listed.stdout.splitlines())
    assert (printed["error"], printed["seq"], printed["attempts"]) == ("the provider is down", message["seq"], 2)
    yard.advance(60)
    assert len(pushed(yard)) == 2


def test_without_a_plugin_that_pushes_there_is_no_outbox(server: Server, alice: Device) -> None:
    assert alice.call("PUT", "/devices/current/push", {"provider": "fcm"}).status == 204
    assert "madang_push_outbox" not in server.api.exchange("GET", "/metrics").body.decode()
