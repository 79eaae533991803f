"""The plugin `webhook` against a receiver that checks everything."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from certificates import Tls
from driver import Driver, notification
from endpoint import Endpoint, Reply

import madang
from madang import Delivery
from madang.push.signature import BadSignature, verify
from madang.push.webhook import Webhook

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def webhook(endpoint: Endpoint, tls: Tls, **settings: Any) -> Driver:
    given = {"url": endpoint.url("/push?from=yard"), "secret": SECRET, "ca_file": str(tls.ca_file), "allow_private": True}
    return Driver(Webhook(), **(given | settings))


def test_a_notification_is_one_signed_post(endpoint: Endpoint, tls: Tls) -> None:
    with webhook(endpoint, tls) as driver:
        assert driver.one(notification(title="Team", conversation_kind="group", attempt=2)) == Delivery.sent()
    [request] = endpoint.requests
    assert (request.method, request.target) == ("POST", "/push?from=yard")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "22-77-5"
    assert verify(SECRET, request.headers, request.body) == {
        "id": "22-77-5",
        "user": {"id": "22", "username": "bob"},
        "attempt": 2,
        "conversation_id": "7301444403200001",
        "conversation_kind": "group",
        "title": "Team",
        "seq": 5,
        "message_id": "901",
        "sender": {"id": "11", "username": "alice", "display_name": "Alice"},
        "text": "Hi Bob! 안녕!",
        "badge": 3,
        "created_at": "2026-05-01T12:30:15.250Z",
    }
    with pytest.raises(BadSignature):
        verify(SECRET, request.headers, request.body.replace(b"Hi", b"Ho"))
    with pytest.raises(BadSignature):
        verify("another secret, of 24 bytes", request.headers, request.body)


def test_several_go_out_side_by_side_within_the_limit_over_kept_connections(endpoint: Endpoint, tls: Tls) -> None:
    with webhook(endpoint, tls, concurrency=4) as driver, endpoint.held_until(4):
        deliveries = driver.push([notification(id=str(n), seq=n) for n in range(20)])
        assert deliveries == [Delivery.sent()] * 20
        assert driver.push([notification(id="20")]) == [Delivery.sent()]
    assert sorted(int(request.headers["webhook-id"]) for request in endpoint.requests) == list(range(21))
    assert endpoint.waiting_max == 4
    assert endpoint.connections <= 4


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(204), Delivery.sent()),
        (Reply(429, headers={"retry-after": "17"}), Delivery.retry(17.0, "localhost answers 429")),
        (Reply(503), Delivery.retry(None, "localhost answers 503")),
        (Reply(500, headers={"retry-after": "soon"}), Delivery.retry(None, "localhost answers 500")),
        (Reply(408), Delivery.retry(None, "localhost answers 408")),
        (Reply(401), Delivery.retry(60.0, "localhost answers 401: are url and secret right?")),
        (Reply(410), Delivery.retry(60.0, "localhost answers 410: are url and secret right?")),
        (
            Reply(302, headers={"location": "https://elsewhere.example/"}),
            Delivery.retry(60.0, "localhost answers 302: are url and secret right?"),
        ),
    ],
)
def test_what_the_receiver_answers_decides(endpoint: Endpoint, tls: Tls, reply: Reply, expected: Delivery) -> None:
    endpoint.script.append(reply)
    with webhook(endpoint, tls) as driver:
        assert driver.one(notification()) == expected
    assert len(endpoint.requests) == 1


def test_a_fault_of_ours_is_logged_once_a_minute(endpoint: Endpoint, tls: Tls, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.reply = lambda request: Reply(401)
    with webhook(endpoint, tls) as driver:
        driver.push([notification()] * 5)
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["status 401: localhost answers 401: are url and secret right?"]


def test_a_long_text_is_cut_to_the_limit_and_the_rest_is_told(endpoint: Endpoint, tls: Tls) -> None:
    with webhook(endpoint, tls, body_bytes=4_096) as driver:
        assert driver.one(notification(text="한" * 100_000)) == Delivery.sent()
    [request] = endpoint.requests
    assert 4_090 < len(request.body) <= 4_096
    assert request.json()["text"].endswith("한…")
    assert request.json()["badge"] == 3


def test_nothing_secret_is_in_the_log(endpoint: Endpoint, tls: Tls, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.script.extend([Reply(200), Reply(500), Reply(act="reset")])
    with webhook(endpoint, tls) as driver:
        for _ in range(3):
            driver.one(notification())
        assert SECRET not in repr(driver.plugin)
    assert caplog.text
    for secret in (SECRET, SECRET[6:30], "v1,", "Hi Bob"):
        assert secret not in caplog.text


def test_http_is_for_inside_only(tls: Tls) -> None:
    with Endpoint(None) as plain:
        with webhook(plain, tls) as driver:
            assert driver.one(notification()) == Delivery.sent()
        with pytest.raises(madang.ConfigError, match=r"settings\.url must be of https"):
            webhook(plain, tls, allow_private=False).__enter__()


def test_the_inside_is_closed_by_default(endpoint: Endpoint, tls: Tls) -> None:
    with webhook(endpoint, tls, allow_private=False) as driver:
        delivery = driver.one(notification())
    assert delivery.kind == "retry"
    assert "no address of the public internet" in delivery.detail
    assert endpoint.connections == 0
