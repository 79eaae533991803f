"""The users that a client knows by now, so that a message's sender isn't asked for every time.

Threads: any. Limits: USERS_MAX users, the one learnt first goes; what was learnt more than FRESH_S ago is asked for again.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from madang.client import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from madang.client.objects import User

USERS_MAX = 10_000
FRESH_S = 300.0


class People:
    """See the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, tuple[User, float]] = {}
        self._ids: dict[str, str] = {}  # by user name as it was typed here; names are never changed or given to another account

    def learn(self, *users: User) -> None:
        now = time.monotonic()
        with self._lock:
            for user in users:
                self._users.pop(user.id, None)
                self._users[user.id] = (user, now)
            while len(self._users) > USERS_MAX:
                del self._users[next(iter(self._users))]

    def learn_from(self, json: object) -> None:
        """Whoever is described in there."""
        self.learn(*decode.users_in(json))

    def table(self, ids: Iterable[str]) -> dict[str, User]:
        """Those of them who are known."""
        oldest = time.monotonic() - FRESH_S
        with self._lock:
            known = {each: self._users.get(each) for each in ids}
        return {each: entry[0] for each, entry in known.items() if entry is not None and entry[1] > oldest}

    def id_of(self, username: str) -> str | None:
        with self._lock:
            return self._ids.get(username)

    def learn_name(self, username: str, user: User) -> None:
        self.learn(user)
        with self._lock:
            self._ids[username] = user.id
            while len(self._ids) > USERS_MAX:
                del self._ids[next(iter(self._ids))]
