"""`madang.AsyncClient`: the face for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from madang.client import decode
from madang.client.blocking import TIMEOUT_S, WAIT_S_MAX
from madang.client.core import Core, types_or_raise
from madang.client.operations import GOOD_BYE_WITHIN_S, PAGE, Ask, Pause, TimedOut
from madang.errors import BadRequest, Error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from types import EllipsisType, TracebackType

    from madang.client.blocking import Where, Who
    from madang.client.objects import *
    from madang.client.operations import Step, Steps

Json = dict[str, Any]
T = TypeVar("T")


class AsyncClient:
    """A user of a madang server, for asyncio.

        async with madang.AsyncClient("http://127.0.0.1:8080", username="bob", password="…") as bob:
            async for event in bob.events():
                await bob.send(event.message, "I see")

    The same as `Client`, whose descriptions hold here too, but for what follows. It logs in when it is opened: by `async with`, or
    `await open()`. Its calls belong to a loop; its connection has the thread of all connections, so a handler that blocks the loop delays
    only what runs on that loop. A call that is cancelled isn't tried again; whether a send was done isn't known then.

    Args: those of `Client`.

    Raises:
        BadRequest: `url` is no address.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credentials: Mapping[str, Any] | None = None,
        cursor: int | None = None,
        device: str | None = None,
        timeout: float = TIMEOUT_S,
        trace: Callable[[str, str], None] | None = None,
    ) -> None:
        self._core = Core(url, username, password, token, cursor, device, timeout, trace, credentials)
        self._operations = self._core.operations

    @classmethod
    async def sign_up(cls, url: str, username: str, password: str, *, display_name: str = "", **options: Any) -> Self:
        """Makes an account, logs in and answers the open client. Args and errors: `Client.sign_up`."""
        core = Core(url, username, password, None, None, None, options.get("timeout", TIMEOUT_S), None)
        try:
            await AsyncRunner(core).run(core.operations.sign_up(username, password, display_name))
        finally:
            core.exchange.close()
        return await cls(url, username=username, password=password, **options).open()

    async def open(self) -> Self:
        """Logs in, and connects.

        Raises:
            Unauthenticated: wrong user name or password, or a token or credentials that aren't good.
            Unavailable: nobody answers at `url`.
            PluginUnavailable: the plugin that knows credentials failed.
        """
        core = self._core
        if core.opened is not None:
            return self
        try:
            if core.proof is not None:
                core.logged_in(await self._run(self._operations.log_in(core.proof, core.device)))
            else:
                core.took_account(await self._run(self._operations.me(is_first_contact=True)))
                link = core.open_link()
                if core.start is None:
                    core.attached(await result_of(link.attached(), core.timeout))
        except BaseException:
            await self.close()
            raise
        return self

    async def _run(self, steps: Steps[T]) -> T:
        return await AsyncRunner(self._core).run(steps)

    # ---- this client -------------------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of the server."""
        return self._core.exchange.url

    @property
    def token(self) -> str:
        """By which another client can be this device. Once it was read, `close` no longer signs the device out."""
        if self._core.token is None:
            raise Error("this client isn't open yet")
        self._core.is_token_ours = False
        return self._core.token

    @property
    def me(self) -> Account:
        """One's own account, as of the log-in or the last `update_me`."""
        if self._core.account is None:
            raise Error("this client isn't open yet")
        return self._core.account

    @property
    def user(self) -> User:
        """What others see of one's own account."""
        return self.me.user

    @property
    def cursor(self) -> int:
        """Of the last event that `events` gave."""
        return self._core.cursor

    async def close(self) -> None:
        """Ends the connection; as `Client.close`."""
        core = self._core
        if not core.close():
            return
        if core.is_token_ours and core.token is not None:
            with contextlib.suppress(Error):
                await AsyncRunner(core, is_leaving=True).run(self._operations.good_bye())
        if core.opened is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(core.opened.close()), GOOD_BYE_WITHIN_S)
        core.exchange.close()

    async def log_out(self) -> None:
        """Signs this device out, and closes."""
        await self._run(self._operations.log_out())
        self._core.is_token_ours = False
        await self.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        who = self._core.account
        return f"<{type(self).__name__} {'' if who is None else '@' + who.user.username + ' '}at {self.url}>"

    # ---- messages ----------------------------------------------------------------------------------------------------------------------

    async def send(self, where: Where, text: str, *, client_id: str | None = None) -> Message:
        """Sends, and returns when the message is on the server's disk. Args and errors: `Client.send`."""
        return await self._run(self._operations.send(where, text, client_id))

    async def edit(self, message: Message, text: str) -> Message:
        """Gives a message of one's own another text. Args and errors: `Client.edit`."""
        return await self._run(self._operations.edit(message, text))

    async def delete(self, message: Message) -> Message:
        """Takes a message's text away. Args and errors: `Client.delete`."""
        return await self._run(self._operations.delete(message))

    def mentions(self) -> AsyncIterator[Message]:
        """The messages that mention one, newest first. Which: `Client.mentions`."""
        return iter_pages(lambda at: self._run(self._operations.mentions(at)))

    @overload
    def events(self, *, timeout: float | None = None) -> AsyncIterator[MessageEvent]: ...
    @overload
    def events(self, *types: str, timeout: float | None = None) -> AsyncIterator[Event]: ...
    def events(self, *types: str, timeout: float | None = None) -> AsyncIterator[Any]:
        """Every event after the last one given, in order, each once. Args and errors: `Client.events`."""
        return self._events(types_or_raise(types), timeout)

    async def _events(self, types: Any, timeout: float | None) -> AsyncIterator[Any]:
        try:
            while (event := await self.next_event(*types, timeout=timeout)) is not None:
                yield event
        finally:
            self._acknowledge()

    async def next_event(self, *types: str, timeout: float | None = None) -> Event | None:
        """The next event as of `events`, or None after `timeout` seconds. The one before it counts as handled."""
        patterns = types_or_raise(types)
        deadline = None if timeout is None else time.monotonic() + timeout
        buffer = self._core.link.events
        loop = asyncio.get_running_loop()
        self._acknowledge()
        while True:
            ready = asyncio.Event()

            def wake(ready: asyncio.Event = ready) -> None:
                with contextlib.suppress(RuntimeError):  # that loop is closed
                    loop.call_soon_threadsafe(ready.set)

            raw = buffer.pop(wake)
            if raw is None:
                try:
                    await asyncio.wait_for(ready.wait(), None if deadline is None else max(0.0, deadline - time.monotonic()))
                except TimeoutError:
                    return None
                finally:
                    buffer.forget(wake)
            elif self._core.wants(raw, patterns):
                try:
                    event = await self._run(self._operations.event(raw))
                except BaseException:
                    buffer.give_back(raw)
                    raise
                self._core.give(event.cursor)
                return event

    def _acknowledge(self) -> None:
        if not self._core.is_closed:
            self._core.link.acknowledge(self.cursor)

    async def sync(self, cursor: int, *, limit: int = PAGE, wait: float = 0) -> Sync:
        """The events after a cursor, for who polls instead of reading `events`. Args and errors: `Client.sync`."""
        if not 0 <= wait <= WAIT_S_MAX:
            raise BadRequest(f"wait at most {WAIT_S_MAX} s")
        return await self._run(self._operations.sync(cursor, limit, wait))

    async def history(self, where: Where, *, before: int | None = None, after: int | None = None) -> AsyncIterator[Message]:
        """The messages of a conversation, newest first, or oldest first after a `seq`. Args and errors: `Client.history`."""
        if before is not None and after is not None:
            raise BadRequest("give at most one of `before` and `after`")
        while True:
            page = await self.page(where, before=before, after=after)
            for message in page.messages if after is not None else reversed(page.messages):
                yield message
            if not (page.messages and (page.has_more_after if after is not None else page.has_more_before)):
                return
            if after is not None:
                after = page.messages[-1].seq
            else:
                before = page.messages[0].seq

    async def page(
        self, where: Where, *, before: int | None = None, after: int | None = None, around: int | None = None, limit: int = PAGE
    ) -> Page:
        """One stretch of a conversation's messages. Args and errors: `Client.page`."""
        return await self._run(self._operations.page(where, limit, before=before, after=after, around=around))

    async def message(self, where: Where, seq: int) -> Message:
        """One message by its place, as it is now. Errors: `Client.message`."""
        return await self._run(self._operations.message(where, seq))

    # ---- conversations -----------------------------------------------------------------------------------------------------------------

    def conversations(self) -> AsyncIterator[Conversation]:
        """One's conversations, newest activity first."""
        return iter_pages(lambda at: self._run(self._operations.conversations(at)))

    async def conversation(self, where: Where) -> Conversation:
        """As it is now. Errors: `Client.conversation`."""
        return await self._run(self._operations.conversation(where))

    async def direct(self, who: Who) -> Conversation:
        """The direct conversation with a user; made when there is none. Errors: `Client.direct`."""
        return await self._run(self._operations.direct(who))

    async def create_group(self, title: str, members: Iterable[Who] = (), *, client_id: str | None = None) -> Conversation:
        """Makes a group with oneself as its owner. Args and errors: `Client.create_group`."""
        return await self._run(self._operations.create_group(title, members, client_id))

    async def update(self, where: Where, *, title: str | None = None, settings: Mapping[str, str] | None = None) -> Conversation:
        """Changes a group's title or settings. Args and errors: `Client.update`."""
        return await self._run(self._operations.update(where, title, settings))

    async def unread_total(self) -> int:
        """How many messages are unread in all conversations that aren't archived."""
        return await self._run(self._operations.unread_total())

    async def mark_read(self, where: Where, seq: int | None = None) -> ReadState:
        """Everything up to a message is read, on all of one's devices. Args and errors: `Client.mark_read`."""
        return await self._run(self._operations.mark_read(where, seq))

    async def update_view(
        self,
        where: Where,
        *,
        pinned: bool | None = None,
        archived: bool | None = None,
        muted_until: datetime | EllipsisType | None = ...,
    ) -> Conversation:
        """Changes how one sees a conversation oneself. Args and errors: `Client.update_view`."""
        return await self._run(self._operations.update_view(where, pinned, archived, muted_until))

    def members(self, where: Where) -> AsyncIterator[Member]:
        """Who belongs to a conversation. Errors: `Client.members`."""
        return iter_pages(lambda at: self._run(self._operations.members(where, at)))

    async def invite(self, where: Where, who: Who, *, role: str | None = None) -> Member:
        """Makes a user a member of a group, or gives a member another role. Args and errors: `Client.invite`."""
        return await self._run(self._operations.put_member(where, who, role))

    async def mute(self, where: Where, who: Who, until: datetime | timedelta | None) -> Member:
        """Keeps a member of a group from writing there. Args and errors: `Client.mute`."""
        return await self._run(self._operations.mute(where, who, until))

    async def kick(self, where: Where, who: Who) -> None:
        """Takes a member out of a group. Errors: `Client.kick`."""
        await self._run(self._operations.remove_member(where, who))

    async def ban(self, where: Where, who: Who) -> Ban:
        """Keeps a user out of a group. Errors: `Client.ban`."""
        return await self._run(self._operations.ban(where, who))

    async def unban(self, where: Where, who: Who) -> None:
        """Lets a banned user come in again, when invited. Errors: `Client.unban`."""
        await self._run(self._operations.unban(where, who))

    def bans(self, where: Where) -> AsyncIterator[Ban]:
        """Who is banned from a group, read page by page as one goes on. Errors: `Client.bans`."""
        return iter_pages(lambda at: self._run(self._operations.bans(where, at)))

    async def create_invite(self, where: Where, *, expires_in: timedelta | float | None = None, max_uses: int | None = None) -> Invite:
        """Makes a link by which anybody who has its code may join a group. Args and errors: `Client.create_invite`."""
        return await self._run(self._operations.create_invite(where, expires_in, max_uses))

    def invites(self, where: Where) -> AsyncIterator[Invite]:
        """The links into a group that are live, read page by page as one goes on. Errors: `Client.invites`."""
        return iter_pages(lambda at: self._run(self._operations.invites(where, at)))

    async def revoke_invite(self, where: Where, invite: Invite | str) -> None:
        """Ends a link. Errors: `Client.revoke_invite`."""
        await self._run(self._operations.revoke_invite(where, invite))

    async def accept_invite(self, invite: Invite | str) -> Conversation:
        """Joins a group by a link, or its code. Errors: `Client.accept_invite`."""
        return await self._run(self._operations.accept_invite(invite))

    async def leave(self, where: Where) -> None:
        """Leaves a group. Errors: `Client.leave`."""
        await self._run(self._operations.remove_member(where, self.user))

    # ---- friends and blocks ------------------------------------------------------------------------------------------------------------

    def friends(self) -> AsyncIterator[Friend]:
        """Who is a friend, has asked to be one or was asked, read page by page as one goes on."""
        return iter_pages(lambda at: self._run(self._operations.friends(at)))

    async def add_friend(self, who: Who) -> Friend:
        """Asks a user to be a friend or, when the user has asked, accepts. Errors: `Client.add_friend`."""
        return await self._run(self._operations.change_friend("PUT", who))

    async def remove_friend(self, who: Who) -> Friend:
        """Ends a friendship, takes a request back or refuses one. Errors: `Client.remove_friend`."""
        return await self._run(self._operations.change_friend("DELETE", who))

    def blocks(self) -> AsyncIterator[User]:
        """Whom one has blocked, read page by page as one goes on."""
        return iter_pages(lambda at: self._run(self._operations.blocks(at)))

    async def block(self, who: Who) -> None:
        """Neither can write to the other directly any more. Errors: `Client.block`."""
        await self._run(self._operations.change_block("PUT", who))

    async def unblock(self, who: Who) -> None:
        """Lifts one's own block. Errors: `Client.unblock`."""
        await self._run(self._operations.change_block("DELETE", who))

    # ---- presence and typing -----------------------------------------------------------------------------------------------------------

    async def presence(self, *who: Who) -> list[Presence]:
        """Whether users are online now. Args and errors: `Client.presence`."""
        return await self._run(self._operations.presence(who))

    def members_presence(self, where: Where) -> AsyncIterator[Presence]:
        """Whether the members of a conversation are online. Errors: `Client.members_presence`."""
        return iter_pages(lambda at: self._run(self._operations.members_presence(where, at)))

    async def watch(self, *who: Who) -> None:
        """Has `signals` tell the presence of these users. Args and errors: `Client.watch`."""
        self._core.link.watch(await self._run(self._operations.watched(who)))

    async def typing(self, where: Where) -> None:
        """Tells the other members that one is writing. Errors: `Client.typing`."""
        self._core.link.tell("typing", {"conversation_id": await self._run(self._operations.conversation_id(where))})

    async def signals(self, *, timeout: float | None = None) -> AsyncIterator[Signal]:
        """What is told and kept nowhere. Args: `Client.signals`."""
        while (signal := await self.next_signal(timeout=timeout)) is not None:
            yield signal

    async def next_signal(self, *, timeout: float | None = None) -> Signal | None:
        """The next signal, or None after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        buffer = self._core.link.signals
        loop = asyncio.get_running_loop()
        while True:
            ready = asyncio.Event()

            def wake(ready: asyncio.Event = ready) -> None:
                with contextlib.suppress(RuntimeError):  # that loop is closed
                    loop.call_soon_threadsafe(ready.set)

            raw = buffer.pop(wake)
            if raw is not None:
                if (signal := decode.signal(raw)) is not None:
                    return signal
                continue
            try:
                await asyncio.wait_for(ready.wait(), None if deadline is None else max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return None
            finally:
                buffer.forget(wake)

    # ---- accounts ----------------------------------------------------------------------------------------------------------------------

    async def find(self, who: Who) -> User:
        """A user by "@username" or id. Errors: `Client.find`."""
        return await self._run(self._operations.user(who))

    async def update_me(self, *, display_name: str | None = None, settings: Mapping[str, Any] | None = None) -> Account:
        """Changes one's own account; what is None stays. Args and errors: `Client.update_me`."""
        account = await self._run(self._operations.update_me(display_name, settings))
        self._core.account = account
        return account

    async def sessions(self) -> list[Session]:
        """The devices of one's account."""
        return await self._run(self._operations.sessions())

    async def revoke(self, session: Session | str) -> None:
        """Signs a device out. Args and errors: `Client.revoke`."""
        await self._run(self._operations.revoke(session))

    async def servers(self, *, region: str | None = None) -> list[ServerAddress]:
        """The chat servers there are, best first. Args: `Client.servers`."""
        return await self._run(self._operations.servers(region))

    async def change_password(self, old_password: str, new_password: str) -> None:
        """Changes the password. Args and errors: `Client.change_password`."""
        await self._run(self._operations.change_password(old_password, new_password))

    async def delete_account(self) -> None:
        """Deletes one's account for ever, and closes. What that means: `Client.delete_account`."""
        await self._run(self._operations.delete_account())
        self._core.is_token_ours = False
        await self.close()

    def export(self) -> AsyncIterator[dict[str, Any]]:
        """All that one's account has, a page at a time. See `Client.export`."""
        return iter_pages(lambda at: self._run(self._operations.export(at)))

    async def register_push(self, provider: str, **registration: Any) -> None:
        """Says where this device may be reached when it isn't connected. Args and errors: `Client.register_push`."""
        await self._run(self._operations.register_push(provider, registration))

    async def unregister_push(self) -> None:
        """This device is notified no more."""
        await self._run(self._operations.unregister_push())


class AsyncRunner:
    """Carries the steps of an operation out on the running loop. Args: those of `Runner`."""

    def __init__(self, core: Core, *, is_leaving: bool = False) -> None:
        self._core = core
        self._is_leaving = is_leaving

    async def run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._carry_out(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _carry_out(self, step: Step) -> object:
        if self._core.is_closed and not self._is_leaving:
            raise Error("this client is closed")
        match step:
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Ask(op, members, deadline):
                return await result_of(self._core.link.request(op, members), max(0.0, deadline - time.monotonic()))
            case _:
                return await asyncio.to_thread(self._core.exchange, step, self._core.token)


async def result_of(future: Future[T], within: float) -> T:
    """What it will be; nobody waits for it any more when that takes too long or is cancelled.

    Raises:
        TimedOut: nothing within so many seconds.
    """
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), within)
    except TimeoutError:
        raise TimedOut(f"no answer within {within:.1f} s") from None


async def iter_pages(read: Callable[[str | None], Awaitable[tuple[list[T], str | None]]]) -> AsyncIterator[T]:
    """Every item of a list that comes in pages."""
    at: str | None = None
    while True:
        items, at = await read(at)
        for item in items:
            yield item
        if at is None:
            return
