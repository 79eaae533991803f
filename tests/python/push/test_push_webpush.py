"""The plugin `webpush` against a push service that checks the sender, and a browser that decrypts."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import pytest
from browser import Browser, unb64, verified
from certificates import Tls
from driver import Driver, notification
from endpoint import Endpoint, Reply

from madang import Delivery
from madang.push.keys import new_elliptic_key
from madang.push.webpush import WebPush

KEY = new_elliptic_key()


def webpush(tls: Tls, **settings: Any) -> Driver:
    given = {"private_key": KEY, "subject": "mailto:ops@example.com", "ca_file": str(tls.ca_file), "allow_private": True}
    return Driver(WebPush(), **(given | settings))


def registration(browser: Browser, endpoint: Endpoint, path: str = "/wpush/v2/secret-path") -> dict[str, Any]:
    return {"provider": "webpush", **browser.subscription(endpoint.url(path))}


def test_the_browser_and_nobody_else_reads_it(endpoint: Endpoint, tls: Tls) -> None:
    browser = Browser()
    endpoint.reply = lambda request: Reply(201)
    with webpush(tls, ttl="2h", urgency="high") as driver:
        assert driver.one(notification(registration(browser, endpoint))) == Delivery.sent()
        public_key = driver.plugin.vapid.public_key  # type: ignore[attr-defined]
    [request] = endpoint.requests
    assert (request.method, request.target, request.version) == ("POST", "/wpush/v2/secret-path", "1.1")
    assert b"Bob" not in request.body
    told = json.loads(browser.decrypted(request.body))
    assert (told["text"], told["conversation_id"], told["badge"]) == ("Hi Bob! 안녕!", "7301444403200001", 3)
    assert told["sender"]["username"] == "alice"
    headers = request.headers
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "7200", "high")
    signed = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", headers["authorization"])
    assert signed is not None
    assert signed[2] == public_key
    claims = verified(signed[1], unb64(signed[2]))
    assert (claims["aud"], claims["sub"]) == (endpoint.url("").removesuffix("/"), "mailto:ops@example.com")
    assert time.time() < claims["exp"] <= time.time() + 86_400


def test_a_conversation_is_one_topic_that_tells_nothing(endpoint: Endpoint, tls: Tls) -> None:
    phone, laptop = registration(Browser(), endpoint), registration(Browser(), endpoint)
    with webpush(tls) as driver:
        for device, conversation in ((phone, "77"), (phone, "77"), (phone, "78"), (laptop, "77"), (phone, "7" * 500)):
            assert driver.one(notification(device, conversation_id=conversation)).kind == "sent"
    topics = [request.headers["topic"] for request in endpoint.requests]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", topic) for topic in topics)
    assert topics[0] == topics[1]
    assert len(set(topics)) == 4


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_has_ended_is_dropped(endpoint: Endpoint, tls: Tls, status: int) -> None:
    endpoint.script.append(Reply(status))
    with webpush(tls) as driver:
        assert driver.one(notification(registration(Browser(), endpoint))) == Delivery.gone()


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        (Reply(429, headers={"retry-after": "90"}), 90.0),
        (Reply(429), None),
        (Reply(500), None),
        (Reply(502, b"<html>"), None),
        (Reply(503, headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), 0.0),
    ],
)
def test_a_service_that_is_busy_is_asked_again(endpoint: Endpoint, tls: Tls, reply: Reply, after: float | None) -> None:
    endpoint.script.append(reply)
    with webpush(tls) as driver:
        assert driver.one(notification(registration(Browser(), endpoint))) == Delivery.retry(after, f"localhost answers {reply.status}")


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 405])
def test_what_may_be_our_fault_costs_no_registration(endpoint: Endpoint, tls: Tls, status: int, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.script.append(Reply(status, headers={"location": endpoint.url("/other")}))
    with webpush(tls) as driver:
        delivery = driver.one(notification(registration(Browser(), endpoint)))
    assert (delivery.kind, delivery.after) == ("retry", 60.0)
    assert len(endpoint.requests) == 1
    assert "private_key" in [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR][0]


def test_what_is_too_large_is_made_smaller(endpoint: Endpoint, tls: Tls) -> None:
    browser = Browser()
    endpoint.reply = lambda request: Reply(413 if len(request.body) > 1_000 else 201)
    with webpush(tls) as driver:
        long, short = notification(registration(browser, endpoint), text="안녕 " * 30_000), notification(registration(browser, endpoint))
        assert driver.one(long) == Delivery.sent()
        assert [len(request.body) for request in endpoint.requests[:2]] == [pytest.approx(4_094, abs=2), pytest.approx(2_097, abs=4)]
        texts = [json.loads(browser.decrypted(request.body))["text"] for request in endpoint.requests]
        assert texts[0].startswith(texts[1].removesuffix("…"))
        assert texts[2] == ""
        endpoint.requests.clear()
        endpoint.reply = lambda request: Reply(413)
        assert driver.one(short).kind == "retry"
    assert [json.loads(browser.decrypted(request.body))["text"] for request in endpoint.requests] == ["Hi Bob! 안녕!", ""]


@pytest.mark.parametrize(
    "broken",
    [
        {"endpoint": None},
        {"endpoint": 5},
        {"endpoint": "http://localhost:1/"},
        {"endpoint": "https://user@localhost/"},
        {"endpoint": "https://local host/"},
        {"endpoint": "https://localhost/\ud800"},
        {"keys": None},
        {"keys": []},
        {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"keys": {"p256dh": {"a": 1}, "auth": None}},
    ],
)
def test_a_registration_that_is_none_is_dropped_unseen(endpoint: Endpoint, tls: Tls, broken: dict[str, Any]) -> None:
    with webpush(tls) as driver:
        assert driver.one(notification(registration(Browser(), endpoint) | broken)) == Delivery.gone()
        assert driver.one(notification(None)) == Delivery.gone()
    assert endpoint.requests == []


def test_ports_and_hosts_are_limited(endpoint: Endpoint, tls: Tls) -> None:
    browser = Browser()
    at = {host: notification(browser.subscription(f"https://{host}/x")) for host in ("localhost:22", "evil.example", "push.example.com")}
    with webpush(tls, allow_private=False, hosts=["*.example.com", "localhost"]) as driver:
        assert driver.push([at["localhost:22"], at["evil.example"]]) == [Delivery.gone()] * 2
        assert driver.plugin.subscription(at["push.example.com"].registration).endpoint.host == "push.example.com"  # type: ignore[attr-defined]
    with webpush(tls, allow_private=False, ports=[22]) as driver:
        assert "no address of the public internet" in driver.one(at["localhost:22"]).detail


def test_the_inside_cant_be_reached_by_registering_it(endpoint: Endpoint, tls: Tls) -> None:
    registrations = [registration(Browser(), endpoint), Browser().subscription(f"https://127.0.0.1:{endpoint.port}/")]
    with webpush(tls, allow_private=False, ports=[endpoint.port]) as driver:
        deliveries = driver.push([notification(each) for each in registrations])
    assert [delivery.kind for delivery in deliveries] == ["retry", "retry"]
    assert endpoint.connections == 0


def test_a_bad_one_among_many_holds_up_nobody(endpoint: Endpoint, tls: Tls) -> None:
    browser = Browser()
    replies = {"/never": Reply(act="never"), "/reset": Reply(act="reset"), "/garbage": Reply(act="garbage"), "/gone": Reply(410)}
    endpoint.reply = lambda request: replies.get(request.target, Reply(201))
    paths = ["/never", "/a", "/gone", "/b"] * 5
    with webpush(tls, timeout=2, concurrency=64) as driver:
        deliveries = driver.push([notification(registration(browser, endpoint, path), id=f"{n}") for n, path in enumerate(paths)])
        assert [delivery.kind for delivery in deliveries] == ["retry", "sent", "gone", "sent"] * 5
        assert deliveries[0].detail == "localhost: no answer within 2 s"
        for path in ("/reset", "/garbage"):
            assert driver.one(notification(registration(browser, endpoint, path))).kind == "retry"
            assert driver.one(notification(registration(browser, endpoint))).kind == "sent"


def test_nothing_secret_is_in_the_log(endpoint: Endpoint, tls: Tls, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = Browser()
    mine = registration(browser, endpoint)
    endpoint.script.extend([Reply(201), Reply(403), Reply(410), Reply(act="garbage")])
    with webpush(tls) as driver:
        for _ in range(4):
            driver.one(notification(mine))
        driver.one(notification(mine | {"endpoint": "https://localhost/secret-path\n"}))
        driver.one(notification(mine | {"keys": {"p256dh": mine["keys"]["p256dh"] + "x", "auth": mine["keys"]["auth"]}}))
    authorization = endpoint.requests[0].headers["authorization"]
    assert caplog.text
    for secret in (KEY, "secret-path", mine["keys"]["auth"], mine["keys"]["p256dh"], "Hi Bob", authorization[8:60]):
        assert secret not in caplog.text
