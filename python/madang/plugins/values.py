"""What a plugin is given and what it answers. Frozen values; any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madang.client.objects import User


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
        reason: the client sees it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message before it is stored, as the plugins before this one have left it.

    Attributes:
        conversation_id: None for the first message of a direct conversation, which is made with it.
        conversation_kind: `"direct"` or `"group"`.
        sender: whose `username` is empty where `conversation_id` is None.
        text: at most `limits.text_chars` characters.
        client_id: the sender's own name for the message.
        mentions: ids of the users it mentions.
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
        text: the reason, or the new text.
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
        """It is kept back for review. This version takes it for the plugin's error."""
        return Verdict("hold", reason)

    @staticmethod
    def shadow() -> Verdict:
        """Only its author sees it. This version takes it for the plugin's error."""
        return Verdict("shadow")


ALLOW = Verdict("allow")
