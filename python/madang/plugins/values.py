"""What a plugin is given and what it answers. Frozen values; any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from madang.client.objects import Conversation, Member, User
    from madang.client.objects import Message as StoredMessage

REASON_CHARS_MAX = 1_000  # it goes to the sender, and stays with a message that is held


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has logged in: `authenticate` found the credentials good.

    Attributes:
        username: of the account, which is made at the first log-in.
        display_name: of an account that is made now; None = the client's to choose later.
        roles: the server roles the account has from now on, such as `"operator"`.
    """

    username: str
    display_name: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deny:
    """`authenticate` says no.

    Attributes:
        reason: the client sees it; what is longer than 1,000 characters is cut.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message before it is stored, as the plugins before this one have left it.

    Attributes:
        conversation_id: None for the first message of a direct conversation, which is made with it.
        conversation_kind: `"direct"` or `"group"`.
        sender: who would write it.
        text: at most `limits.text_chars` characters.
        client_id: the sender's own name for the message.
        mentions: ids of the members it mentions, and `"all"` where the sender may; of the text as it was sent.
        peer_id: the other user of a direct conversation, or None.
        edit: whether this is the new text of a message that is stored already.
    """

    conversation_id: str | None
    conversation_kind: str
    sender: User
    text: str
    client_id: str
    mentions: tuple[str, ...] = ()
    peer_id: str | None = None
    edit: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message. Made by `allow()`, `deny()`, `modify()`, `hold()` and `shadow()`.

    Attributes:
        kind: which of them.
        text: the reason, of which 1,000 characters are kept; or the new text, at most `limits.text_chars`.
    """

    kind: str
    text: str = ""

    @staticmethod
    def allow() -> Verdict:
        """It is stored as it is."""
        return ALLOW

    @staticmethod
    def deny(reason: str) -> Verdict:
        """It is not stored; the sender sees the reason."""
        return Verdict("deny", reason)

    @staticmethod
    def modify(text: str) -> Verdict:
        """It is stored with this text; the next plugin gets it, too."""
        return Verdict("modify", text)

    @staticmethod
    def hold(reason: str) -> Verdict:
        """It is kept back until an operator releases or refuses it; the sender is told so, with the reason. An edit is denied."""
        return Verdict("hold", reason)

    @staticmethod
    def shadow() -> Verdict:
        """It is stored, and only its author ever sees it; to them it looks like any other. An edit is denied."""
        return Verdict("shadow")


ALLOW = Verdict("allow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that was stored, at its place in a conversation's log: what `committed` is given.

    (conversation_id, seq) names it for ever. Its `position` is where it stands in what this plugin is fed.

    Attributes:
        position: 1, 2, 3 …; only after a crash do entries come again, and then another one may have this position.
        type: `message.created`, `message.edited`, `message.deleted`, `conversation.created`, `conversation.updated`, `member.joined`,
            `member.left`, `member.updated`.
        conversation_id: decimal digits.
        seq: its place in the conversation's log; 1, 2, 3 … without gaps.
        created_at: when it was stored, UTC.
        actor: who did it. Without names if the account is gone.
        message: of `message.*`: the message as it is now. So an old entry shows what later ones made of it: the text of its newest edit,
            or none and `deleted`. Its sender need not be the actor of an edit or deletion; only the actor's names are told.
        conversation: of `conversation.*`, as of this entry; a new one as its maker sees it.
        member: of `member.*`: whom it is about, as of this entry.
        by_system: whether the actor is the account that plugins write as (`self.server`), in what was written since the server's start.
        shadowed: whether only its actor may see it: a plugin has shadowed the message. Show it to nobody else.
    """

    position: int
    type: str
    conversation_id: str
    seq: int
    created_at: datetime
    actor: User
    message: StoredMessage | None = None
    conversation: Conversation | None = None
    member: Member | None = None
    by_system: bool = False
    shadowed: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that its recipient hasn't seen: what `push` hands to a provider.

    Attributes:
        id: the same at each attempt: a receiver that knows it already has had this notification.
        user: the recipient.
        device: id of the device that is registered; None where no registration is (a plugin that names no providers).
        registration: what that device has registered, the member `provider` included; None likewise. It comes from the client: what stands
            in it is not to be trusted.
        conversation_id: decimal digits.
        conversation_kind: `"direct"` or `"group"`.
        title: of the conversation; None where it has none.
        seq: the message's place in the conversation.
        message_id: decimal digits.
        sender: who wrote it; never the recipient.
        text: as it is now, in full; a provider's limit is the plugin's to keep.
        badge: the recipient's unread messages in total.
        created_at: of the message, UTC.
        attempt: 1 at the first.
    """

    id: str
    user: User
    device: str | None
    registration: Mapping[str, Any] | None = field(repr=False)  # it may hold keys
    conversation_id: str
    conversation_kind: str
    title: str | None
    seq: int
    message_id: str
    sender: User
    text: str = field(repr=False)
    badge: int
    created_at: datetime
    attempt: int = 1

    @property
    def collapse_key(self) -> str:
        """Notifications of one key replace each other: the conversation's id."""
        return self.conversation_id


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a notification. Made by `sent()`, `gone()` and `retry()`.

    Attributes:
        kind: which of them.
        after: seconds until the next attempt; None = the server's own back-off.
        detail: why it is to be tried again, for the operator; no secret may stand in it.
    """

    kind: str
    after: float | None = None
    detail: str = ""

    @staticmethod
    def sent() -> Delivery:
        """The provider has it."""
        return SENT

    @staticmethod
    def gone() -> Delivery:
        """The registration is no more: it is dropped, and so is the notification."""
        return GONE

    @staticmethod
    def retry(after: float | None = None, detail: str = "") -> Delivery:
        """Not now: it is tried again, not before `after` seconds; after many attempts it is a dead letter."""
        return Delivery("retry", after, detail)


SENT = Delivery("sent")
GONE = Delivery("gone")
