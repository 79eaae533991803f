"""What is wrong with a plugin's settings is said before the server starts, without any secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from driver import Driver, notification

import madang
from madang.push import provider
from madang.push.apns import Apns
from madang.push.fcm import Fcm
from madang.push.keys import new_elliptic_key
from madang.push.provider import Provider
from madang.push.settings import Settings
from madang.push.webhook import Webhook
from madang.push.webpush import WebPush

RSA = rsa.generate_private_key(65_537, 2_048)
PEM = RSA.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
ACCOUNT = {"client_email": "a@b", "project_id": "yard", "private_key": PEM, "token_uri": "https://oauth2.googleapis.com/token"}
GOOD: dict[type[Provider], dict[str, Any]] = {
    Webhook: {"url": "https://example.com/push", "secret": "a secret of at least 24 bytes"},
    WebPush: {"private_key": new_elliptic_key(), "subject": "mailto:ops@example.com"},
    Fcm: {"service_account": ACCOUNT},
    Apns: {"key": new_elliptic_key(), "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "com.example.chat"},
}
SECRET = "a-secret-that-is-wrong"


def refusal(plugin: type[Provider], settings: dict[str, Any]) -> str:
    with pytest.raises(madang.ConfigError) as refused, Driver(plugin(), **settings):
        pass
    assert SECRET not in str(refused.value)
    assert PEM[40:80] not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("plugin", GOOD)
def test_good_settings_are_taken(plugin: type[Provider]) -> None:
    with Driver(plugin(), **GOOD[plugin]) as driver:
        assert driver.push([]) == []


@pytest.mark.parametrize("plugin", GOOD)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"timeuot": 5}, "settings.timeuot is unknown (did you mean timeout?)"),
        ({"zzz": SECRET}, "settings.zzz is unknown (known: "),
        ({"timeout": "soon"}, "settings.timeout must be a duration like"),
        ({"timeout": 0}, "settings.timeout must be a duration like"),
        ({"timeout": True}, "settings.timeout must be a duration like"),
        ({"concurrency": 0}, "settings.concurrency must be a number from 1 to 1000, not 0"),
        ({"concurrency": 2.5}, "settings.concurrency must be a number"),
        ({"allow_private": "no"}, "settings.allow_private must be true or false"),
        ({"ca_file": "/nowhere.pem"}, "settings.ca_file /nowhere.pem is no file"),
        ({"ca_file": "/etc/hostname"}, "settings.ca_file is no file of certificates (PEM)"),
        ({"ca_file": 5}, "settings.ca_file must be a text"),
    ],
)
def test_what_all_plugins_have_is_checked(plugin: type[Provider], changes: dict[str, Any], said: str) -> None:
    assert said in refusal(plugin, GOOD[plugin] | changes)


@pytest.mark.parametrize(
    ("plugin", "changes", "said"),
    [
        (Webhook, {"url": None}, "settings.url must be given"),
        (Webhook, {"url": "example.com"}, "settings.url is no URL of https"),
        (Webhook, {"url": "http://example.com/"}, "settings.url must be of https"),
        (Webhook, {"url": f"https://user:{SECRET}@example.com/"}, "settings.url names no host, or a user with it"),
        (Webhook, {"secret": SECRET}, "settings.secret has 22 bytes, at least 24 are needed"),
        (Webhook, {"secret": 5}, "settings.secret must be a text"),
        (Webhook, {"secret": " "}, "settings.secret must be a text"),
        (Webhook, {"secret_file": "x"}, "settings.secret or secret_file must be given, and not both"),
        (Webhook, {"secret": None}, "settings.secret must be a text"),
        (Webhook, {"body_bytes": 10}, "settings.body_bytes must be a number from 4096"),
        (WebPush, {"private_key": SECRET}, "settings.private_key is no private key"),
        (WebPush, {"private_key": PEM}, "settings.private_key is no private key of P-256"),
        (WebPush, {"subject": "ops@example.com"}, 'settings.subject must be "mailto:…" or "https://…"'),
        (WebPush, {"ttl": "29d"}, "settings.ttl must be a duration"),
        (WebPush, {"urgency": "now"}, "settings.urgency must be one of very-low, low, normal, high, not 'now'"),
        (WebPush, {"hosts": "push.example.com"}, "settings.hosts must be a list, each a str"),
        (WebPush, {"ports": [443, "8443"]}, "settings.ports must be a list, each a int"),
        (Fcm, {"service_account": None}, "settings.service_account_file or service_account must be given"),
        (Fcm, {"service_account": SECRET}, "settings.service_account must be a table"),
        (Fcm, {"service_account": {}}, "settings.service_account has no client_email"),
        (
            Fcm,
            {"service_account": ACCOUNT | {"private_key": SECRET}},
            "settings.service_account has a private_key or a token_uri that is no private key",
        ),
        (Fcm, {"service_account": ACCOUNT | {"token_uri": "http://a/"}}, "settings.service_account has a token_uri that isn't of https"),
        (Fcm, {"service_account": ACCOUNT | {"project_id": "a/b"}}, "settings.service_account has a project_id"),
        (Fcm, {"url": "http://fcm.googleapis.com"}, "settings.url must be of https"),
        (Fcm, {"priority": "HIGH"}, "settings.priority must be one of high, normal"),
        (Apns, {"key": SECRET}, "settings.key is no private key"),
        (Apns, {"key_id": "short"}, "settings.key_id must be ten capital letters and digits"),
        (Apns, {"topic": "com example"}, "settings.topic must be a bundle id"),
        (Apns, {"environment": "test"}, "settings.environment must be one of production, sandbox"),
    ],
)
def test_each_plugins_own_are_checked(plugin: type[Provider], changes: dict[str, Any], said: str) -> None:
    assert said in refusal(plugin, GOOD[plugin] | changes)


def test_secrets_come_from_files(tmp_path: Path) -> None:
    key, secret, account = tmp_path / "vapid.key", tmp_path / "webhook.secret", tmp_path / "account.json"
    key.write_text(new_elliptic_key() + "\n")
    secret.write_text("\n  a secret of at least 24 bytes\n")
    account.write_text(json.dumps(ACCOUNT))
    for plugin, settings in (
        (WebPush, {"private_key_file": str(key), "subject": "https://example.com"}),
        (Webhook, {"secret_file": str(secret), "url": "https://example.com"}),
        (Fcm, {"service_account_file": str(account)}),
        (Apns, {k: v for k, v in GOOD[Apns].items() if k != "key"} | {"key_file": str(key)}),
    ):
        with Driver(plugin(), **settings):
            pass


def test_a_file_that_holds_no_secret_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    base = {"url": "https://example.com", "secret_file": str(path)}
    assert f"settings.secret_file {path} is no file" in refusal(Webhook, base)
    for content, said in ((b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is no text"), (b"x" * 70_000, "is too large")):
        path.write_bytes(content)
        assert f"settings.secret_file {path} {said}" in refusal(Webhook, base)
    path.write_text(SECRET)
    assert "is no JSON file of a service account" in refusal(Fcm, {"service_account_file": str(path)})
    path.write_text("[]")
    assert "is no JSON file of a service account" in refusal(Fcm, {"service_account_file": str(path)})


@pytest.mark.parametrize(
    ("given", "seconds"), [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("2h", 7_200), ("1d", 86_400), (7, 7), (0.5, 0.5)]
)
def test_durations_are_texts_or_seconds(given: object, seconds: float) -> None:
    assert Settings({"ttl": given}, ["ttl"]).seconds("ttl", "1s", 0, 100_000) == seconds


class Stubborn(Provider):
    """Delivers by what the text says."""

    def configure(self, settings: Settings) -> None:
        pass

    async def deliver(self, notification: madang.Notification) -> madang.Delivery:
        import asyncio

        if notification.text == "hang":
            await asyncio.Event().wait()
        if notification.text == "raise":
            raise KeyError("broken")
        return madang.Delivery.sent()


def test_every_notification_gets_its_delivery_in_time(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(provider, "CALL_S", 0.2)
    with Driver(Stubborn(), concurrency=2, timeout=0.1) as driver:
        deliveries = driver.push([notification(text=text) for text in ("fine", "raise", "hang", "hang", "fine")])
    assert [delivery.kind for delivery in deliveries] == ["sent", "retry", "retry", "retry", "retry"]
    assert deliveries[1].detail == "KeyError in the plugin"
    assert {delivery.detail for delivery in deliveries[2:]} == {"there was no time left for it"}
    assert "broken" in caplog.text
