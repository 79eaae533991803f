"""Events between the connection's thread, which puts them in, and the application's threads, which take them out.

Threads: any. Limits: EVENTS_MAX events and CHARS_MAX characters; at the maximum `put` says so, the connection lets later events go and has
the server send them again once half of them were taken.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.errors import Error

EVENTS_MAX = 10_000
CHARS_MAX = 32 << 20

Json = dict[str, Any]


class EventBuffer:
    """See the module.

    Args:
        on_room: called when half of a full buffer has been taken, on the thread that took.
    """

    def __init__(self, on_room: Callable[[], None], *, events_max: int = EVENTS_MAX, chars_max: int = CHARS_MAX) -> None:
        self._on_room = on_room
        self._events_max = events_max
        self._chars_max = chars_max
        self._lock = threading.Lock()
        self._items: deque[tuple[Json | Error, int]] = deque()
        self._chars = 0
        self._is_full = False
        self._end: Error | None = None
        self._wakers: set[Callable[[], object]] = set()

    def put(self, events: list[Json], chars: int) -> bool:
        """Appends events that have so many characters together; False = there is no room for more."""
        each = chars // max(1, len(events))
        with self._lock:
            self._items.extend((event, each) for event in events)
            self._chars += each * len(events)
            self._is_full = len(self._items) >= self._events_max or self._chars >= self._chars_max
            is_full = self._is_full
        self._wake()
        return not is_full

    def put_error(self, error: Error) -> None:
        """Raised once, after the events before it."""
        with self._lock:
            self._items.append((error, 0))
        self._wake()

    def end(self, error: Error) -> None:
        """Raised for ever after the last event."""
        with self._lock:
            self._end = self._end or error
        self._wake()

    def pop(self, waker: Callable[[], object]) -> Json | None:
        """The next event; None = there is none yet, and `waker` is called once when that has changed.

        Raises:
            madang.Error: what `put_error` or `end` was given.
        """
        with self._lock:
            if not self._items:
                if self._end is not None:
                    raise self._end.with_traceback(None)
                self._wakers.add(waker)
                return None
            item, chars = self._items.popleft()
            self._chars -= chars
            has_room = self._is_full and len(self._items) <= self._events_max // 2 and self._chars <= self._chars_max // 2
            if has_room:
                self._is_full = False
        if has_room:
            self._on_room()
        if isinstance(item, Exception):
            raise item
        return item

    def give_back(self, event: Json) -> None:
        """The event that was taken last is the next one again."""
        with self._lock:
            self._items.appendleft((event, 0))
        self._wake()

    def forget(self, waker: Callable[[], object]) -> None:
        """Nobody waits there any more."""
        with self._lock:
            self._wakers.discard(waker)

    def _wake(self) -> None:
        with self._lock:
            wakers, self._wakers = self._wakers, set()
        for waker in wakers:
            waker()
