"""Notifications to a program of one's own: one signed POST each.

    [[plugins]]
    use = "webhook"
    settings = { url = "https://example.com/push", secret_file = "webhook.secret" }

It is told of every recipient who is away, registered or not. The body is the JSON of `madang.push.payload.content` with `user` (the
recipient) and `attempt`; `madang.push.signature` says how it is signed. 2xx is a success; everything else is tried again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins import Delivery
from madang.push.payload import content, fitted
from madang.push.provider import Provider
from madang.push.signature import ID, SIGNATURE, TIMESTAMP, key_of, sign

if TYPE_CHECKING:
    from madang.plugins import Notification
    from madang.push.settings import Settings

BODY_BYTES_MIN, BODY_BYTES = 4_096, 262_144


class Webhook(Provider):
    """Settings:

    url: of https; of http only with allow_private.
    secret, secret_file: shared with the receiver, at least 24 bytes; `whsec_` and base64, or any text.
    body_bytes: what a body has at most; a longer text is cut, 262144.
    allow_private: also receivers that aren't on the public internet, false.
    timeout, concurrency, ca_file: see python/madang/push/README.md.
    """

    name = "webhook"
    known: ClassVar[tuple[str, ...]] = ("url", "secret", "secret_file", "body_bytes")

    def configure(self, settings: Settings) -> None:
        self._url = settings.url("url", plain=self.allow_private)
        self._key = settings.secret("secret", key_of)
        self._body_bytes = settings.count("body_bytes", BODY_BYTES, BODY_BYTES_MIN, 16 * BODY_BYTES)

    async def deliver(self, notification: Notification) -> Delivery:
        body = fitted(lambda text: told(notification, text), notification.text, self._body_bytes)
        now = int(time.time())
        headers = {
            "Content-Type": "application/json",
            ID: notification.id,
            TIMESTAMP: str(now),
            SIGNATURE: sign(self._key, notification.id, now, body),
        }
        answer = await self.client.post(self._url, headers, body)
        if 200 <= answer.status < 300:
            return Delivery.sent()
        detail = f"{self._url.host} answers {answer.status}"
        if answer.status in (408, 429) or answer.status >= 500:
            return self.not_now(answer, detail)
        return self.ours(f"status {answer.status}", f"{detail}: are url and secret right?")


def told(notification: Notification, text: str) -> dict[str, Any]:
    user = {"id": notification.user.id, "username": notification.user.username}
    return {**content(notification, text), "user": user, "attempt": notification.attempt}
