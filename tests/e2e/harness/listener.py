"""The protocol over one socket: requests with their replies, events with their cursors.

It checks on every event what every client may rely on: `attached` comes first, and the cursor rises by exactly one.
Thread: one owner; other threads may `post`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import weakref
from collections.abc import Callable
from typing import Any

from harness.api import Json, Problem
from harness.contract import known_contract
from harness.websocket import Closed, WebSocket

REPLY_WITHIN_S = 20.0
EVENT_WITHIN_S = 20.0


class Resync(Exception):
    """The server can't serve the cursor that was asked for."""

    def __init__(self, reason: str, cursor: int) -> None:
        super().__init__(f"{reason}, tail {cursor}")
        self.reason = reason
        self.cursor = cursor


_open: weakref.WeakSet[Listener] = weakref.WeakSet()


def ping_everybody(port: int) -> None:
    """Each open Listener of the server on this port makes a round trip, but for those that keep silent."""
    waiting: list[tuple[Listener, Callable[[], bool]]] = []
    for listener in [each for each in _open if each.socket.port == port and not each.keeps_silent]:
        with contextlib.suppress(Closed):
            waiting.append((listener, listener.post_ping()))
    for listener, is_answered in waiting:
        with contextlib.suppress(Closed):
            listener.pump_until(is_answered, REPLY_WITHIN_S)


