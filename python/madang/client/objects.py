"""What a server speaks of: users, conversations, messages, events. Frozen values; threads: any.

Two users, conversations, members or messages are equal when their ids are: names and texts may have changed between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# What `madang.client` offers, and the one list of it: its other modules import it whole.
__all__ = [
    "Account",
    "Ban",
    "Conversation",
    "Event",
    "Friend",
    "Invite",
    "Member",
    "Message",
    "MessageEvent",
    "Page",
    "Presence",
    "ReadState",
    "Receipt",
    "ServerAddress",
    "Session",
    "Signal",
    "Sync",
    "Typing",
    "User",
]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account.

    Attributes:
        id: decimal digits; never changes.
        username: as it was typed at sign-up; never changes, but for an account that is deleted: then it is "deleted-" and the id.
        display_name: may be empty; `name` never is.
        created_at: UTC; None when nothing is known of it.
        deleted: whether the account was deleted.
    """

    id: str
    username: str = field(default="", compare=False)
    display_name: str = field(default="", compare=False)
    created_at: datetime | None = field(default=None, compare=False)
    deleted: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        """For people: the display name, or else the user name."""
        return self.display_name or self.username


@dataclass(frozen=True, slots=True)
class Friend:
    """What somebody is to one.

    Attributes:
        user: who.
        state: "requested" (one has asked), "asked" (the other has), "friends", or "none" in an answer or an event that ends it.
    """

    user: User
    state: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A chat server that one may connect to.

    Attributes:
        url: `http://host:port`, or https.
        region: as its operator calls it; may be empty.
        load: from 0 (idle) to 1 (full).
    """

    url: str
    region: str
    load: float


@dataclass(frozen=True, slots=True)
class Account:
    """One's own account.

    Attributes:
        user: what others see of it.
        settings: any JSON object that the application keeps there; nobody else sees it.
    """

    user: User
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A device of one's own account.

    Attributes:
        device_id: decimal digits.
        name: as the device called itself at its log-in; may be empty.
        platform: likewise.
        created_at: of the log-in, UTC.
        last_seen_at: UTC; may be some minutes old.
        current: whether this is the device that asks.
    """

    device_id: str
    name: str = field(compare=False)
    platform: str = field(compare=False)
    created_at: datetime = field(compare=False)
    last_seen_at: datetime = field(compare=False)
    current: bool = field(compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message at its place in a conversation.

    Attributes:
        conversation_id: decimal digits.
        seq: its place in the conversation's log, from 1; other entries take places too.
        message_id: decimal digits; rises with time.
        sender: who wrote it.
        client_id: the sender's own id for this send.
        created_at: UTC.
        text: as it is now; empty when it is deleted.
        mentions: ids of the members who are mentioned, and "all" where everybody is.
        edited_at: UTC; None = never edited.
        deleted: whether only its place is left.
    """

    conversation_id: str
    seq: int
    message_id: str = field(compare=False)
    sender: User = field(compare=False)
    client_id: str = field(compare=False)
    created_at: datetime = field(compare=False)
    text: str = field(compare=False)
    mentions: tuple[str, ...] = field(default=(), compare=False)
    edited_at: datetime | None = field(default=None, compare=False)
    deleted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as one of its members sees it.

    Attributes:
        id: decimal digits.
        kind: "direct" or "group".
        title: empty for a direct one.
        members_count: how many belong to it.
        created_at: UTC.
        head_seq: place of the newest entry of its log.
        my_role: "owner", "admin" or "member".
        last_message: the newest one; None where there is none, and in events.
        peer: the other user of a direct one.
        settings: `history`, `invite`, `mention_all` of a group.
        read_seq: how far one has read.
        unread: messages of others after that, without deleted ones; None where it isn't told, in some events.
        unread_mentions: those of them that mention one; None likewise.
        pinned: whether it is first in one's list.
        archived: whether it is put away; such ones don't count in `unread_total`.
        muted_until: UTC; no notifications until then. None = not muted.
    """

    id: str
    kind: str = field(compare=False)
    title: str = field(compare=False)
    members_count: int = field(compare=False)
    created_at: datetime = field(compare=False)
    head_seq: int = field(compare=False)
    my_role: str = field(compare=False)
    last_message: Message | None = field(default=None, compare=False)
    peer: User | None = field(default=None, compare=False)
    settings: Mapping[str, str] = field(default_factory=dict, compare=False)
    read_seq: int = field(default=0, compare=False)
    unread: int | None = field(default=None, compare=False)
    unread_mentions: int | None = field(default=None, compare=False)
    pinned: bool = field(default=False, compare=False)
    archived: bool = field(default=False, compare=False)
    muted_until: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReadState:
    """How far one has read a conversation, and what lies behind it.

    Attributes:
        seq: the marker.
        unread: messages of others after it, without deleted ones.
        unread_mentions: those of them that mention one.
    """

    seq: int
    unread: int
    unread_mentions: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a conversation.

    Attributes:
        user: who.
        role: "owner", "admin" or "member".
        joined_seq: the first place of the log that is addressed to this member.
        muted_until: UTC; until then the member may not write here. None = not muted.
        read_seq: how far the member has read, 0 = nothing yet or a block stands between; None where it is not told: in events.
        delivered_seq: how far one of the member's devices has received or the member has read; likewise.
    """

    user: User
    role: str = field(compare=False)
    joined_seq: int = field(compare=False)
    muted_until: datetime | None = field(default=None, compare=False)
    read_seq: int | None = field(default=None, compare=False)
    delivered_seq: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a user is online. One sees that of friends and of those with whom one shares a conversation; others are offline.

    Attributes:
        user_id: whose.
        online: whether a device of the user is connected, or was until a moment ago.
        last_active_at: UTC; None = never, or not for one's eyes. Of somebody online it may lag.
    """

    user_id: str
    online: bool
    last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is writing.

    Attributes:
        conversation_id: where.
        user_id: who.
        expires_at: UTC; after that nobody is, unless it was said again.
    """

    conversation_id: str
    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far another member has come in a conversation. `Client.members` tells the same of all of them.

    Attributes:
        conversation_id: where.
        user_id: who.
        kind: "delivered" (a device has it) or "read".
        seq: up to this place.
    """

    conversation_id: str
    user_id: str
    kind: str
    seq: int


Signal = Presence | Typing | Receipt


@dataclass(frozen=True, slots=True)
class Ban:
    """Somebody who is kept out of a group.

    Attributes:
        user: who.
        actor_id: the id of the one who banned them.
        created_at: UTC.
    """

    user: User
    actor_id: str = field(compare=False)
    created_at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """A link into a group.

    Attributes:
        code: what the link holds; whoever has it may join.
        creator_id: the id of the one who made it.
        created_at: UTC.
        uses: how many have joined by it.
        expires_at: UTC; None = never.
        max_uses: how many may join by it; None = any number.
    """

    code: str
    creator_id: str = field(compare=False)
    created_at: datetime = field(compare=False)
    uses: int = field(compare=False)
    expires_at: datetime | None = field(default=None, compare=False)
    max_uses: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a conversation or to the user, at its place in the user's inbox.

    Attributes:
        cursor: its place in the inbox, from 1, without gaps.
        type: `message.created`, `message.edited`, `message.deleted`, `conversation.created`, `conversation.updated`, `conversation.left`,
            `member.joined`, `member.left`, `member.updated`, `read.updated`, `friend.updated`, or what a later server knows besides.
        conversation_id: where it happened; empty when it belongs to no conversation.
        seq: its place in the conversation's log; 0 when it has none.
        message: of `message.*`.
        conversation: of `conversation.*`, and of one's own `member.joined`.
        member: of `member.*`.
        read: of `read.updated`: one's own marker, moved by one of one's devices.
        friend: of `friend.updated`.
        raw: the event as the server sent it, for what has no attribute here.
    """

    cursor: int
    type: str
    conversation_id: str = ""
    seq: int = 0
    message: Message | None = None
    conversation: Conversation | None = None
    member: Member | None = None
    read: ReadState | None = None
    friend: Friend | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """A message that is new, edited or deleted."""

    message: Message


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a conversation's messages.

    Attributes:
        messages: with rising `seq`.
        has_more_before: whether there are older ones.
        has_more_after: whether there are newer ones.
    """

    messages: tuple[Message, ...]
    has_more_before: bool
    has_more_after: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """Events after a cursor, for who polls.

    Attributes:
        events: in order, without a gap.
        cursor: of the last one of them, or the one asked for: what to ask with next.
        more: whether there are more already.
    """

    events: tuple[Event, ...]
    cursor: int
    more: bool
