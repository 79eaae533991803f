"""Threads for `def` hooks: they take work themselves, as much as they can do at a time.

A hook that never returns costs its thread, which is replaced, up to STUCK_MAX times; the threads are daemons, so nothing waits for it at
the end."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("madang.plugins")

THREADS = 4
STUCK_MAX = 8
STUCK_AFTER = 1.0  # seconds in one piece of work, and at least five timeouts
ENDED_WITHIN = 1.0


class Workers:
    """`work` is called in a thread of its own as long as it answers True; it must be safe to be called by several."""

    def __init__(self, name: str, work: Callable[[], bool], timeout: float) -> None:
        self._name = name
        self._work = work
        self._stuck_after = max(STUCK_AFTER, 5 * timeout)
        self._condition = threading.Condition()
        self._wanted = 0  # threads that should look for work
        self._ended = False
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._busy: dict[int, float] = {}  # thread → since when

    def wake(self) -> None:
        """There is work. Any thread."""
        with self._condition:
            if self._ended:
                return
            self._wanted = min(self._wanted + 1, THREADS)
            if self._idle:
                self._condition.notify()
            elif len(self._threads) < THREADS + min(self._stuck(), STUCK_MAX):
                thread = threading.Thread(target=self._run, name=f"madang-{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    @property
    def is_exhausted(self) -> bool:
        """Every thread that there may be is stuck, so nothing is run until one comes back."""
        return self._stuck() >= THREADS + STUCK_MAX

    def where_it_is_stuck(self) -> str:
        """For how long the longest, and file:line of where it is now."""
        busy = list(self._busy.items())
        if not busy:
            return "not any more"
        thread, since = min(busy, key=lambda each: each[1])
        stack = traceback.extract_stack(sys._current_frames().get(thread))
        return f"for {time.monotonic() - since:.0f} s in {stack[-1].filename}:{stack[-1].lineno}" if stack else "not any more"

    @property
    def is_busy(self) -> bool:
        """Whether some thread is in its work."""
        return bool(self._busy)

    def end(self) -> bool:
        """No more work is begun. False: a thread is still in a hook after a second, and is left behind."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        deadline = time.monotonic() + ENDED_WITHIN
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _stuck(self) -> int:
        now = time.monotonic()
        return sum(now - since > self._stuck_after for since in list(self._busy.values()))  # threads come and go meanwhile

    def _run(self) -> None:
        me = threading.get_ident()
        while True:
            with self._condition:
                while not self._wanted and not self._ended:
                    self._idle += 1
                    self._condition.wait()
                    self._idle -= 1
                if self._ended:
                    return
                self._wanted = max(self._wanted - 1, 0)
            more = True
            while more and not self._ended:
                self._busy[me] = time.monotonic()
                try:
                    more = self._work()
                except Exception:  # never by a hook, whose errors are answers: but a thread less for good would be worse
                    log.exception("a thread of %s failed", self._name)
                    more = False
                finally:
                    self._busy.pop(me, None)
