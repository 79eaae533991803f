"""`madang.Client`: the blocking face."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, overload

from madang.client import decode
from madang.client.core import Core, types_or_raise
from madang.client.operations import GOOD_BYE_WITHIN_S, PAGE, Ask, Pause, TimedOut
from madang.errors import BadRequest, Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from types import EllipsisType, TracebackType

    from madang.client.asynchronous import AsyncClient
    from madang.client.objects import *
    from madang.client.operations import Step, Steps

    Who: TypeAlias = "User | Member | Account | Client | AsyncClient | str"
    Where: TypeAlias = "Conversation | Message | Who"

Json = dict[str, Any]
T = TypeVar("T")

TIMEOUT_S = 30.0
WAIT_S_MAX = 25  # less than an HTTP answer may take


class Client:
    """A user of a madang server.

        with madang.Client("http://127.0.0.1:8080", username="alice", password="…") as alice:
            alice.send("@bob", "hi")
            for event in alice.events(timeout=10):
                print(event.message.text)

    It is connected from its construction until `close`; it reconnects by itself, and calls go on over lost connections and restarts of
    the server until `timeout`. Nothing is sent twice: each send has a client id, made once, by which the server knows a repeat.

    *Who* is a `User`, a `Member`, another client, a user's id or "@username". *Where* is a `Conversation`, its id, a `Message` (its
    conversation) or who, which means the direct conversation with that user.

    Threads: any; calls of several threads run side by side. The connection lives on a thread of its own, shared by all clients of the
    process, however busy the application is. A forked child can't use its parent's client.

    Every call raises an exception of `madang.errors`, named after the protocol's code; besides those that its description names:
    `Unauthenticated` (the token is over: the device was signed out), `Unavailable` (no answer within `timeout`), `Error` (the client is
    closed).

    Args:
        url: `http://host:port`, or https.
        username: with `password`: logs in, which makes a new device of the account.
        password: kept only until then.
        token: instead of both.
        credentials: instead of both, where the server has a plugin that knows who they belong to: any JSON object that it asks for.
        cursor: go on after this event; None = events from now on. Any earlier `Client.cursor` of the same user will do.
        device: what the device is called in `sessions`; None = the machine's name.
        timeout: seconds that a call may take with all its retries.
        trace: called with "<" (in) or ">" (out) and each WebSocket frame, on the connection's thread.

    Raises:
        Unauthenticated: wrong user name or password, or a token or credentials that aren't good.
        Unavailable: nobody answers at `url`.
        PluginUnavailable: the plugin that knows credentials failed.
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
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @classmethod
    def sign_up(cls, url: str, username: str, password: str, *, display_name: str = "", **options: Any) -> Self:
        """Makes an account and logs in.

        Args:
            url: of the server.
            username: 1 to 32 letters or digits of any script, `_ . -`; never changes.
            password: 8 characters or more.
            display_name: for people; may be empty.
            options: those of the constructor.

        Raises:
            UsernameTaken: somebody has that name.
            BadRequest: the name or the password isn't allowed.
            Forbidden: this server makes no accounts for those who ask.
        """
        core = Core(url, username, password, None, None, None, options.get("timeout", TIMEOUT_S), None)
        try:
            Runner(core).run(core.operations.sign_up(username, password, display_name))
        finally:
            core.exchange.close()
        return cls(url, username=username, password=password, **options)

    def _open(self) -> None:
        core = self._core
        if core.proof is not None:
            return core.logged_in(self._run(self._operations.log_in(core.proof, core.device)))
        core.took_account(self._run(self._operations.me(is_first_contact=True)))
        link = core.open_link()
        if core.start is None:
            core.attached(result_of(link.attached(), core.timeout))
        return None

    def _run(self, steps: Steps[T]) -> T:
        return Runner(self._core).run(steps)

    # ---- this client -------------------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of the server."""
        return self._core.exchange.url

    @property
    def token(self) -> str:
        """By which another client can be this device. Once it was read, `close` no longer signs the device out."""
        assert self._core.token is not None
        self._core.is_token_ours = False
        return self._core.token

    @property
    def me(self) -> Account:
        """One's own account, as of the log-in or the last `update_me`."""
        assert self._core.account is not None
        return self._core.account

    @property
    def user(self) -> User:
        """What others see of one's own account."""
        return self.me.user

    @property
    def cursor(self) -> int:
        """Of the last event that `events` gave. Keep it anywhere; a later client with `cursor=` goes on after it."""
        return self._core.cursor

    def close(self) -> None:
        """Ends the connection, and signs out the device that this client's own log-in made, unless its token was read. Never raises."""
        core = self._core
        if not core.close():
            return
        if core.is_token_ours and core.token is not None:
            with contextlib.suppress(Error):
                Runner(core, is_leaving=True).run(self._operations.good_bye())
        if core.opened is not None:
            with contextlib.suppress(TimeoutError):
                core.opened.close().result(GOOD_BYE_WITHIN_S)
        core.exchange.close()

    def log_out(self) -> None:
        """Signs this device out, and closes."""
        self._run(self._operations.log_out())
        self._core.is_token_ours = False
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        who = self._core.account
        return f"<{type(self).__name__} {'' if who is None else '@' + who.user.username + ' '}at {self.url}>"

    # ---- messages ----------------------------------------------------------------------------------------------------------------------

    def send(self, where: Where, text: str, *, client_id: str | None = None) -> Message:
        """Sends, and returns when the message is on the server's disk.

        Args:
            where: see the class.
            text: 1 to 100,000 characters, unless the server has another limit.
            client_id: 1 to 64 characters; a second send to the same conversation under the same one answers the first one's message.
                None = a new one, under which this call tries again until `timeout`.

        Raises:
            NotFound: there is no such user or conversation.
            NotAMember: one has left it.
            TextTooLong: too many characters.
            DeniedByPolicy: the server's moderation refuses it.
            Held: the server's moderation keeps it back for review; it is not sent, and not sent again.
            ClientIdReused: the client id was used for another text.
            Unavailable: no answer in time; whether it was sent can be found out by the same call with the same `client_id`.
            RateLimited: still too fast after `timeout`.
        """
        return self._run(self._operations.send(where, text, client_id))

    def edit(self, message: Message, text: str) -> Message:
        """Gives a message of one's own another text, and returns it as it is then, when that is on the server's disk.

        The same text again changes nothing. A request whose answer was lost with its connection goes out again over the next one.

        Args:
            message: one's own.
            text: 1 character or more.

        Raises:
            Forbidden: somebody else's, or it is too late by the server's configuration.
            NotFound: there is no such message, or it is deleted.
            NotAMember: one has left the conversation.
            Muted: one may not write there now.
            TextTooLong: too many characters.
        """
        return self._run(self._operations.edit(message, text))

    def delete(self, message: Message) -> Message:
        """Takes a message's text away for good, and returns what is left of it, when that is on the server's disk.

        Args:
            message: one's own; as the owner or an admin of a group, anybody's.

        Raises:
            Forbidden: one hasn't the right, or it is too late by the server's configuration.
            NotFound: there is no such message.
            NotAMember: one has left the conversation.
        """
        return self._run(self._operations.delete(message))

    def mentions(self) -> Iterator[Message]:
        """The messages that mention one, newest first, of the conversations one is in, read page by page as one goes on.

        A message that was deleted, or edited so that it mentions one no longer, is not among them. Where it was said shows
        `page(message, around=message.seq)`.
        """
        return iter_pages(lambda at: self._run(self._operations.mentions(at)))

    @overload
    def events(self, *, timeout: float | None = None) -> Iterator[MessageEvent]: ...
    @overload
    def events(self, *types: str, timeout: float | None = None) -> Iterator[Event]: ...
    def events(self, *types: str, timeout: float | None = None) -> Iterator[Any]:
        """Every event after the last one given, in order, each once; the first call begins where the client did.

        An event counts as handled when the next one is asked for, or the loop is left.

        Args:
            types: which; patterns such as "member.*", "*" for all. None given = those with a message: new, edited, deleted.
            timeout: ends after so many seconds without an event; None = never.

        Raises:
            ResyncRequired: some events can't be had any more (the server's history of the inbox was trimmed or restored). Read
                `conversations`, then call `events` again: it goes on after the gap.
        """
        return self._events(types_or_raise(types), timeout)

    def _events(self, types: Any, timeout: float | None) -> Iterator[Any]:
        try:
            while (event := self.next_event(*types, timeout=timeout)) is not None:
                yield event
        finally:
            self._acknowledge()

    def next_event(self, *types: str, timeout: float | None = None) -> Event | None:
        """The next event as of `events`, or None after `timeout` seconds. The one before it counts as handled."""
        patterns = types_or_raise(types)
        deadline = None if timeout is None else time.monotonic() + timeout
        buffer = self._core.link.events
        self._acknowledge()
        while True:
            ready = threading.Event()
            raw = buffer.pop(ready.set)
            if raw is None:
                if not ready.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    buffer.forget(ready.set)
                    return None
            elif self._core.wants(raw, patterns):
                try:
                    event = self._run(self._operations.event(raw))
                except BaseException:
                    buffer.give_back(raw)
                    raise
                self._core.give(event.cursor)
                return event

    def _acknowledge(self) -> None:
        if not self._core.is_closed:
            self._core.link.acknowledge(self.cursor)

    def sync(self, cursor: int, *, limit: int = PAGE, wait: float = 0) -> Sync:
        """The events after a cursor, for who polls instead of reading `events`; asking says that this device has those before it.

        Args:
            cursor: of the last event that was dealt with; 0 = none.
            limit: 1 to 100 events.
            wait: seconds to wait for the first one when there is none; at most 25.

        Raises:
            BadRequest: out of range.
            ResyncRequired: these events can't be had any more: read `conversations`, and go on from the exception's `cursor`.
        """
        if not 0 <= wait <= WAIT_S_MAX:
            raise BadRequest(f"wait at most {WAIT_S_MAX} s")
        return self._run(self._operations.sync(cursor, limit, wait))

    def history(self, where: Where, *, before: int | None = None, after: int | None = None) -> Iterator[Message]:
        """The messages of a conversation, read page by page as one goes on.

        Args:
            where: see the class.
            before: newest first, from the one before this `seq`. Neither this nor `after` = newest first, from the newest.
            after: oldest first, from the one after this `seq`; 0 = from the very first.

        Raises:
            BadRequest: both are given.
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return iter_history(lambda **place: self.page(where, **place), before, after)

    def page(
        self, where: Where, *, before: int | None = None, after: int | None = None, around: int | None = None, limit: int = PAGE
    ) -> Page:
        """One stretch of a conversation's messages: before, after or around a `seq`, or the newest.

        Args:
            where: see the class.
            before: a `seq`; at most one of the three.
            after: a `seq`.
            around: a `seq`.
            limit: 1 to 100 messages.

        Raises:
            BadRequest: more than one of the three, or a limit out of its range.
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return self._run(self._operations.page(where, limit, before=before, after=after, around=around))

    def message(self, where: Where, seq: int) -> Message:
        """One message by its place, as it is now: for who keeps places, not messages.

        Raises:
            NotFound: there is no message at that place, no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return self._run(self._operations.message(where, seq))

    # ---- conversations -----------------------------------------------------------------------------------------------------------------

    def conversations(self) -> Iterator[Conversation]:
        """One's conversations, newest activity first, read page by page as one goes on."""
        return iter_pages(lambda at: self._run(self._operations.conversations(at)))

    def conversation(self, where: Where) -> Conversation:
        """As it is now.

        Raises:
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return self._run(self._operations.conversation(where))

    def direct(self, who: Who) -> Conversation:
        """The direct conversation with a user; made when there is none.

        Raises:
            NotFound: there is no such user.
            BadRequest: that is oneself.
        """
        return self._run(self._operations.direct(who))

    def create_group(self, title: str, members: Iterable[Who] = (), *, client_id: str | None = None) -> Conversation:
        """Makes a group with oneself as its owner.

        Args:
            title: at most 100 characters, unless the server has another limit.
            members: the others.
            client_id: as for `send`: the same one makes the same group.

        Raises:
            NotFound: one of the users doesn't exist; nothing was made.
            GroupFull: more members than a group may have.
        """
        return self._run(self._operations.create_group(title, members, client_id))

    def update(self, where: Where, *, title: str | None = None, settings: Mapping[str, str] | None = None) -> Conversation:
        """Changes a group's title or settings (`history`: joined or all, `invite`: members or admins, `mention_all`: admins or members).

        Raises:
            Forbidden: one hasn't the right, or it is a direct conversation.
        """
        return self._run(self._operations.update(where, title, settings))

    def unread_total(self) -> int:
        """How many messages are unread in all conversations that aren't archived."""
        return self._run(self._operations.unread_total())

    def mark_read(self, where: Where, seq: int | None = None) -> ReadState:
        """Everything up to a message is read, on all of one's devices. The marker only moves forward: an earlier one changes nothing.

        Args:
            where: see the class; a message stands for its own `seq`.
            seq: a place in the conversation; beyond its end, the end.

        Returns:
            The marker as it is now, and what is unread behind it.

        Raises:
            BadRequest: neither a message nor a `seq`.
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return self._run(self._operations.mark_read(where, seq))

    def update_view(
        self,
        where: Where,
        *,
        pinned: bool | None = None,
        archived: bool | None = None,
        muted_until: datetime | EllipsisType | None = ...,
    ) -> Conversation:
        """Changes how one sees a conversation oneself; nobody else notices.

        Args:
            where: see the class.
            pinned: whether it is among the first of one's list; None = as it is.
            archived: whether it is put away, out of `unread_total`, until one takes it out again; None = as it is.
            muted_until: with a time zone: no notifications until then. None = no longer muted; left out = as it is.

        Raises:
            BadRequest: a time without a zone.
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return self._run(self._operations.update_view(where, pinned, archived, muted_until))

    def members(self, where: Where) -> Iterator[Member]:
        """Who belongs to a conversation, read page by page as one goes on.

        Raises:
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return iter_pages(lambda at: self._run(self._operations.members(where, at)))

    def invite(self, where: Where, who: Who, *, role: str | None = None) -> Member:
        """Makes a user a member of a group, or gives a member another role.

        Args:
            where: the group.
            who: the user.
            role: "member" or "admin"; None = as it is, at first "member". The owner may make another member the "owner", and is an
                admin then.

        Raises:
            NotFound: there is no such user, or group.
            GroupFull: the group has as many members as it may have.
            Forbidden: one hasn't the right.
        """
        return self._run(self._operations.put_member(where, who, role))

    def mute(self, where: Where, who: Who, until: datetime | timedelta | None) -> Member:
        """Keeps a member of a group from writing there, or lets one write again. Not a member yet, the user becomes one.

        Args:
            where: the group.
            who: the user.
            until: when it ends, or how long it lasts; None = now. A time without a zone is local. `timedelta.max` = for good: until the
                end of the year 9999.

        Raises:
            Forbidden: one's role isn't higher than the user's.
        """
        return self._run(self._operations.mute(where, who, until))

    def kick(self, where: Where, who: Who) -> None:
        """Takes a member out of a group.

        Raises:
            Forbidden: one hasn't the right.
            NotFound: the user isn't in it.
        """
        self._run(self._operations.remove_member(where, who))

    def ban(self, where: Where, who: Who) -> Ban:
        """Keeps a user out of a group, who leaves it if there; nobody can invite them any more, and no link lets them in.

        Raises:
            Forbidden: one is neither owner nor admin, or one's role isn't higher than the user's.
            NotFound: there is no such user, or group.
            GroupFull: as many are banned as may be.
        """
        return self._run(self._operations.ban(where, who))

    def unban(self, where: Where, who: Who) -> None:
        """Lets a banned user come in again, when invited.

        Raises:
            Forbidden: one is neither owner nor admin.
            NotFound: the user isn't banned.
        """
        self._run(self._operations.unban(where, who))

    def bans(self, where: Where) -> Iterator[Ban]:
        """Who is banned from a group, read page by page as one goes on.

        Raises:
            Forbidden: one is neither owner nor admin.
        """
        return iter_pages(lambda at: self._run(self._operations.bans(where, at)))

    def create_invite(self, where: Where, *, expires_in: timedelta | float | None = None, max_uses: int | None = None) -> Invite:
        """Makes a link by which anybody who has its code may join a group. After a lost answer there may be a second one.

        Args:
            where: the group.
            expires_in: how long it lasts, or so many seconds, at most a year; None = for ever.
            max_uses: how many may join by it, 1 to 10,000; None = any number.

        Raises:
            Forbidden: one may not invite there.
            GroupFull: there are 100 already.
            BadRequest: out of range.
        """
        return self._run(self._operations.create_invite(where, expires_in, max_uses))

    def invites(self, where: Where) -> Iterator[Invite]:
        """The links into a group that are live, read page by page as one goes on.

        Raises:
            Forbidden: one may not invite there.
        """
        return iter_pages(lambda at: self._run(self._operations.invites(where, at)))

    def revoke_invite(self, where: Where, invite: Invite | str) -> None:
        """Ends a link.

        Raises:
            Forbidden: one may not invite there.
            NotFound: there is no such link, or it has ended.
        """
        self._run(self._operations.revoke_invite(where, invite))

    def accept_invite(self, invite: Invite | str) -> Conversation:
        """Joins a group by a link, or its code. Of a group that one belongs to, it changes nothing.

        Raises:
            NotFound: there is no such link, or it has ended.
            Forbidden: one is banned from the group.
            GroupFull: the group has as many members as it may have.
        """
        return self._run(self._operations.accept_invite(invite))

    def leave(self, where: Where) -> None:
        """Leaves a group.

        Raises:
            Forbidden: it is a direct conversation.
        """
        self._run(self._operations.remove_member(where, self.user))

    # ---- friends and blocks ------------------------------------------------------------------------------------------------------------

    def friends(self) -> Iterator[Friend]:
        """Who is a friend, has asked to be one or was asked, read page by page as one goes on."""
        return iter_pages(lambda at: self._run(self._operations.friends(at)))

    def add_friend(self, who: Who) -> Friend:
        """Asks a user to be a friend or, when the user has asked, accepts. Both are told by an event, `friend.updated`.

        Raises:
            NotFound: there is no such user.
            Blocked: one of the two has blocked the other.
            BadRequest: that is oneself.
        """
        return self._run(self._operations.change_friend("PUT", who))

    def remove_friend(self, who: Who) -> Friend:
        """Ends a friendship, takes a request back or refuses one; what isn't there is none already.

        Raises:
            NotFound: there is no such user.
            BadRequest: that is oneself.
        """
        return self._run(self._operations.change_friend("DELETE", who))

    def blocks(self) -> Iterator[User]:
        """Whom one has blocked, read page by page as one goes on."""
        return iter_pages(lambda at: self._run(self._operations.blocks(at)))

    def block(self, who: Who) -> None:
        """Neither can write to the other directly, or sees whether the other is online, writing or reading. Groups go on.

        Raises:
            NotFound: there is no such user.
            BadRequest: that is oneself.
        """
        self._run(self._operations.change_block("PUT", who))

    def unblock(self, who: Who) -> None:
        """Lifts one's own block.

        Raises:
            NotFound: there is no such user.
            BadRequest: that is oneself.
        """
        self._run(self._operations.change_block("DELETE", who))

    # ---- presence and typing -----------------------------------------------------------------------------------------------------------

    def presence(self, *who: Who) -> list[Presence]:
        """Whether users are online now, in the order asked for, each once. Of strangers, and of those who block one, everybody is offline.

        Raises:
            NotFound: nobody is called so ("@username").
        """
        return self._run(self._operations.presence(who))

    def members_presence(self, where: Where) -> Iterator[Presence]:
        """Whether the members of a conversation are online, read page by page as one goes on.

        Raises:
            NotFound: there is no such conversation, or one never belonged to it.
            NotAMember: one has left it.
        """
        return iter_pages(lambda at: self._run(self._operations.members_presence(where, at)))

    def watch(self, *who: Who) -> None:
        """Has `signals` tell the presence of these users instead of those before: now, and whenever it changes; nobody = of friends only.

        Args:
            who: 1,000 users at most.

        Raises:
            NotFound: nobody is called so ("@username").
            BadRequest: too many users.
        """
        self._core.link.watch(self._run(self._operations.watched(who)))

    def typing(self, where: Where) -> None:
        """Tells the other members that one is writing. Say it again every few seconds; nobody hears of a failure.

        Raises:
            NotFound: nobody is called so ("@username").
        """
        self._core.link.tell("typing", {"conversation_id": self._run(self._operations.conversation_id(where))})

    def signals(self, *, timeout: float | None = None) -> Iterator[Signal]:
        """What is told and kept nowhere: presence, typing, receipts. Some may be missing; those of a time without a connection are.

        But whoever was told to be online and left meanwhile is told to be offline, a moment after the next connection has begun.

        Args:
            timeout: ends the iteration when nothing came for so many seconds; None = never.
        """
        while (signal := self.next_signal(timeout=timeout)) is not None:
            yield signal

    def next_signal(self, *, timeout: float | None = None) -> Signal | None:
        """The next signal, or None after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        buffer = self._core.link.signals
        while True:
            ready = threading.Event()
            raw = buffer.pop(ready.set)
            if raw is not None:
                if (signal := decode.signal(raw)) is not None:
                    return signal
                continue
            try:
                if not ready.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    return None
            finally:
                buffer.forget(ready.set)

    # ---- accounts ----------------------------------------------------------------------------------------------------------------------

    def find(self, who: Who) -> User:
        """A user by "@username" or id.

        Raises:
            NotFound: there is none.
        """
        return self._run(self._operations.user(who))

    def update_me(self, *, display_name: str | None = None, settings: Mapping[str, Any] | None = None) -> Account:
        """Changes one's own account; what is None stays.

        Args:
            display_name: for people; may be empty.
            settings: any JSON object; replaces the old one.

        Raises:
            BadRequest: too long.
            TooLarge: the settings have too many bytes.
        """
        account = self._run(self._operations.update_me(display_name, settings))
        self._core.account = account
        return account

    def sessions(self) -> list[Session]:
        """The devices of one's account."""
        return self._run(self._operations.sessions())

    def revoke(self, session: Session | str) -> None:
        """Signs a device out; its connection closes and its token is over.

        Args:
            session: one of `sessions`, or its device id.

        Raises:
            NotFound: there is no such device.
        """
        self._run(self._operations.revoke(session))

    def servers(self, *, region: str | None = None) -> list[ServerAddress]:
        """The chat servers there are, best first.

        Args:
            region: one's own; servers there come first.
        """
        return self._run(self._operations.servers(region))

    def change_password(self, old_password: str, new_password: str) -> None:
        """Changes the password. One's other devices are signed out, this one stays.

        Args:
            old_password: the present one.
            new_password: at least 8 characters.

        Raises:
            Forbidden: the old one is wrong, or the account has none.
            BadRequest: the new one is too short.
        """
        self._run(self._operations.change_password(old_password, new_password))

    def delete_account(self) -> None:
        """Deletes one's account for ever, and closes.

        Every device is signed out and the username is never given again. One leaves all groups, friendships and blocks end. One's
        messages stay, as those of a deleted user.
        """
        self._run(self._operations.delete_account())
        self._core.is_token_ours = False
        self.close()

    def export(self) -> Iterator[dict[str, Any]]:
        """All that one's account has, a page at a time, as JSON: so nobody holds more than a page.

        Yields:
            Objects with some of `user`, `sessions`, `friends`, `blocks`, `conversations`, `messages`: of the lists each has the next
            stretch. The protocol describes them as `Export`.
        """
        return iter_pages(lambda at: self._run(self._operations.export(at)))

    def register_push(self, provider: str, **registration: Any) -> None:
        """Says where this device may be reached when it isn't connected; in the place of what it said before.

        Args:
            provider: such as "webpush", "fcm" or "apns"; at most 32 characters.
            registration: what the provider needs, such as `token="…"`; any JSON.

        Raises:
            BadRequest: no such provider's name.
            TooLarge: the whole has more than 4 KiB.
        """
        self._run(self._operations.register_push(provider, registration))

    def unregister_push(self) -> None:
        """This device is notified no more."""
        self._run(self._operations.unregister_push())


