"""`self.server`: what a plugin may do in its server, as the server's own account. One for all plugins of a server."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from madang.client import decode
from madang.client.asynchronous import AsyncRunner
from madang.client.blocking import Runner
from madang.client.core import Core
from madang.client.operations import Operations, new_client_id
from madang.errors import Error, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.client.objects import Message, User
    from madang.client.operations import Steps

# Where the server listens, a token of its own account, and that account's id.
Access = tuple[str, str, str]
TIMEOUT_S = 10.0


def send_steps(operations: Operations, to: str, text: str, client_id: str | None) -> Steps[Message]:
    conversation = yield from operations.conversation_id(to)
    body = {"client_id": client_id or new_client_id(), "text": text}
    answer = yield from operations.change("POST", "conversations", conversation, "messages", body=body)
    return decode.message(answer, (yield from operations.users(answer)))


def user_steps(operations: Operations, who: str) -> Steps[User]:
    return (yield from operations.user(who if who.isdecimal() or who.startswith("@") else f"@{who}"))


class System:
    """Writes as the system account, and looks users up: `self.server.send("@bob", "Welcome!")`.

    The account is an ordinary one of its own origin (`accounts.system`, by default @system, made at the first use); nobody can log in as
    it. So it may write to whom an account may: to anybody who hasn't blocked it, in its direct conversation with them; in a group only
    after a member has invited it. What it writes is durable when `send` returns, reaches people as any message does, and is in the feed
    (`entry.by_system`), but is never put to `check`: no plugin judges what a plugin says, and none hears itself there for ever.

    Usable in every hook, once the server serves: not in `setup` and `close`. These calls block, so they are for `def` hooks; an
    `async def` hook awaits `self.server.aio.send(…)`. Threads: any. Errors: those of `madang.errors`; `Unavailable` when the server doesn't
    serve, or has not answered within TIMEOUT_S.
    """

    def __init__(self, access: Callable[[], Access] | None = None) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._core: Core | None = None
        self.user_id: str | None = None  # of the account, once it has been used
        self.aio = AsyncSystem(self)

    def send(self, to: str, text: str, *, client_id: str | None = None) -> Message:
        """Writes to a user, or into a conversation.

        Args:
            to: "@username", which means the direct conversation with them, or a conversation's id.
            text: as any message's.
            client_id: makes a repeat harmless: the same one with the same text is the same message, however late. Take what is the same
                when a hook is called again for the same thing, such as f"welcome-{entry.conversation_id}-{entry.seq}".

        Raises:
            NotFound: there is no such user or conversation, or the account was never in it.
            NotAMember: it is no longer in it.
            ClientIdReused: it was used there with another text.
            Blocked: they have blocked the account.
        """
        core = self.connected()
        return Runner(core).run(send_steps(core.operations, to, text, client_id))

    def user(self, who: str) -> User:
        """A user by username, with or without @, or by id. NotFound."""
        core = self.connected()
        return Runner(core).run(user_steps(core.operations, who))

    def connected(self, *, on_loop: bool = False) -> Core:
        """The way to the server, made at the first call."""
        if self._access is None:
            raise Unavailable("the server doesn't serve (self.server is for the hooks, not for setup and close)")
        if not on_loop and is_on_a_loop():
            raise Error("this call blocks, and an `async def` hook must not: await self.server.aio.send(…) or .user(…)")
        with self._lock:
            if self._core is None:
                if self._access is None:
                    raise Unavailable("the server has stopped")
                url, token, self.user_id = self._access()
                self._core = Core(url, None, None, token, None, "plugins", TIMEOUT_S, None)
            return self._core

    def access(self) -> Access:
        """For the plugin's own process, which connects itself. Blocks; Unavailable."""
        access = self._access
        if access is None:
            raise Unavailable("the server doesn't serve (self.server is for the hooks, not for setup and close)")
        url, token, self.user_id = access()  # the server has to know, too, whose messages no plugin judges
        return url, token, self.user_id

    def open(self, access: Callable[[], Access]) -> None:
        """From now on it may be used."""
        with self._lock:
            self._access = access

    def close(self) -> None:
        """No more calls."""
        with self._lock:
            core, self._core, self._access = self._core, None, None
        if core is not None:
            core.close()
            core.exchange.close()


class AsyncSystem:
    """The same to be awaited, on any loop."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def send(self, to: str, text: str, *, client_id: str | None = None) -> Message:
        """See `System.send`."""
        core = await self._connected()
        return await AsyncRunner(core).run(send_steps(core.operations, to, text, client_id))

    async def user(self, who: str) -> User:
        """See `System.user`."""
        core = await self._connected()
        return await AsyncRunner(core).run(user_steps(core.operations, who))

    async def _connected(self) -> Core:
        return await asyncio.to_thread(self._system.connected, on_loop=True)


def is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def access_of(data: str, url: str) -> Access:
    """By the administration socket in the data folder."""
    from madang.core import _core, translated

    with translated():
        [[token, user_id, *_]] = _core.admin(data, "system-token")
    return url, token, user_id
