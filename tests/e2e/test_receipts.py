"""How far members have received and read: in the list of members, and told to the others. The clock is moved instead of waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest
from harness.api import Json
from harness.device import Device
from harness.listener import Listener
from harness.server import MakeServer, Server

WITHIN_S = 20.0


@pytest.fixture
def yard(make_server: MakeServer) -> Server:
    return make_server(clock="movable")


@pytest.fixture
def anna(yard: Server) -> Device:
    return Device.sign_up(yard.api, "anna")


@pytest.fixture
def bert(yard: Server) -> Device:
    return Device.sign_up(yard.api, "bert")


@pytest.fixture
def carl(yard: Server) -> Device:
    return Device.sign_up(yard.api, "carl")


def receipt(viewer: Device, cid: str, member: Device) -> tuple[int, int]:
    """(delivered_seq, read_seq) of a member."""
    [found] = [each for each in viewer.members(cid) if each["user"]["id"] == member.id]
    return found["delivered_seq"], found["read_seq"]


def becomes(look: Callable[[], object], wanted: object) -> None:
    """Asks until it is so: what has been acked is on its way for a moment."""
    deadline = time.monotonic() + WITHIN_S
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"it stays {found}"


def receipts(listener: Listener) -> list[tuple[str, str, int]]:
    return [(told["user_id"], told["kind"], told["seq"]) for told in listener.new_signals("receipt")]


def test_an_ack_delivers_and_a_read_implies_it(yard: Server, anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    first, second = (anna.send(cid, text)["seq"] for text in ("one", "two"))
    tail = bert.caught_up(cid)
    sender, reader = anna.connect(), bert.connect()
    reader.request("ack", cursor=tail - 1)
    yard.advance(1.1)
    sender.expect_signal("receipt", conversation_id=cid, user_id=bert.id, kind="delivered", seq=first)
    assert receipt(anna, cid, bert) == receipt(bert, cid, bert) == (first, 0)
    reader.request("read", conversation_id=cid, seq=second)
    yard.advance(1.1)
    sender.expect_signal("receipt", conversation_id=cid, user_id=bert.id, kind="read", seq=second)
    assert receipt(anna, cid, bert) == (second, second)
    assert anna.conversation(cid)["read_seq"] == 0, "that is the caller's own"
    assert receipts(reader) == [], "nobody is told of their own receipts"
    # A lower ack and a lower read change nothing, and are not told.
    reader.request("ack", cursor=1)
    bert.read(cid, first)
    yard.advance(1.1)
    assert receipt(anna, cid, bert) == (second, second)
    assert receipts(sender) == []


def test_a_poll_is_an_ack_and_a_log_in_is_none(yard: Server, anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    seq = anna.send(cid, "hi")["seq"]
    fresh = bert.another()
    yard.advance(1.1)
    assert receipt(anna, cid, bert) == (0, 0)
    fresh.sync(fresh.session["cursor"])
    yard.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert)[0] > 0, True)
    bert.sync(bert.caught_up(cid))
    yard.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert), (seq, 0))


def test_one_ack_is_for_all_conversations_before_it(yard: Server, anna: Device, bert: Device, carl: Device) -> None:
    direct, group, later = anna.direct(bert), anna.group(bert, carl), carl.group(bert)
    said = {cid: anna.send(cid, "hi")["seq"] for cid in (direct, group)}
    tail = bert.caught_up(direct, group, later)
    seq = carl.send(later, "after that")["seq"]
    bert.sync(tail)
    yard.advance(1.1)
    for cid, wanted in said.items():
        becomes(partial(receipt, anna, cid, bert), (wanted, 0))
    assert receipt(carl, later, bert)[0] < seq


def test_receipts_are_coalesced_within_a_second(yard: Server, anna: Device, bert: Device, carl: Device) -> None:
    cid = anna.group(bert, carl)
    for device in (bert, carl):
        device.caught_up(cid)
    sender, other, reader = anna.connect(), carl.connect(), bert.connect()
    yard.advance(1.1)
    receipts(sender), receipts(other)
    # The first ack of a quiet second goes at once; what follows waits for the next one.
    seqs = []
    for n in range(10):
        seqs.append(anna.send(cid, f"{n}")["seq"])
        event = reader.expect_text(f"{n}")
        reader.request("ack", cursor=event["cursor"])
    yard.advance(1.1)
    sender.expect_signal("receipt", user_id=bert.id, kind="delivered", seq=seqs[-1])
    told = [each["seq"] for each in sender.signals if each["type"] == "receipt" and each["seq"] >= seqs[0]]
    assert len(told) <= 2
    other.expect_signal("receipt", user_id=bert.id, kind="delivered", seq=seqs[-1])


def test_of_several_devices_the_furthest_counts(yard: Server, anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    seqs = [anna.send(cid, f"{n}")["seq"] for n in range(4)]
    laptop = bert.another()
    tail = bert.caught_up(cid)
    bert.sync(tail - 1)
    laptop.sync(tail - 3)
    yard.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert), (seqs[-2], 0))
    laptop.read(cid, seqs[1])
    yard.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert), (seqs[-2], seqs[1]))
    bert.call("DELETE", "/sessions/current")
    assert receipt(anna, cid, bert) == (seqs[-2], seqs[1])


def test_a_block_hides_receipts_both_ways_and_lifting_it_shows_them(yard: Server, anna: Device, bert: Device, carl: Device) -> None:
    cid = anna.group(bert, carl)
    sockets: dict[str, Listener] = {}
    for device in (anna, bert, carl):
        device.caught_up(cid)
        sockets[device.id] = device.connect()
    anna.call("PUT", f"/blocks/{bert.id}")
    anna.send(cid, "hello")
    for device in (anna, bert, carl):
        sockets[device.id].request("ack", cursor=device.caught_up(cid))
        device.read(cid, 2)
    yard.advance(1.1)
    sockets[carl.id].expect_signals("receipt", *({"user_id": who.id, "kind": "read", "seq": 2} for who in (anna, bert)))
    for who in (anna, bert):
        sockets[who.id].expect_signal("receipt", user_id=carl.id, kind="read", seq=2)
    for who, other in ((anna, bert), (bert, anna)):
        assert other.id not in {each["user_id"] for each in sockets[who.id].signals if each["type"] == "receipt"}
        assert receipt(who, cid, other) == (0, 0)
        assert receipt(who, cid, who)[1] == receipt(carl, cid, other)[1] == 2
    anna.call("DELETE", f"/blocks/{bert.id}")
    for who, other in ((anna, bert), (bert, anna)):
        becomes(partial(receipt, who, cid, other), receipt(carl, cid, other))


def test_large_conversations_are_listed_and_not_told(make_server: MakeServer) -> None:
    server = make_server(clock="movable", config="[presence]\nfan_out_members_max = 2\n")
    anna, bert, carl = (Device.sign_up(server.api, name) for name in ("anna", "bert", "carl"))
    large, small = anna.group(bert, carl), anna.group(bert)
    listener = anna.connect()
    bert.sync(bert.caught_up(large, small))
    server.advance(1.1)
    becomes(lambda: receipt(anna, large, bert)[0] > 0, True)
    listener.expect_signal("receipt", conversation_id=small)
    assert {each["conversation_id"] for each in listener.signals if each["type"] == "receipt"} == {small}


def test_who_joins_later_begins_with_nothing_and_who_comes_back_with_what_was(
    yard: Server, anna: Device, bert: Device, carl: Device
) -> None:
    cid = anna.group(bert)
    seq = anna.send(cid, "early")["seq"]
    bert.caught_up(cid)
    bert.read(cid, seq)
    listener = anna.connect()
    yard.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert), (seq, seq))
    bert.call("DELETE", f"/conversations/{cid}/members/{bert.id}")
    assert bert.id not in {each["user"]["id"] for each in anna.members(cid)}
    bert.sync(bert.await_event(lambda event: event["type"] == "conversation.left"))
    back = anna.call("PUT", f"/conversations/{cid}/members/{bert.id}", {}).json()
    assert back["read_seq"] == seq
    assert back["delivered_seq"] >= seq
    late = anna.call("PUT", f"/conversations/{cid}/members/{carl.id}", {}).json()
    assert (late["read_seq"], late["delivered_seq"]) == (0, 0)
    carl.sync(carl.caught_up(cid))
    yard.advance(1.1)
    listener.expect_signal("receipt", user_id=carl.id, kind="delivered", seq=late["joined_seq"])
    assert receipt(anna, cid, carl) == (late["joined_seq"], 0)


def test_what_was_told_outlives_a_kill_and_a_marker_is_told_again(make_server: MakeServer, engines: int) -> None:
    server = make_server(clock="movable")
    anna, bert = Device.sign_up(server.api, "anna"), Device.sign_up(server.api, "bert")
    cid = anna.direct(bert)
    seqs = [anna.send(cid, f"{n}")["seq"] for n in range(3)]
    bert.caught_up(cid)
    listener = anna.connect()
    bert.read(cid, seqs[0])
    server.advance(1.1)
    listener.expect_signal("receipt", user_id=bert.id, kind="read", seq=seqs[0])
    # This one is answered, so it lasts, wherever it was when the server died.
    bert.read(cid, seqs[1])
    server.restart(kill=True, engines=4 - engines)
    assert receipt(anna, cid, bert)[1] >= seqs[0]
    bert.sync(0)
    server.advance(1.1)
    becomes(lambda: receipt(anna, cid, bert)[1], seqs[1])


def test_events_bear_no_receipts(anna: Device, bert: Device) -> None:
    """They show what was; how far somebody has come is no entry of the log."""
    cid = anna.group(bert)
    bert.caught_up(cid)
    joined: list[Json] = [event["member"] for event in bert.inbox() if event["type"] == "member.joined"]
    assert len(joined) == 2
    assert all("read_seq" not in member and "delivered_seq" not in member for member in joined)


def test_they_are_counted(yard: Server, anna: Device, bert: Device) -> None:
    cid = anna.direct(bert)
    listener = anna.connect()
    anna.send(cid, "hi")
    bert.sync(bert.caught_up(cid))
    yard.advance(1.1)
    listener.expect_signal("receipt", user_id=bert.id)

    def total(name: str) -> float:
        page = yard.api.exchange("GET", "/metrics").body.decode()
        return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name + "{"))

    becomes(lambda: total("madang_receipts_total") >= 1, True)
    becomes(lambda: total("madang_receipt_signals_total") >= 1, True)
    becomes(lambda: total("madang_receipts_waiting"), 0)