class Runner:
    """Carries the steps of an operation out, blocking.

    Args:
        core: whose.
        is_leaving: also of a client that is closed by now.
    """

    def __init__(self, core: Core, *, is_leaving: bool = False) -> None:
        self._core = core
        self._is_leaving = is_leaving

    def run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._carry_out(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as done:
            result: T = done.value
            return result

    def _carry_out(self, step: Step) -> object:
        if self._core.is_closed and not self._is_leaving:
            raise Error("this client is closed")
        match step:
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Ask(op, members, deadline):
                return result_of(self._core.link.request(op, members), max(0.0, deadline - time.monotonic()))
            case _:
                return self._core.exchange(step, self._core.token)


def result_of(future: Future[T], within: float) -> T:
    """What it will be; nobody waits for it any more when that takes too long or is interrupted.

    Raises:
        TimedOut: nothing within so many seconds.
    """
    try:
        return future.result(within)
    except TimeoutError:
        future.cancel()
        raise TimedOut(f"no answer within {within:.1f} s") from None
    except BaseException:
        future.cancel()
        raise


def iter_pages(read: Callable[[str | None], tuple[list[T], str | None]]) -> Iterator[T]:
    """Every item of a list that comes in pages."""
    at: str | None = None
    while True:
        items, at = read(at)
        yield from items
        if at is None:
            return


def iter_history(read: Callable[..., Page], before: int | None, after: int | None) -> Iterator[Message]:
    """Upwards after a `seq`, else downwards."""
    if before is not None and after is not None:
        raise BadRequest("give at most one of `before` and `after`")
    while True:
        page = read(before=before, after=after)
        yield from page.messages if after is not None else reversed(page.messages)
        if not (page.messages and (page.has_more_after if after is not None else page.has_more_before)):
            return
        if after is not None:
            after = page.messages[-1].seq
        else:
            before = page.messages[0].seq
