"""The inbox by polling and long polling, and that it is the same one that a socket gives."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json, Problem, refused
from harness.device import Device

POLLS_OF_A_USER = 32


def test_a_poll_gives_what_came_after_the_cursor(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    assert bob.sync(start) == {"events": [], "cursor": start, "more": False}
    message = alice.send(cid, "hello")
    page = bob.sync(start)
    assert [event["message"] for event in page["events"]] == [message]
    assert page["cursor"] == start + 1
    assert page["more"] is False
    assert bob.sync(start + 1) == {"events": [], "cursor": start + 1, "more": False}


def test_an_empty_inbox_is_up_to_date(alice: Device) -> None:
    assert alice.sync(0) == {"events": [], "cursor": 0, "more": False}


def test_cursor_0_gives_everything_from_the_first(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    alice.send(cid, "hello")
    bob.caught_up(cid)
    events = bob.sync(0)["events"]
    assert [event["cursor"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "conversation.created"
    assert events[-1]["message"]["text"] == "hello"
    assert events[-1]["seq"] == events[-1]["message"]["seq"]
    assert events[-1]["conversation_id"] == cid


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_of_the_inbox_meet(alice: Device, bob: Device, limit: int) -> None:
    cid = alice.direct(bob)
    for n in range(10):
        alice.send(cid, f"text {n}")
    bob.caught_up(cid)
    everything = bob.inbox()
    cursor, events = 0, []
    while True:
        page = bob.sync(cursor, limit=limit)
        assert len(page["events"]) <= limit
        events += page["events"]
        cursor = page["cursor"]
        if not page["more"]:
            break
        assert len(page["events"]) == limit
    assert events == everything


def test_a_page_has_at_most_100_events(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    sender = alice.connect()
    for ref in [sender.post("send", conversation_id=cid, client_id=f"k{n}", text="x") for n in range(130)]:
        sender.reply(ref)
    bob.caught_up(cid)
    page = bob.sync(0, limit=5000)
    assert len(page["events"]) == 100
    assert page["more"] is True


def test_a_long_poll_wakes_at_once(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(bob.sync, start, wait="25s")
        began = time.monotonic()
        alice.send(cid, "wake up")
        page = poll.result(timeout=10)
        assert time.monotonic() - began < 2
    assert page["events"][0]["message"]["text"] == "wake up"
    assert page["cursor"] == start + 1


def test_every_waiting_device_wakes(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    laptop = bob.another()
    with ThreadPoolExecutor(6) as pool:
        polls = [pool.submit((bob, laptop)[n % 2].sync, start, wait="25s") for n in range(6)]
        alice.send(cid, "wake up")
        assert [poll.result(timeout=10)["events"][0]["message"]["text"] for poll in polls] == ["wake up"] * 6


def test_a_long_poll_with_something_to_give_answers_at_once(alice: Device, bob: Device) -> None:
    alice.send(alice.direct(bob), "already there")
    began = time.monotonic()
    assert bob.sync(0, wait="25s")["events"]
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("wait", ["1s", "1000ms"])
def test_an_idle_wait_ends_without_events(alice: Device, wait: str) -> None:
    began = time.monotonic()
    assert alice.sync(0, wait=wait) == {"events": [], "cursor": 0, "more": False}
    assert 0.9 < time.monotonic() - began < 5


def test_a_cursor_ahead_of_the_inbox_is_refused_with_its_tail(alice: Device, bob: Device) -> None:
    tail = bob.caught_up(alice.group(bob))
    for wait in (None, "5s"):
        query = {"cursor": tail + 1, "wait": wait}
        with pytest.raises(Problem) as caught:
            bob.get("/sync", **query)
        assert (caught.value.status, caught.value.code) == (409, "resync_required")
        answer = bob.api.exchange("GET", f"/v1/sync?cursor={tail + 1}", headers={"Authorization": f"Bearer {bob.token}"})
        assert answer.json()["reason"] == "ahead"
        assert answer.json()["cursor"] == tail


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=1.5", "cursor=99999999999999999999", "cursor=0&limit=0"])
def test_a_cursor_that_is_none_is_refused(alice: Device, query: str) -> None:
    with refused("bad_request"):
        alice.get(f"/sync?{query}")


@pytest.mark.parametrize("wait", ["x", "-1s", "25", "1y", ""])
def test_a_wait_that_is_no_duration_is_refused(alice: Device, wait: str) -> None:
    with refused("bad_request"):
        alice.get(f"/sync?cursor=0&wait={wait}")


def test_more_polls_than_may_wait_are_refused(alice: Device) -> None:
    with ThreadPoolExecutor(POLLS_OF_A_USER + 1) as pool, refused("rate_limited"):
        for poll in [pool.submit(alice.sync, 0, wait="2s") for _ in range(POLLS_OF_A_USER + 1)]:
            poll.result(timeout=30)


def test_a_waiting_device_that_logs_out_is_answered(alice: Device) -> None:
    laptop = alice.another()
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(laptop.sync, 0, wait="5s")
        alice.call("DELETE", f"/sessions/{laptop.device_id}")
        began = time.monotonic()
        try:
            assert poll.result(timeout=30)["events"] == []
        except Problem as problem:
            assert problem.code == "unauthenticated"  # noqa: PT017 - both answers are right
        assert time.monotonic() - began < 10


def test_the_inbox_is_the_same_by_three_ways(alice: Device, bob: Device) -> None:
    start = 0
    cid = alice.group(bob)
    listener = bob.connect(start)

    def long_poll() -> list[Json]:
        cursor = start
        events: list[Json] = []
        while len(events) < 14:
            page = bob.sync(cursor, wait="20s")
            events += page["events"]
            cursor = page["cursor"]
        return events

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(long_poll)
        for n in range(10):
            (alice, bob)[n % 2].send(cid, f"text {n}")
        alice.call("PATCH", f"/conversations/{cid}", {"title": "new"})
        by_long_poll = waiting.result(timeout=30)
    by_socket = listener.read_to(14)
    assert by_long_poll == by_socket == bob.inbox(start)
