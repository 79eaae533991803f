"""Every frame of the WebSocket protocol. Immutable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from madang.protocol.schemas import CLIENT_ID, CODE, CURSOR, ID, MESSAGE_TEXT, RESYNC, RETRY, SEQ, TIME, Schema, list_of, record, ref, words

REF: Final = {
    "description": "The request's own; its reply repeats it.",
    "anyOf": [{"type": "number"}, {"type": "string", "maxLength": 254}],
}


@dataclass(frozen=True)
class Operation:
    """What a client may say.

    Attributes:
        op: its name.
        about: what it does; the first sentence is its summary.
        schema: of the frame.
        answers: names of the server's frames that answer it.
    """

    op: str
    about: str
    schema: Schema
    answers: tuple[str, ...]


def frame(op: str, about: str, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    return record(about, optional=("ref", *optional), op={"const": op}, ref=REF, **members)


def operation(op: str, about: str, *answers: str, optional: tuple[str, ...] = (), **members: Schema) -> Operation:
    return Operation(op, about, frame(op, "", optional=optional, **members), answers)


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(
        "attach",
        "Subscribe to the inbox: every event after `cursor` and everything from then on, in order, each once. "
        "Without `cursor`, from now. A second attach on the same socket starts over.",
        "attached",
        "resync",
        "error",
        optional=("cursor",),
        cursor=CURSOR,
    ),
    operation(
        "send",
        "Send a message to a conversation or, with `user_id`, to the direct conversation with that user, which is made if need be. "
        "The reply comes when the message is durable.",
        "message_reply",
        "held_reply",
        "error",
        optional=("conversation_id", "user_id"),
        conversation_id=ID,
        user_id=ID,
        client_id=CLIENT_ID,
        text=MESSAGE_TEXT,
    ),
    operation(
        "edit",
        "Give a message of one's own another text. The reply comes when that is durable.",
        "message_reply",
        "error",
        conversation_id=ID,
        seq=SEQ,
        text=MESSAGE_TEXT,
    ),
    operation(
        "delete",
        "Take a message's text away: one's own or, as the owner or an admin, anybody's. The reply comes when that is durable.",
        "message_reply",
        "error",
        conversation_id=ID,
        seq=SEQ,
    ),
    operation(
        "read",
        "Everything up to `seq` is read. The marker only moves forward: beyond the end it is cut to it, a lower one changes nothing.",
        "read_reply",
        "error",
        conversation_id=ID,
        seq=SEQ,
    ),
    operation(
        "ack",
        "Say that this device has stored every event up to `cursor`: in each conversation that delivers what came before it, of which the "
        "other members hear (`receipt`). Replied to only with a `ref`.",
        "reply",
        "error",
        cursor=CURSOR,
    ),
    operation(
        "watch",
        "Be shown the presence of these users: a signal for each at once, then one for each change. Replaces this socket's last list. "
        "Replied to only with a `ref`.",
        "reply",
        "error",
        "presence",
        users={**list_of(ID), "maxItems": 1_000},
    ),
    operation(
        "typing",
        "Tell the other members that one is writing; say so again every few seconds. Replied to only with a `ref`.",
        "reply",
        "error",
        conversation_id=ID,
    ),
    operation("ping", "The heartbeat. A WebSocket ping, or any frame, counts too.", "pong"),
)


def server_frame(op: str, about: str, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    return record(about, optional=optional, op={"const": op}, **members)


def signal(kind: str, about: str, /, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    return record(about, optional=optional, op={"const": "signal"}, type={"const": kind}, **members)


# What the server says, by the name of the message.
SERVER_FRAMES: Final[dict[str, Schema]] = {
    "attached": server_frame(
        "attached", "Before the first event. `cursor` is that of the inbox's newest event.", optional=("ref",), ref=REF, cursor=CURSOR
    ),
    "events": server_frame(
        "events",
        "Durable events. `cursor` rises by exactly 1 from one to the next, over frames too.",
        events={**list_of(ref("Event")), "minItems": 1},
    ),
    "message_reply": server_frame("reply", "It is done, durably.", optional=("ref",), ref=REF, message=ref("Message")),
    "held_reply": server_frame(
        "reply",
        "It is kept back for review, and in no conversation yet. The same send again is answered the same, and with the message once it is "
        "released.",
        optional=("ref",),
        ref=REF,
        held=ref("Held"),
    ),
    "read_reply": server_frame(
        "reply",
        "The read marker stands at `seq`.",
        optional=("ref",),
        ref=REF,
        seq=SEQ,
        unread={"type": "integer", "minimum": 0},
        unread_mentions={"type": "integer", "minimum": 0},
    ),
    "reply": server_frame("reply", "It is done.", optional=("ref",), ref=REF),
    "error": server_frame(
        "reply",
        "That request failed, and nothing happened.",
        optional=("ref",),
        ref=REF,
        error=record("", optional=("retry_after_ms",), code=CODE, message={"type": "string"}, retry_after_ms=RETRY),
    ),
    "pong": server_frame("pong", "The answer to `ping`.", optional=("ref",), ref=REF),
    "resync": server_frame(
        "resync",
        "The cursor can't be served: read the conversations, then attach again with this one. Nothing follows until then.",
        reason=RESYNC,
        cursor=CURSOR,
    ),
    "goaway": server_frame(
        "goaway", "The server is about to stop: connect again, elsewhere or later.", after_ms={"type": "integer", "minimum": 0}
    ),
    "presence": signal(
        "presence",
        "A user came or went: one of the list of `watch`, of whom the first says how it is, or a friend. Of friends a socket is told after "
        "its `attach` who is online; of whom it is told nothing, is offline. Ephemeral, may be dropped.",
        optional=("last_active_at",),
        user_id=ID,
        status=words("online", "offline"),
        last_active_at=TIME,
    ),
    "typing": signal("typing", "A member is writing. Ephemeral, may be dropped.", conversation_id=ID, user_id=ID, expires_at=TIME),
    "receipt": signal(
        "receipt",
        "Another member has received (`delivered`, by an `ack` or a poll) or read up to there; what is read is delivered, too. Told "
        "within about a second, the newest only, in conversations of up to `presence.fan_out_members_max` members, and not between two of "
        "whom one blocks the other. Ephemeral, may be dropped: the list of members says the same.",
        conversation_id=ID,
        user_id=ID,
        kind=words("delivered", "read"),
        seq=SEQ,
    ),
}

# Code, what it means, whether to connect again.
CLOSE_CODES: Final[tuple[tuple[int, str, str], ...]] = (
    (1001, "going away", "elsewhere or later"),
    (1002, "the frames break RFC 6455", "no"),
    (1007, "a text that isn't UTF-8", "no"),
    (1008, "policy", "no"),
    (1009, "a frame larger than the server takes", "no"),
    (1011, "a fault of the server", "later"),
    (1012, "restart", "soon"),
    (4001, "the token is no longer good", "after a log-in"),
    (4002, "slow consumer: too much was unread", "at once, from the last cursor"),
    (4003, "this device was signed out", "after a log-in"),
    (4004, "a frame that isn't the protocol's", "no"),
    (4008, "heartbeat lost: silent for too long", "at once"),
)
