"""`plugin_harness`: hooks without a server, judged as a server judges them; and plugins of a test's own server."""

from __future__ import annotations

import asyncio
import datetime as dt
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.client.objects import User
from madang.testing import ChatServer, PluginHarness, PluginUse
from madang.testing.plugin_use import toml_of_plugins

Harness = Callable[..., PluginHarness]
Factory = Callable[..., ChatServer]


class Star(madang.Plugin):
    """Its settings say what it does; one of every kind of hook's form."""

    def setup(self) -> None:
        if "bad" in self.settings:
            raise ValueError("settings.bad")
        self.closed = False

    async def authenticate(self, credentials: dict[str, Any]) -> madang.Identity | madang.Deny:
        if "raise" in credentials:
            raise LookupError("no such user")
        return madang.Identity(credentials["name"], roles=("operator",)) if "name" in credentials else madang.Deny("who?")

    def check(self, message: madang.Message) -> Any:
        match message.text:
            case "nothing":
                return None
            case "raise":
                raise ValueError("broken")
            case "hang":
                time.sleep(0.5)
            case "who":
                return madang.Verdict.modify(f"{message.sender.username} {message.conversation_kind} {message.edit}")
            case word if word == self.settings.get("word"):
                return madang.Verdict.deny("that word")
        return madang.Verdict.allow()

    def close(self) -> None:
        self.closed = True


class Batch(madang.Plugin):
    """Sees what comes together."""

    async def check_batch(self, messages: list[madang.Message]) -> list[madang.Verdict]:
        await asyncio.sleep(0)
        return [madang.Verdict.modify(f"{len(messages)} {message.text}") for message in messages]

    async def selftest(self) -> None:
        if self.settings.get("ill"):
            raise RuntimeError("I am ill")


def test_verdicts_are_those_of_a_server(plugin_harness: Harness) -> None:
    star = plugin_harness(Star, settings={"word": "darn"})
    assert star.check("hello") == madang.Verdict.allow()
    assert star.check("darn") == madang.Verdict.deny("that word")
    assert star.check("who", sender="alice", edit=True) == madang.Verdict.modify("alice group True")
    assert star.check("who", sender=User("7", "bob"), peer_id="8").text == "bob direct False"
    with pytest.raises(TypeError, match="no sendr"):
        star.check("who", sendr="alice")


def test_a_batch_gets_what_comes_together(plugin_harness: Harness) -> None:
    batch = plugin_harness(Batch)
    assert [verdict.text for verdict in batch.check_all(["a", "b"])] == ["2 a", "2 b"]
    assert batch.check("c").text == "1 c"


@pytest.mark.parametrize(
    ("text", "words"), [("nothing", "was `return` forgotten"), ("raise", "ValueError: broken"), ("hang", "took longer than 0.2 s")]
)
def test_a_fault_of_the_plugin_is_raised_with_what_it_is(plugin_harness: Harness, text: str, words: str) -> None:
    star = plugin_harness(Star)
    with pytest.raises(madang.PluginUnavailable, match=f"plugin Star, hook check: .*{words}"):
        star.check(text)
    assert star.check("hello").kind == "allow"


def test_a_timeout_of_the_tests_own(plugin_harness: Harness) -> None:
    assert plugin_harness(Star, hooks={"check": {"timeout": 5}}).check("hang").kind == "allow"


def test_log_ins(plugin_harness: Harness) -> None:
    star = plugin_harness(Star)
    assert star.authenticate({"name": "alice"}) == madang.Identity("alice", roles=("operator",))
    assert star.authenticate({}) == madang.Deny("who?")
    with pytest.raises(madang.PluginUnavailable, match="LookupError: no such user"):
        star.authenticate({"raise": 1})
    with pytest.raises(madang.ConfigError, match="has no hook authenticate"):
        plugin_harness(Batch).authenticate({})


class Feeder(madang.Plugin):
    """Counts what it is given."""

    def setup(self) -> None:
        self.store["starts"] = self.store.get("starts", 0) + 1

    async def committed(self, entries: list[madang.Entry]) -> Any:
        self.store["seen"] = self.store.get("seen", 0) + len(entries)
        return False if not entries else None


