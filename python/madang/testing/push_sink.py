"""Notifications in tests: a push plugin that writes down what it is given, and how a test reads it.

The server under test is a process of its own, so the plugin is named to it (`madang.testing.push_sink:PushSinkPlugin`) and hands the
notifications over in a file beside the server's data."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madang.plugins.plugin import Plugin
from madang.plugins.values import Delivery, Notification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from madang.testing.chat_server import ChatServer

FILE = "pushed.jsonl"
POLL_S = 0.01
QUIET_LOOKS = 3  # that must find the outbox empty, each after the figures were renewed
LOOK_EVERY_S = 0.1
SETTLED_WITHIN_S = 20.0


class PushSinkPlugin(Plugin):
    """Takes every notification and says that it was sent. Settings: `file`."""

    def push(self, notifications: list[Notification]) -> list[Delivery]:
        lines = "".join(json.dumps(plain(each)) + "\n" for each in notifications)
        with Path(self.settings["file"]).open("a", encoding="utf-8") as out:
            out.write(lines)
        return [Delivery.sent()] * len(notifications)


def plain(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "user_id": notification.user.id,
        "username": notification.user.username,
        "sender_id": notification.sender.id,
        "sender_username": notification.sender.username,
        "conversation_id": notification.conversation_id,
        "conversation_kind": notification.conversation_kind,
        "title": notification.title,
        "seq": notification.seq,
        "message_id": notification.message_id,
        "text": notification.text,
        "badge": notification.badge,
        "attempt": notification.attempt,
    }


@dataclass(frozen=True, slots=True)
class Pushed:
    """A notification as the sink got it; the attributes are those of `madang.Notification`, of the users their ids and names."""

    id: str
    user_id: str
    username: str
    sender_id: str
    sender_username: str
    conversation_id: str
    conversation_kind: str
    title: str | None
    seq: int
    message_id: str
    text: str = field(repr=True)
    badge: int
    attempt: int

    def is_for(self, user: object) -> bool:
        """By whatever has an id, an id or a username."""
        return str(getattr(user, "id", user)) in (self.user_id, self.username)

    @property
    def collapse_key(self) -> str:
        return self.conversation_id


class PushSink:
    """The notifications of one server, as they came. Made by `chat_server_factory(push_sink=True)` and the fixture `push_sink`.

    Threads: one at a time.

    Attributes:
        server: whose they are.
    """

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        self.path = server.folder / FILE
        self._seen: set[int] = set()

    @property
    def config(self) -> str:
        """For the server's configuration."""
        return f'\n[[plugins]]\nuse = "{__name__}:{PushSinkPlugin.__name__}"\nsettings = {{ file = {json.dumps(str(self.path))} }}\n'

    def all(self, user: object = None) -> list[Pushed]:
        """What has come so far, to one user or to all."""
        return [each for _, each in self._read() if user is None or each.is_for(user)]

    def expect(self, *, user: object = None, text: str | None = None, within: float = 5.0) -> Pushed:
        """Waits for a notification that no call of `expect` has had yet, to this user, with this text.

        Raises:
            AssertionError: none came in time; it tells of those that did.
        """
        deadline = time.monotonic() + within
        while True:
            for place, each in self._read():
                if place not in self._seen and (user is None or each.is_for(user)) and (text is None or each.text == text):
                    self._seen.add(place)
                    return each
            if time.monotonic() > deadline:
                wanted = ", ".join(f"{name}={value!r}" for name, value in (("user", user), ("text", text)) if value is not None)
                raise AssertionError(f"no notification ({wanted}) within {within:g} s; came: {self._told(self.all())}")
            time.sleep(POLL_S)

    def none(self, *, user: object = None, text: str | None = None) -> None:
        """Nothing but what `expect` has had was notified, to this user, with this text; what is due now is waited for.

        What isn't due yet isn't seen: move the clock first, by more than the two seconds that devices have to acknowledge.

        Raises:
            AssertionError: something was.
        """
        self._settle()
        more = [
            each
            for place, each in self._read()
            if place not in self._seen and (user is None or each.is_for(user)) and (text is None or each.text == text)
        ]
        if more:
            raise AssertionError(f"notified: {self._told(more)}")

    def clear(self) -> None:
        """Counts all that has come as had."""
        self._seen.update(place for place, _ in self._read())

    def _read(self) -> Iterator[tuple[int, Pushed]]:
        if not self.path.exists():
            return
        for place, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(keepends=True)):
            if line.endswith("\n"):  # else it is being written
                yield place, Pushed(**json.loads(line))

    def _settle(self) -> None:
        deadline = time.monotonic() + SETTLED_WITHIN_S
        quiet = 0
        while quiet < QUIET_LOOKS:
            if time.monotonic() > deadline:
                raise AssertionError(f"the outbox isn't empty after {SETTLED_WITHIN_S:g} s")
            time.sleep(LOOK_EVERY_S)
            quiet = quiet + 1 if self._outbox() == 0 else 0

    def _outbox(self) -> float:
        with urllib.request.urlopen(f"{self.server.url}/metrics") as answer:  # noqa: S310 - the server under test
            for line in answer.read().decode().splitlines():
                if line.startswith("madang_push_outbox "):
                    return float(line.rpartition(" ")[2])
        raise AssertionError("this server has no plugin that pushes")

    @staticmethod
    def _told(notifications: Sequence[Pushed]) -> str:
        return ", ".join(f"{each.username}: {each.text!r}" for each in notifications) or "none"
