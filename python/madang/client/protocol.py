"""One user's side of the WebSocket protocol without any I/O: frames in, outputs and frames out.

Owner: whoever drives a connection. Thread: one at a time. What outlives a connection lives here: the cursor of the last event taken in,
whom a signal called online, and the requests without an answer, which go out again over the next connection. That is safe because each send
bears a client id that was made once: the server stores it with the message and answers a repeat with the first one.

An event is taken in only when its cursor is the next one. A doubled one is dropped; a hole is closed by attaching again after the last good
event, and when it stays open on this connection, by another connection.
"""

from __future__ import annotations

import itertools
import json as _json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from madang.client.online import Online
from madang.errors import Error, TooLarge, error_for

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME_BYTES_MAX = 2 << 20  # what every server takes

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attached:
    """The inbox is subscribed; events go on after `cursor`, which is that of the last one taken in."""

    cursor: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Events that are new, in order and without a hole."""

    events: list[Json]


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to a request."""

    ref: int
    reply: Json


@dataclass(frozen=True, slots=True)
class Refused:
    """A request failed, and nothing happened."""

    ref: int
    error: Error


@dataclass(frozen=True, slots=True)
class Resync:
    """The events up to `cursor` can't be had any more; those after it follow."""

    reason: str
    cursor: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The server is going to close within so many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class Signalled:
    """Something that nobody keeps: presence, typing, a receipt."""

    signal: Json


@dataclass(frozen=True, slots=True)
class Broken:
    """This connection is of no more use: open another one."""

    why: str


Output = Attached | Arrived | Replied | Refused | Resync | GoAway | Signalled | Broken


