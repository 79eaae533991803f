"""What a client can do, each said once, without I/O: generators that yield steps and are given their outcomes.

A face (`Client`, `AsyncClient`) carries the steps out in its own way: a `Call` over HTTP, an `Ask` over the WebSocket, a `Pause` by
waiting. Retries live here: what the server refused for now is asked again after the time that it named, what had no answer after a
back-off, both until the operation's deadline. Each logical send makes its client id once, so that a retry can't send twice.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeVar

from madang.client import decode
from madang.client.backoff import Backoff
from madang.client.exchange import Call, Unreachable
from madang.client.objects import *
from madang.errors import (
    BadRequest,
    Error,
    Forbidden,
    Held,
    NotAMember,
    NotFound,
    RateLimited,
    TextTooLong,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from madang.client.people import People

Json = dict[str, Any]
T = TypeVar("T")

PAGE = 100
WATCHED_MAX = 1_000
GOOD_BYE_WITHIN_S = 2.0
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request over the WebSocket, to be answered before `deadline` (of the monotonic clock)."""

    op: str
    members: Json
    deadline: float


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds."""

    seconds: float


Step = Call | Ask | Pause
Steps = Generator[Step, Any, T]


def new_client_id() -> str:
    return secrets.token_urlsafe(16)


class Operations:
    """See the module. Threads: any.

    Args:
        people: the users that are known.
        timeout: seconds that an operation may take with all its retries.
    """

    def __init__(self, people: People, timeout: float) -> None:
        self.people = people
        self.timeout = timeout

    # ---- tries -------------------------------------------------------------------------------------------------------------------------

    def call(self, call: Call, *, is_first_contact: bool = False) -> Steps[tuple[Json, bool]]:
        """The answer, and whether an earlier try without an answer may have done it already."""
        deadline = time.monotonic() + self.timeout
        backoff = Backoff()
        maybe_done = False
        while True:
            try:
                return (yield call), maybe_done
            except Unreachable as error:
                maybe_done |= error.maybe_done
                if error.was_idle and time.monotonic() < deadline:
                    continue
                if is_first_contact and not maybe_done:
                    raise
                yield pause_or_raise(error, backoff, deadline)
            except (RateLimited, Unavailable) as error:
                yield pause_or_raise(error, backoff, deadline)
            except Error as error:
                if maybe_done:
                    error.add_note("an earlier try had no answer and may have been done")
                    if call.method == "DELETE" and isinstance(error, NotAMember | NotFound):
                        return {}, True
                raise

    def get(self, *path: str, **query: str | int | None) -> Steps[Json]:
        answer, _ = yield from self.call(Call("GET", path, query))
        return answer

    def change(self, method: str, *path: str, body: Json | None = None) -> Steps[Json]:
        answer, _ = yield from self.call(Call(method, path, {}, body))
        return answer

    # ---- users -------------------------------------------------------------------------------------------------------------------------

    def users(self, json: object) -> Steps[Mapping[str, User]]:
        """Everybody who wrote what is in there; who can't be found any more is missing."""
        self.people.learn_from(json)
        ids = set(decode.senders_of(json))
        table = self.people.table(ids)
        for each in sorted(ids - table.keys()):
            try:
                table[each] = decode.user((yield from self.get("users", each)))
            except NotFound:
                table[each] = User(each)
            self.people.learn(table[each])
        return table

    def user(self, who: object) -> Steps[User]:
        """By "@username", id or whatever has one."""
        name = username_of(who)
        if name is None:
            return decode.user((yield from self.get("users", user_id_of(who))))
        found = (yield from self.get("users", username=name))["users"]
        if not found:
            raise NotFound(f"nobody is called @{name}")
        user = decode.user(found[0])
        self.people.learn_name(name, user)
        return user

    def user_id(self, who: object) -> Steps[str]:
        name = username_of(who)
        if name is None:
            return user_id_of(who)
        known = self.people.id_of(name)
        return known if known is not None else (yield from self.user(who)).id

    # ---- the account -------------------------------------------------------------------------------------------------------------------

    def sign_up(self, username: str, password: str, display_name: str) -> Steps[bool]:
        """False = an earlier try without an answer may have made it: whether it did, the log-in tells."""
        body: Json = {"username": username, "password": password}
        if display_name:
            body["display_name"] = display_name
        try:
            yield from self.call(Call("POST", ("users",), {}, body), is_first_contact=True)
        except Error as error:
            if error.code == "username_taken" and getattr(error, "__notes__", None):
                return False
            raise
        return True

    def log_in(self, proof: Json, device: str) -> Steps[Json]:
        """With a user name and a password, or with the credentials that a plugin of the server asks for."""
        body = {**proof, "device": {"name": device, "platform": "python"}}
        answer, _ = yield from self.call(Call("POST", ("sessions",), {}, body), is_first_contact=True)
        return answer

    def me(self, *, is_first_contact: bool = False) -> Steps[Account]:
        answer, _ = yield from self.call(Call("GET", ("users", "me")), is_first_contact=is_first_contact)
        return decode.account(answer)

    def update_me(self, display_name: str | None, settings: Mapping[str, Any] | None) -> Steps[Account]:
        body: Json = {}
        if display_name is not None:
            body["display_name"] = display_name
        if settings is not None:
            body["settings"] = dict(settings)
        account = decode.account((yield from self.change("PATCH", "users", "me", body=body)))
        self.people.learn(account.user)
        return account

    def sessions(self) -> Steps[list[Session]]:
        return [decode.session(each) for each in (yield from self.get("sessions"))["sessions"]]

    def revoke(self, session: Session | str) -> Steps[None]:
        yield from self.change("DELETE", "sessions", session if isinstance(session, str) else session.device_id)

    def change_password(self, old_password: str, new_password: str) -> Steps[None]:
        body = {"old_password": old_password, "new_password": new_password}
        try:
            yield from self.change("PUT", "users", "me", "password", body=body)
        except Forbidden as error:
            # The old one is wrong by now if an earlier try without an answer has got through: then the new one is right.
            if not getattr(error, "__notes__", None):
                raise
            yield from self.change("PUT", "users", "me", "password", body={**body, "old_password": new_password})

    def delete_account(self) -> Steps[None]:
        try:
            yield from self.change("DELETE", "users", "me")
        except Unauthenticated as error:
            if not getattr(error, "__notes__", None):  # an earlier try without an answer has got through
                raise

    def export(self, next_page: str | None) -> Steps[tuple[list[Json], str | None]]:
        page = yield from self.get("users", "me", "export", limit=PAGE, next=next_page)
        return [{name: part for name, part in page.items() if name != "next"}], page.get("next")

    def register_push(self, provider: str, registration: Mapping[str, Any]) -> Steps[None]:
        yield from self.change("PUT", "devices", "current", "push", body={**registration, "provider": provider})

    def unregister_push(self) -> Steps[None]:
        yield from self.change("DELETE", "devices", "current", "push")

    def log_out(self) -> Steps[None]:
        yield from self.change("DELETE", "sessions", "current")

    def good_bye(self) -> Steps[None]:
        """As `log_out` for who is about to close: a kept connection that has ended costs another try, but a server that is away no wait."""
        deadline = time.monotonic() + GOOD_BYE_WITHIN_S
        while True:
            try:
                yield Call("DELETE", ("sessions", "current"), within=GOOD_BYE_WITHIN_S)
            except Unreachable as error:
                if not error.was_idle or time.monotonic() >= deadline:
                    raise
            else:
                return

    def servers(self, region: str | None) -> Steps[list[ServerAddress]]:
        return [decode.server(each) for each in (yield from self.get("servers", region=region))["servers"]]

    # ---- friends and blocks ------------------------------------------------------------------------------------------------------------

    def friends(self, next_page: str | None) -> Steps[tuple[list[Friend], str | None]]:
        answer = yield from self.get("friends", limit=PAGE, next=next_page)
        self.people.learn_from(answer)
        return [decode.friend(each) for each in answer["friends"]], answer.get("next")

    def change_friend(self, method: str, who: object) -> Steps[Friend]:
        user_id = yield from self.user_id(who)
        return decode.friend((yield from self.change(method, "friends", user_id)))

    def blocks(self, next_page: str | None) -> Steps[tuple[list[User], str | None]]:
        answer = yield from self.get("blocks", limit=PAGE, next=next_page)
        self.people.learn_from(answer)
        return [decode.user(each) for each in answer["blocks"]], answer.get("next")

    def change_block(self, method: str, who: object) -> Steps[None]:
        user_id = yield from self.user_id(who)
        yield from self.change(method, "blocks", user_id)

    # ---- conversations -----------------------------------------------------------------------------------------------------------------

    def conversation_of(self, json: Json) -> Steps[Conversation]:
        return decode.conversation(json, (yield from self.users(json)))

    def conversations(self, next_page: str | None) -> Steps[tuple[list[Conversation], str | None]]:
        answer = yield from self.get("conversations", limit=PAGE, next=next_page)
        users = yield from self.users(answer)
        return [decode.conversation(each, users) for each in answer["conversations"]], answer.get("next")

    def conversation(self, where: object) -> Steps[Conversation]:
        place = yield from self.place(where)
        if "user_id" in place:
            return (yield from self.direct(place["user_id"]))
        return (yield from self.conversation_of((yield from self.get("conversations", place["conversation_id"]))))

    def direct(self, who: object) -> Steps[Conversation]:
        body = {"kind": "direct", "user_id": (yield from self.user_id(who))}
        return (yield from self.conversation_of((yield from self.change("POST", "conversations", body=body))))

    def create_group(self, title: str, members: Iterable[object], client_id: str | None) -> Steps[Conversation]:
        ids = []
        for who in members:
            ids.append((yield from self.user_id(who)))  # noqa: PERF401 - a comprehension can't yield
        body = {"kind": "group", "title": title, "members": ids, "client_id": client_id or new_client_id()}
        return (yield from self.conversation_of((yield from self.change("POST", "conversations", body=body))))

    def update(self, where: object, title: str | None, settings: Mapping[str, str] | None) -> Steps[Conversation]:
        body: Json = {}
        if title is not None:
            body["title"] = title
        if settings is not None:
            body["settings"] = dict(settings)
        conversation_id = yield from self.conversation_id(where)
        return (yield from self.conversation_of((yield from self.change("PATCH", "conversations", conversation_id, body=body))))

    def unread_total(self) -> Steps[int]:
        return int((yield from self.get("conversations", limit=1))["unread_total"])

    def mark_read(self, where: object, seq: int | None) -> Steps[ReadState]:
        if seq is None:
            if not isinstance(where, Message):
                raise BadRequest("read up to where: give a message, or a `seq`")
            seq = where.seq
        conversation_id = yield from self.conversation_id(where)
        return decode.read_state((yield from self.change("PUT", "conversations", conversation_id, "read", body={"seq": seq})))

    def update_view(
        self, where: object, pinned: bool | None, archived: bool | None, muted_until: datetime | EllipsisType | None
    ) -> Steps[Conversation]:
        body: Json = {}
        if pinned is not None:
            body["pinned"] = pinned
        if archived is not None:
            body["archived"] = archived
        if muted_until is None:
            body["muted_until"] = None
        elif isinstance(muted_until, datetime):
            if muted_until.tzinfo is None:
                raise BadRequest("`muted_until` needs a time zone")
            body["muted_until"] = rfc3339(muted_until)
        elif not isinstance(muted_until, EllipsisType):
            raise TypeError(f"`muted_until` is a datetime or None, not {muted_until!r}")
        conversation_id = yield from self.conversation_id(where)
        return (yield from self.conversation_of((yield from self.change("PATCH", "conversations", conversation_id, "me", body=body))))

    def members(self, where: object, next_page: str | None) -> Steps[tuple[list[Member], str | None]]:
        conversation_id = yield from self.conversation_id(where)
        answer = yield from self.get("conversations", conversation_id, "members", limit=PAGE, next=next_page)
        self.people.learn_from(answer)
        return [decode.member(each) for each in answer["members"]], answer.get("next")

    def put_member(self, where: object, who: object, role: str | None) -> Steps[Member]:
        conversation_id = yield from self.conversation_id(where)
        user_id = yield from self.user_id(who)
        body = {} if role is None else {"role": role}
        return decode.member((yield from self.change("PUT", "conversations", conversation_id, "members", user_id, body=body)))

    def mute(self, where: object, who: object, until: datetime | timedelta | None) -> Steps[Member]:
        conversation_id = yield from self.conversation_id(where)
        user_id = yield from self.user_id(who)
        body = {"muted_until": None if until is None else rfc3339(until)}
        return decode.member((yield from self.change("PUT", "conversations", conversation_id, "members", user_id, body=body)))

    def remove_member(self, where: object, who: object) -> Steps[None]:
        conversation_id = yield from self.conversation_id(where)
        user_id = yield from self.user_id(who)
        yield from self.change("DELETE", "conversations", conversation_id, "members", user_id)

    def ban(self, where: object, who: object) -> Steps[Ban]:
        conversation_id = yield from self.conversation_id(where)
        user_id = yield from self.user_id(who)
        return decode.ban((yield from self.change("PUT", "conversations", conversation_id, "bans", user_id)))

    def unban(self, where: object, who: object) -> Steps[None]:
        conversation_id = yield from self.conversation_id(where)
        user_id = yield from self.user_id(who)
        yield from self.change("DELETE", "conversations", conversation_id, "bans", user_id)

    def bans(self, where: object, next_page: str | None) -> Steps[tuple[list[Ban], str | None]]:
        conversation_id = yield from self.conversation_id(where)
        answer = yield from self.get("conversations", conversation_id, "bans", limit=PAGE, next=next_page)
        self.people.learn_from(answer)
        return [decode.ban(each) for each in answer["bans"]], answer.get("next")

    def create_invite(self, where: object, expires_in: timedelta | float | None, max_uses: int | None) -> Steps[Invite]:
        conversation_id = yield from self.conversation_id(where)
        body: Json = {}
        if expires_in is not None:
            seconds = expires_in.total_seconds() if isinstance(expires_in, timedelta) else expires_in
            if not math.isfinite(seconds):
                raise BadRequest("`expires_in` is no number of seconds")
            body["expires_in"] = round(seconds)
        if max_uses is not None:
            body["max_uses"] = max_uses
        return decode.invite((yield from self.change("POST", "conversations", conversation_id, "invites", body=body)))

    def invites(self, where: object, next_page: str | None) -> Steps[tuple[list[Invite], str | None]]:
        conversation_id = yield from self.conversation_id(where)
        answer = yield from self.get("conversations", conversation_id, "invites", limit=PAGE, next=next_page)
        return [decode.invite(each) for each in answer["invites"]], answer.get("next")

    def revoke_invite(self, where: object, invite: Invite | str) -> Steps[None]:
        conversation_id = yield from self.conversation_id(where)
        yield from self.change("DELETE", "conversations", conversation_id, "invites", code_of(invite))

    def accept_invite(self, invite: Invite | str) -> Steps[Conversation]:
        answer = yield from self.change("POST", "invites", "accept", body={"code": code_of(invite)})
        return (yield from self.conversation_of(answer))

    def conversation_id(self, where: object) -> Steps[str]:
        """Of what is named; of a user, of the direct conversation with that user, which is made when there is none."""
        place = yield from self.place(where)
        return place["conversation_id"] if "conversation_id" in place else (yield from self.direct(place["user_id"])).id

    def place(self, where: object) -> Steps[Json]:
        """How a send names its place."""
        if isinstance(where, str) and not where.startswith("@"):
            return {"conversation_id": digits(where, "a conversation's id, or @username")}
        if isinstance(where, Conversation):
            return {"conversation_id": where.id}
        if isinstance(where, Message):
            return {"conversation_id": where.conversation_id}
        return {"user_id": (yield from self.user_id(where))}

    # ---- messages ----------------------------------------------------------------------------------------------------------------------

    def send(self, where: object, text: str, client_id: str | None) -> Steps[Message]:
        members = {**(yield from self.place(where)), "client_id": client_id or new_client_id(), "text": text}
        return (yield from self.write("send", members))

    def edit(self, message: Message, text: str) -> Steps[Message]:
        return (yield from self.write("edit", {"conversation_id": message.conversation_id, "seq": message.seq, "text": text}))

    def delete(self, message: Message) -> Steps[Message]:
        return (yield from self.write("delete", {"conversation_id": message.conversation_id, "seq": message.seq}))

    def write(self, op: str, members: Json) -> Steps[Message]:
        """What is answered with a message, by the socket."""
        deadline = time.monotonic() + self.timeout
        backoff = Backoff()
        while True:
            try:
                reply = yield Ask(op, members, deadline)
                break
            except TooLarge:
                raise TextTooLong("the text has more bytes than a server takes") from None
            except (RateLimited, Unavailable) as error:
                yield pause_or_raise(error, backoff, deadline)
        if (held := reply.get("held")) is not None:
            raise Held(held["held_id"], held["client_id"], held["reason"])
        if "message" not in reply:
            raise Error("the server's reply holds no message")
        return decode.message(reply["message"], (yield from self.users(reply["message"])))

    def page(self, where: object, limit: int, **place: int | None) -> Steps[Page]:
        conversation_id = yield from self.conversation_id(where)
        answer = yield from self.get("conversations", conversation_id, "messages", limit=limit, **place)
        return decode.page(answer, (yield from self.users(answer)))

    def message(self, where: object, seq: int) -> Steps[Message]:
        page = yield from self.page(where, 1, around=seq)
        for message in page.messages:
            if message.seq == seq:
                return message
        raise NotFound(f"there is no message at {seq}")

    # ---- presence ----------------------------------------------------------------------------------------------------------------------

    def user_ids(self, who: Iterable[object]) -> Steps[tuple[str, ...]]:
        """Each once, in this order."""
        ids: dict[str, None] = {}
        for each in who:
            ids[(yield from self.user_id(each))] = None
        return tuple(ids)

    def watched(self, who: Iterable[object]) -> Steps[tuple[str, ...]]:
        """The ids of users to watch. Too many have to be refused here: nobody hears of a refused `watch`."""
        ids = yield from self.user_ids(who)
        if len(ids) > WATCHED_MAX:
            raise BadRequest(f"watch at most {WATCHED_MAX:,} users")
        return ids

    def presence(self, who: Iterable[object]) -> Steps[list[Presence]]:
        ids = yield from self.user_ids(who)
        found: list[Presence] = []
        for at in range(0, len(ids), PAGE):
            answer = yield from self.get("presence", users=",".join(ids[at : at + PAGE]))
            found += [decode.presence(each) for each in answer["presence"]]
        return found

    def members_presence(self, where: object, next_page: str | None) -> Steps[tuple[list[Presence], str | None]]:
        conversation_id = yield from self.conversation_id(where)
        answer = yield from self.get("conversations", conversation_id, "presence", limit=PAGE, next=next_page)
        return [decode.presence(each) for each in answer["presence"]], answer.get("next")

    def mentions(self, next_page: str | None) -> Steps[tuple[list[Message], str | None]]:
        answer = yield from self.get("mentions", limit=PAGE, next=next_page)
        users = yield from self.users(answer)
        return [decode.message(each["message"], users) for each in answer["mentions"]], answer.get("next")

    def event(self, json: Json) -> Steps[Event]:
        return decode.event(json, (yield from self.users(json)))

    def sync(self, cursor: int, limit: int, wait: float) -> Steps[Sync]:
        answer = yield from self.get("sync", cursor=cursor, limit=limit, wait=f"{round(wait * 1000)}ms" if wait else None)
        return decode.sync(answer, (yield from self.users(answer)))


