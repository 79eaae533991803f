"""A plugin on a loop of its own, and notifications for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from madang import Delivery, Notification
from madang.client.objects import User
from madang.push.provider import Provider

ALICE, BOB = User("11", "alice", "Alice"), User("22", "bob")


class Driver:
    """Sets it up at `with`, closes it at the end."""

    def __init__(self, plugin: Provider, **settings: Any) -> None:
        self.plugin = plugin
        plugin.settings = settings
        plugin.log = logging.getLogger(f"madang.plugins.{plugin.name}")
        self._runner = asyncio.Runner()

    def __enter__(self) -> Driver:
        try:
            self.plugin.setup()
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._runner.run(self.plugin.close())
        finally:
            self._runner.close()

    def push(self, notifications: Sequence[Notification]) -> list[Delivery]:
        return self._runner.run(self.plugin.push(notifications))

    def one(self, notification: Notification) -> Delivery:
        [delivery] = self.push([notification])
        return delivery


def notification(registration: dict[str, Any] | None = None, **changes: Any) -> Notification:
    values: dict[str, Any] = {
        "id": "22-77-5",
        "user": BOB,
        "device": "33",
        "registration": registration,
        "conversation_id": "7301444403200001",
        "conversation_kind": "direct",
        "title": None,
        "seq": 5,
        "message_id": "901",
        "sender": ALICE,
        "text": "Hi Bob! 안녕!",
        "badge": 3,
        "created_at": datetime(2026, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC),
    }
    return Notification(**(values | changes))
