"""What the server promised, written down outside of it, and the audit that holds it to that.

The audit takes plain data (histories and inboxes), so that `test_ledger.py` can show it every kind of broken promise.
Thread: any may record and wait; the audit runs when the writers have ended.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.api import Json


@dataclass(frozen=True)
class Ack:
    conversation_id: str
    seq: int
    message_id: str
    sender_id: str
    client_id: str
    text: str

    @classmethod
    def of(cls, message: Json) -> Ack:
        names = ("conversation_id", "seq", "message_id", "sender_id", "client_id", "text")
        return cls(*(message[name] for name in names))


class Ledger:
    """Acks in the order in which each sender got them."""

    def __init__(self) -> None:
        self._acks: list[Ack] = []
        self._changed = threading.Condition()

    def record(self, message: Json) -> None:
        with self._changed:
            self._acks.append(Ack.of(message))
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._acks)

    def wait_for(self, count: int, within: float) -> None:
        """Until that many acks stand in it. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._acks) >= count, within):
                raise TimeoutError(f"{len(self._acks)} acks of {count} after {within} s")

    def acks(self) -> list[Ack]:
        with self._changed:
            return list(self._acks)


def audit_history(acks: Iterable[Ack], histories: Mapping[str, list[Json]]) -> list[str]:
    """What is wrong between the acks and the conversations' histories; empty = nothing.

    A message that was never acked may be there (its reply got lost), but at most once.
    """
    faults: list[str] = []
    for conversation_id, messages in histories.items():
        seqs = [message["seq"] for message in messages]
        if seqs != sorted(set(seqs)):
            faults.append(f"{conversation_id}: seqs don't rise")
        ids = [int(message["message_id"]) for message in messages]
        if ids != sorted(set(ids)):
            faults.append(f"{conversation_id}: message ids don't rise")
        keys = Counter((message["sender_id"], message["client_id"]) for message in messages)
        faults += [f"{conversation_id}: {count} times {key}" for key, count in keys.items() if count > 1]
    stored = {(cid, message["seq"]): Ack.of(message) for cid, messages in histories.items() for message in messages}
    last: dict[tuple[str, str], int] = defaultdict(int)
    for ack in acks:
        found = stored.get((ack.conversation_id, ack.seq))
        if found is None:
            faults.append(f"lost: {ack}")
        elif found != ack:
            faults.append(f"changed: {ack} is now {found}")
        stream = (ack.conversation_id, ack.sender_id)
        if ack.seq <= last[stream]:
            faults.append(f"out of its sender's order: {ack}")
        last[stream] = ack.seq
    return faults


def audit_inbox(events: list[Json], histories: Mapping[str, list[Json]]) -> list[str]:
    """What is wrong with the inbox of somebody who was a member of these conversations from their first entry on."""
    faults: list[str] = []
    cursors = [event["cursor"] for event in events]
    if cursors != list(range(1, len(events) + 1)):
        faults.append(f"cursors are not 1 … {len(events)}")
    seqs: dict[str, list[int]] = defaultdict(list)
    messages: dict[str, list[Json]] = defaultdict(list)
    for event in events:
        if "seq" in event and event["type"] != "read.updated":  # a marker is no entry
            seqs[event["conversation_id"]].append(event["seq"])
        if event["type"] == "message.created":
            messages[event["conversation_id"]].append(event["message"])
    for conversation_id, history in histories.items():
        had = seqs[conversation_id]
        if had != list(range(1, len(had) + 1)):
            faults.append(f"{conversation_id}: the inbox has not the entries 1 … {len(had)}, each once and in order")
        if messages[conversation_id] != history:
            faults.append(f"{conversation_id}: the inbox has other messages than the history")
    return faults
