"""The ledger's audit finds every kind of broken promise; without that, the tests that rely on it would prove nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from harness.api import Json
from harness.ledger import Ledger, audit_history, audit_inbox

GROUP = "77"


def message(seq: int, sender: str = "1") -> Json:
    return {
        "conversation_id": GROUP,
        "seq": seq,
        "message_id": str(1000 + seq),
        "sender_id": sender,
        "client_id": f"c{seq}",
        "text": f"text {seq}",
    }


def history() -> list[Json]:
    return [message(seq) for seq in range(4, 10)]


def inbox() -> list[Json]:
    kinds = ["conversation.created", "member.joined", "member.joined"]
    events = [{"cursor": n, "type": kind, "conversation_id": GROUP, "seq": n} for n, kind in enumerate(kinds, 1)]
    for each in history():
        seq = each["seq"]
        events.append({"cursor": seq, "type": "message.created", "conversation_id": GROUP, "seq": seq, "message": each})
    return events


def acked(messages: list[Json]) -> Ledger:
    ledger = Ledger()
    for each in messages:
        ledger.record(each)
    return ledger


def test_a_kept_promise_has_no_fault() -> None:
    assert audit_history(acked(history()).acks(), {GROUP: history()}) == []
    assert audit_inbox(inbox(), {GROUP: history()}) == []


def test_a_message_without_an_ack_is_no_fault() -> None:
    assert audit_history(acked(history()[:-1]).acks(), {GROUP: history()}) == []


@pytest.mark.parametrize(
    ("what", "break_it"),
    [
        ("lost", lambda messages: messages.pop(2)),
        ("changed", lambda messages: messages[2].update(text="another")),
        ("times", lambda messages: messages.append({**message(10), "client_id": "c9"})),
        ("seqs don't rise", lambda messages: messages.append(message(9))),
        ("message ids don't rise", lambda messages: messages[3].update(message_id="1")),
    ],
)
def test_a_broken_history_is_found(what: str, break_it: Callable[[list[Json]], object]) -> None:
    broken = copy.deepcopy(history())
    break_it(broken)
    assert any(what in fault for fault in audit_history(acked(history()).acks(), {GROUP: broken}))


def test_acks_out_of_their_senders_order_are_found() -> None:
    backwards = history()[::-1]
    assert any("order" in fault for fault in audit_history(acked(backwards).acks(), {GROUP: history()}))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda events: events.pop(5),
        lambda events: events.append({**events[-1], "cursor": 10}),
        lambda events: events[4].update(cursor=4),
        lambda events: events[6]["message"].update(text="another"),
        lambda events: events.pop(),
    ],
    ids=["hole", "twice", "cursor", "changed", "short"],
)
def test_a_broken_inbox_is_found(break_it: Callable[[list[Json]], object]) -> None:
    broken = copy.deepcopy(inbox())
    break_it(broken)
    assert audit_inbox(broken, {GROUP: history()}) != []
