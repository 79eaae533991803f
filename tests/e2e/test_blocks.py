"""What a block stops, what it leaves alone, and that the blocked one is told nothing of it."""

from __future__ import annotations

import pytest
from harness.api import Problem, refused
from harness.device import Device, new_client_id
from test_friends import ask, end, friends, told


def block(actor: Device, other: Device) -> None:
    assert actor.call("PUT", f"/blocks/{other.id}").status == 204


def lift(actor: Device, other: Device) -> None:
    assert actor.call("DELETE", f"/blocks/{other.id}").status == 204


def types(actor: Device) -> list[str]:
    return [event["type"] for event in actor.inbox()]


@pytest.mark.parametrize("by_blocked", [True, False], ids=["from the blocked one", "to the blocked one"])
def test_a_block_stops_direct_messages_both_ways(alice: Device, bob: Device, by_blocked: bool) -> None:
    cid = alice.direct(bob)
    alice.send(cid, "before")
    block(alice, bob)
    sender, peer = (bob, alice) if by_blocked else (alice, bob)
    with refused("blocked"):
        sender.send(cid, "after")
    with refused("blocked"):
        listener = sender.connect()
        listener.request("send", user_id=peer.id, client_id=new_client_id(), text="after")
    assert [message["text"] for message in alice.all_messages(cid)] == ["before"]
    lift(alice, bob)
    sender.send(cid, "again")


def test_an_acked_message_is_answered_again_through_a_block(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sent = alice.send(cid, "before", "c-1")
    block(bob, alice)
    again = alice.post(cid, "before", "c-1")
    assert again.status == 200
    assert again.json() == sent


def test_an_existing_direct_conversation_is_returned_and_a_new_one_refused(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.direct(bob)
    block(alice, bob)
    assert alice.direct(bob) == bob.direct(alice) == cid
    block(carol, alice)
    for one, other in ((alice, carol), (carol, alice)):
        with refused("blocked"):
            one.direct(other)
    lift(carol, alice)
    alice.direct(carol)


def test_a_block_is_listed_for_who_set_it_alone(alice: Device, bob: Device) -> None:
    block(alice, bob)
    block(alice, bob)
    # The list follows the answer; a later change of the same pair shows that it has.
    ask(bob, alice)
    told(bob, alice, 1)
    while not (blocked := alice.pages("/blocks", "blocks")):
        pass
    assert blocked == [alice.get(f"/users/{bob.id}")]
    assert bob.pages("/blocks", "blocks") == []


def test_the_blocked_one_is_told_nothing(alice: Device, bob: Device) -> None:
    ask(alice, bob)
    ask(bob, alice)
    told(bob, alice, 2)
    block(alice, bob)
    assert told(alice, bob, 3) == ["requested", "friends", "none"], "who blocks sees the friendship no more"
    assert friends(bob) == {alice.id: "friends"}
    lift(alice, bob)
    assert told(alice, bob, 4)[-1] == "friends"
    assert end(alice, bob) == "none"
    assert told(bob, alice, 3) == ["asked", "friends", "none"], "nothing of the block between the two"


def test_asking_who_blocks_one_looks_like_asking_anybody_and_is_heard_when_the_block_is_lifted(alice: Device, bob: Device) -> None:
    block(alice, bob)
    assert ask(bob, alice) == "requested"
    assert friends(alice) == {}
    assert "friend.updated" not in types(alice)
    lift(alice, bob)
    assert told(alice, bob, 1) == ["asked"]
    assert told(bob, alice, 1) == ["requested"]


def test_who_blocks_may_not_ask(alice: Device, bob: Device) -> None:
    block(alice, bob)
    with refused("blocked"):
        ask(alice, bob)


def test_who_blocks_the_inviter_is_not_added_to_a_group(alice: Device, bob: Device, carol: Device) -> None:
    block(bob, alice)
    while not bob.get("/blocks")["blocks"]:
        pass
    with pytest.raises(Problem, match=bob.id) as caught:
        alice.group(bob, carol)
    assert caught.value.code == "blocked"
    cid = alice.group(carol)
    with refused("blocked"):
        alice.call("PUT", f"/conversations/{cid}/members/{bob.id}")
    carol.call("PUT", f"/conversations/{cid}/members/{bob.id}")


def test_common_groups_go_on(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    block(alice, bob)
    bob.send(cid, "still here")
    alice.send(cid, "me too")
    assert [message["text"] for message in bob.all_messages(cid)] == ["still here", "me too"]


def test_two_blocks_are_lifted_by_two(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    block(alice, bob)
    block(bob, alice)
    lift(alice, bob)
    with refused("blocked"):
        alice.send(cid, "not yet")
    lift(bob, alice)
    alice.send(cid, "now")
