"""Apple Push Notification service: HTTP/2, with a provider's token.

    [[plugins]]
    use = "apns"
    settings = { key_file = "AuthKey_ABC123DEFG.p8", key_id = "ABC123DEFG", team_id = "DEF123GHIJ", topic = "com.example.chat" }

A device registers `{"provider": "apns", "token": "…"}`, the device token in hex."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins import Delivery
from madang.push.answer import in_brief
from madang.push.http2 import Http2
from madang.push.keys import EllipticKey, json_web_token
from madang.push.payload import fitted
from madang.push.provider import Provider
from madang.push.text import cut_to
from madang.push.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.plugins import Notification
    from madang.push.answer import Answer
    from madang.push.settings import Settings

SERVICES = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}
PAYLOAD_BYTES_MAX = 4_096
COLLAPSE_BYTES_MAX = 64
NAME_CHARS = 100
TTL_S_MAX = 30 * 86_400.0
TOKEN_S = 2_400.0  # Apple takes a token for an hour and wants none twice within 20 minutes
TOKEN_S_MIN = 1_200.0
ID_SPACE = uuid.UUID("6d616461-6e67-5075-8073-000000000000")  # "apns-id" is the same at each attempt

# By Apple's table of reasons. What isn't in it is judged by its status.
GONE = {"BadDeviceToken", "ExpiredToken", "MissingDeviceToken", "Unregistered"}
BUSY = {"IdleTimeout", "InternalServerError", "ServiceUnavailable", "Shutdown", "TooManyProviderTokenUpdates", "TooManyRequests"}


class Apns(Provider):
    """Settings:

    key, key_file: the .p8 of Apple's developer account; key_id and team_id: its names there, ten characters each.
    topic: the application's bundle id.
    environment: production or sandbox, "production".
    ttl: how long the service keeps a notification for a device that is away, "1d"; 0 = not at all.
    sound: "default"; empty = none.
    hidden_text: what is shown instead of the text, which Apple could read; by default the text itself.
    url: of another service than that of the environment.
    allow_private, timeout, concurrency, ca_file: see python/madang/push/README.md.
    """

    name = "apns"
    providers: ClassVar[tuple[str, ...]] = ("apns",)
    known: ClassVar[tuple[str, ...]] = (
        "key",
        "key_file",
        "key_id",
        "team_id",
        "topic",
        "environment",
        "ttl",
        "sound",
        "hidden_text",
        "url",
    )
    http = Http2

    def configure(self, settings: Settings) -> None:
        key = settings.secret("key", EllipticKey)
        ten = {"pattern": r"[A-Z0-9]{10}", "shape": "ten capital letters and digits"}
        self.token = ProviderToken(key, settings.text("key_id", **ten), settings.text("team_id", **ten))
        self._topic = settings.text("topic", pattern=r"[A-Za-z0-9.-]{1,255}", shape="a bundle id")
        environment = settings.choice("environment", "production", tuple(SERVICES))
        self._service = settings.url("url", SERVICES[environment])
        self._ttl = settings.seconds("ttl", "1d", 0, TTL_S_MAX)
        self._sound = settings.text("sound", "default", pattern=r".{0,100}")
        self._hidden_text = settings.text("hidden_text", "")

    async def deliver(self, notification: Notification) -> Delivery:
        device = (notification.registration or {}).get("token")
        if not isinstance(device, str) or re.fullmatch(r"(?:[0-9A-Fa-f]{2}){8,100}", device) is None:
            return self.unusable(notification, "it has no device token (hex)")
        body = fitted(lambda text: self.payload(notification, text), self._hidden_text or notification.text, PAYLOAD_BYTES_MAX)
        url = Url(self._service.scheme, self._service.host, self._service.port, f"/3/device/{device.lower()}")
        answer = await self.client.post(url, self._headers(notification), body)
        if reason_of(answer) == "ExpiredProviderToken" and self.token.renew():
            answer = await self.client.post(url, self._headers(notification), body)
        return self.outcome(notification, answer)

    def payload(self, notification: Notification, text: str) -> dict[str, Any]:
        alert = {"title": cut_to(notification.sender.name, NAME_CHARS), "body": text}
        if notification.title:
            alert |= {"title": cut_to(notification.title, NAME_CHARS), "subtitle": alert["title"]}
        aps: dict[str, Any] = {"alert": alert, "badge": notification.badge, "thread-id": notification.collapse_key, "mutable-content": 1}
        if self._sound:
            aps["sound"] = self._sound
        return {
            "aps": aps,
            "id": notification.id,
            "conversation_id": notification.conversation_id,
            "conversation_kind": notification.conversation_kind,
            "seq": notification.seq,
            "message_id": notification.message_id,
            "sender_id": notification.sender.id,
        }

    def outcome(self, notification: Notification, answer: Answer) -> Delivery:
        if answer.status == 200:
            return Delivery.sent()
        reason = reason_of(answer)
        detail = f"{self._service.host} answers {answer.status} {reason}"
        if reason in GONE or answer.status == 410:
            return self.unusable(notification, detail)
        if reason in BUSY or answer.status == 429 or answer.status >= 500:
            return self.not_now(answer, detail)
        # keys, topic, environment, clock
        return self.ours(reason or f"status {answer.status}", detail)

    def _headers(self, notification: Notification) -> dict[str, str]:
        return {
            "authorization": f"bearer {self.token.get()}",
            "apns-topic": self._topic,
            "apns-push-type": "alert",
            "apns-priority": "10",
            "apns-expiration": str(int(time.time() + self._ttl) if self._ttl else 0),
            "apns-collapse-id": notification.collapse_key[:COLLAPSE_BYTES_MAX],
            "apns-id": str(uuid.uuid5(ID_SPACE, notification.id)),
            "content-type": "application/json",
        }


class ProviderToken:
    """Who this server is. Its loop only."""

    def __init__(self, key: EllipticKey, key_id: str, team_id: str, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._key_id = key_id
        self._team_id = team_id
        self._now = now
        self._token = ""
        self._made = 0.0
        self._renewed = -TOKEN_S_MIN

    def get(self) -> str:
        if not self._token or not 0 <= self._now() - self._made < TOKEN_S:
            self._make()
        return self._token

    def renew(self) -> bool:
        """Apple finds it expired. False: it was made anew for that reason not long ago already, so it is the clock that is wrong."""
        now = self._now()
        if 0 <= now - self._renewed < TOKEN_S_MIN:
            return False
        self._renewed = now
        self._make()
        return True

    def _make(self) -> None:
        self._made = self._now()
        self._token = json_web_token(self._key, {"iss": self._team_id, "iat": int(self._made)}, kid=self._key_id)


def reason_of(answer: Answer) -> str:
    return in_brief(str(answer.json().get("reason", "")), 40)
