"""The objects of the protocol as JSON Schema 2020-12. Immutable.

Members that aren't named in `required` are absent when there is nothing to say, never null. Clients ignore members they don't know, so no
schema forbids any; the tests do, so that the server says nothing that isn't written here.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

# Code and HTTP status, as cpp/base/result.cpp has them, with what it means to a client.
ERRORS: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "malformed JSON, a wrong type, a missing member, an empty text"),
    "unauthenticated": (401, "no token, or one that is unknown, expired or revoked"),
    "forbidden": (403, "a member without the right to do this"),
    "muted": (403, "a moderator has muted the sender; `retry_after_ms` says for how long"),
    "not_a_member": (403, "the caller has left the conversation or was removed from it"),
    "blocked": (403, "one of the two users of a direct conversation has blocked the other"),
    "denied_by_policy": (403, "a rule of this server refused it"),
    "not_found": (404, "it doesn't exist, or the caller was never allowed to know that it does"),
    "username_taken": (409, "another account has the username; upper and lower case count as equal"),
    "group_full": (409, "the group has as many members, bans or invites as it may have"),
    "client_id_reused": (409, "the client id was used for another text before"),
    "resync_required": (409, "the cursor can't be served: read the conversations, then go on from `cursor`"),
    "text_too_long": (413, "the text has more characters than a message may have"),
    "too_large": (413, "the frame or the body has more bytes than the server takes"),
    "rate_limited": (429, "too many requests in too short a time; always with `retry_after_ms`"),
    "unavailable": (503, "the server is starting, stopping or overloaded; always with `retry_after_ms`"),
    "plugin_unavailable": (503, "a plugin that has to decide this doesn't answer; always with `retry_after_ms`"),
    "storage_full": (507, "the disk is full; reading goes on"),
    "internal": (500, "a fault of the server; its log says more"),
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Schema, about: str = "") -> Schema:
    return {"type": "array", "items": items, **({"description": about} if about else {})}


def words(*values: str, about: str = "") -> Schema:
    return {"type": "string", "enum": list(values), **({"description": about} if about else {})}


def record(about: str, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    """An object whose members are all there but the optional ones."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "description": about, "properties": members, **({"required": required} if required else {})}


def page_of(plural: str, name: str, **more: Schema) -> Schema:
    """A page of a list; `next` fetches the one after it and is absent on the last."""
    return record(f"A page of {plural}.", optional=("next", *more), **{plural: list_of(ref(name)), **more, "next": NEXT})


ID: Final = {"type": "string", "pattern": "^[1-9][0-9]{0,19}$", "description": "A 64-bit number as decimal digits."}
SEQ: Final = {"type": "integer", "minimum": 0, "description": "A place in a conversation's log; the first is 1."}
CURSOR: Final = {"type": "integer", "minimum": 0, "description": "A place in the user's inbox; the first is 1, 0 is before all."}
TIME: Final = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, milliseconds."}
COUNT: Final = {"type": "integer", "minimum": 0}
FLAG: Final = {"type": "boolean"}
TEXT: Final = {"type": "string"}
NEXT: Final = {"type": "string", "description": "Opaque; absent on the last page."}
RETRY: Final = {"type": "integer", "minimum": 1, "description": "Milliseconds after which to try again."}
CLIENT_ID: Final = {"type": "string", "minLength": 1, "maxLength": 64, "description": "The sender's own id: a repeat is the same message."}
MESSAGE_TEXT: Final = {"type": "string", "minLength": 1, "description": "At most `limits.text_chars` characters, 100,000 by default."}
USERNAME: Final = {
    "type": "string",
    "description": "1 to 32 letters or digits of any script, `_ . -`; unique under case folding, never changed.",
}
PASSWORD: Final = {"type": "string", "minLength": 8, "maxLength": 1024}
ROLE: Final = words("owner", "admin", "member")
KIND: Final = words("direct", "group", "room")
RESYNC: Final = words("trimmed", "ahead", "restored")
CODE: Final = words(*ERRORS, about="\n".join(f"`{code}` ({status}): {about}" for code, (status, about) in ERRORS.items()))
CONVERSATION_SETTINGS: Final[dict[str, Schema]] = {
    "history": words("joined", "all", about="What a new member may read: from the joining on, or everything."),
    "invite": words("members", "admins", about="Who may invite."),
    "mention_all": words("admins", "members", about="Whose `@all` mentions everybody."),
}

