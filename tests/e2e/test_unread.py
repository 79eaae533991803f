"""What is unread, and the marker that all devices of a user share."""

from __future__ import annotations

import pytest
from harness.api import refused
from harness.device import Device
from harness.server import MakeServer


@pytest.fixture
def told(alice: Device, bob: Device) -> tuple[str, list[int]]:
    """A group in which alice has written six messages, all in bob's inbox; their seqs."""
    cid = alice.group(bob)
    seqs = [alice.send(cid, f"message {n}")["seq"] for n in range(6)]
    bob.caught_up(cid)
    alice.caught_up(cid)
    return cid, seqs


def test_messages_of_others_are_unread_and_own_ones_never(alice: Device, bob: Device, told: tuple[str, list[int]]) -> None:
    cid, _ = told
    for device, unread in ((alice, 0), (bob, 6)):
        view = device.conversation(cid)
        assert (view["read_seq"], view["unread"], view["unread_mentions"]) == (0, unread, 0)
        assert device.conversations()[0]["unread"] == unread
        assert device.unread_total() == unread


def test_a_read_to_the_end_leaves_nothing_unread(bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    assert bob.read(cid, seqs[-1]) == {"seq": seqs[-1], "unread": 0, "unread_mentions": 0}
    assert bob.conversation(cid)["unread"] == bob.unread_total() == 0


def test_a_read_to_the_middle_leaves_the_rest(alice: Device, bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    for done, seq in enumerate(seqs[:-1], start=1):
        assert bob.read(cid, seq) == {"seq": seq, "unread": 6 - done, "unread_mentions": 0}
        assert bob.conversation(cid)["unread"] == 6 - done
    alice.send(cid, "one more")
    bob.caught_up(cid)
    assert bob.conversation(cid)["unread"] == 2


def test_a_marker_only_moves_forward_and_a_lower_one_changes_nothing(bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    assert bob.read(cid, seqs[3])["seq"] == seqs[3]
    tail = bob.inbox()[-1]["cursor"]
    for lower in (seqs[3], seqs[0], 1, 0):
        assert bob.read(cid, lower) == {"seq": seqs[3], "unread": 2, "unread_mentions": 0}
    assert bob.sync(tail)["events"] == []


def test_a_marker_beyond_the_end_is_cut_to_it(alice: Device, bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    assert bob.read(cid, 2**40)["seq"] == seqs[-1]
    alice.send(cid, "later")
    bob.caught_up(cid)
    assert bob.conversation(cid)["unread"] == 1


def test_what_is_read_before_it_reaches_the_inbox_is_read(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    for n in range(20):
        seq = alice.send(cid, str(n))["seq"]
        assert bob.read(cid, seq) == {"seq": seq, "unread": 0, "unread_mentions": 0}
    bob.caught_up(cid)
    assert bob.conversation(cid)["unread"] == 0


def test_every_device_learns_of_a_read_by_its_inbox(bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    other = bob.another()
    listener = other.connect()
    reply = bob.connect().request("read", conversation_id=cid, seq=seqs[1])
    assert {name: reply[name] for name in ("seq", "unread", "unread_mentions")} == {"seq": seqs[1], "unread": 4, "unread_mentions": 0}
    event = listener.expect_type("read.updated")
    assert (event["conversation_id"], event["seq"], event["unread"]) == (cid, seqs[1], 4)
    assert bob.inbox()[-1] == event
    assert other.conversation(cid)["read_seq"] == seqs[1]


def test_a_read_takes_no_seq_and_moves_nothing_in_the_list(alice: Device, bob: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    newer = bob.group(alice)
    bob.caught_up(newer)
    head = bob.conversation(cid)["head_seq"]
    bob.read(cid, seqs[2])
    assert bob.conversation(cid)["head_seq"] == head
    assert [one["id"] for one in bob.conversations()][:2] == [newer, cid]


def test_unread_of_one_who_comes_later_begins_with_joining(alice: Device, bob: Device, carol: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    alice.call("PUT", f"/conversations/{cid}/members/{carol.id}", {})
    carol.caught_up(cid)
    assert carol.conversation(cid)["unread"] == 0
    alice.send(cid, "hello carol")
    carol.caught_up(cid)
    assert carol.conversation(cid)["unread"] == 1
    assert carol.read(cid, seqs[0])["unread"] == 1
    carol.call("DELETE", f"/conversations/{cid}/members/{carol.id}")
    with refused("not_a_member"):
        carol.read(cid, seqs[0])
    alice.send(cid, "while she is away")
    alice.call("PUT", f"/conversations/{cid}/members/{carol.id}", {})
    carol.await_event(lambda event: event.get("type") == "member.joined" and event["member"]["joined_seq"] > seqs[-1] + 3)
    assert carol.conversation(cid)["unread"] == 0


def test_strangers_read_nothing(mallory: Device, told: tuple[str, list[int]]) -> None:
    cid, seqs = told
    with refused("not_found"):
        mallory.read(cid, seqs[0])
    with refused("not_found"):
        mallory.connect().request("read", conversation_id=cid, seq=seqs[0])


@pytest.mark.parametrize("body", [{}, {"seq": "1"}, {"seq": -1}, {"seq": 1.5}, {"seq": None}, []], ids=str)
def test_a_read_without_a_position_is_a_bad_request(bob: Device, told: tuple[str, list[int]], body: object) -> None:
    with refused("bad_request"):
        bob.call("PUT", f"/conversations/{told[0]}/read", body)


def test_a_new_conversation_bears_a_marker_and_counts_wherever_it_is_shown(alice: Device, bob: Device) -> None:
    answers = [
        alice.call("POST", "/conversations", {"kind": "direct", "user_id": bob.id}).json(),
        alice.call("POST", "/conversations", {"kind": "group", "title": "t", "members": [bob.id]}).json(),
    ]
    cid = answers[1]["id"]
    answers.append(alice.call("PATCH", f"/conversations/{cid}", {"title": "u"}).json())
    bob.caught_up(cid)
    answers += [event["conversation"] for event in bob.inbox() if event["type"] == "conversation.created"]
    assert len(answers) >= 4
    for view in answers:
        assert (view["read_seq"], view["unread"], view["unread_mentions"]) == (0, 0, 0)


def test_unread_survives_a_kill(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = (Device.sign_up(server.api, name) for name in ("alice", "bob"))
    cid = alice.direct(bob)
    seqs = [alice.send(cid, str(n))["seq"] for n in range(5)]
    assert bob.read(cid, seqs[1])["unread"] == 3
    server.kill9()
    server.start()
    view = bob.conversation(cid)
    assert (view["read_seq"], view["unread"]) == (seqs[1], 3)
