"""The protocol without I/O: every event once and in order whatever the line does, and requests that outlive connections."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from madang import errors
from madang.client.online import Online
from madang.client.protocol import Arrived, Attached, Broken, GoAway, Output, Protocol, Refused, Replied, Resync

Json = dict[str, Any]


def frames(protocol: Protocol) -> list[Json]:
    return [json.loads(text) for text in protocol.frames()]


def receive(protocol: Protocol, **frame: Any) -> list[Output]:
    return protocol.receive(json.dumps(frame))


def events(*cursors: int) -> list[Json]:
    return [{"cursor": cursor, "type": "message.created"} for cursor in cursors]


def live(cursor: int = 0) -> Protocol:
    """A protocol that has attached."""
    protocol = Protocol(cursor)
    protocol.connected()
    [attach] = frames(protocol)
    receive(protocol, op="attached", ref=attach["ref"], cursor=cursor)
    return protocol


def taken(outputs: list[Output]) -> list[int]:
    return [event["cursor"] for output in outputs if isinstance(output, Arrived) for event in output.events]


# ---- the inbox ---------------------------------------------------------------------------------------------------------------------------


def test_without_a_cursor_it_begins_where_the_server_says() -> None:
    protocol = Protocol(None)
    protocol.connected()
    assert frames(protocol) == [{"op": "attach", "ref": 1}]
    assert receive(protocol, op="attached", ref=1, cursor=41) == [Attached(41)]
    assert taken(receive(protocol, op="events", events=events(42))) == [42]


def test_a_new_connection_goes_on_after_the_last_event() -> None:
    protocol = live(5)
    receive(protocol, op="events", events=events(6, 7))
    protocol.disconnected()
    protocol.connected()
    [attach] = frames(protocol)
    assert (attach["op"], attach["cursor"]) == ("attach", 7)


def test_a_doubled_event_is_dropped() -> None:
    protocol = live()
    assert taken(receive(protocol, op="events", events=events(1, 2, 2))) == [1, 2]
    assert taken(receive(protocol, op="events", events=events(1, 2, 3))) == [3]


def test_a_hole_is_closed_by_attaching_after_the_last_good_event() -> None:
    protocol = live()
    assert taken(receive(protocol, op="events", events=events(1, 3, 4))) == [1]
    assert protocol.holes == 1
    [attach] = frames(protocol)
    assert (attach["op"], attach["cursor"]) == ("attach", 1)
    assert receive(protocol, op="events", events=events(2, 5)) == []  # still of the first attach
    receive(protocol, op="attached", ref=attach["ref"], cursor=5)
    assert taken(receive(protocol, op="events", events=events(2, 3, 4, 5))) == [2, 3, 4, 5]


def test_a_hole_that_stays_open_ends_the_connection() -> None:
    protocol = live()
    receive(protocol, op="events", events=events(2))
    [attach] = frames(protocol)
    receive(protocol, op="attached", ref=attach["ref"], cursor=2)
    [broken] = receive(protocol, op="events", events=events(2))
    assert isinstance(broken, Broken)
    assert protocol.cursor == 0


def test_the_answer_to_an_older_attach_means_nothing() -> None:
    protocol = live()
    receive(protocol, op="events", events=events(2))
    assert receive(protocol, op="attached", ref=1, cursor=2) == []
    assert receive(protocol, op="events", events=events(1)) == []


def test_a_resync_is_told_and_goes_on_where_the_server_says() -> None:
    protocol = live(3)
    assert receive(protocol, op="resync", reason="trimmed", cursor=90) == [Resync("trimmed", 90)]
    [attach] = frames(protocol)
    assert attach["cursor"] == 90
    receive(protocol, op="attached", ref=attach["ref"], cursor=91)
    assert taken(receive(protocol, op="events", events=events(91))) == [91]


def test_a_resync_again_and_again_ends_the_connection() -> None:
    protocol = live(3)
    receive(protocol, op="resync", reason="ahead", cursor=2)
    assert isinstance(receive(protocol, op="resync", reason="ahead", cursor=2)[0], Broken)


def test_behind_it_lets_events_go_and_has_them_again_afterwards() -> None:
    protocol = live()
    receive(protocol, op="events", events=events(1))
    protocol.fall_behind()
    assert receive(protocol, op="events", events=events(2, 3)) == []
    protocol.catch_up()
    [attach] = frames(protocol)
    assert attach["cursor"] == 1
    receive(protocol, op="attached", ref=attach["ref"], cursor=3)
    assert taken(receive(protocol, op="events", events=events(2, 3))) == [2, 3]


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{}", "\x00", '{"op":"events"}', '{"op":"events","events":[{"cursor":"x"}]}', '{"op":["x"]}']
)
def test_what_is_no_frame_ends_the_connection(text: str) -> None:
    assert isinstance(live().receive(text)[0], Broken)


def test_an_operation_of_a_later_version_means_nothing() -> None:
    protocol = live()
    assert receive(protocol, op="brand-new", events=events(9)) == []
    assert receive(protocol, op="pong") == []


def test_a_going_server_says_when() -> None:
    assert receive(live(), op="goaway", after_ms=1500) == [GoAway(1.5)]


# ---- requests ----------------------------------------------------------------------------------------------------------------------------


def test_requests_without_an_answer_go_out_again_in_their_order() -> None:
    protocol = live()
    refs = [protocol.request("send", {"client_id": name, "text": name}) for name in "abc"]
    frames(protocol)
    assert receive(protocol, op="reply", ref=refs[1], message={"seq": 1}) == [
        Replied(refs[1], {"op": "reply", "ref": refs[1], "message": {"seq": 1}})
    ]
    protocol.disconnected()
    late = protocol.request("send", {"client_id": "d", "text": "d"})
    assert frames(protocol) == []
    protocol.connected()
    attach, *again = frames(protocol)
    assert attach["op"] == "attach"
    assert [(frame["ref"], frame["client_id"]) for frame in again] == [(refs[0], "a"), (refs[2], "c"), (late, "d")]


def test_a_forgotten_request_does_not_go_out_again_and_its_answer_means_nothing() -> None:
    protocol = live()
    ref = protocol.request("send", {"text": "x"})
    frames(protocol)
    protocol.forget(ref)
    assert receive(protocol, op="reply", ref=ref, message={}) == []
    protocol.disconnected()
    protocol.connected()
    assert [frame["op"] for frame in frames(protocol)] == ["attach"]


def test_a_doubled_answer_means_nothing() -> None:
    protocol = live()
    ref = protocol.request("send", {"text": "x"})
    assert receive(protocol, op="reply", ref=ref)
    assert receive(protocol, op="reply", ref=ref) == []


@pytest.mark.parametrize("code", errors.BY_CODE)
def test_each_code_becomes_its_exception(code: str) -> None:
    protocol = live()
    ref = protocol.request("send", {"text": "x"})
    [refused] = receive(protocol, op="reply", ref=ref, error={"code": code, "message": "why", "retry_after_ms": 250})
    assert isinstance(refused, Refused)
    assert (type(refused.error), refused.error.message, refused.error.retry_after) == (errors.BY_CODE[code], "why", 0.25)


def test_an_attach_that_fails_ends_the_connection() -> None:
    protocol = Protocol(0)
    protocol.connected()
    [broken] = receive(protocol, op="reply", ref=1, error={"code": "unavailable", "message": "later"})
    assert isinstance(broken, Broken)


def test_a_frame_that_no_server_takes_is_refused_before_it_goes() -> None:
    protocol = live()
    with pytest.raises(errors.TooLarge):
        protocol.request("send", {"text": "x" * (2 << 20)})
    protocol.disconnected()
    protocol.connected()
    assert len(frames(protocol)) == 1


# ---- a bad line --------------------------------------------------------------------------------------------------------------------------


class FakeServer:
    """An inbox that grows, and a line that loses, doubles and cuts."""

    def __init__(self, rng: random.Random, loss: float) -> None:
        self.rng = rng
        self.loss = loss
        self.tail = 0
        self.next: int | None = None  # the event that goes out next; none before an attach
        self.out: list[Json] = []

    def take(self, frame: Json) -> None:
        if frame["op"] == "attach":
            self.next = frame["cursor"] + 1
            self.out.append({"op": "attached", "ref": frame["ref"], "cursor": self.tail})

    def grow(self) -> None:
        self.tail += self.rng.randrange(4)
        if self.next is None or self.next > self.tail:
            return
        batch = [cursor for cursor in range(self.next, self.tail + 1) if self.rng.random() > self.loss]
        if batch and self.rng.random() < 0.2:
            batch.insert(self.rng.randrange(len(batch)), batch[0])
        self.next = self.tail + 1
        self.out.append({"op": "events", "events": events(*batch)})


def walk(protocol: Protocol, seed: int, steps: int = 60) -> tuple[list[int], int]:
    """What was taken over a bad line that is good at the end, and how much there was."""
    rng = random.Random(seed)
    server = FakeServer(rng, loss=0.1)
    got: list[int] = []
    protocol.connected()
    for step in range(steps + 20):
        if step >= steps:
            server.loss = 0.0
        server.grow()
        for frame in frames(protocol):
            server.take(frame)
        is_cut = any(isinstance(each, Broken) for frame in server.out for each in collect(protocol, frame, got))
        server.out.clear()
        if is_cut or (step < steps and rng.random() < 0.1) or step == steps:
            protocol.disconnected()
            server.next = None
            protocol.connected()
    return got, server.tail


def collect(protocol: Protocol, frame: Json, got: list[int]) -> list[Output]:
    outputs = receive(protocol, **frame)
    got += taken(outputs)
    return outputs


@pytest.mark.parametrize("seed", range(100))
def test_over_a_bad_line_each_event_is_taken_once_and_in_order(seed: int) -> None:
    got, tail = walk(Protocol(0), seed)
    assert got == list(range(1, tail + 1))


class Trusting(Protocol):
    """Takes whatever comes."""

    def _on_events(self, frame: Json) -> list[Output]:
        for event in frame["events"]:
            self.cursor = event["cursor"]
        return self._arrived(frame["events"])


def test_a_client_that_trusts_the_line_is_found_out() -> None:
    got, tail = walk(Trusting(0), 1)
    assert got != list(range(1, tail + 1))


# ---- who is online -----------------------------------------------------------------------------------------------------------------------


def presence(user_id: str, status: str) -> Json:
    return {"user_id": user_id, "status": status}


def told_online(*user_ids: str) -> Protocol:
    """A protocol whose first connection called them online, and whose second one has begun."""
    protocol = live()
    for each in user_ids:
        receive(protocol, op="signal", type="presence", **presence(each, "online"))
    assert protocol.online.unheard(10) == []
    protocol.disconnected()
    protocol.connected()
    return protocol


def test_who_was_online_and_is_not_greeted_by_the_next_connection_is_asked_for() -> None:
    protocol = told_online("1", "2", "3", "4")
    receive(protocol, op="signal", type="presence", **presence("2", "online"))
    receive(protocol, op="signal", type="presence", **presence("3", "offline"))
    assert protocol.online.unheard(10) == ["1", "4"]
    assert protocol.online.unheard(1) == ["1"]
    away = {**presence("1", "offline"), "last_active_at": "2026-01-02T03:04:05Z"}
    assert protocol.online.answered(["1", "4"], [presence("4", "online"), away]) == [{"op": "signal", "type": "presence", **away}]
    assert protocol.online.unheard(10) == []
    protocol.connected()
    assert protocol.online.unheard(10) == ["4", "2"]


def test_of_whom_the_answer_says_nothing_is_offline() -> None:
    [signal] = told_online("1").online.answered(["1"], [])
    assert (signal["user_id"], signal["status"]) == ("1", "offline")


def test_what_the_connection_said_meanwhile_is_newer_than_the_answer() -> None:
    protocol = told_online("1")
    assert protocol.online.unheard(10) == ["1"]
    receive(protocol, op="signal", type="presence", **presence("1", "online"))
    assert protocol.online.answered(["1"], [presence("1", "offline")]) == []
    protocol.connected()
    assert protocol.online.unheard(10) == ["1"]


def test_of_whom_was_heard_longest_ago_is_forgotten_first() -> None:
    online = Online(online_max=2)
    for each in ("1", "2", "1", "3"):
        online.heard(presence(each, "online"))
    online.connected()
    assert online.unheard(10) == ["1", "3"]
