"""How long to wait before the next try."""

from __future__ import annotations

import random

FIRST_S = 0.1
MOST_S = 15.0

# Its own, since it runs on a thread of its own: an application that seeds `random` gets the same numbers with a client as without.
_dice = random.Random()


def jitter(most: float) -> float:
    """Anything from 0 to this."""
    return _dice.uniform(0.0, most)


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
        return jitter(bound)

    def reset(self) -> None:
        """It went well."""
        self.tries = 0
