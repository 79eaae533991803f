"""Messages that only their authors see: they can't tell, and nobody else can either."""

from __future__ import annotations

import pytest
from harness.api import Json, Problem
from harness.device import Device
from harness.house import come_in, keeper
from harness.server import MakeServer, Server


@pytest.fixture
def yard(make_server: MakeServer) -> Server:
    return keeper(make_server)


def texts(messages: list[Json]) -> list[str]:
    return [message["text"] for message in messages]


def created(device: Device, conversation: str) -> list[str]:
    device.caught_up(conversation)
    return texts([event["message"] for event in device.inbox() if event["type"] == "message.created"])


def code_of(device: Device, method: str, path: str, body: Json = None) -> str:
    with pytest.raises(Problem) as problem:
        device.call(method, path, body)
    return problem.value.code


def test_its_author_sees_it_like_any_other_and_nobody_else_does(yard: Server) -> None:
    alice, bob, carol = come_in(yard, "alice"), come_in(yard, "bob"), come_in(yard, "carol")
    group = bob.group(alice, carol)
    plain = alice.post(group, "hello", "c1")
    for each in (bob, carol):
        each.caught_up(group)
    before = {each: each.get(f"/conversations/{group}") for each in (bob, carol)}
    socket, laptop = alice.connect(), alice.connect()
    hidden = alice.post(group, "shadow @bob buy", "c2")
    assert (hidden.status, set(hidden.json())) == (plain.status, set(plain.json()))
    assert hidden.json()["mentions"] == [bob.id]
    again = alice.post(group, "shadow @bob buy", "c2")
    assert (again.status, again.json()) == (200, hidden.json())
    for listener in (socket, laptop):
        assert listener.expect(lambda event: event["type"] == "message.created")["message"] == hidden.json()
    # The author's own.
    assert texts(alice.history(group)["messages"]) == ["hello", "shadow @bob buy"]
    assert texts(alice.history(group, around=hidden.json()["seq"])["messages"]) == ["hello", "shadow @bob buy"]
    assert created(alice, group) == ["hello", "shadow @bob buy"]
    assert alice.get(f"/conversations/{group}")["last_message"] == hidden.json()
    assert alice.conversations()[0]["last_message"] == hidden.json()
    # Everybody else's.
    for each in (bob, carol):
        assert each.get(f"/conversations/{group}") == before[each]
        assert each.conversations()[0] == before[each]
        assert created(each, group) == ["hello"]
        for place in ({}, {"after": 0}, {"before": 10_000}, {"around": hidden.json()["seq"]}):
            page = each.history(group, **place)
            assert (texts(page["messages"]), page["has_more_before"], page["has_more_after"]) == (["hello"], False, False)
        assert each.get("/mentions")["mentions"] == []
        assert each.get("/conversations")["unread_total"] == 1
    reply = bob.send(group, "and on")
    assert bob.get(f"/conversations/{group}")["last_message"] == reply
    assert created(carol, group) == ["hello", "and on"]
    assert texts(carol.history(group)["messages"]) == ["hello", "and on"]
    assert texts(alice.history(group)["messages"]) == ["hello", "shadow @bob buy", "and on"]


def test_for_others_there_is_no_such_message_to_revise(yard: Server) -> None:
    alice, bob, carol = come_in(yard, "alice"), come_in(yard, "bob"), come_in(yard, "carol")
    group = bob.group(alice, carol)
    seq = alice.send(group, "shadow one")["seq"]
    path = f"/conversations/{group}/messages/{seq}"
    for each in (bob, carol):  # the owner, too
        assert code_of(each, "DELETE", path) == "not_found"
        assert code_of(each, "PATCH", path, {"text": "mine"}) == "not_found"
    assert alice.call("PATCH", path, {"text": "another"}).json()["text"] == "another"
    assert code_of(alice, "PATCH", path, {"text": "shadow two"}) == "denied_by_policy"
    assert code_of(alice, "PATCH", path, {"text": "hold two"}) == "denied_by_policy"
    assert alice.call("DELETE", path).json()["deleted"]
    alice.caught_up(group)
    assert [event["type"] for event in alice.inbox()][-3:] == ["message.created", "message.edited", "message.deleted"]
    bob.caught_up(group)
    assert {event["type"] for event in bob.inbox()} == {"conversation.created", "member.joined"}
    assert bob.get(f"/conversations/{group}")["unread"] == 0


