"""Whom the signals of a client's connections called online last.

A connection begins with everybody offline and greets with those who are online; nothing on the wire ends the greeting. So of somebody whom
an earlier connection called online, and whom a new one is silent about, it has to be asked whether they have left meanwhile.

Owner: a `Protocol`. Thread: one at a time. Limits: ONLINE_MAX users; at the maximum the one of whom was heard longest ago is forgotten, and
is not asked for.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ONLINE_MAX = 10_000

Json = dict[str, Any]


class Online:
    """See the module."""

    def __init__(self, *, online_max: int = ONLINE_MAX) -> None:
        self._max = online_max
        self._online: dict[str, None] = {}
        self._unheard: dict[str, None] = {}

    def connected(self) -> None:
        """A new connection has said nothing of anybody yet."""
        self._unheard = self._online.copy()

    def heard(self, presence: Json) -> None:
        """What the connection says of a user."""
        user_id = presence["user_id"]
        self._unheard.pop(user_id, None)
        self._online.pop(user_id, None)
        if presence["status"] == "online":
            self._online[user_id] = None
            if len(self._online) > self._max:
                del self._online[next(iter(self._online))]

    def unheard(self, most: int) -> list[str]:
        """Some of those whom an earlier connection called online, and this one is silent about."""
        return list(islice(self._unheard, most))

    def answered(self, asked: Iterable[str], presence: Iterable[Json]) -> list[Json]:
        """Who of them has left, as signals. Of whom the connection was heard meanwhile, it knows better."""
        found = {each["user_id"]: each for each in presence}
        gone: list[Json] = []
        for user_id in asked:
            if user_id not in self._unheard:
                continue
            del self._unheard[user_id]
            now = found.get(user_id, {"user_id": user_id, "status": "offline"})
            if now["status"] != "online":
                self._online.pop(user_id, None)
                gone.append({"op": "signal", "type": "presence", **now})
        return gone
