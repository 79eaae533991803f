"""The plugin `fcm` against a service that gives out access tokens and answers as Google's pages say."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from browser import claims_of, verified
from certificates import Tls
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from driver import Driver, notification
from endpoint import Endpoint, Reply, Request, json_reply

import madang
from madang import Delivery
from madang.push.fcm import MESSAGE_BYTES_MAX, Fcm

KEY = rsa.generate_private_key(65_537, 2_048)
PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
TOKEN = "cZ3:APA91bH-device_token"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class Google:
    """Its two services behind one endpoint: `token` and `send` are what they answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.given = 0
        self.token = Reply(0)
        self.sends: list[Request] = []
        self.asked: list[Request] = []
        self.send: list[Reply] = []
        endpoint.reply = self.answer

    def answer(self, request: Request) -> Reply:
        if request.target == "/token":
            self.asked.append(request)
            self.given += 1
            return self.token if self.token.status else json_reply(200, {"access_token": f"access-{self.given}", "expires_in": 3_599})
        self.sends.append(request)
        return self.send.pop(0) if self.send else json_reply(200, {"name": "projects/yard/messages/1"})

    def account(self, **changes: Any) -> dict[str, Any]:
        values = {
            "type": "service_account",
            "project_id": "yard",
            "private_key_id": "key-7",
            "private_key": PEM,
            "client_email": "push@yard.iam.gserviceaccount.com",
            "token_uri": self.endpoint.url("/token"),
        }
        return values | changes


@pytest.fixture
def google(endpoint: Endpoint) -> Google:
    return Google(endpoint)


def fcm(google: Google, tls: Tls, **settings: Any) -> Driver:
    given = {"service_account": google.account(), "url": google.endpoint.url(), "ca_file": str(tls.ca_file), "allow_private": True}
    return Driver(Fcm(), **(given | settings))


def registered(**changes: Any) -> madang.Notification:
    return notification({"provider": "fcm", "token": TOKEN}, **changes)


def fault(status: int, word: str, code: str = "", message: str = "said", details: list[Any] | None = None, **headers: str) -> Reply:
    given = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
    error = {"code": status, "message": message, "status": word, "details": given if details is None else details}
    return json_reply(status, {"error": error}, **headers)


def test_a_notification_is_shown_and_collapses_by_conversation(google: Google, tls: Tls) -> None:
    with fcm(google, tls, ttl="2h") as driver:
        assert driver.one(registered(title="Team", conversation_kind="group")) == Delivery.sent()
    [request] = google.sends
    assert (request.method, request.target) == ("POST", "/v1/projects/yard/messages:send")
    assert request.headers["authorization"] == "Bearer access-1"
    message = request.json()["message"]
    conversation = "7301444403200001"
    assert message["token"] == TOKEN
    assert message["notification"] == {"title": "Alice · Team", "body": "Hi Bob! 안녕!"}
    assert message["data"]["conversation_id"] == conversation
    assert all(isinstance(value, str) for value in message["data"].values())
    assert message["android"] == {
        "collapse_key": conversation,
        "priority": "HIGH",
        "ttl": "7200s",
        "notification": {"tag": conversation, "notification_count": 3},
    }
    assert message["apns"]["headers"] == {"apns-collapse-id": conversation}
    assert message["apns"]["payload"]["aps"]["badge"] == 3


