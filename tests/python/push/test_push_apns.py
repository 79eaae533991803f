"""The plugin `apns` against a service that speaks HTTP/2 only, checks the provider's token and answers by Apple's table."""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import Any

import pytest
from browser import claims_of, verified
from certificates import Tls, make_tls, pem
from cryptography.hazmat.primitives.asymmetric import ec
from driver import Driver, notification
from endpoint import Endpoint, Reply, json_reply

import madang
from madang import Delivery
from madang.push.apns import PAYLOAD_BYTES_MAX, Apns, ProviderToken
from madang.push.keys import EllipticKey

KEY = pem(ec.generate_private_key(ec.SECP256R1())).decode()
TOKEN = "0A" * 32


def apns(endpoint: Endpoint, tls: Tls, **settings: Any) -> Driver:
    given = {"key": KEY, "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "com.example.chat"}
    given |= {"url": endpoint.url(), "ca_file": str(tls.ca_file)}
    return Driver(Apns(), **(given | {"allow_private": True} | settings))


def registered(**changes: Any) -> madang.Notification:
    return notification({"provider": "apns", "token": TOKEN}, **changes)


def fault(status: int, reason: str, **headers: str) -> Reply:
    return json_reply(status, {"reason": reason}, **headers)


def claims(authorization: str) -> dict[str, Any]:
    scheme, _, token = authorization.partition(" ")
    assert scheme == "bearer"
    assert claims_of(token, 0) == {"alg": "ES256", "kid": "ABC123DEFG"}
    return verified(token, EllipticKey(KEY).public_point)


def test_a_notification_is_an_alert_with_badge_and_collapse_id(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls, ttl="1h") as driver:
        assert driver.one(registered(title="Team", conversation_kind="group")) == Delivery.sent()
        assert driver.one(registered(attempt=2)) == Delivery.sent()
    first, second = endpoint.requests
    assert (first.method, first.target, first.version) == ("POST", f"/3/device/{TOKEN.lower()}", "2")
    assert first.json() == {
        "aps": {
            "alert": {"title": "Team", "subtitle": "Alice", "body": "Hi Bob! 안녕!"},
            "badge": 3,
            "sound": "default",
            "thread-id": "7301444403200001",
            "mutable-content": 1,
        },
        "id": "22-77-5",
        "conversation_id": "7301444403200001",
        "conversation_kind": "group",
        "seq": 5,
        "message_id": "901",
        "sender_id": "11",
    }
    assert second.json()["aps"]["alert"] == {"title": "Alice", "body": "Hi Bob! 안녕!"}
    headers = first.headers
    assert (headers["apns-topic"], headers["apns-push-type"], headers["apns-priority"]) == ("com.example.chat", "alert", "10")
    assert headers["apns-collapse-id"] == "7301444403200001"
    assert uuid.UUID(headers["apns-id"])
    assert headers["apns-id"] == second.headers["apns-id"]
    assert abs(int(headers["apns-expiration"]) - time.time() - 3_600) < 60
    told = claims(headers["authorization"])
    assert told["iss"] == "DEF123GHIJ"
    assert abs(told["iat"] - time.time()) < 60
    assert headers["authorization"] == second.headers["authorization"]
    assert endpoint.connections == 1


def test_many_share_one_connection(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls, concurrency=8) as driver, endpoint.held_until(8):
        assert driver.push([registered(id=str(n)) for n in range(40)]) == [Delivery.sent()] * 40
    assert endpoint.connections == 1
    assert endpoint.waiting_max == 8


@pytest.mark.parametrize(
    ("status", "reason"), [(410, "Unregistered"), (410, "ExpiredToken"), (400, "BadDeviceToken"), (400, "MissingDeviceToken"), (410, "new")]
)
def test_a_device_that_is_no_more_is_dropped(endpoint: Endpoint, tls: Tls, status: int, reason: str) -> None:
    endpoint.script.append(fault(status, reason))
    with apns(endpoint, tls) as driver:
        assert driver.one(registered()) == Delivery.gone()


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        (fault(429, "TooManyRequests", retry_after="20"), 20.0),
        (fault(429, "TooManyRequests"), None),
        (fault(429, "TooManyProviderTokenUpdates"), None),
        (fault(500, "InternalServerError"), None),
        (fault(503, "ServiceUnavailable"), None),
        (fault(503, "Shutdown"), None),
        (fault(400, "IdleTimeout"), None),
        (Reply(502), None),
    ],
)
def test_a_service_that_is_busy_is_asked_again(endpoint: Endpoint, tls: Tls, reply: Reply, after: float | None) -> None:
    endpoint.script.append(reply)
    with apns(endpoint, tls) as driver:
        delivery = driver.one(registered())
    assert (delivery.kind, delivery.after) == ("retry", after)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *(
            (400, reason)
            for reason in ("BadTopic", "DeviceTokenNotForTopic", "TopicDisallowed", "MissingTopic", "BadCollapseId", "InvalidPushType")
        ),
        *((403, reason) for reason in ("InvalidProviderToken", "BadEnvironmentKeyIdInToken", "Forbidden", "MissingProviderToken")),
        *((404, "BadPath"), (405, "MethodNotAllowed"), (413, "PayloadTooLarge"), (400, "")),
    ],
)
def test_what_may_be_our_fault_costs_no_registration(
    endpoint: Endpoint, tls: Tls, status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.script.append(fault(status, reason) if reason else Reply(status, b"nonsense"))
    with apns(endpoint, tls) as driver:
        delivery = driver.one(registered())
    assert delivery == Delivery.retry(60.0, f"localhost answers {status} {reason}")
    assert len(endpoint.requests) == 1
    assert [record for record in caplog.records if record.levelno == logging.ERROR]


def test_an_expired_provider_token_is_made_anew_and_not_again_at_once(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls) as driver:
        driver.one(registered())
        endpoint.script.append(fault(403, "ExpiredProviderToken"))
        assert driver.one(registered()) == Delivery.sent()
        endpoint.script.append(fault(403, "ExpiredProviderToken"))
        assert driver.one(registered()).after == 60.0
    tokens = [request.headers["authorization"] for request in endpoint.requests]
    assert len(tokens) == 4
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]