class Listener:
    """An open socket and all that came over it."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.keeps_silent = False  # doesn't ping while the clock is moved
        self.cursor: int | None = None  # of the last event; none before the first `attached`
        self.events: list[Json] = []
        self.replies: dict[Any, Json] = {}
        self.signals: list[Json] = []
        self.others: list[Json] = []  # pong, goaway
        self._signals_taken = 0  # those that expect_signal() has gone past
        self._ended: Closed | None = None
        self._taken = 0  # events that expect() has gone past
        self._attached: Json = None
        self._attaching = False
        self._asked: int | None = None
        self._refs = itertools.count(1)
        _open.add(self)

    # ---- requests ---------------------------------------------------------------------------------------------------

    def attach(self, cursor: int | None = None, within: float = REPLY_WITHIN_S) -> int:
        """The tail at attaching; every event after `cursor` (none: after the tail) will come. Raises Resync."""
        self.post_attach(cursor)
        self.pump_until(lambda: not self._attaching, within)
        return int(self._attached["cursor"])

    def post_attach(self, cursor: int | None = None) -> None:
        self._attaching, self._asked = True, cursor
        self.send_json({"op": "attach"} if cursor is None else {"op": "attach", "cursor": cursor})

    def post(self, op: str, **members: Json) -> int:
        """Sends a request and returns its ref without waiting for the reply."""
        ref = next(self._refs)
        self.send_json({"op": op, "ref": ref, **members})
        return ref

    def reply(self, ref: Any, within: float = REPLY_WITHIN_S) -> Json:
        """Waits for the reply; raises Problem when it is an error."""
        self.pump_until(lambda: ref in self.replies, within)
        reply = self.replies.pop(ref)
        if "error" in reply:
            error = reply["error"]
            assert isinstance(error["message"], str), reply
            raise Problem(None, error["code"], error["message"], error.get("retry_after_ms"))
        return reply

    def request(self, op: str, **members: Json) -> Json:
        return self.reply(self.post(op, **members))

    def send(self, conversation_id: str, text: str, client_id: str) -> Json:
        """The stored message."""
        return self.request("send", conversation_id=conversation_id, text=text, client_id=client_id)["message"]

    def send_json(self, frame: Json) -> None:
        self.socket.send(json.dumps(frame))

    # ---- events -----------------------------------------------------------------------------------------------------

    def expect(self, wanted: Callable[[Json], bool], within: float = EVENT_WITHIN_S) -> Json:
        """The next event that is wanted; those before it are gone past. Raises TimeoutError, Closed or Resync."""
        found: list[Json] = []

        def look() -> bool:
            while self._taken < len(self.events):
                event = self.events[self._taken]
                self._taken += 1
                if wanted(event):
                    found.append(event)
                    return True
            return False

        self.pump_until(look, within)
        return found[0]

    def expect_text(self, text: str, within: float = EVENT_WITHIN_S) -> Json:
        return self.expect(lambda event: event["type"] == "message.created" and event["message"]["text"] == text, within)

    def expect_type(self, kind: str, within: float = EVENT_WITHIN_S) -> Json:
        return self.expect(lambda event: event["type"] == kind, within)

    def read_to(self, cursor: int, within: float = EVENT_WITHIN_S) -> list[Json]:
        """Every event up to the cursor."""
        self.pump_until(lambda: self.cursor is not None and self.cursor >= cursor, within)
        return self.events

    def expect_signal(self, kind: str, /, within: float = EVENT_WITHIN_S, **members: Json) -> Json:
        """The next signal of this type with these members; signals before it are gone past."""

        def look() -> Json:
            while self._signals_taken < len(self.signals):
                signal = self.signals[self._signals_taken]
                self._signals_taken += 1
                if signal["type"] == kind and members.items() <= signal.items():
                    found.append(signal)
                    return True
            return False

        found: list[Json] = []
        self.pump_until(look, within)
        return found[0]

    def expect_signals(self, kind: str, /, *each: Json, within: float = EVENT_WITHIN_S) -> None:
        """Signals of this type, one with each of these members, in any order; the last of them and what is before it are gone past."""
        missing = list(each)

        def look() -> Json:
            while missing and self._signals_taken < len(self.signals):
                signal = self.signals[self._signals_taken]
                self._signals_taken += 1
                missing[:] = [members for members in missing if signal["type"] != kind or not members.items() <= signal.items()]
            return not missing

        self.pump_until(look, within)

    def new_signals(self, kind: str) -> list[Json]:
        """The signals of this type that nobody has expected yet, and that have come by now: a round trip tells."""
        self.ping()
        new = [signal for signal in self.signals[self._signals_taken :] if signal["type"] == kind]
        self._signals_taken = len(self.signals)
        return new

    def expect_silence(self) -> None:
        """Nothing is on its way: a pong comes back and no event before it."""
        before = len(self.events)
        self.ping()
        assert self.events[before:] == [], "an event nobody should have got"

    def ping(self) -> None:
        """A round trip through the server, behind everything it has already sent."""
        self.pump_until(self.post_ping(), REPLY_WITHIN_S)

    def post_ping(self) -> Callable[[], bool]:
        """Pings; whether it was answered is asked of what this returns."""
        pongs = self._pongs()
        self.send_json({"op": "ping"})
        return lambda: self._pongs() > pongs

    def expect_close(self, within: float = 10) -> Closed:
        """Takes what comes until the connection ends."""
        try:
            self.pump_until(lambda: False, within)
        except Closed as closed:
            return closed
        raise AssertionError("unreachable")

    def close(self) -> None:
        self.socket.close()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def pump_until(self, done: Callable[[], bool], within: float) -> None:
        deadline = time.monotonic() + within
        while not done():
            if self._ended is not None:
                raise self._ended
            try:
                raw = self.socket.receive(deadline - time.monotonic())
            except Closed as closed:
                self._ended = closed
                raise
            if raw:
                self._take(json.loads(raw))

    def _take(self, frame: Json) -> None:
        if (contract := known_contract()) is not None:
            contract.check_frame(frame)
        op = frame["op"]
        if op == "events":
            assert frame["events"], "an empty list of events"
            for event in frame["events"]:
                self._take_event(event)
        elif op == "attached":
            self._attached, self._attaching = frame, False
            self.cursor = frame["cursor"] if self._asked is None else self._asked
        elif op == "reply":
            self.replies[frame.get("ref")] = frame
        elif op == "resync":
            self._attaching = False
            self.cursor = None
            raise Resync(frame["reason"], frame["cursor"])
        elif op == "signal":
            self.signals.append(frame)
        else:
            self.others.append(frame)

    def _take_event(self, event: Json) -> None:
        if self.cursor is None:
            raise AssertionError(f"an event before `attached`: {event}")
        assert event["cursor"] == self.cursor + 1, f"hole: cursor {event['cursor']} after {self.cursor}"
        self.cursor = event["cursor"]
        self.events.append(event)

    def _pongs(self) -> int:
        return sum(other["op"] == "pong" for other in self.others)
