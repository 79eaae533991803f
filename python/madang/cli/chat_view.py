"""How `madang chat` shows things: for people with rich, or as JSON, one object a line. Threads: any; each has a lock."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from abc import ABC, abstractmethod
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from madang.cli.tail import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from rich.text import Text

    from madang.client.objects import Conversation, Event, Friend, Member, Message, User
    from madang.errors import Error

PROMPT = "> "
DOT = "\N{BLACK CIRCLE}"  # is online
HAPPENED = {
    "member.joined": "{who} is here now",
    "member.left": "{who} has left",
    "conversation.left": "you are no longer here",
}
FRIENDSHIP = {
    "requested": "you have asked {who} to be your friend",
    "asked": "{who} asks to be your friend: /friend {who}",
    "friends": "{who} is your friend",
    "none": "{who} is not your friend",
}


class View(ABC):
    """What a chat needs of a terminal."""

    @abstractmethod
    def read_line(self) -> str | None:
        """What was typed; None = the end."""

    @abstractmethod
    def conversations(self, conversations: Sequence[Conversation], online: AbstractSet[str]) -> None: ...
    @abstractmethod
    def opened(self, conversation: Conversation) -> None: ...
    @abstractmethod
    def members(self, members: Sequence[Member], online: AbstractSet[str]) -> None: ...
    @abstractmethod
    def friends(self, friends: Sequence[Friend], online: AbstractSet[str]) -> None: ...
    @abstractmethod
    def friend(self, friend: Friend) -> None: ...
    @abstractmethod
    def message(self, message: Message) -> None: ...
    @abstractmethod
    def sent(self, message: Message) -> None: ...
    @abstractmethod
    def event(self, event: Event, *, is_here: bool, title: str | None, changes: Sequence[str]) -> None: ...
    @abstractmethod
    def presence(self, name: str, *, is_online: bool) -> None: ...
    @abstractmethod
    def typing(self, name: str) -> None: ...
    @abstractmethod
    def unread(self, total: int) -> None: ...
    @abstractmethod
    def note(self, text: str) -> None: ...
    @abstractmethod
    def error(self, error: Error) -> None: ...


class JsonView(View):
    """For scripts: each thing is an object whose only member says what it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def _print(self, kind: str, value: Any) -> None:
        with self._lock:
            print(json.dumps({kind: value}, ensure_ascii=False, default=datetime.isoformat), flush=True)

    def read_line(self) -> str | None:
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    def conversations(self, conversations: Sequence[Conversation], online: AbstractSet[str]) -> None:
        def is_online(one: Conversation) -> dict[str, bool]:
            return {} if one.peer is None else {"online": one.peer.id in online}

        self._print("conversations", [asdict(each) | is_online(each) for each in conversations])

    def opened(self, conversation: Conversation) -> None:
        self._print("opened", asdict(conversation))

    def members(self, members: Sequence[Member], online: AbstractSet[str]) -> None:
        self._print("members", [asdict(each) | {"online": each.user.id in online} for each in members])

    def friends(self, friends: Sequence[Friend], online: AbstractSet[str]) -> None:
        self._print("friends", [asdict(each) | {"online": each.user.id in online} for each in friends])

    def friend(self, friend: Friend) -> None:
        self._print("friend", asdict(friend))

    def message(self, message: Message) -> None:
        self._print("message", asdict(message))

    def sent(self, message: Message) -> None:
        self._print("sent", asdict(message))

    def event(self, event: Event, *, is_here: bool, title: str | None, changes: Sequence[str]) -> None:  # noqa: ARG002
        self._print("event", dict(event.raw))

    def presence(self, name: str, *, is_online: bool) -> None:
        self._print("presence", {"name": name, "online": is_online})

    def typing(self, name: str) -> None:
        self._print("typing", {"name": name})

    def unread(self, total: int) -> None:
        """Scripts find it in the list, and in events."""

    def note(self, text: str) -> None:
        self._print("note", text)

    def error(self, error: Error) -> None:
        self._print("error", {"code": error.code, "message": error.message})


