"""Firebase Cloud Messaging, HTTP v1.

    [[plugins]]
    use = "fcm"
    settings = { service_account_file = "service-account.json" }

A device registers `{"provider": "fcm", "token": "…"}`. It is shown a notification with the sender and the text; the application gets the
ids as `data`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins import Delivery
from madang.push.answer import in_brief
from madang.push.oauth import AccessTokens, NoToken, service_account
from madang.push.payload import fitted, headline
from madang.push.provider import Provider
from madang.push.settings import content as content_of
from madang.push.settings import wrong
from madang.push.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from madang.plugins import Notification
    from madang.push.answer import Answer
    from madang.push.settings import Settings

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
SERVICE = "https://fcm.googleapis.com"
MESSAGE_BYTES_MAX = 4_096  # Google counts keys and values of the payload; here the whole message but the token is within it
TOKEN_CHARS_MAX = 4_096
TTL_S_MAX = 28 * 86_400.0
QUOTA_AFTER_S = 60.0  # by Google's page on errors, where a 429 has no Retry-After


class Fcm(Provider):
    """Settings:

    service_account_file: the JSON file of Google's console; or service_account, a table with the same members.
    ttl: how long the service keeps a notification for a device that is away, "28d" at most, "1d".
    priority: high or normal, "high".
    hidden_text: what is shown instead of the text, which Google could read; by default the text itself.
    url: of the service, "https://fcm.googleapis.com".
    allow_private, timeout, concurrency, ca_file: see python/madang/push/README.md.
    """

    name = "fcm"
    providers: ClassVar[tuple[str, ...]] = ("fcm",)
    known: ClassVar[tuple[str, ...]] = ("service_account", "service_account_file", "ttl", "priority", "hidden_text", "url")

    def configure(self, settings: Settings) -> None:
        try:
            account = service_account(account_values(settings))
        except ValueError as error:
            raise wrong("service_account", str(error)) from None
        service = settings.url("url", SERVICE)
        self._tokens = AccessTokens(account, SCOPE)
        self._url = parse_url(f"{service.origin}/v1/projects/{account.project}/messages:send")
        self._ttl = f"{int(settings.seconds('ttl', '1d', 0, TTL_S_MAX))}s"
        self._priority = settings.choice("priority", "high", ("high", "normal")).upper()
        self._hidden_text = settings.text("hidden_text", "")

    async def deliver(self, notification: Notification) -> Delivery:
        token = (notification.registration or {}).get("token")
        if not isinstance(token, str) or not is_token(token):
            return self.unusable(notification, "it has no token of FCM's")
        message = fitted(lambda text: self.message(notification, text), self._hidden_text or notification.text, MESSAGE_BYTES_MAX)
        body = b'{"message":{"token":' + json.dumps(token).encode() + b"," + message.removeprefix(b"{") + b"}"
        try:
            answer = await self._post(body)
        except NoToken as error:
            if error.answer.status == 429 or error.answer.status >= 500:
                return self.not_now(error.answer, str(error))
            return self.ours("no access token", str(error))
        return self.outcome(notification, answer)

    def message(self, notification: Notification, text: str) -> dict[str, Any]:
        """But for its token."""
        key, unread = notification.collapse_key, notification.badge
        return {
            "notification": {"title": headline(notification), "body": text},
            "data": {
                "id": notification.id,
                "conversation_id": notification.conversation_id,
                "conversation_kind": notification.conversation_kind,
                "seq": str(notification.seq),
                "message_id": notification.message_id,
                "sender_id": notification.sender.id,
                "badge": str(unread),
            },
            "android": {
                "collapse_key": key,
                "priority": self._priority,
                "ttl": self._ttl,
                "notification": {"tag": key, "notification_count": unread},
            },
            "apns": {"headers": {"apns-collapse-id": key}, "payload": {"aps": {"badge": unread, "sound": "default", "thread-id": key}}},
        }

    def outcome(self, notification: Notification, answer: Answer) -> Delivery:
        if answer.status == 200:
            return Delivery.sent()
        status, code, said = fault(answer)
        detail = f"{self._url.host} answers {answer.status} {code or status}: {said}"
        if code == "UNREGISTERED" or (answer.status == 404 and status == "NOT_FOUND") or names_token(answer):
            return self.unusable(notification, detail)
        if answer.status == 429 or code == "QUOTA_EXCEEDED":
            return self.not_now(answer, detail, QUOTA_AFTER_S)
        if answer.status >= 500:
            return self.not_now(answer, detail)
        # SENDER_ID_MISMATCH, THIRD_PARTY_AUTH_ERROR, INVALID_ARGUMENT of anything but the token, no right to send: the project's settings
        return self.ours(code or f"status {answer.status}", detail)

    async def _post(self, body: bytes) -> Answer:
        """With a new access token where the old one is refused."""
        for last in (False, True):
            access = await self._tokens.get(self.client)
            headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json; charset=utf-8"}
            answer = await self.client.post(self._url, headers, body)
            if last or answer.status != 401 or fault(answer)[1] == "THIRD_PARTY_AUTH_ERROR":
                break
            self._tokens.drop(access)
        return answer


def account_values(settings: Settings) -> Mapping[str, Any]:
    inline, path = settings.table("service_account"), settings.path("service_account_file")
    if (inline is None) == (path is None):
        raise wrong("service_account_file", "or service_account must be given, and not both")
    if inline is not None:
        return inline
    assert path is not None
    try:
        values = json.loads(content_of(path, "service_account_file"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise wrong("service_account_file", f"{path.absolute()} is no JSON file of a service account")
    return values


def is_token(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_:.-]+", text) is not None and len(text) <= TOKEN_CHARS_MAX


def fault(answer: Answer) -> tuple[str, str, str]:
    """Status of google.rpc, code of FCM, text; each may be empty."""
    error = answer.json().get("error")
    if not isinstance(error, dict):
        return "", "", ""
    codes = [each["errorCode"] for each in details(error) if isinstance(each.get("errorCode"), str)]
    return in_brief(str(error.get("status", "")), 40), in_brief(codes[0], 40) if codes else "", in_brief(str(error.get("message", "")))


def names_token(answer: Answer) -> bool:
    """Whether an INVALID_ARGUMENT is about the registration's token: by its field, or, where none is named, by FCM's own text."""
    error = answer.json().get("error")
    if answer.status != 400 or not isinstance(error, dict) or error.get("status") != "INVALID_ARGUMENT":
        return False
    violations = [each for detail in details(error) for each in detail.get("fieldViolations") or () if isinstance(each, dict)]
    if violations:
        return any(each.get("field") == "message.token" for each in violations)
    return "registration token" in str(error.get("message", ""))


def details(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = error.get("details")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