def test_markers_and_counts_of_others_know_nothing_of_it(yard: Server) -> None:
    alice, bob = come_in(yard, "alice"), come_in(yard, "bob")
    group = bob.group(alice)
    first = alice.send(group, "one")
    for n in range(5):
        alice.send(group, f"shadow {n}")
    bob.caught_up(group)
    # Beyond the end: cut to what bob has.
    state = bob.call("PUT", f"/conversations/{group}/read", {"seq": 10_000}).json()
    assert (state["seq"], state["unread"]) == (first["seq"], 0)
    last = alice.send(group, "two")
    alice.send(group, "shadow again")
    bob.caught_up(group)
    assert bob.get(f"/conversations/{group}")["unread"] == 1
    state = bob.call("PUT", f"/conversations/{group}/read", {"seq": last["seq"] - 1}).json()
    assert state["unread"] == 1
    assert alice.get(f"/conversations/{group}")["unread"] == 0


def test_the_first_message_of_a_pair_may_be_one(yard: Server) -> None:
    alice, bob = come_in(yard, "alice"), come_in(yard, "bob")
    socket = alice.connect()
    message = socket.request("send", user_id=bob.id, client_id="c1", text="shadow hello")["message"]
    alice.await_event(lambda event: event.get("message") == message)
    assert alice.conversations()[0]["last_message"] == message
    assert bob.conversations() == []
    hello = alice.send(message["conversation_id"], "hello")
    bob.await_event(lambda event: event.get("message") == hello)
    [seen] = bob.conversations()
    assert (seen["last_message"]["text"], seen["unread"]) == ("hello", 1)


def test_a_flood_of_them_costs_the_others_nothing_also_after_a_kill(make_server: MakeServer) -> None:
    """With so little memory that everything is read from the store again and again."""
    limits = "[limits]\nusers_in_memory = 10\nconversations_in_memory = 10\npage_items = 20\n"
    server = keeper(make_server, f'{limits}[[plugins]]\nuse = "keeper:House"\nhooks.check.timeout = "5s"\n')
    alice, bob, carol = come_in(server, "alice"), come_in(server, "bob"), come_in(server, "carol")
    group = bob.group(alice, carol)
    bob.send(group, "before")
    sockets = {alice: alice.connect(), carol: carol.connect()}
    for start in range(0, 400, 40):
        refs = [
            (socket, socket.post("send", conversation_id=group, client_id=f"s{start + n}", text=f"shadow {start + n}"))
            for n in range(40)
            for socket in [sockets[carol if n % 7 == 0 else alice]]
        ]
        for socket, ref in refs:
            assert socket.reply(ref)["message"]["text"].startswith("shadow ")
    server.restart(kill=True)
    bob.send(group, "after")
    server.restart(kill=True, engines=2)
    alice.send(group, "and on")
    own = {each: [f"shadow {n}" for n in range(400) if (n % 40 % 7 == 0) == (each is carol)] for each in (alice, carol)}
    assert texts(bob.all_messages(group)) == created(bob, group) == ["before", "after", "and on"]
    assert texts(bob.history(group, before=10_000)["messages"]) == ["before", "after", "and on"]
    for each in (alice, carol):
        expected = ["before", *own[each], "after", "and on"]
        assert texts(each.all_messages(group)) == created(each, group) == expected
    assert [each["text"] for each in bob.history(group, around=200)["messages"]] == ["before", "after", "and on"]
    assert bob.get(f"/conversations/{group}")["unread"] == 1
