"""Signals between the connection's thread, which puts them in, and the application's threads, which take them out.

Threads: any. Limits: SIGNALS_MAX; at the maximum the oldest go, as signals may.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.errors import Error

SIGNALS_MAX = 1_000

Json = dict[str, Any]


class SignalBuffer:
    """See the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signals: deque[Json] = deque(maxlen=SIGNALS_MAX)
        self._end: Error | None = None
        self._wakers: set[Callable[[], object]] = set()

    def put(self, signal: Json) -> None:
        with self._lock:
            self._signals.append(signal)
        self._wake()

    def end(self, error: Error) -> None:
        """Raised for ever after the last signal."""
        with self._lock:
            self._end = self._end or error
        self._wake()

    def pop(self, waker: Callable[[], object]) -> Json | None:
        """The oldest signal; None = there is none, and `waker` is called once when that has changed.

        Raises:
            madang.Error: what `end` was given.
        """
        with self._lock:
            if self._signals:
                return self._signals.popleft()
            if self._end is not None:
                raise self._end.with_traceback(None)
            self._wakers.add(waker)
            return None

    def forget(self, waker: Callable[[], object]) -> None:
        """Nobody waits there any more."""
        with self._lock:
            self._wakers.discard(waker)

    def _wake(self) -> None:
        with self._lock:
            wakers, self._wakers = self._wakers, set()
        for waker in wakers:
            waker()
