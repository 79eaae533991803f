"""Web push to browsers (RFC 8030), encrypted for the browser alone (RFC 8291), signed by this server (RFC 8292).

    [[plugins]]
    use = "webpush"
    settings = { private_key_file = "vapid.key", subject = "mailto:ops@example.com" }

A device registers what its browser's `PushSubscription.toJSON()` gives, and `provider: "webpush"`. Its service worker gets the JSON of
`madang.push.payload.content`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins import Delivery
from madang.push.encryption import PLAINTEXT_BYTES_MAX, Recipient, encrypt, recipient
from madang.push.keys import EllipticKey, base64url
from madang.push.payload import content, fitted
from madang.push.provider import Provider
from madang.push.url import Url, parse_url
from madang.push.vapid import Vapid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from madang.plugins import Notification
    from madang.push.answer import Answer
    from madang.push.settings import Settings

TTL_S_MAX = 28 * 86_400.0
TOPIC_BYTES = 24  # 32 characters of base64url (RFC 8030, 5.4)
SIZES = (PLAINTEXT_BYTES_MAX, PLAINTEXT_BYTES_MAX // 2, 0)  # tried in turn while the service finds it too large; 0 = without any text
URGENCIES = ("very-low", "low", "normal", "high")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Of a browser."""

    endpoint: Url
    to: Recipient
    topic_key: bytes = field(repr=False)

    def topic(self, collapse_key: str) -> str:
        """Notifications of one topic replace each other at the service. It can't tell conversations, nor that two browsers share one."""
        return base64url(hmac.digest(self.topic_key, collapse_key.encode(), "sha256")[:TOPIC_BYTES])


class WebPush(Provider):
    """Settings:

    private_key, private_key_file: of P-256, as `python -m madang.push.vapid` makes it, or PEM.
    subject: whom the service writes to when something is wrong: mailto: or https:.
    ttl: how long the service keeps a notification for a browser that is away, "1d".
    urgency: very-low, low, normal or high, "normal": whether it wakes a phone that saves its battery.
    hosts: names of the services that are allowed, such as "fcm.googleapis.com" or "*.push.apple.com"; all where it is empty.
    ports: that an endpoint may name, [443].
    allow_private: also endpoints that aren't on the public internet, at any port, false.
    timeout, concurrency, ca_file: see python/madang/push/README.md.
    """

    name = "webpush"
    providers: ClassVar[tuple[str, ...]] = ("webpush",)
    known: ClassVar[tuple[str, ...]] = ("private_key", "private_key_file", "subject", "ttl", "urgency", "hosts", "ports")

    def configure(self, settings: Settings) -> None:
        key = settings.secret("private_key", EllipticKey)
        subject = settings.text("subject", pattern=r"mailto:[^@\s]+@[^@\s]+|https://\S+", shape='"mailto:…" or "https://…"')
        self.vapid = Vapid(key, subject)
        self._ttl = settings.seconds("ttl", "1d", 0, TTL_S_MAX)
        self._urgency = settings.choice("urgency", "normal", URGENCIES)
        self._hosts = settings.list_of("hosts", str, ())
        self._ports = settings.list_of("ports", int, (443,))
        self.log.info("browsers subscribe with applicationServerKey %s", self.vapid.public_key)

    async def deliver(self, notification: Notification) -> Delivery:
        try:
            subscription = self.subscription(notification.registration or {})
        except ValueError as error:
            return self.unusable(notification, str(error))
        for plain in plaintexts(notification):
            answer = await self._post(subscription, notification.collapse_key, plain)
            if answer.status != 413:
                break
        return self.outcome(notification, subscription.endpoint.host, answer)

    def subscription(self, registration: Mapping[str, Any]) -> Subscription:
        """Raises ValueError."""
        try:
            endpoint = parse_url(registration.get("endpoint"))
        except ValueError as error:
            raise ValueError(f"endpoint {error}") from None
        if endpoint.scheme != "https" or not (self.allow_private or endpoint.port in self._ports):
            raise ValueError("endpoint isn't at a port of https that is allowed")
        if self._hosts and not any(is_host(endpoint.host, allowed) for allowed in self._hosts):
            raise ValueError(f"endpoint is at {endpoint.host}, which is none of the hosts that are allowed")
        keys = registration.get("keys")
        if not isinstance(keys, dict):
            raise ValueError("keys are missing")  # noqa: TRY004
        to = recipient(keys.get("p256dh"), keys.get("auth"))
        return Subscription(endpoint, to, to.auth)

    def outcome(self, notification: Notification, host: str, answer: Answer) -> Delivery:
        status = answer.status
        if 200 <= status < 300:
            return Delivery.sent()
        if status in (404, 410):  # RFC 8030, 7.3
            return self.unusable(notification, f"{host} answers {status}")
        detail = f"{host} answers {status}"
        if status == 429 or status >= 500:
            return self.not_now(answer, detail)
        # 401, 403 (RFC 8292, 4.2): another key than the one subscribed with, or the clock is wrong; 400: a header; 3xx is never followed
        hint = "is private_key the one that browsers subscribe with, subject a real address, the clock right?"
        return self.ours(f"status {status}", f"{detail}: {hint}")

    async def _post(self, subscription: Subscription, collapse_key: str, plain: bytes) -> Answer:
        headers = {
            "Authorization": self.vapid.authorization(subscription.endpoint.origin),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(self._ttl)),
            "Urgency": self._urgency,
            "Topic": subscription.topic(collapse_key),
        }
        return await self.client.post(subscription.endpoint, headers, encrypt(plain, subscription.to))


def plaintexts(notification: Notification) -> Iterator[bytes]:
    """One or more, each shorter than the one before."""
    last = b""
    for size in SIZES:
        plain = fitted(lambda text: content(notification, text), notification.text if size else "", size or PLAINTEXT_BYTES_MAX)
        if plain != last:
            yield plain
        last = plain


def is_host(host: str, allowed: str) -> bool:
    """Of "name" itself, or of "*.name" anything below it."""
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