def pause_or_raise(error: Unavailable | RateLimited, backoff: Backoff, deadline: float) -> Pause:
    """As long as the server said, and a little more, so that not all come back at once."""
    seconds = (error.retry_after or 0.0) + backoff.next()
    if time.monotonic() + seconds >= deadline or isinstance(error, TimedOut):
        raise error
    return Pause(seconds)


class TimedOut(Unavailable):
    """No answer before the deadline. Whether it was done isn't known; the same call with the same `client_id` does it at most once."""


def rfc3339(when: datetime | timedelta) -> str:
    """A time, or as far from now; a time without a zone is local. Beyond the years 1 to 9999 it is the last time that a server takes, or
    the first.

    Raises:
        TypeError: it is neither.
    """
    if not isinstance(when, datetime | timedelta):
        raise TypeError(f"{when!r} is neither a datetime nor a timedelta")
    try:
        moment = datetime.now(UTC) + when if isinstance(when, timedelta) else when.astimezone(UTC)
    except (OverflowError, ValueError):  # the latter where a local time can't be had
        is_late = when > timedelta() if isinstance(when, timedelta) else when.year > 1
        moment = LATEST if is_late else EARLIEST
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def code_of(invite: Invite | str) -> str:
    return invite if isinstance(invite, str) else invite.code


def username_of(who: object) -> str | None:
    """Of "@username"."""
    if isinstance(who, str) and who.startswith("@"):
        return who[1:]
    return None


def user_id_of(who: object) -> str:
    """Of a user, or of whatever has one as its `user`: a member, an account, a client."""
    if isinstance(who, str):
        return digits(who, "a user's id, or @username")
    user = who if isinstance(who, User) else getattr(who, "user", None)
    if not isinstance(user, User):
        raise BadRequest(f"{who!r} is no user")
    return user.id


def digits(text: str, what: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f"{text!r} is not {what}")
    return text
