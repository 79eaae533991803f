"""The push plugins in a real server: somebody is away, and hears of it."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, unb64, verified
from certificates import Tls
from endpoint import Endpoint, Reply
from receiver import SECRET, receiver

from madang.push.keys import new_elliptic_key
from madang.testing import ChatServer
from madang.testing.plugin import chat_server_factory, pytest_runtest_makereport

__all__ = ["chat_server_factory", "pytest_runtest_makereport"]

PASSWORD = "correct horse"
MakeServer = Callable[..., ChatServer]


class Device:
    """Of a new account; it never attaches."""

    def __init__(self, server: ChatServer, name: str) -> None:
        self._url = f"{server.url}/v1"
        self._token = ""
        self.id: str = self.call("POST", "/users", username=name, password=PASSWORD)["id"]
        self._token = self.call("POST", "/sessions", username=name, password=PASSWORD, device={"name": "phone", "platform": "test"})[
            "token"
        ]

    def call(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def says(self, text: str, *, to: Device) -> Any:
        conversation = self.call("POST", "/conversations", kind="direct", user_id=to.id)
        return self.call("POST", f"/conversations/{conversation['id']}/messages", client_id=text, text=text)

    def registers(self, **registration: Any) -> None:
        self.call("PUT", "/devices/current/push", **registration)


def plugin(use: str, **settings: Any) -> str:
    """For the configuration."""
    inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    return f'[[plugins]]\nuse = "{use}"\nsettings = {{ {inline} }}\n'


def webpush(tls: Tls) -> str:
    return plugin("webpush", private_key=new_elliptic_key(), subject="mailto:ops@example.com", ca_file=str(tls.ca_file), allow_private=True)


def test_a_browser_that_is_away_is_told_and_nobody_between_can_read_it(
    chat_server_factory: MakeServer, endpoint: Endpoint, tls: Tls
) -> None:
    server = chat_server_factory(config=webpush(tls))
    alice, bob = Device(server, "alice"), Device(server, "bob")
    browser = Browser()
    bob.registers(provider="webpush", **browser.subscription(endpoint.url("/bob")))
    endpoint.script.append(Reply(503))
    sent = alice.says("Hi Bob! 안녕!", to=bob)
    first, again = endpoint.wait(2)
    told = json.loads(browser.decrypted(again.body))
    assert told == json.loads(browser.decrypted(first.body))
    assert (told["text"], told["message_id"], told["seq"], told["badge"]) == ("Hi Bob! 안녕!", sent["message_id"], sent["seq"], 1)
    assert (told["sender"], told["conversation_kind"]) == ({"id": alice.id, "username": "alice"}, "direct")
    signed = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", again.headers["authorization"])
    assert signed is not None
    assert verified(signed[1], unb64(signed[2]))["aud"] == endpoint.url("").rstrip("/")


def test_a_subscription_that_has_ended_is_dropped(chat_server_factory: MakeServer, endpoint: Endpoint, tls: Tls) -> None:
    server = chat_server_factory(config=webpush(tls))
    alice, bob = Device(server, "alice"), Device(server, "bob")
    old, new = Browser(), Browser()
    bob.registers(provider="webpush", **old.subscription(endpoint.url("/old")))
    endpoint.reply = lambda request: Reply(410 if request.target == "/old" else 201)
    alice.says("one", to=bob)
    endpoint.wait(1)
    ended = re.compile(r"registration of user \d+, device \d+ is dropped: localhost answers 410")
    server_log(server, ended)
    alice.says("two", to=bob)
    bob.registers(provider="webpush", **new.subscription(endpoint.url("/new")))
    alice.says("three", to=bob)
    *_, last = endpoint.wait(2)
    assert json.loads(new.decrypted(last.body))["text"] == "three"
    assert [request.target for request in endpoint.requests] == ["/old", "/new"]
    assert "/old" not in server.log


def server_log(server: ChatServer, pattern: re.Pattern[str]) -> None:
    """Waits until it is there."""
    deadline = time.monotonic() + 20
    while pattern.search(server.log) is None:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)


def test_the_example_hears_of_everybody_who_is_away(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    with receiver(tmp_path) as running:
        server = chat_server_factory(config=plugin("webhook", url=running.url, secret=SECRET, allow_private=True))
        alice, bob, carol = Device(server, "alice"), Device(server, "bob"), Device(server, "carol")
        alice.says("are you there?", to=bob)
        assert running.line() == "to bob (1 unread): alice: are you there?"
        group = bob.call("POST", "/conversations", kind="group", title="Team", members=[alice.id, carol.id])
        bob.call("POST", f"/conversations/{group['id']}/messages", client_id="1", text="here")
        assert sorted([running.line(), running.line()]) == [
            "to alice (1 unread): bob in Team: here",
            "to carol (1 unread): bob in Team: here",
        ]
        server.kill()
        server.start()
        carol.says("again", to=alice)
        assert running.line() == "to alice (2 unread): carol: again"


def test_wrong_settings_keep_the_server_from_starting(chat_server_factory: MakeServer) -> None:
    with pytest.raises(RuntimeError, match=r"settings\.secret has 5 bytes, at least 24 are needed"):
        chat_server_factory(config=plugin("webhook", url="https://example.com", secret="short"))
