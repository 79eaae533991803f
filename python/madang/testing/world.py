"""The people of one test."""

from __future__ import annotations

import contextlib
import secrets
import time
import weakref
from typing import TYPE_CHECKING

from madang.client.blocking import result_of
from madang.errors import Unauthenticated
from madang.testing.actor import Actor
from madang.testing.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.client import Conversation
    from madang.client.core import Core
    from madang.testing.chat_server import RunningServer
    from madang.testing.clock import Clock

PONG_WITHIN_S = 10.0


class World:
    """Users and groups that nobody else on the server knows.

    Threads: one at a time.

    Args:
        server: where they are.
        suffix: of each user name, so that worlds on one server don't meet.
    """

    def __init__(self, server: RunningServer, suffix: str = "") -> None:
        self.server = server
        self.actors: dict[str, Actor] = {}
        self.clients: weakref.WeakSet[Core] = weakref.WeakSet()  # of everybody's devices
        self._lines: list[Proxy] = []
        self._suffix = suffix
        server.worlds.add(self)

    @property
    def url(self) -> str:
        """Of the server."""
        return self.server.url

    @property
    def clock(self) -> Clock:
        """The server's time, for all worlds on it: `chat.clock.advance(31)`."""
        return self.server.clock

    def beat(self) -> None:
        """Every device that is connected pings, and is answered; but for those whose token is over.

        Raises:
            TimedOut: one isn't, within PONG_WITHIN_S.
        """
        deadline = time.monotonic() + PONG_WITHIN_S
        links = [core.opened for core in list(self.clients) if core.opened is not None and not core.is_closed]
        pongs = [link.request("ping", {}) for link in links]
        for pong in pongs:
            with contextlib.suppress(Unauthenticated):
                result_of(pong, max(0.0, deadline - time.monotonic()))

    def user(self, name: str, *, password: str | None = None, token: str | None = None, line: Proxy | None = None) -> Actor:
        """Somebody, made at the first call; the same name is the same actor.

        Args:
            name: in this world; the account is called `Actor.username`.
            password: for a log-in; None = nobody knows one.
            token: of a log-in that the application under test has made: no account is made here, and the user name is whatever it is.
            line: through which the connection goes (`line`); None = straight.

        Raises:
            UsernameTaken: the server has such an account from elsewhere.
        """
        if name not in self.actors:
            if token is None:
                token = self.server.token_of_new_user(name + self._suffix, password)
            self.actors[name] = Actor(self, name, token, self.url if line is None else line.url)
        return self.actors[name]

    def line(self, *, cut_after: Callable[[], int] | None = None) -> Proxy:
        """A line to the server that can be cut or held up: `bob = chat.user("bob", line=line)`, `line.cut()`. Args: those of `Proxy`."""
        self._lines.append(Proxy(self.url, cut_after=cut_after))
        return self._lines[-1]

    def group(self, title: str, owner: Actor, *members: Actor) -> Conversation:
        """A group."""
        return owner.create_group(title, members)

    def close(self) -> None:
        """Closes everybody's connection, and the lines."""
        for line in self._lines:
            line.resume()
        while self.actors:
            self.actors.popitem()[1].close()
        while self._lines:
            self._lines.pop().close()


def fresh_world(server: RunningServer) -> World:
    return World(server, f"-{secrets.token_hex(4)}")
