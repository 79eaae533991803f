"""Whom a text names, and the list of the messages that name one."""

from __future__ import annotations

import pytest
from harness.api import Json, refused
from harness.device import Device


def mentions(device: Device, limit: int | None = None) -> list[Json]:
    return device.pages("/mentions", "mentions", limit)


def listed(device: Device, cid: str, head: int) -> list[int]:
    """The places of what names the user, after everything up to `head` has arrived."""
    device.await_event(lambda event: event.get("conversation_id") == cid and event.get("seq", 0) >= head)
    return [each["seq"] for each in mentions(device)]


def test_members_who_are_named_are_mentioned_in_order_each_once(alice: Device, bob: Device, carol: Device, mallory: Device) -> None:
    cid = alice.group(bob, carol)
    text = f"@{carol.username}, @{bob.username.upper()}! @{carol.username} @{mallory.username} mail@{alice.username} @nobody"
    assert alice.send(cid, text)["mentions"] == [carol.id, bob.id]


@pytest.mark.parametrize("end", [".", "...", "-", ",", "!", " ", ")", "은"])
def test_a_name_ends_where_no_name_goes_on(alice: Device, bob: Device, end: str) -> None:
    cid = alice.direct(bob)
    assert alice.send(cid, f"hi @{bob.username}{end}")["mentions"] == ([] if end == "은" else [bob.id])


def test_all_is_for_admins_unless_the_group_says_otherwise(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    assert alice.send(cid, f"@all and @{bob.username}")["mentions"] == [bob.id, "all"]
    assert bob.send(cid, "@all")["mentions"] == []
    alice.call("PATCH", f"/conversations/{cid}", {"settings": {"mention_all": "members"}})
    assert bob.send(cid, "@ALL.")["mentions"] == ["all"]


def test_who_left_or_comes_later_is_not_mentioned(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    alice.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    assert alice.send(cid, f"@{bob.username} @{carol.username}")["mentions"] == []
    alice.call("PUT", f"/conversations/{cid}/members/{carol.id}", {})
    assert alice.send(cid, f"@{bob.username} @{carol.username}")["mentions"] == [carol.id]


def test_the_list_has_the_newest_first_with_its_place(alice: Device, bob: Device, carol: Device) -> None:
    direct, group = alice.direct(bob), alice.group(bob, carol)
    one = alice.send(direct, f"@{bob.username} one")
    alice.send(direct, "nothing")
    two = carol.send(group, f"@{bob.username} two")
    three = alice.send(group, "@all three")
    bob.caught_up(direct, group)
    for limit in (None, 1, 2):
        assert [each["message"] for each in mentions(bob, limit)] == [three, two, one]
    first = mentions(bob)[0]
    assert (first["conversation_id"], first["seq"]) == (group, three["seq"])
    around = bob.history(group, around=first["seq"], limit=2)["messages"]
    assert three in around


def test_ones_own_words_mention_nobody_else(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    sent = alice.send(cid, f"@{alice.username} @all")
    assert sent["mentions"] == [alice.id, "all"]
    alice.caught_up(cid)
    assert mentions(alice) == []


def test_the_list_follows_edits_and_deletions(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    one, two, three = (alice.send(cid, text) for text in (f"@{bob.username} 1", "2", f"@{bob.username} 3"))

    def edit(message: Json, text: str) -> Json:
        return alice.call("PATCH", f"/conversations/{cid}/messages/{message['seq']}", {"text": text}).json()

    assert edit(two, f"2 @{bob.username}")["mentions"] == [bob.id]
    assert edit(one, "1")["mentions"] == []
    alice.call("DELETE", f"/conversations/{cid}/messages/{three['seq']}")
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    assert listed(bob, cid, head) == [two["seq"]]
    edit(one, f"again @{bob.username}")
    assert listed(bob, cid, head + 1) == [two["seq"], one["seq"]]


def test_what_was_said_in_a_group_that_one_has_left_is_not_listed(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    alice.send(cid, f"@{bob.username}")
    bob.caught_up(cid)
    assert len(mentions(bob)) == 1
    bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    assert mentions(bob) == []


def test_a_bad_page_is_a_bad_request(alice: Device) -> None:
    with refused("bad_request"):
        alice.get("/mentions", next="x")
    with refused("bad_request"):
        alice.get("/mentions", limit=0)


def test_the_last_page_announces_no_other(alice: Device, bob: Device) -> None:
    left, kept = alice.group(bob), alice.group(bob)
    alice.send(left, f"@{bob.username} early")
    head = [alice.send(kept, f"@{bob.username} {n}")["seq"] for n in range(3)][-1]
    bob.call("DELETE", f"/conversations/{left}/members/{bob.id}")
    listed(bob, kept, head)
    bob.await_event(lambda event: event["type"] == "conversation.left")
    page = bob.get("/mentions", limit=3)
    assert len(page["mentions"]) == 3
    assert "next" not in page
    assert "next" in bob.get("/mentions", limit=2)