class TerminalView(View):
    """For people. What comes while a line is typed is put above it.

    Args:
        me: whose terminal it is.
    """

    def __init__(self, me: User) -> None:
        from rich.console import Console

        self._me = me
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._lock = threading.Lock()
        self._is_typing = False
        self._unread = 0
        self._prompt = ""
        self._asks = sys.stdin.isatty()
        self._typed: Callable[[], str] = str
        with contextlib.suppress(ImportError):
            import readline

            self._typed = readline.get_line_buffer

    def read_line(self) -> str | None:
        self._prompt = (f"({self._unread} unread) {PROMPT}" if self._unread else PROMPT) if self._asks else ""
        self._is_typing = self._asks
        try:
            return input(self._prompt)
        except EOFError:
            return None
        finally:
            self._is_typing = False

    def _print(self, *things: Any) -> None:
        with self._lock:
            if self._is_typing:
                self._console.file.write("\r\x1b[K")
            self._console.print(*things, soft_wrap=True)
            if self._is_typing:
                self._console.file.write(self._prompt + self._typed())
            self._console.file.flush()

    def conversations(self, conversations: Sequence[Conversation], online: AbstractSet[str]) -> None:
        from rich.table import Table

        if not conversations:
            self.note("You have no conversations yet: /open @username begins one.")
            return
        table = Table(box=None, pad_edge=False)
        for name in ("", "", "conversation", "unread", "newest message"):
            # Where there is no room for all, columns that may wrap are made narrower; their cells are cut instead.
            table.add_column(name, no_wrap=name not in ("conversation", "newest message"))
        for number, each in enumerate(conversations, 1):
            said = each.last_message
            newest = "" if said is None else f"{said.sender.name}: {text_of(said)}"
            is_online = each.peer is not None and each.peer.id in online
            table.add_row(str(number), DOT if is_online else "", one_line(title_of(each)), unread_of(each), one_line(newest))
        self._print(table)

    def opened(self, conversation: Conversation) -> None:
        count = f", {conversation.members_count} members" if conversation.kind == "group" else ""
        self._print(styled(f"— {title_of(conversation)}{count} —", "bold"))

    def members(self, members: Sequence[Member], online: AbstractSet[str]) -> None:
        for each in members:
            dot = DOT if each.user.id in online else " "
            self._print(f"{dot} {printable(each.user.name)} (@{each.user.username}), {each.role}")

    def friends(self, friends: Sequence[Friend], online: AbstractSet[str]) -> None:
        if not friends:
            self.note("You have no friends here yet: /friend @username asks somebody.")
        for each in friends:
            dot = DOT if each.user.id in online else " "
            self._print(f"{dot} {printable(FRIENDSHIP[each.state].format(who='@' + each.user.username))}")

    def friend(self, friend: Friend) -> None:
        self.note(FRIENDSHIP[friend.state].format(who="@" + friend.user.username))

    def message(self, message: Message) -> None:
        self._print(self._line(message))

    def sent(self, message: Message) -> None:
        if not self._asks:
            self.message(message)  # on a terminal it stands there as it was typed

    def event(self, event: Event, *, is_here: bool, title: str | None, changes: Sequence[str]) -> None:
        if event.message is not None:
            if event.type == "message.created":
                self._print(self._line(event.message) if is_here else self._elsewhere(event.message, title))
            elif is_here:
                change = "deleted a message" if event.message.deleted else f"changed a message: {event.message.text}"
                self.note(f"{event.message.sender.name} {change}")
        elif event.friend is not None:
            if event.friend.state in ("asked", "friends"):
                self.friend(event.friend)
        elif is_here and event.type in HAPPENED:
            self.note(HAPPENED[event.type].format(who=event.member.user.name if event.member is not None else ""))
        for change in changes:
            self.note(change)

    def presence(self, name: str, *, is_online: bool) -> None:
        self.note(f"{name} is online" if is_online else f"{name} is offline")

    def typing(self, name: str) -> None:
        self.note(f"{name} is writing …")

    def unread(self, total: int) -> None:
        self._unread = total  # shown with the next prompt: the present one is readline's

    def note(self, text: str) -> None:
        self._print(styled(text, "dim"))

    def error(self, error: Error) -> None:
        self._print(styled(error.message, "red"))

    def _line(self, message: Message) -> Text:
        from rich.text import Text

        style = "green" if message.sender == self._me else "cyan"
        return Text.assemble(
            (f"{message.created_at.astimezone():%H:%M} ", "dim"),
            (printable(message.sender.name), style),
            ": ",
            (printable(text_of(message)), "bold" if self._is_mentioned(message) else ""),
        )

    def _is_mentioned(self, message: Message) -> bool:
        return message.sender != self._me and bool({self._me.id, "all"} & set(message.mentions))

    def _elsewhere(self, message: Message, title: str | None) -> Text:
        place = f"[{title}] " if title else ""
        style = "bold yellow" if self._is_mentioned(message) else "yellow"
        return styled(f"{place}{message.sender.name}: {text_of(message)}", style)


def styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(printable(text), style)


def one_line(text: str) -> Text:
    """Cut where there is no room for all of it."""
    from rich.text import Text

    return Text(printable(text.replace("\n", " ")), no_wrap=True, overflow="ellipsis")


def title_of(conversation: Conversation) -> str:
    if conversation.peer is not None:
        return f"{conversation.peer.name} (@{conversation.peer.username})"
    return conversation.title


def unread_of(conversation: Conversation) -> str:
    mentions = f" @{conversation.unread_mentions}" if conversation.unread_mentions else ""
    return f"{conversation.unread}{mentions}" if conversation.unread else ""


def text_of(message: Message) -> str:
    return "(deleted)" if message.deleted else message.text
