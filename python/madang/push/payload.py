"""What a notification tells a device, as JSON that fits into a limit: the text gives way, the rest stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from madang.push.text import cut, cut_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.plugins import Notification

NAME_CHARS = 100  # of titles and names, whatever the server's own limits are


def content(notification: Notification, text: str) -> dict[str, Any]:
    """Members as in the protocol: ids as texts, times in RFC 3339, nothing that is absent."""
    sender = {"id": notification.sender.id, "username": notification.sender.username}
    if notification.sender.display_name:
        sender["display_name"] = cut_to(notification.sender.display_name, NAME_CHARS)
    told: dict[str, Any] = {
        "id": notification.id,
        "conversation_id": notification.conversation_id,
        "conversation_kind": notification.conversation_kind,
        "seq": notification.seq,
        "message_id": notification.message_id,
        "sender": sender,
        "text": text,
        "badge": notification.badge,
        "created_at": notification.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if notification.title:
        told["title"] = cut_to(notification.title, NAME_CHARS)
    return told


def headline(notification: Notification) -> str:
    """Who writes, and where: one line to show over the text."""
    sender = cut_to(notification.sender.name, NAME_CHARS)
    return f"{sender} · {cut_to(notification.title, NAME_CHARS)}" if notification.title else sender


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def fitted(make: Callable[[str], object], text: str, bytes_max: int) -> bytes:
    """The JSON of `make(text)`, with as much of the text as `bytes_max` has room for.

    Raises:
        ValueError: not even without any text.
    """
    shown = cut(text[: bytes_max + 1], lambda part: len(encoded(make(part))) <= bytes_max)
    whole = encoded(make(shown))
    if len(whole) > bytes_max:
        raise ValueError(f"what stands beside the text has {len(whole)} bytes, there is room for {bytes_max}")
    return whole