def test_the_feed_and_a_store_in_memory(plugin_harness: Harness) -> None:
    feeder = plugin_harness(Feeder)
    author = User("2", "alice")
    entry = madang.Entry(position=1, type="message.created", conversation_id="1", seq=1, created_at=dt.datetime.now(dt.UTC), actor=author)
    feeder.committed([entry, entry])
    assert dict(feeder.store) == {"starts": 1, "seen": 2}
    with pytest.raises(madang.PluginUnavailable, match="returned False, which is not None"):
        feeder.committed([])
    with pytest.raises(ValueError, match="a key has"):
        feeder.store["x" * 600] = 1
    del feeder.store["seen"]
    assert [key for key, _ in feeder.store.scan("s")] == ["starts"]


def notification(text: str) -> madang.Notification:
    bob, alice = User("3", "bob"), User("2", "alice")
    return madang.Notification(f"3.1.{text}", bob, None, None, "1", "group", None, 1, "9", alice, text, 1, dt.datetime.now(dt.UTC))


class Pusher(madang.Plugin):
    """Says of each what its text says."""

    def push(self, notifications: list[madang.Notification]) -> Any:
        said = {"sent": madang.Delivery.sent(), "gone": madang.Delivery.gone(), "later": madang.Delivery.retry(5), "odd": "sent"}
        if notifications[0].text == "exit":
            raise SystemExit(3)
        return [said[each.text] for each in notifications if each.text in said]


def test_notifications_without_a_provider(plugin_harness: Harness) -> None:
    pusher = plugin_harness(Pusher)
    assert [each.kind for each in pusher.push([notification("sent"), notification("gone"), notification("later")])] == [
        *("sent", "gone", "retry")
    ]
    for text, words in (("odd", "returned 'sent', which is no madang.Delivery"), ("none", "0 deliveries for 1"), ("exit", "SystemExit: 3")):
        with pytest.raises(madang.PluginUnavailable, match=f"hook push: .*{words}"):
            pusher.push([notification(text)])
    with pytest.raises(madang.ConfigError, match="no hook push"):
        plugin_harness(Batch).push([])


def test_what_keeps_a_server_from_starting_is_raised(plugin_harness: Harness) -> None:
    with pytest.raises(madang.StartError, match=r"settings\.bad"):
        plugin_harness(Star, settings={"bad": 1})
    with pytest.raises(madang.ConfigError, match="has no hook"):
        plugin_harness(madang.Plugin)
    with pytest.raises(RuntimeError, match="I am ill"):
        plugin_harness(Batch, settings={"ill": True}).selftest()


def test_it_closes_the_plugin(plugin_harness: Harness) -> None:
    star = Star()
    with PluginHarness(star) as harness:
        assert harness.check("hello").kind == "allow"
    assert star.closed
    harness.close()


# ---- plugins of a test's server ----------------------------------------------------------------------------------------------------------


def test_a_class_of_the_tests_file_runs_in_the_server(chat_server_factory: Factory) -> None:
    server = chat_server_factory(
        config="[accounts]\nsign_up = true\n",
        plugins=[PluginUse(Star, {"word": "darn"}, hooks={"check": {"timeout": 5.0}}), PluginUse(Batch, isolation="process")],
    )
    alice, bob = server.user("alice"), server.user("bob")
    assert alice.send(bob, "hello").text == "1 hello"
    with pytest.raises(madang.DeniedByPolicy, match="that word"):
        alice.send(bob, "darn")
    server.kill()
    server.start()
    assert alice.send(bob, "again").text == "1 again"


def test_a_plugin_by_its_name_and_by_its_file(chat_server_factory: Factory, tmp_path: Path) -> None:
    code = """
        import madang
        class Loud(madang.Plugin):
            def check(self, message):
                return madang.Verdict.modify(message.text + self.settings["mark"])
    """
    (tmp_path / "loud_by_path.py").write_text(textwrap.dedent(code), encoding="utf-8")
    server = chat_server_factory(plugins=[(f"{tmp_path / 'loud_by_path.py'}:Loud", {"mark": "!"})])
    alice, bob = server.user("alice"), server.user("bob")
    assert alice.send(bob, "hello").text == "hello!"


def test_what_another_process_cannot_find_is_said() -> None:
    class Inner(Batch):
        """In a function."""

    with pytest.raises(TypeError, match="inside a function"):
        toml_of_plugins([Inner])
    with pytest.raises(TypeError, match="not an object"):
        toml_of_plugins([Batch()])
    with pytest.raises(TypeError, match="a configuration has"):
        toml_of_plugins([(Batch, {"x": None})])
