"""Editing and deleting: who may, and that everybody sees the present text everywhere, and a deleted one nowhere."""

from __future__ import annotations

import time

import pytest
from harness.api import Answer, Json, refused
from harness.device import Device, MakePerson
from harness.server import MakeServer


def edit(actor: Device, message: Json, text: str) -> Answer:
    return actor.call("PATCH", f"/conversations/{message['conversation_id']}/messages/{message['seq']}", {"text": text})


def delete(actor: Device, message: Json) -> Answer:
    return actor.call("DELETE", f"/conversations/{message['conversation_id']}/messages/{message['seq']}")


def put(actor: Device, cid: str, user: Device, **body: Json) -> None:
    actor.call("PUT", f"/conversations/{cid}/members/{user.id}", body)


def head(actor: Device, cid: str) -> int:
    seq: int = actor.get(f"/conversations/{cid}")["head_seq"]
    return seq


def test_an_edit_changes_the_text_and_nothing_else(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sent = alice.send(cid, "helo")
    answer = edit(alice, sent, "hello")
    assert answer.status == 200
    message = answer.json()
    assert message.pop("edited_at") >= sent["created_at"]
    assert message == {**sent, "text": "hello"}
    assert bob.history(cid)["messages"] == [answer.json()]
    assert bob.get(f"/conversations/{cid}")["last_message"] == answer.json()


def test_an_edit_is_an_event_on_every_device_and_takes_a_place_in_the_log(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listeners = [alice.connect(), alice.another().connect(), bob.connect()]
    sent = listeners[0].send(cid, "helo", "k")
    message = listeners[0].request("edit", conversation_id=cid, seq=sent["seq"], text="hello")["message"]
    for listener in listeners:
        event = listener.expect_type("message.edited")
        assert (event["conversation_id"], event["seq"], event["message"]) == (cid, sent["seq"] + 1, message)


def test_a_deletion_leaves_the_place_without_text_and_mentions(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    listener = bob.connect()
    sent = alice.send(cid, f"@{bob.username} a secret")
    answer = delete(alice, sent)
    assert answer.status == 200
    assert answer.json() == {**{k: v for k, v in sent.items() if k not in ("text", "mentions")}, "deleted": True}
    assert listener.expect_type("message.deleted")["message"] == answer.json()
    assert bob.history(cid)["messages"] == [answer.json()]


def test_the_same_text_again_and_a_second_deletion_are_no_entries(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sent = alice.send(cid, "x")
    first = edit(alice, sent, "y")
    before = head(alice, cid)
    assert edit(alice, sent, "y").json() == first.json()
    assert head(alice, cid) == before
    gone = delete(alice, sent)
    assert delete(alice, sent).json() == gone.json()
    assert head(alice, cid) == before + 1


def test_events_in_a_replay_show_the_present_text(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sent, other = alice.send(cid, "one"), alice.send(cid, "two")
    edit(alice, sent, "one, edited")
    edit(alice, sent, "one, edited again")
    delete(alice, other)
    bob.caught_up(cid)
    for events in (bob.inbox(), bob.connect(cursor=0).read_to(bob.sync(0)["cursor"])):
        shown = [(e["type"], e["message"].get("text")) for e in events if e["type"].startswith("message.")]
        assert shown == [
            ("message.created", "one, edited again"),
            ("message.created", None),
            ("message.edited", "one, edited again"),
            ("message.edited", "one, edited again"),
            ("message.deleted", None),
        ]


def test_only_the_sender_edits(alice: Device, bob: Device, mallory: Device) -> None:
    cid = alice.group(bob)
    sent = bob.send(cid, "mine")
    with refused("forbidden"):
        edit(alice, sent, "yours")
    with refused("not_found"):
        edit(mallory, sent, "x")
    bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    with refused("not_a_member"):
        edit(bob, sent, "x")
    assert alice.all_messages(cid)[0]["text"] == "mine"


def test_the_sender_admins_and_the_owner_delete(alice: Device, bob: Device, carol: Device, mallory: Device) -> None:
    cid = alice.group(bob, carol)
    put(alice, cid, carol, role="admin")
    one, two, three = (bob.send(cid, text) for text in ("1", "2", "3"))
    others = alice.send(cid, "the owner's")
    with refused("forbidden"):
        delete(bob, others)
    with refused("not_found"):
        delete(mallory, one)
    for actor, message in ((alice, one), (carol, two), (bob, three), (carol, others)):
        assert delete(actor, message).json()["deleted"]


def test_in_a_direct_conversation_nobody_deletes_the_others_messages(alice: Device, bob: Device) -> None:
    sent = alice.send(alice.direct(bob), "mine")
    with refused("forbidden"):
        delete(bob, sent)


def test_what_is_no_message_is_not_found(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    sent = alice.send(cid, "x")
    gone = alice.send(cid, "y")
    delete(alice, gone)
    for seq in (0, 1, 99, gone["seq"]):
        with refused("not_found"):
            edit(alice, {**sent, "seq": seq}, "z")
    for seq in (1, 99):
        with refused("not_found"):
            delete(alice, {**sent, "seq": seq})
    with refused("not_found"):
        edit(alice, {**sent, "seq": "x"}, "z")


def test_a_text_of_an_edit_is_as_long_as_that_of_a_send_may_be(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ntext_chars = 5\n").api
    alice, bob = Device.sign_up(api, "alice"), Device.sign_up(api, "bob")
    sent = alice.send(alice.direct(bob), "x")
    assert edit(alice, sent, "한" * 5).status == 200
    with refused("text_too_long"):
        edit(alice, sent, "한" * 6)
    with refused("bad_request"):
        edit(alice, sent, "")
    bodies: list[Json] = [{}, {"text": 1}, []]
    for body in bodies:
        with refused("bad_request"):
            alice.call("PATCH", f"/conversations/{sent['conversation_id']}/messages/{sent['seq']}", body)


def test_an_edit_or_a_deletion_can_come_too_late(make_server: MakeServer) -> None:
    server = make_server(config='[limits]\nedit_window = "1h"\ndelete_window = "1h"\n', clock="movable")
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.group(bob)
    sent = bob.send(cid, "x")
    server.advance(3_601)
    with refused("forbidden"):
        edit(bob, sent, "y")
    assert edit(bob, sent, "x").status == 200
    with refused("forbidden"):
        delete(bob, sent)
    assert delete(alice, sent).json()["deleted"]


def test_a_resend_of_an_edited_message_is_answered_with_the_present_one(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sent = alice.send(cid, "old", "key")
    edited = edit(alice, sent, "new").json()
    again = alice.post(cid, "old", "key")
    assert (again.status, again.json()) == (200, edited)
    with refused("client_id_reused"):
        alice.post(cid, "new", "key")
    gone = delete(alice, sent).json()
    assert alice.post(cid, "old", "key").json() == gone


def test_a_revision_of_a_message_from_before_is_nothing_to_who_joined_later(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    sent = alice.send(cid, "before")
    put(alice, cid, carol)
    edit(alice, sent, "before, edited")
    alice.send(cid, "after")
    carol.await_event(lambda event: event["type"] == "message.created")
    assert [event["type"] for event in carol.inbox()] == ["member.joined", "message.created"]
    bob.await_event(lambda event: event["type"] == "message.edited")
    with refused("not_found"):
        edit(carol, sent, "x")
    with refused("not_found"):
        delete(carol, sent)
    alice.call("PATCH", f"/conversations/{cid}", {"settings": {"history": "all"}})
    edit(alice, sent, "before, edited for all")
    carol.await_event(lambda event: event["type"] == "message.edited" and event["message"]["text"] == "before, edited for all")


def test_sends_and_edits_of_one_socket_keep_their_order(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    sent = alice.send(cid, "0")
    alice.send(cid, "between")
    listener = alice.connect()
    refs = []
    for n in range(20):
        refs.append(listener.post("edit", conversation_id=cid, seq=sent["seq"], text=f"edit {n}"))
        refs.append(listener.post("send", conversation_id=cid, text=f"send {n}", client_id=f"order-{n}"))
    for ref in refs:
        listener.reply(ref)
    bob.caught_up(cid)
    kinds = [event["type"] for event in bob.inbox() if event["type"].startswith("message.")]
    assert kinds == ["message.created"] * 2 + ["message.edited", "message.created"] * 20
    assert bob.all_messages(cid)[0]["text"] == "edit 19"


@pytest.mark.parametrize("kill", [False, True])
def test_edits_and_deletions_outlive_the_process(make_server: MakeServer, kill: bool) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.direct(bob)
    one, two = alice.send(cid, "one"), alice.send(cid, "two")
    edited, gone = edit(alice, one, "one, edited").json(), delete(alice, two).json()
    server.restart(kill=kill)
    assert bob.history(cid)["messages"] == [edited, gone]
    assert edit(alice, one, "after the restart").json()["text"] == "after the restart"


def test_metrics_count_edits_and_deletions(alice: Device, bob: Device) -> None:
    def counted() -> list[float]:
        lines = alice.api.exchange("GET", "/metrics").body.decode().splitlines()
        names = ("madang_engine_edits_total{", "madang_engine_deletions_total{")
        return [sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in names]

    cid = alice.direct(bob)
    sent = alice.send(cid, "x")
    edits, deletions = counted()
    edit(alice, sent, "y")
    delete(alice, sent)
    deadline = time.monotonic() + 5
    while (after := counted()) != [edits + 1, deletions + 1]:  # gathered some times a second
        assert time.monotonic() < deadline, after


def test_a_crowd_edits_at_once_and_everybody_ends_with_the_same(person: MakePerson) -> None:
    people = [person(f"p{n}") for n in range(4)]
    cid = people[0].group(*people[1:])
    mine = [each.send(cid, f"of {n}") for n, each in enumerate(people)]
    sockets = [each.connect() for each in people]
    refs = [
        (socket, socket.post("edit", conversation_id=cid, seq=message["seq"], text=f"{message['seq']} round {n}"))
        for n in range(25)
        for socket, message in zip(sockets, mine, strict=True)
    ]
    for socket, ref in refs:
        socket.reply(ref)
    final = [f"{message['seq']} round 24" for message in mine]
    for each in people:
        each.caught_up(cid)
        assert [message["text"] for message in each.all_messages(cid)] == final
        last = {event["message"]["seq"]: event["message"]["text"] for event in each.inbox() if event["type"].startswith("message.")}
        assert [last[message["seq"]] for message in mine] == final
