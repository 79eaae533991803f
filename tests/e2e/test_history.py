"""Reading a conversation's history by page: backwards, forwards and around a message."""

from __future__ import annotations

import pytest
from harness.api import Json, refused
from harness.device import Device
from harness.server import MakeServer

COUNT = 57


@pytest.fixture
def talk(alice: Device, bob: Device) -> tuple[str, list[Json]]:
    """A conversation and its messages, with entries of other kinds between them."""
    cid = alice.group(bob)
    sender = alice.connect()
    messages = []
    for n in range(COUNT):
        if n % 10 == 3:
            alice.call("PATCH", f"/conversations/{cid}", {"title": f"title {n}"})
        messages.append(sender.send(cid, f"text {n}", f"k{n}"))
    return cid, messages


def test_without_a_position_the_newest_come(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    page = bob.history(cid, limit=10)
    assert page == {"messages": messages[-10:], "has_more_before": True, "has_more_after": False}


def test_a_page_before_a_message_ends_right_before_it(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    page = bob.history(cid, before=messages[30]["seq"], limit=10)
    assert page == {"messages": messages[20:30], "has_more_before": True, "has_more_after": True}
    first = bob.history(cid, before=messages[5]["seq"], limit=10)
    assert first == {"messages": messages[:5], "has_more_before": False, "has_more_after": True}


def test_a_page_after_a_message_begins_right_after_it(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    page = bob.history(cid, after=messages[30]["seq"], limit=10)
    assert page == {"messages": messages[31:41], "has_more_before": True, "has_more_after": True}
    last = bob.history(cid, after=messages[50]["seq"], limit=10)
    assert last == {"messages": messages[51:], "has_more_before": True, "has_more_after": False}


def test_a_page_around_a_message_has_it_in_the_middle(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    page = bob.history(cid, around=messages[30]["seq"], limit=11)
    seqs = [message["seq"] for message in page["messages"]]
    at = seqs.index(messages[30]["seq"])
    assert len(seqs) == 11
    assert 4 <= at <= 6
    assert page["messages"] == messages[30 - at : 41 - at]
    assert page["has_more_before"] is True
    assert page["has_more_after"] is True


@pytest.mark.parametrize("limit", [1, 7, 10, 57, 100])
def test_pages_meet_without_holes_in_both_directions(bob: Device, talk: tuple[str, list[Json]], limit: int) -> None:
    cid, messages = talk
    page = bob.history(cid, limit=limit)
    backwards = page["messages"]
    while page["has_more_before"]:
        page = bob.history(cid, before=backwards[0]["seq"], limit=limit)
        assert page["messages"], "more was promised"
        backwards = page["messages"] + backwards
    assert backwards == messages
    page = bob.history(cid, after=0, limit=limit)
    forwards = page["messages"]
    assert page["has_more_before"] is False
    while page["has_more_after"]:
        page = bob.history(cid, after=forwards[-1]["seq"], limit=limit)
        assert page["messages"], "more was promised"
        forwards += page["messages"]
    assert forwards == messages


def test_pages_around_go_on_in_both_directions(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    middle = bob.history(cid, around=messages[28]["seq"], limit=9)["messages"]
    before = bob.history(cid, before=middle[0]["seq"])["messages"]
    after = bob.history(cid, after=middle[-1]["seq"])["messages"]
    assert before + middle + after == messages


def test_positions_beyond_the_ends_give_what_there_is(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    head = bob.get(f"/conversations/{cid}")["head_seq"]
    assert bob.history(cid, after=head)["messages"] == []
    assert bob.history(cid, after=head + 1000)["messages"] == []
    assert bob.history(cid, before=1)["messages"] == []
    assert bob.history(cid, before=10**12)["messages"] == messages
    assert bob.history(cid, around=1, limit=5)["messages"][0] == messages[0]
    assert bob.history(cid, around=10**12, limit=5)["messages"][-1] == messages[-1]


def test_a_position_may_be_an_entry_that_is_no_message(bob: Device, talk: tuple[str, list[Json]]) -> None:
    cid, messages = talk
    title_seq = messages[13]["seq"] - 1
    assert bob.history(cid, after=title_seq, limit=1)["messages"] == [messages[13]]
    assert bob.history(cid, before=title_seq, limit=1)["messages"] == [messages[12]]


def test_a_limit_beyond_100_is_cut_to_it(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sender = alice.connect()
    for ref in [sender.post("send", conversation_id=cid, client_id=f"k{n}", text="x") for n in range(120)]:
        sender.reply(ref)
    assert len(bob.history(cid, limit=1000)["messages"]) == 100
    assert len(bob.history(cid)["messages"]) <= 100
    assert len(bob.all_messages(cid)) == 120


@pytest.mark.parametrize(
    "query",
    ["before=x", "after=-1", "around=1.5", "limit=0", "limit=-1", "limit=x", "before=", "before=5&after=2", "around=99999999999999999999"],
)
def test_a_query_that_is_no_proper_one_is_refused(alice: Device, bob: Device, query: str) -> None:
    cid = alice.direct(bob)
    with refused("bad_request"):
        alice.get(f"/conversations/{cid}/messages?{query}")


def test_a_page_of_long_texts_ends_at_its_size(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for n in range(6):
        alice.send(cid, "가" * 100_000, f"k{n}")  # 300 kB each
    page = bob.history(cid)
    assert 1 <= len(page["messages"]) < 6
    assert page["has_more_before"]
    seqs = [message["seq"] for message in page["messages"]]
    while page["has_more_before"]:
        page = bob.history(cid, before=seqs[0])
        seqs = [message["seq"] for message in page["messages"]] + seqs
    assert seqs == [message["seq"] for message in bob.all_messages(cid)]
    assert len(seqs) == 6
    bob.caught_up(cid)
    assert [event["type"] for event in bob.inbox()].count("message.created") == 6


def test_the_history_is_the_same_after_a_restart(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.group(bob, title="kept")
    for n in range(30):
        alice.send(cid, f"text {n}", f"k{n}")
    bob.caught_up(cid)
    before = bob.all_messages(cid), bob.inbox(), bob.conversations(), bob.members(cid)
    server.restart(kill=True)
    assert (bob.all_messages(cid), bob.inbox(), bob.conversations(), bob.members(cid)) == before
    assert alice.send(cid, "after", "k30")["seq"] == before[0][-1]["seq"] + 1