def test_the_access_token_is_asked_for_once_with_a_signed_assertion(google: Google, tls: Tls) -> None:
    with fcm(google, tls) as driver, google.endpoint.held_until(1):
        assert driver.push([registered(id=str(n)) for n in range(10)]) == [Delivery.sent()] * 10
        assert driver.one(registered()) == Delivery.sent()
    [asked] = google.asked
    form = parse_qs(asked.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    [assertion] = form["assertion"]
    claims = verified(assertion, KEY.public_key())
    assert claims_of(assertion, 0) == {"alg": "RS256", "typ": "JWT", "kid": "key-7"}
    assert (claims["iss"], claims["aud"]) == ("push@yard.iam.gserviceaccount.com", google.endpoint.url("/token"))
    assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
    assert claims["iat"] <= time.time()
    assert claims["exp"] == claims["iat"] + 3_600
    assert {request.headers["authorization"] for request in google.sends} == {"Bearer access-1"}


def test_a_token_near_its_end_is_renewed(google: Google, tls: Tls) -> None:
    google.token = json_reply(200, {"access_token": "short", "expires_in": 299})
    with fcm(google, tls) as driver:
        driver.one(registered())
        google.token = Reply(0)
        driver.one(registered())
        driver.one(registered())
    assert [request.headers["authorization"] for request in google.sends] == ["Bearer short", "Bearer access-2", "Bearer access-2"]


def test_a_token_that_is_refused_is_renewed_once(google: Google, tls: Tls) -> None:
    with fcm(google, tls) as driver:
        google.send = [fault(401, "UNAUTHENTICATED")]
        assert driver.one(registered()) == Delivery.sent()
        assert google.given == 2
        google.send = [fault(401, "UNAUTHENTICATED")] * 2
        assert driver.one(registered()) == Delivery.retry(60.0, "localhost answers 401 UNAUTHENTICATED: said")
        assert len(google.sends) == 4
        google.send = [fault(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")]
        assert driver.one(registered()).after == 60.0
        assert len(google.sends) == 5


BAD_TOKEN = "The registration token is not a valid FCM registration token"


@pytest.mark.parametrize(
    "reply",
    [
        fault(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
        fault(404, "NOT_FOUND"),
        fault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", BAD_TOKEN),
        fault(
            400,
            "INVALID_ARGUMENT",
            details=[{"@type": BAD_REQUEST, "fieldViolations": [{"field": "message.token", "description": "Invalid"}]}],
        ),
    ],
)
def test_a_token_that_is_no_more_is_dropped(google: Google, tls: Tls, reply: Reply) -> None:
    google.send = [reply]
    with fcm(google, tls) as driver:
        assert driver.one(registered()) == Delivery.gone()


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        (fault(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", retry_after="30"), 30.0),
        (fault(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), 60.0),
        (fault(503, "UNAVAILABLE", "UNAVAILABLE", retry_after="10"), 10.0),
        (fault(503, "UNAVAILABLE", "UNAVAILABLE"), None),
        (fault(500, "INTERNAL", "INTERNAL"), None),
        (Reply(502, b"<html>bad gateway</html>"), None),
    ],
)
def test_a_service_that_is_busy_is_asked_again(google: Google, tls: Tls, reply: Reply, after: float | None) -> None:
    google.send = [reply]
    with fcm(google, tls) as driver:
        delivery = driver.one(registered())
    assert (delivery.kind, delivery.after) == ("retry", after)


@pytest.mark.parametrize(
    "reply",
    [
        fault(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
        fault(403, "PERMISSION_DENIED"),
        fault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Message too big"),
        fault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", f"{BAD_TOKEN}, but", [{"fieldViolations": [{"field": "message.android.ttl"}]}]),
        Reply(404, b"<html>not found</html>"),
        Reply(400, b'{"error": "text"}'),
        Reply(400, b'{"error": {"status": "INVALID_ARGUMENT", "details": {"fieldViolations": 3}}}'),
        Reply(400, b'{"error": {"status": 5, "message": null, "details": [{"errorCode": 7, "fieldViolations": [4]}, 9]}}'),
        Reply(308),
    ],
)
def test_what_may_be_our_fault_costs_no_registration(google: Google, tls: Tls, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    google.send = [reply]
    with fcm(google, tls) as driver:
        delivery = driver.one(registered())
    assert (delivery.kind, delivery.after) == ("retry", 60.0)
    assert [record for record in caplog.records if record.levelno == logging.ERROR]


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        (json_reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}), 60.0),
        (json_reply(200, {"access_token": 7}), 60.0),
        (json_reply(200, {"access_token": "two\nlines"}), 60.0),
        (json_reply(200, {"access_token": "x", "expires_in": "soon"}), 60.0),
        (Reply(200, b"<html>"), 60.0),
        (json_reply(503, {}, retry_after="7"), 7.0),
        (Reply(429), None),
        (Reply(act="reset", status=1), None),
    ],
)
def test_without_an_access_token_nothing_is_sent(google: Google, tls: Tls, reply: Reply, after: float | None) -> None:
    google.token = reply
    with fcm(google, tls) as driver:
        delivery = driver.one(registered())
    assert (delivery.kind, delivery.after) == ("retry", after)
    assert google.sends == []


def test_a_long_text_is_cut_to_the_limit(google: Google, tls: Tls) -> None:
    with fcm(google, tls) as driver:
        assert driver.one(registered(text='한"\\' * 30_000)) == Delivery.sent()
    message = google.sends[0].json()["message"]
    assert message.pop("token") == TOKEN
    size = len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())
    assert MESSAGE_BYTES_MAX - 12 < size <= MESSAGE_BYTES_MAX
    assert message["notification"]["body"].endswith("…")


def test_the_text_can_be_hidden(google: Google, tls: Tls) -> None:
    with fcm(google, tls, hidden_text="New message") as driver:
        driver.one(registered())
    assert google.sends[0].json()["message"]["notification"]["body"] == "New message"
    assert b"Hi Bob" not in google.sends[0].body


@pytest.mark.parametrize("token", [None, 5, "", "a b", "a\nb", "ü", "\ud800", "x" * 5_000, ["x"]])
def test_a_registration_that_is_none_is_dropped_unseen(google: Google, tls: Tls, token: object) -> None:
    with fcm(google, tls) as driver:
        assert driver.one(notification({"token": token})) == Delivery.gone()
        assert driver.one(notification(None)) == Delivery.gone()
    assert google.endpoint.requests == []


def test_the_account_may_be_a_file(google: Google, tls: Tls, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text(json.dumps(google.account()))
    with fcm(google, tls) as driver:
        driver.plugin.settings = {k: v for k, v in driver.plugin.settings.items() if k != "service_account"} | {
            "service_account_file": str(path)
        }
        driver.plugin.setup()
        assert driver.one(registered()) == Delivery.sent()


def test_nothing_secret_is_in_the_log(google: Google, tls: Tls, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    google.send = [json_reply(200, {}), fault(404, "NOT_FOUND"), fault(403, "PERMISSION_DENIED"), Reply(act="garbage")]
    with fcm(google, tls) as driver:
        for _ in range(4):
            driver.one(registered())
    assert caplog.text
    for secret in (PEM[40:80], "access-1", TOKEN, "Hi Bob", parse_qs(google.asked[0].body.decode())["assertion"][0][:50]):
        assert secret not in caplog.text