def test_a_provider_token_lives_between_twenty_minutes_and_an_hour() -> None:
    now = [1_000_000.0]
    token = ProviderToken(EllipticKey(KEY), "ABC123DEFG", "DEF123GHIJ", lambda: now[0])
    first = token.get()
    now[0] += 2_399
    assert token.get() == first
    now[0] += 2
    second = token.get()
    assert second != first
    assert token.renew()
    third = token.get()
    now[0] += 1_199
    assert not token.renew()
    assert token.get() == third
    now[0] += 2
    assert token.renew()
    now[0] -= 500_000  # the clock was set back
    assert claims("bearer " + token.get())["iat"] == int(now[0])


def test_a_connection_that_breaks_is_made_anew(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls, timeout=2) as driver:
        for act in ("reset", "garbage", "never"):
            endpoint.script.append(Reply(act=act))
            assert driver.one(registered()).kind == "retry"
            assert driver.one(registered()) == Delivery.sent()


def test_a_service_without_http2_isnt_spoken_to(tls: Tls, tmp_path: Any) -> None:
    old = make_tls(tmp_path, ("http/1.1",))
    with Endpoint(old.server) as endpoint, apns(endpoint, old, timeout=2) as driver:
        assert driver.one(registered()).kind == "retry"
        assert "POST" not in {request.method for request in endpoint.requests}


def test_a_long_text_is_cut_to_the_limit_and_long_keys_too(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls, sound="") as driver:
        assert driver.one(registered(text="👩‍👩‍👧‍👦" * 10_000, conversation_id="9" * 100)) == Delivery.sent()
    [request] = endpoint.requests
    assert PAYLOAD_BYTES_MAX - 40 < len(request.body) <= PAYLOAD_BYTES_MAX
    assert "sound" not in request.json()["aps"]
    assert request.json()["aps"]["alert"]["body"].endswith("👦…")
    assert request.headers["apns-collapse-id"] == "9" * 64


def test_the_text_can_be_hidden_and_kept_by_nobody(endpoint: Endpoint, tls: Tls) -> None:
    with apns(endpoint, tls, hidden_text="New message", ttl=0) as driver:
        driver.one(registered())
    [request] = endpoint.requests
    assert request.json()["aps"]["alert"]["body"] == "New message"
    assert request.headers["apns-expiration"] == "0"


@pytest.mark.parametrize("token", [None, 5, "", "zz" * 32, "0a" * 7, "0" * 65, "0a" * 101, "../../x", "\ud800", TOKEN + "\n"])
def test_a_registration_that_is_none_is_dropped_unseen(endpoint: Endpoint, tls: Tls, token: object) -> None:
    with apns(endpoint, tls) as driver:
        assert driver.one(notification({"token": token})) == Delivery.gone()
        assert driver.one(notification(None)) == Delivery.gone()
    assert endpoint.requests == []


def test_nothing_secret_is_in_the_log(endpoint: Endpoint, tls: Tls, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.script.extend([Reply(200), fault(410, "Unregistered"), fault(403, "InvalidProviderToken"), Reply(act="garbage")])
    with apns(endpoint, tls) as driver:
        for _ in range(4):
            driver.one(registered())
    token = endpoint.requests[0].headers["authorization"]
    assert caplog.text
    for secret in (KEY[40:80], TOKEN, TOKEN.lower(), "Hi Bob", token[7:60], json.dumps(token)[-40:-5]):
        assert secret not in caplog.text
