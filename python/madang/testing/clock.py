"""The clock of a server under test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time as a server has it: real time, and by how much the test has moved it on.

    One clock drives the server's timers, tokens, times and ids; how long its sockets wait for each other is real time. It keeps its
    lead over a restart.

    Threads: one at a time.

    Args:
        move: moves the server's clock on by so many milliseconds and answers the server's heartbeat in milliseconds.
        beat: has everybody who is connected ping, and waits for the answers.
    """

    def __init__(self, move: Callable[[int], int], beat: Callable[[], None]) -> None:
        self.ahead_ms = 0
        self._move = move
        self._beat = beat

    def advance(self, seconds: float) -> None:
        """Lets time pass: in steps of the heartbeat, with a ping of every connected user after each, as if they had been there all along.

        Raises:
            ValueError: time doesn't go back.
            NotRunning: the server doesn't run.
        """
        if seconds < 0:
            raise ValueError("time doesn't go back")
        left = math.ceil(seconds * 1000)
        step = self._move(0)
        while left > 0:
            by = min(left, step)
            self._move(by)
            self.ahead_ms += by
            left -= by
            self._beat()
