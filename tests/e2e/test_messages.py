"""Sending: what is taken as it is, what is refused, and that a resend never doubles."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.api import Json, refused
from harness.device import Device, new_client_id
from harness.server import MakeServer
from harness.websocket import Closed

NOBODY = "4611686018427387904"
TEXTS = {
    "korean": "안녕하세요, 마당에서 만나요",
    "emoji": "👨‍👩‍👧‍👦 🏳️‍🌈 🇰🇷 é",
    "right to left": "\u202eمرحبا بالعالم\u202c שלום",
    "controls": "a\0b\x01\x1f\x7f\t\r\n\u2028\u2029\ufeff",
    "quotes": "\"\\/ '</script> {{}} %s %00",
    "last": "\U0010ffff\uffff\ufffe\ud7ff\ue000",
    "combining": "e\u0301 \u1112\u1161\u11ab",
    "space": " ",
}


def test_a_message_comes_back_as_it_was_stored(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    key = new_client_id()
    answer = alice.post(cid, "hello", key)
    assert answer.status == 201
    message = answer.json()
    assert message["conversation_id"] == cid
    assert message["sender_id"] == alice.id
    assert message["client_id"] == key
    assert message["text"] == "hello"
    assert message["mentions"] == []
    assert re.fullmatch(r"[1-9]\d{0,18}", message["message_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["created_at"])
    assert not {"edited_at", "deleted"} & message.keys()
    assert bob.history(cid)["messages"] == [message]


def test_every_device_of_both_gets_a_message_once_by_socket(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    phone, laptop, peer = alice.connect(), alice.another().connect(), bob.connect()
    message = phone.send(cid, "hello", "k1")
    for listener in (phone, laptop, peer):
        assert listener.expect_text("hello")["message"] == message
        listener.expect_silence()


def test_seq_and_message_id_rise_by_position(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    sent = [(alice, bob)[n % 2].send(cid, f"text {n}") for n in range(10)]
    assert [message["seq"] for message in sent] == list(range(head + 1, head + 11))
    ids = [int(message["message_id"]) for message in sent]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("name", TEXTS)
def test_text_arrives_unchanged(alice: Device, bob: Device, name: str) -> None:
    text = TEXTS[name]
    cid = alice.direct(bob)
    listener = bob.connect()
    by_http = alice.send(cid, text)
    by_socket = alice.connect().send(cid, text, new_client_id())
    assert by_http["text"] == by_socket["text"] == text
    assert listener.expect_type("message.created")["message"] == by_http
    assert listener.expect_type("message.created")["message"] == by_socket
    assert [message["text"] for message in bob.all_messages(cid)] == [text, text]


def test_escapes_and_raw_characters_are_the_same_text(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    head = {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"}
    for body in ('{"client_id":"e","text":"\\ud83d\\ude00\\u00e9"}', '{"text":"😀é","client_id":"e","unknown":[{}]}'):
        answer = alice.api.exchange("POST", f"/v1/conversations/{cid}/messages", body=body.encode(), headers=head)
        assert answer.json()["text"] == "😀é"
    assert len(alice.all_messages(cid)) == 1


@pytest.mark.parametrize("text", ['"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\ud800x"', '"\\uD83D\\u0041"'])
def test_a_lone_surrogate_is_refused(alice: Device, bob: Device, text: str) -> None:
    cid = alice.direct(bob)
    head = {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"}
    body = f'{{"client_id":"s","text":{text}}}'.encode()
    answer = alice.api.exchange("POST", f"/v1/conversations/{cid}/messages", body=body, headers=head)
    assert answer.problem().code == "bad_request"
    assert alice.all_messages(cid) == []


def test_a_lone_surrogate_by_socket_stores_nothing(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    listener.socket.send(f'{{"op":"send","ref":1,"conversation_id":"{cid}","client_id":"s","text":"\\ud83d"}}')
    try:
        with refused("bad_request"):
            listener.reply(1)
    except Closed as closed:
        assert closed.code == 4004  # noqa: PT017 - no JSON, or a wrong member: both may be said
    assert alice.all_messages(cid) == []


def test_a_korean_text_of_100_000_characters_arrives_whole(alice: Device, bob: Device) -> None:
    text = "마당놀이한글문장" * 12_500
    assert len(text) == 100_000
    cid = alice.direct(bob)
    listener = bob.connect()
    by_http = alice.send(cid, text)
    by_socket = alice.connect().send(cid, text, new_client_id())
    for message in (by_http, by_socket):
        event = listener.expect_type("message.created")
        assert event["message"] == message
        assert event["message"]["text"] == text
    assert [message["text"] == text for message in bob.all_messages(cid)] == [True, True]


def test_a_text_may_be_escaped_throughout(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    text = "😀" * 100_000  # 12 bytes each when escaped: 1.2 MB
    body = json.dumps({"client_id": "escaped", "text": text}, ensure_ascii=True).encode()
    head = {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"}
    answer = alice.api.exchange("POST", f"/v1/conversations/{cid}/messages", body=body, headers=head)
    assert answer.status == 201
    assert bob.history(cid)["messages"][0]["text"] == text


@pytest.mark.parametrize("character", ["가", "a", "😀"])
def test_one_character_more_is_too_long_and_changes_nothing(alice: Device, bob: Device, character: str) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    with refused("text_too_long"):
        alice.send(cid, character * 100_001)
    with refused("text_too_long"):
        listener.send(cid, character * 100_001, "k")
    assert alice.all_messages(cid) == []
    listener.send(cid, "short enough", "k")  # a refused send leaves no key


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": None},
        {"text": 5},
        {"text": ["a"]},
        {"text": ...},
        {"client_id": ""},
        {"client_id": "가" * 65},
        {"client_id": 5},
        {"client_id": None},
        {"client_id": ...},
    ],
    ids=str,
)
def test_a_send_without_its_proper_members_is_refused(alice: Device, bob: Device, change: dict[str, Any]) -> None:
    cid = alice.direct(bob)
    members = {"client_id": "k", "text": "hello", **change}
    body = {name: value for name, value in members.items() if value is not ...}
    with refused("bad_request"):
        alice.call("POST", f"/conversations/{cid}/messages", body)
    with refused("bad_request"):
        alice.connect().request("send", conversation_id=cid, **body)
    assert bob.all_messages(cid) == []


def test_a_client_id_may_have_64_characters_of_any_kind(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for key in ("x" * 64, "가" * 64, "😀" * 64, " ", "a\0b"):
        assert alice.send(cid, "hello", key)["client_id"] == key
        assert alice.post(cid, "hello", key).status == 200
    assert len(alice.all_messages(cid)) == 5


def test_a_repeat_is_answered_with_the_stored_message(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = bob.connect()
    first = alice.send(cid, "once", "k")
    again = alice.post(cid, "once", "k")
    assert again.status == 200
    assert again.json() == first
    assert alice.connect().send(cid, "once", "k") == first
    assert alice.another().send(cid, "once", "k") == first
    listener.expect_text("once")
    listener.expect_silence()
    assert bob.all_messages(cid) == [first]


def test_a_repeat_after_a_restart_is_answered_with_the_stored_message(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid, group = alice.direct(bob), alice.group(bob)
    firsts = {each: alice.send(each, "once", "k") for each in (cid, group)}
    server.restart(kill=True)
    for each, first in firsts.items():
        assert alice.post(each, "once", "k").json() == first
        assert alice.connect().send(each, "once", "k") == first
        with refused("client_id_reused"):
            alice.send(each, "something else", "k")
        assert bob.all_messages(each) == [first]


def test_another_text_under_a_used_client_id_is_refused(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    first = alice.send(cid, "once", "k")
    with refused("client_id_reused"):
        alice.send(cid, "twice", "k")
    with refused("client_id_reused"):
        alice.connect().send(cid, "once ", "k")
    assert bob.all_messages(cid) == [first]


def test_a_client_id_is_the_senders_and_the_conversations_own(alice: Device, bob: Device) -> None:
    direct, group = alice.direct(bob), alice.group(bob)
    for device, cid in [(alice, direct), (bob, direct), (alice, group), (bob, group)]:
        assert device.post(cid, f"by {device.username} in {cid}", "k").status == 201


def test_a_known_key_is_answered_even_to_who_has_left(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    first = bob.send(cid, "once", "k")
    bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    assert bob.send(cid, "once", "k") == first
    with refused("not_a_member"):
        bob.send(cid, "new", "k2")


def test_duplicates_in_flight_make_one_message(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sockets = [alice.connect() for _ in range(3)]
    laptop = alice.another().connect()
    for round_ in range(10):
        refs = [(each, each.post("send", conversation_id=cid, client_id=f"r{round_}", text="same")) for each in [*sockets, laptop] * 3]
        with ThreadPoolExecutor(4) as pool:
            by_http = list(pool.map(lambda n: alice.post(cid, "same", f"r{n}").json(), [round_] * 4))
        messages = [each.reply(ref)["message"] for each, ref in refs] + by_http
        assert all(message == messages[0] for message in messages)
    assert [message["client_id"] for message in bob.all_messages(cid)] == [f"r{n}" for n in range(10)]


def test_racing_texts_under_one_client_id_leave_one(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    refs = [listener.post("send", conversation_id=cid, client_id="k", text=f"text {n}") for n in range(20)]
    outcomes = []
    for ref in refs:
        listener.pump_until(lambda ref=ref: ref in listener.replies, 20)  # type: ignore[misc]
        outcomes.append(listener.replies[ref])
    stored = [outcome["message"] for outcome in outcomes if "message" in outcome]
    assert len(stored) == 1
    assert {outcome["error"]["code"] for outcome in outcomes if "error" in outcome} == {"client_id_reused"}
    assert bob.all_messages(cid) == stored


def test_sending_to_a_user_makes_the_direct_conversation(alice: Device, bob: Device) -> None:
    listener = bob.connect()
    phone = alice.connect()
    message = phone.request("send", user_id=bob.id, client_id="k", text="hello")["message"]
    assert listener.expect_text("hello")["message"] == message
    assert message["conversation_id"] == alice.direct(bob) == bob.direct(alice)
    again = phone.request("send", user_id=bob.id, client_id="k", text="hello")["message"]
    assert again == message
    assert alice.send(message["conversation_id"], "hello", "k") == message
    assert bob.conversations()[0]["id"] == message["conversation_id"]


def test_both_writing_first_meet_in_one_conversation(alice: Device, bob: Device) -> None:
    one, other = alice.connect(), bob.connect()
    ref_one = one.post("send", user_id=bob.id, client_id="k", text="from alice")
    ref_other = other.post("send", user_id=alice.id, client_id="k", text="from bob")
    first, second = one.reply(ref_one)["message"], other.reply(ref_other)["message"]
    assert first["conversation_id"] == second["conversation_id"]
    assert {message["text"] for message in alice.all_messages(first["conversation_id"])} == {"from alice", "from bob"}


@pytest.mark.parametrize(
    "target", [{}, {"user_id": NOBODY}, {"user_id": 5}, {"conversation_id": NOBODY}, {"conversation_id": "x"}], ids=str
)
def test_a_send_to_nowhere_is_refused_and_the_connection_lives(alice: Device, target: Json) -> None:
    phone = alice.connect()
    with refused("bad_request", "not_found"):
        phone.request("send", client_id="k", text="hello", **target)
    phone.expect_silence()


def test_a_send_to_oneself_is_refused(alice: Device) -> None:
    with refused("bad_request"):
        alice.connect().request("send", user_id=alice.id, client_id="k", text="hello")


def test_sends_of_one_sender_keep_their_order(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    phone, peer = alice.connect(), bob.connect()
    refs = [phone.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}") for n in range(300)]
    seqs = [phone.reply(ref)["message"]["seq"] for ref in refs]
    assert seqs == list(range(seqs[0], seqs[0] + 300))
    peer.expect_text("text 299")
    assert [event["message"]["text"] for event in peer.events] == [f"text {n}" for n in range(300)]
