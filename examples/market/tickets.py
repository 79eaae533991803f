"""How the chat knows the site's users: a plugin that takes tickets, which the site issues to those who have logged in there.

A ticket is good once and for a minute, so that it may pass through a page. The chat never sees a password of the site.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import ClassVar

import madang

GOOD_FOR_S = 60.0


class Tickets(madang.Plugin):
    """Lives in the site's process: what it issues it remembers itself. Threads: any."""

    hooks: ClassVar = {"authenticate": {"timeout": 2.0}}  # seconds; nobody gets in by a failure, so there is no haste

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[str, float]] = {}  # by the ticket: whose, and until when; the oldest is the first

    def issue(self, name: str) -> dict[str, str]:
        """The credentials of a user of the site."""
        ticket = secrets.token_urlsafe()
        with self._lock:
            now = time.monotonic()
            while self._issued and next(iter(self._issued.values()))[1] < now:
                del self._issued[next(iter(self._issued))]
            self._issued[ticket] = (name, now + GOOD_FOR_S)
        return {"ticket": ticket}

    def authenticate(self, credentials: dict[str, object]) -> madang.Identity | madang.Deny:
        with self._lock:
            name, until = self._issued.pop(str(credentials.get("ticket")), ("", 0.0))
        if until < time.monotonic():
            return madang.Deny("this ticket isn't good, or no longer")
        return madang.Identity(name)