# What a conversation is to the caller alone.
OWN_VIEW: Final[dict[str, Schema]] = {
    "read_seq": {**SEQ, "description": "The caller's read marker."},
    "unread": {**COUNT, "description": "Messages of others after the marker that aren't deleted."},
    "unread_mentions": {**COUNT, "description": "Those of them that mention the caller."},
    "pinned": FLAG,
    "archived": FLAG,
    "muted_until": {**TIME, "description": "Until then there are no notifications."},
}

USER_MEMBERS: Final[dict[str, Schema]] = {"id": ID, "username": USERNAME, "display_name": TEXT, "created_at": TIME}
DELETED: Final = {"const": True, "description": "The account was deleted: `username` is `deleted-` and the id, `display_name` is empty."}
OBJECT: Final = {
    "type": "object",
    "description": "Any JSON object of the application's own; at most 16 KiB by default.",
    "additionalProperties": True,
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": record(
        "RFC 9457. `code` is the same word in WebSocket errors and in the names of the Python exceptions.",
        optional=("retry_after_ms", "reason", "cursor"),
        type=TEXT,
        title=TEXT,
        status={"type": "integer"},
        detail=TEXT,
        code=CODE,
        retry_after_ms=RETRY,
        reason={**RESYNC, "description": "Of `resync_required`."},
        cursor={**CURSOR, "description": "Of `resync_required`: from where to go on."},
    ),
    "User": record("Somebody with an account, as everybody sees it.", optional=("deleted",), **USER_MEMBERS, deleted=DELETED),
    "Account": record("One's own account.", optional=(), **USER_MEMBERS, settings=OBJECT),
    "Server": record("A chat server.", url=TEXT, region=TEXT, load={"type": "number", "minimum": 0, "maximum": 1}),
    "Servers": record("Chat servers, best first.", servers=list_of(ref("Server"))),
    "Session": record(
        "The answer of a log-in.",
        token={"type": "string", "description": "For `Authorization: Bearer …`; never part of a URL."},
        expires_at=TIME,
        user=ref("Account"),
        device_id=ID,
        cursor=CURSOR,
        servers=list_of(ref("Server"), "Best first; the socket goes to the first one."),
    ),
    "Device": record(
        "A device that is logged in.",
        optional=("push",),
        device_id=ID,
        name=TEXT,
        platform=TEXT,
        created_at=TIME,
        last_seen_at=TIME,
        current=FLAG,
        push={"type": "object", "description": "Where it may be reached, as it said; in an export alone, and only where it did."},
    ),
    "Sessions": record("The account's devices.", sessions=list_of(ref("Device"))),
    "Users": record("At most one.", users=list_of(ref("User"))),
    "Export": record(
        "A page of all that the account has. Each list goes on where the page before ended and is absent where there is nothing of it; put "
        "end to end the pages are everything.",
        optional=("user", "sessions", "friends", "blocks", "conversations", "messages", "next"),
        user={**ref("Account"), "description": "On the first page."},
        sessions=list_of(ref("Device"), "The account's devices; on the first page."),
        friends=list_of(ref("Friend"), "With requests both ways, in order of user id."),
        blocks=list_of(ref("User"), "Whom the account blocks, in order of user id."),
        conversations=list_of(ref("Conversation"), "Those that the account is in, with its own view, in order of id."),
        messages=list_of(ref("Message"), "The account's own, as they are now, in order of conversation and `seq`; also where it has left."),
        next={"type": "string", "description": "Opaque; absent on the last page. A page without messages need not be the last."},
    ),
    "AuditDifference": record(
        "Something that is served otherwise than it is counted.",
        optional=("seq",),
        conversation_id=ID,
        seq={**SEQ, "description": "Of `mention`, where the message is; of `membership`, the newest entry that the user has."},
        what=words(
            "membership",
            "marker",
            "unread",
            "unread_mentions",
            "mention",
            "stored_marker",
            "stored_unread",
            "stored_unread_mentions",
            about="`stored_…`: what a restart of the server would serve. Of `mention` and `membership` 1 = there is, 0 = there is none.",
        ),
        served=COUNT,
        counted=COUNT,
    ),
    "Audit": record(
        "What a user is served, recounted from the logs. The sums are over the conversations of this page.",
        optional=("next",),
        user=ref("User"),
        conversations=COUNT,
        unread=COUNT,
        unread_mentions=COUNT,
        mentions={**COUNT, "description": "In the list of mentions; counted on the first page."},
        differences=list_of(ref("AuditDifference")),
        next=NEXT,
    ),
    "Message": record(
        "A message. One that is deleted stays in its place, without `text` and `mentions`.",
        optional=("text", "mentions", "edited_at", "deleted"),
        conversation_id=ID,
        seq=SEQ,
        message_id=ID,
        sender_id=ID,
        client_id=CLIENT_ID,
        created_at=TIME,
        text=TEXT,
        mentions=list_of({"type": "string"}, "Ids of the members who are mentioned, and `all`."),
        edited_at=TIME,
        deleted={"const": True},
    ),
    "ConversationSettings": record("Of a group.", optional=(), **CONVERSATION_SETTINGS),
    "Conversation": record(
        "A conversation as the caller sees it. `title` and `settings` are those of a group, `peer` is the other user of a direct one.",
        optional=("title", "last_message", *OWN_VIEW, "settings", "peer"),
        id=ID,
        kind=KIND,
        title=TEXT,
        members_count=COUNT,
        created_at=TIME,
        head_seq=SEQ,
        last_message=ref("Message"),
        **OWN_VIEW,
        my_role=ROLE,
        settings=ref("ConversationSettings"),
        peer=ref("User"),
    ),
    "ReadState": record("The caller's read marker and what lies behind it.", seq=SEQ, unread=COUNT, unread_mentions=COUNT),
    "Conversations": page_of(
        "conversations", "Conversation", unread_total={**COUNT, "description": "Over all but archived conversations."}
    ),
    "Member": record(
        "A user in a conversation. `read_seq` and `delivered_seq` are missing in events, which show what was; between two of whom one "
        "blocks the other they are 0.",
        optional=("read_seq", "delivered_seq", "muted_until"),
        user=ref("User"),
        role=ROLE,
        joined_seq=SEQ,
        read_seq={**SEQ, "description": "How far the member has read; 0 = nothing yet. Only rises."},
        delivered_seq={
            **SEQ,
            "description": "How far one of the member's devices has acked what it received, or the member has read; likewise. An ack may "
            "take a second to be seen here.",
        },
        muted_until={**TIME, "description": "Until then the member may not write."},
    ),
    "Members": page_of("members", "Member"),
    "Held": record(
        "A message that is kept back for review, as its sender is told.",
        held_id=ID,
        client_id=CLIENT_ID,
        reason={**TEXT, "description": "For a person; may be empty."},
    ),
    "HeldMessage": record(
        "A message that waits for review.",
        held_id=ID,
        conversation_id=ID,
        sender_id=ID,
        sender_username=TEXT,
        client_id=CLIENT_ID,
        text={**TEXT, "description": "As it would be stored."},
        reason=TEXT,
        created_at={**TIME, "description": "When it was held."},
    ),
    "HeldMessages": page_of("held", "HeldMessage"),
    "Reviewed": record(
        "What became of a held message.",
        optional=("message",),
        held_id=ID,
        state=words("released", "refused"),
        message=ref("Message"),
    ),
    "Mention": record("A message that mentions the caller.", conversation_id=ID, seq=SEQ, message=ref("Message")),
    "Mentions": page_of("mentions", "Mention"),
    "DeadPush": record(
        "A notification that was given up.",
        user_id=ID,
        conversation_id=ID,
        seq=SEQ,
        since=TIME,
        given_up_at=TIME,
        attempts=COUNT,
        reason=words("age", "attempts"),
        error={"type": "string", "description": "Of the last attempt."},
    ),
    "DeadPushes": page_of("dead", "DeadPush"),
    "Presence": record(
        "Whether a user is online. Seen by friends and by those who share a conversation; of others everybody is offline.",
        optional=("last_active_at",),
        user_id=ID,
        status=words("online", "offline"),
        last_active_at=TIME,
    ),
    "PresencePage": page_of("presence", "Presence"),
    "Ban": record("Somebody who can't come into a group.", user=ref("User"), actor_id=ID, created_at=TIME),
    "Bans": page_of("bans", "Ban"),
    "Invite": record(
        "A link into a group: whoever has its code may join.",
        optional=("expires_at", "max_uses"),
        code={"type": "string", "pattern": "^[A-Za-z0-9_-]{32}$"},
        creator_id=ID,
        created_at=TIME,
        expires_at=TIME,
        max_uses={**COUNT, "description": "How many may join by it."},
        uses={**COUNT, "description": "How many have."},
    ),
    "Invites": page_of("invites", "Invite"),
    "Friend": record(
        "What a user is to the caller. `requested`: the caller asked; `asked`: the user did.",
        user=ref("User"),
        state=words("none", "requested", "asked", "friends"),
    ),
    "Friends": page_of("friends", "Friend"),
    "Blocks": page_of("blocks", "User"),
    "History": record(
        "A stretch of a conversation's messages, by rising `seq`.",
        messages=list_of(ref("Message")),
        has_more_before=FLAG,
        has_more_after=FLAG,
    ),
    "Sync": record(
        "Events after the cursor that was asked for. `more: false` = up to date.",
        events=list_of(ref("Event")),
        cursor=CURSOR,
        more=FLAG,
    ),
}


