"""From the protocol's JSON to values. Pure functions; what is missing raises `KeyError`, which means: no madang server.

A message names its sender by id only. `senders_of` says whose users have to be known before something is decoded; the tables of users that
`decode` functions take must have them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from madang.client.objects import *

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_time(text: str | None) -> datetime | None:
    return None if text is None else time(text)


def user(json: Json) -> User:
    return User(
        json["id"], json["username"], json.get("display_name", ""), optional_time(json.get("created_at")), bool(json.get("deleted"))
    )


def account(json: Json) -> Account:
    return Account(user(json), json.get("settings", {}))


def friend(json: Json) -> Friend:
    return Friend(user(json["user"]), json["state"])


def server(json: Json) -> ServerAddress:
    return ServerAddress(json["url"], json["region"], json["load"])


def session(json: Json) -> Session:
    return Session(
        json["device_id"],
        json.get("name", ""),
        json.get("platform", ""),
        time(json["created_at"]),
        time(json["last_seen_at"]),
        bool(json.get("current")),
    )


def member(json: Json) -> Member:
    return Member(
        user(json["user"]),
        json["role"],
        json["joined_seq"],
        muted_until=optional_time(json.get("muted_until")),
        read_seq=json.get("read_seq"),
        delivered_seq=json.get("delivered_seq"),
    )


def ban(json: Json) -> Ban:
    return Ban(user(json["user"]), json["actor_id"], time(json["created_at"]))


def invite(json: Json) -> Invite:
    return Invite(
        code=json["code"],
        creator_id=json["creator_id"],
        created_at=time(json["created_at"]),
        uses=json["uses"],
        expires_at=optional_time(json.get("expires_at")),
        max_uses=json.get("max_uses"),
    )


def message(json: Json, users: Mapping[str, User]) -> Message:
    return Message(
        conversation_id=json["conversation_id"],
        seq=json["seq"],
        message_id=json["message_id"],
        sender=users.get(json["sender_id"]) or User(json["sender_id"]),
        client_id=json["client_id"],
        created_at=time(json["created_at"]),
        text=json.get("text", ""),
        mentions=tuple(json.get("mentions", ())),
        edited_at=optional_time(json.get("edited_at")),
        deleted=bool(json.get("deleted")),
    )


def conversation(json: Json, users: Mapping[str, User]) -> Conversation:
    last, peer = json.get("last_message"), json.get("peer")
    return Conversation(
        id=json["id"],
        kind=json["kind"],
        title=json.get("title", ""),
        members_count=json["members_count"],
        created_at=time(json["created_at"]),
        head_seq=json["head_seq"],
        my_role=json["my_role"],
        last_message=None if last is None else message(last, users),
        peer=None if peer is None else user(peer),
        settings=json.get("settings", {}),
        read_seq=json.get("read_seq", 0),
        unread=json.get("unread"),
        unread_mentions=json.get("unread_mentions"),
        pinned=bool(json.get("pinned")),
        archived=bool(json.get("archived")),
        muted_until=optional_time(json.get("muted_until")),
    )


def read_state(json: Json) -> ReadState:
    return ReadState(json["seq"], json["unread"], json["unread_mentions"])


def page(json: Json, users: Mapping[str, User]) -> Page:
    messages = tuple(message(each, users) for each in json["messages"])
    return Page(messages, bool(json["has_more_before"]), bool(json["has_more_after"]))


def presence(json: Json) -> Presence:
    return Presence(json["user_id"], json["status"] == "online", optional_time(json.get("last_active_at")))


def signal(json: Json) -> Signal | None:
    """None = of a kind that a later server knows."""
    match json["type"]:
        case "presence":
            return presence(json)
        case "typing":
            return Typing(json["conversation_id"], json["user_id"], time(json["expires_at"]))
        case "receipt":
            return Receipt(json["conversation_id"], json["user_id"], json["kind"], json["seq"])
    return None


def event(json: Json, users: Mapping[str, User]) -> Event:
    common: Json = {
        "cursor": json["cursor"],
        "type": json["type"],
        "conversation_id": json.get("conversation_id", ""),
        "seq": json.get("seq", 0),
        "raw": json,
    }
    if (said := json.get("message")) is not None:
        return MessageEvent(message=message(said, users), **common)
    where, who = json.get("conversation"), json.get("member")
    return Event(
        conversation=None if where is None else conversation(where, users),
        member=None if who is None else member(who),
        read=read_state(json) if json["type"] == "read.updated" else None,
        friend=friend(json) if json["type"] == "friend.updated" else None,
        **common,
    )


def sync(json: Json, users: Mapping[str, User]) -> Sync:
    return Sync(tuple(event(each, users) for each in json["events"]), json["cursor"], bool(json["more"]))


def senders_of(json: Any) -> Iterator[str]:
    """The ids of all who wrote what is anywhere inside."""
    if isinstance(json, dict):
        if isinstance(sender := json.get("sender_id"), str):
            yield sender
        for name, each in json.items():
            if isinstance(each, dict | list) and name != "settings":
                yield from senders_of(each)
    elif isinstance(json, list):
        for each in json:
            yield from senders_of(each)


def users_in(json: Any) -> Iterator[User]:
    """The users who are described anywhere inside."""
    if isinstance(json, dict):
        if "username" in json and "id" in json:
            yield user(json)
        for name, each in json.items():
            if isinstance(each, dict | list) and name != "settings":  # those are the application's own words
                yield from users_in(each)
    elif isinstance(json, list):
        for each in json:
            yield from users_in(each)
