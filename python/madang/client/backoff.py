"""How long to wait before the next try."""

from __future__ import annotations

import random

FIRST_S = 0.1
MOST_S = 15.0


class Backoff:
    """Exponential with full jitter: each wait is anything from nothing to a bound that doubles, so that clients don't come back in step.

    Threads: one at a time.

    Args:
        first: the first bound in seconds.
        most: the last bound in seconds.
    """

    def __init__(self, first: float = FIRST_S, most: float = MOST_S) -> None:
        self.first = first
        self.most = most
        self.tries = 0

    def next(self) -> float:
        """Seconds."""
        bound = min(self.most, self.first * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return random.uniform(0.0, bound)

    def reset(self) -> None:
        """It went well."""
        self.tries = 0
