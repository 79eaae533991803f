"""The conversation that is open in `madang chat`: what of it was shown, and what is known of it, so that changes are told in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madang.client.objects import Conversation, Event, Member, Message

MEMBERS_MAX = 100
LAST_YEAR = 9999  # until whose end is muted who is muted for good


class Opened:
    """See the module. Threads: one at a time; `members` may be read by any. Limits: MEMBERS_MAX members; of others no change is known.

    Args:
        conversation: as it is now.

    Attributes:
        members: of it, by id.
        oldest: place of the first message that a page has shown; 0 = none.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.members: dict[str, Member] = {}
        self.oldest = 0
        self._newest = 0

    def show(self, messages: Sequence[Message]) -> None:
        """A page of these has been shown: the newest ones, or those before."""
        if messages:
            self.oldest = messages[0].seq
            self._newest = max(self._newest, messages[-1].seq)

    def has_shown(self, message: Message) -> bool:
        """Whether it was in a page."""
        return self.oldest <= message.seq <= self._newest

    def take_in(self, event: Event) -> list[str]:
        """What an event changes, in words; nothing where it comes later than a page or a list that shows it already."""
        if event.type == "conversation.updated" and event.conversation is not None:
            before, now = self.conversation, event.conversation
            self.conversation = replace(before, title=now.title, settings=now.settings)
            return changes_of_conversation(before, now)
        if event.type in ("member.joined", "member.updated") and event.member is not None:
            user_id = event.member.user.id
            known = self.members.get(user_id)
            if known is not None or len(self.members) < MEMBERS_MAX:
                self.members[user_id] = event.member
            return changes_of_member(known, event.member) if event.type == "member.updated" else []
        return []


def changes_of_conversation(before: Conversation, now: Conversation) -> list[str]:
    changes = [] if before.title == now.title else [f"this is called {now.title} now"]
    return changes + [f"the setting {name} is {value} now" for name, value in now.settings.items() if before.settings.get(name) != value]


def changes_of_member(before: Member | None, now: Member) -> list[str]:
    """Of a member who wasn't known before, how it is now."""
    role = f"{now.user.name} is {now.role} now"
    mute = f"{now.user.name} may write again" if now.muted_until is None else f"{now.user.name} is muted {until(now.muted_until)}"
    if before is None:
        return [role, mute] if now.muted_until is not None else [role]
    changes = [] if before.role == now.role else [role]
    return changes if mute_of(before) == now.muted_until else [*changes, mute]


def mute_of(member: Member) -> datetime | None:
    """Until when, unless it has ended by itself."""
    return None if member.muted_until is None or member.muted_until <= datetime.now(UTC) else member.muted_until


def until(when: datetime) -> str:
    if when.year == LAST_YEAR:
        return "for good"
    local = when.astimezone()
    return f"until {local:%H:%M}" if local.date() == datetime.now(local.tzinfo).date() else f"until {local:%Y-%m-%d %H:%M}"