def event(kind: str, about: str, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    return record(about, optional=optional, cursor=CURSOR, type={"const": kind}, **members)


PLACE: Final[dict[str, Schema]] = {"conversation_id": ID, "seq": SEQ}

# By the event's type.
EVENTS: Final[dict[str, Schema]] = {
    kind: event(kind, about, optional=optional, **members)
    for kind, about, optional, members in (
        ("message.created", "A new message.", (), {**PLACE, "message": ref("Message")}),
        ("message.edited", "Its text is another now.", (), {**PLACE, "message": ref("Message")}),
        ("message.deleted", "Only its place is left.", (), {**PLACE, "message": ref("Message")}),
        ("conversation.created", "To its first members.", (), {**PLACE, "conversation": ref("Conversation")}),
        ("conversation.updated", "A new title or other settings.", (), {**PLACE, "conversation": ref("Conversation")}),
        (
            "conversation.left",
            "The user has left or was removed; nothing more of it will come.",
            (),
            {**PLACE, "conversation": ref("Conversation")},
        ),
        (
            "member.joined",
            "A new member. The event of one's own joining also bears the conversation.",
            ("conversation",),
            {**PLACE, "member": ref("Member"), "conversation": ref("Conversation")},
        ),
        ("member.left", "A member has left or was removed.", (), {**PLACE, "member": ref("Member")}),
        ("member.updated", "Another role, or a mute.", (), {**PLACE, "member": ref("Member")}),
        (
            "read.updated",
            "The user's own read marker stands at `seq`. No entry of the conversation's log: not to be used to look for holes.",
            (),
            {**PLACE, "unread": COUNT, "unread_mentions": COUNT},
        ),
        (
            "friend.updated",
            "What the user and another one are to each other.",
            (),
            {"user": ref("User"), "state": words("none", "requested", "asked", "friends")},
        ),
    )
}


def schema_name(kind: str) -> str:
    """`message.created` is MessageCreated."""
    return "".join(part.capitalize() for part in kind.split("."))


def all_schemas() -> dict[str, Schema]:
    """Every named schema; `Event` is one of the events."""
    named = {schema_name(kind): schema for kind, schema in EVENTS.items()}
    mapping = {kind: f"#/components/schemas/{schema_name(kind)}" for kind in EVENTS}
    either: Schema = {
        "description": "By its `type`. `cursor` rises by exactly 1. Clients pass over types they don't know.",
        "oneOf": [ref(name) for name in named],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return {**SCHEMAS, **named, "Event": either}
