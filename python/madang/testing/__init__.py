"""The pytest kit: a real server in a fixture, users as actors, waits with deadlines. Needs pytest only; nothing has to be imported.

    def test_delivery(chat):
        alice, bob = chat.user("alice"), chat.user("bob")
        alice.send(bob, "hi")
        assert bob.expect(text="hi", within=5).sender == alice

    def test_a_crash_loses_nothing(chat_server_factory):
        server = chat_server_factory()
        alice, bob = server.user("alice"), server.user("bob")
        alice.send(bob, "hi")
        server.kill()
        server.start()
        bob.expect(text="hi")

    def test_a_day_later(chat):
        alice, bob = chat.user("alice"), chat.user("bob")
        chat.clock.advance(86_400)
        assert alice.send(bob, "good morning").created_at > bob.user.created_at

    def test_who_is_away_is_notified(push_sink):
        alice, bob = push_sink.server.user("alice"), push_sink.server.user("bob")
        bob.close()
        alice.send(bob, "hi")
        push_sink.expect(user=bob, text="hi", within=5)
        push_sink.server.clock.advance(60)
        push_sink.none(user=alice)

Fixtures: `chat` (a fresh world on a shared server), `chat_server` (that server), `chat_server_factory` (servers of the test's own),
`push_sink` (the notifications of a server of the test's own, `push_sink.server`). The
option `--madang-url` has the shared server be one that runs already. MADANG_TEST_COMMAND replaces `python -m madang serve` as what starts
one. When a test fails, its report has the servers' logs and the users' frames.

To test an application that starts its own server, give it a fixture `chat_server` that returns `RunningServer(url)`: then `chat` is a world
there, and `chat.user("alice", token=…)` is whoever has logged in through the application.

Faults: `chat.line()` is a line that can be cut or held up (a slow reader), `server.kill()` and `start()`, `server.full_disk()`. Time:
`server.clock.advance(31)`. The data of a test's server lies in memory (`madang.testing.memory`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madang.testing.actor import Actor
    from madang.testing.chat_server import ChatServer, RunningServer
    from madang.testing.clock import Clock
    from madang.testing.harness import PluginHarness
    from madang.testing.plugin_use import PluginUse
    from madang.testing.proxy import Proxy
    from madang.testing.push_sink import PushSink
    from madang.testing.world import World

__all__ = ["Actor", "ChatServer", "Clock", "PluginHarness", "PluginUse", "Proxy", "PushSink", "RunningServer", "World"]

_HOMES = {
    "Actor": "madang.testing.actor",
    "ChatServer": "madang.testing.chat_server",
    "Clock": "madang.testing.clock",
    "PluginHarness": "madang.testing.harness",
    "PluginUse": "madang.testing.plugin_use",
    "Proxy": "madang.testing.proxy",
    "PushSink": "madang.testing.push_sink",
    "RunningServer": "madang.testing.chat_server",
    "World": "madang.testing.world",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
