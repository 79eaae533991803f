"""Direct conversations and groups: making, listing, changing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.api import refused
from harness.device import Device, new_client_id

NOBODY = "4611686018427387904"


def test_a_direct_conversation_is_one_per_pair(alice: Device, bob: Device) -> None:
    first = alice.call("POST", "/conversations", {"kind": "direct", "user_id": bob.id})
    assert first.status in (200, 201)
    made = first.json()
    assert made["kind"] == "direct"
    assert made["peer"]["id"] == bob.id
    assert made["peer"]["username"] == bob.username
    assert made["members_count"] == 2
    assert made["my_role"] == "member"
    seen_by_bob = bob.call("POST", "/conversations", {"kind": "direct", "user_id": alice.id}).json()
    assert seen_by_bob["id"] == made["id"]
    assert seen_by_bob["peer"]["id"] == alice.id


def test_racing_creations_of_a_direct_conversation_make_one(alice: Device, bob: Device) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda n: alice.direct(bob) if n % 2 else bob.direct(alice), range(8)))
    assert len(ids) == 1


def test_a_direct_conversation_with_oneself_is_refused(alice: Device) -> None:
    with refused("bad_request"):
        alice.direct(alice)


def test_a_direct_conversation_with_nobody_is_not_found(alice: Device) -> None:
    with refused("not_found"):
        alice.direct(NOBODY)
    assert alice.conversations() == []


def test_a_direct_conversation_has_no_management(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.direct(bob)
    for method, path, body in [
        ("PATCH", f"/conversations/{cid}", {"title": "ours"}),
        ("PUT", f"/conversations/{cid}/members/{carol.id}", {}),
        ("DELETE", f"/conversations/{cid}/members/{bob.id}", None),
        ("DELETE", f"/conversations/{cid}/members/{alice.id}", None),
    ]:
        with refused("forbidden"):
            alice.call(method, path, body)
    assert {member["user"]["id"] for member in alice.members(cid)} == {alice.id, bob.id}


def test_a_new_group_answers_with_itself(alice: Device, bob: Device, carol: Device) -> None:
    body = {"kind": "group", "title": "마당 🏡", "members": [bob.id, carol.id]}
    answer = alice.call("POST", "/conversations", body)
    assert answer.status == 201
    made = answer.json()
    assert (made["kind"], made["title"], made["members_count"]) == ("group", "마당 🏡", 3)
    assert made["my_role"] == "owner"
    assert made["head_seq"] == 4  # itself and three who joined
    assert "peer" not in made
    assert alice.get(f"/conversations/{made['id']}") == made
    assert bob.get(f"/conversations/{made['id']}")["my_role"] == "member"


def test_the_log_begins_with_the_creation_and_every_first_member_gets_it_whole(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol, title="first")
    for device in (alice, bob, carol):
        device.caught_up(cid)
        events = device.inbox()
        assert [event["type"] for event in events] == ["conversation.created"] + ["member.joined"] * 3
        assert [event["seq"] for event in events] == [1, 2, 3, 4]
        assert {event["conversation_id"] for event in events} == {cid}
        assert events[0]["conversation"]["title"] == "first"
        assert events[1]["member"]["user"]["id"] == alice.id
        assert events[1]["member"]["role"] == "owner"
        assert {event["member"]["user"]["id"] for event in events[2:]} == {bob.id, carol.id}


def test_the_members_of_a_group_are_listed_with_their_roles(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    listed = {member["user"]["id"]: member for member in bob.members(cid)}
    assert {user: member["role"] for user, member in listed.items()} == {alice.id: "owner", bob.id: "member"}
    assert {member["joined_seq"] for member in listed.values()} == {1}
    assert listed[alice.id]["user"]["username"] == alice.username


def test_repeating_a_creation_makes_no_second_group(alice: Device, bob: Device) -> None:
    key = new_client_id()
    first = alice.group(bob, client_id=key)
    assert alice.group(bob, client_id=key) == first
    alice.caught_up(first)
    assert len(alice.conversations()) == 1
    with ThreadPoolExecutor(6) as pool:
        other = new_client_id()
        (second,) = set(pool.map(lambda _: alice.group(bob, client_id=other), range(6)))
    bob.caught_up(first, second)
    assert len(bob.conversations()) == 2


def test_the_key_of_a_creation_is_its_creators_own(alice: Device, bob: Device) -> None:
    key = new_client_id()
    assert alice.group(bob, client_id=key) != bob.group(alice, client_id=key)


def test_members_given_twice_and_the_creator_count_once(alice: Device, bob: Device) -> None:
    body = {"kind": "group", "title": "t", "members": [bob.id, bob.id, alice.id]}
    assert alice.call("POST", "/conversations", body).json()["members_count"] == 2


def test_a_title_has_at_most_100_characters(alice: Device, bob: Device) -> None:
    cid = alice.group(bob, title="방" * 100)
    assert bob.get(f"/conversations/{cid}")["title"] == "방" * 100
    with refused("bad_request"):
        alice.group(bob, title="방" * 101)
    with refused("bad_request"):
        alice.call("PATCH", f"/conversations/{cid}", {"title": "x" * 101})
    alice.caught_up(cid)
    assert len(alice.conversations()) == 1
    assert alice.get(f"/conversations/{cid}")["title"] == "방" * 100


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "room", "title": "live"},
        {"kind": "party", "title": "x"},
        {"kind": "group", "members": ["not an id"], "title": "x"},
        {"kind": "group", "members": [5], "title": "x"},
        {"kind": "group", "members": "1", "title": "x"},
        {"kind": "group", "members": [], "title": 5},
        {"kind": "direct"},
        {"kind": "direct", "user_id": 5},
        {"kind": "direct", "user_id": None},
        {"title": "x"},
        {},
        [],
    ],
    ids=range(12),
)
def test_a_creation_that_is_no_proper_one_is_refused(alice: Device, body: Any) -> None:
    with refused("bad_request"):
        alice.call("POST", "/conversations", body)
    assert alice.conversations() == []


def test_one_unknown_member_refuses_the_whole_group(alice: Device, bob: Device) -> None:
    with refused("not_found"):
        alice.call("POST", "/conversations", {"kind": "group", "title": "t", "members": [bob.id, NOBODY]})
    assert alice.conversations() == []
    assert bob.inbox() == []


def test_a_title_changes_for_everybody_and_takes_a_place_in_the_log(alice: Device, bob: Device) -> None:
    cid = alice.group(bob, title="before")
    listener = bob.connect()
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    changed = alice.call("PATCH", f"/conversations/{cid}", {"title": "after"}).json()
    assert changed["title"] == "after"
    event = listener.expect_type("conversation.updated")
    assert event["conversation"]["title"] == "after"
    assert (event["conversation_id"], event["seq"]) == (cid, head + 1)
    assert bob.get(f"/conversations/{cid}")["title"] == "after"


def test_the_list_shows_the_newest_activity_first(alice: Device, bob: Device, carol: Device) -> None:
    with_bob, with_carol = alice.direct(bob), alice.direct(carol)
    alice.caught_up(with_bob, with_carol)
    group = alice.group(bob)
    alice.caught_up(group)
    assert alice.conversations()[0]["id"] == group
    bob.send(with_bob, "hello")
    alice.caught_up(with_bob)
    carol.send(with_carol, "hi")
    alice.caught_up(with_carol)
    newest = alice.conversations()
    assert [each["id"] for each in newest] == [with_carol, with_bob, group]
    assert newest[0]["last_message"]["text"] == "hi"
    assert newest[0]["peer"]["id"] == carol.id
    assert newest[2]["title"] == "a group"
    assert "last_message" not in newest[2]


def test_the_list_is_read_in_pages_that_meet(alice: Device, bob: Device) -> None:
    made = []
    for n in range(7):
        made.append(alice.group(bob, title=f"group {n}"))
        alice.caught_up(made[-1])
    assert [each["id"] for each in alice.conversations(limit=2)] == made[::-1]
    page = alice.get("/conversations", limit=7)
    assert len(page["conversations"]) == 7


def test_the_peer_sees_a_direct_conversation_from_the_first_message_on(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    alice.send(cid, "hello")
    bob.caught_up(cid)
    listed = bob.conversations()
    assert [each["id"] for each in listed] == [cid]
    assert listed[0]["last_message"]["text"] == "hello"
    assert listed[0]["peer"]["id"] == alice.id