def encoded(frame: Json) -> str:
    """A frame as text.

    Raises:
        TooLarge: it has more bytes than a server takes.
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    text = _json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > FRAME_BYTES_MAX:
        raise TooLarge(f"a frame may have {FRAME_BYTES_MAX} bytes")
    return text


class Protocol:
    """See the module.

    Args:
        cursor: of the last event the application has; None = from now on.
    """

    def __init__(self, cursor: int | None) -> None:
        self.cursor = cursor
        self.online = Online()
        self.holes = 0  # how many were found
        self.is_connected = False
        self.is_behind = False
        self._refs = itertools.count(1)
        self._unanswered: dict[int, str] = {}
        self._outgoing: deque[str] = deque()
        self._attach_ref: int | None = None
        self._hole_at: int | None = None
        self._resyncs = 0  # in a row
        self._watched: tuple[str, ...] = ()

    # ---- out ---------------------------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """A new connection is open: the inbox is attached, and what has no answer yet goes out again, in its order."""
        self.is_connected = True
        self.is_behind = False
        self._hole_at = None
        self._resyncs = 0
        self.online.connected()
        self._outgoing.clear()
        self._attach()
        if self._watched:
            self._outgoing.append(encoded({"op": "watch", "users": list(self._watched)}))
        self._outgoing.extend(self._unanswered.values())

    def disconnected(self) -> None:
        """The connection is gone."""
        self.is_connected = False
        self._attach_ref = None
        self._outgoing.clear()

    def request(self, op: str, members: Json) -> int:
        """Something that will be answered, whatever happens to connections; the ref by which the answer is known.

        Raises:
            TooLarge: the frame has more bytes than a server takes.
            UnicodeEncodeError: a text holds half of a surrogate pair.
        """
        ref = next(self._refs)
        text = encoded({"op": op, "ref": ref, **members})
        self._unanswered[ref] = text
        if self.is_connected:
            self._outgoing.append(text)
        return ref

    def forget(self, ref: int) -> None:
        """Nobody waits for this answer any more; the request doesn't go out again."""
        self._unanswered.pop(ref, None)

    def acknowledge(self, cursor: int) -> None:
        """This device has stored every event up to this one. Lost with a connection; a later one says it again."""
        if self.is_connected:
            self._outgoing.append(encoded({"op": "ack", "cursor": cursor}))

    def watch(self, user_ids: tuple[str, ...]) -> None:
        """Whose presence is to be shown from now on, on later connections too."""
        self._watched = user_ids
        self.tell("watch", {"users": list(user_ids)})

    def tell(self, op: str, members: Json) -> None:
        """Something that needs no answer and may be lost with the connection."""
        if self.is_connected:
            self._outgoing.append(encoded({"op": op, **members}))

    def fall_behind(self) -> None:
        """There is no room for more events: what arrives is let go, until `catch_up`."""
        self.is_behind = True

    def catch_up(self) -> None:
        """There is room again: events go on after the last one taken in."""
        if self.is_behind:
            self.is_behind = False
            if self.is_connected:
                self._attach()

    def frames(self) -> Iterator[str]:
        """What is to be sent now, in this order."""
        while self._outgoing:
            yield self._outgoing.popleft()

    def _attach(self) -> None:
        self._attach_ref = next(self._refs)
        frame: Json = {"op": "attach", "ref": self._attach_ref}
        if self.cursor is not None:
            frame["cursor"] = self.cursor
        self._outgoing.append(encoded(frame))

    # ---- in ----------------------------------------------------------------------------------------------------------------------------

    def receive(self, text: str | bytes) -> list[Output]:
        """What a frame means. Operations that this version doesn't know mean nothing."""
        try:
            frame = _json.loads(text)
            take = {
                "events": self._on_events,
                "reply": self._on_reply,
                "pong": self._on_reply,
                "attached": self._on_attached,
                "resync": self._on_resync,
                "goaway": self._on_goaway,
                "signal": self._on_signal,
            }.get(frame["op"])
            return [] if take is None else take(frame)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return [Broken(f"a frame that isn't the protocol's: {error!r}")]

    def _on_events(self, frame: Json) -> list[Output]:
        if self._attach_ref is not None or self.is_behind or self.cursor is None:
            return []  # of an attach that is over: they come again
        taken: list[Json] = []
        for event in frame["events"]:
            cursor = int(event["cursor"])
            if cursor <= self.cursor:
                continue
            if cursor != self.cursor + 1:
                return [*self._arrived(taken), *self._on_hole(cursor)]
            self.cursor = cursor
            taken.append(event)
        return self._arrived(taken)

    def _arrived(self, events: list[Json]) -> list[Output]:
        return [Arrived(events)] if events else []

    def _on_hole(self, cursor: int) -> list[Output]:
        self.holes += 1
        if self._hole_at == self.cursor:
            return [Broken(f"event {cursor} came after {self.cursor}, twice")]
        self._hole_at = self.cursor
        self._attach()
        return []

    def _on_attached(self, frame: Json) -> list[Output]:
        if frame.get("ref") != self._attach_ref:
            return []
        self._attach_ref = None
        self._resyncs = 0
        if self.cursor is None:
            self.cursor = int(frame["cursor"])
        return [Attached(self.cursor)]

    def _on_resync(self, frame: Json) -> list[Output]:
        self._resyncs += 1
        if self._resyncs > 1:
            return [Broken("the server can't go on where it said it could")]
        self.cursor = int(frame["cursor"])
        self._attach()
        return [Resync(str(frame.get("reason", "")), self.cursor)]

    def _on_reply(self, frame: Json) -> list[Output]:
        ref, problem = frame.get("ref"), frame.get("error")
        if ref is None:
            return []
        if ref == self._attach_ref:
            return [Broken(f"no attach: {problem}")]
        if self._unanswered.pop(ref, None) is None:
            return []
        if problem is None:
            return [Replied(ref, frame)]
        wait = problem.get("retry_after_ms")
        error = error_for(problem["code"], problem.get("message", ""), retry_after=None if wait is None else wait / 1000)
        return [Refused(ref, error)]

    def _on_signal(self, frame: Json) -> list[Output]:
        if frame["type"] == "presence":
            self.online.heard(frame)
        return [Signalled(frame)]

    def _on_goaway(self, frame: Json) -> list[Output]:
        return [GoAway(frame.get("after_ms", 0) / 1000)]
