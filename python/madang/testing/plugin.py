"""The pytest plugin (entry point `madang`): fixtures, the option `--madang-url`, and what a failed test's report tells.

Imported by every run of pytest where madang is installed, so it imports nothing but pytest until a fixture is used. Each worker of
pytest-xdist has a shared server of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from madang.plugins import Plugin
    from madang.testing.chat_server import ChatServer, RunningServer
    from madang.testing.harness import PluginHarness
    from madang.testing.push_sink import PushSink
    from madang.testing.world import World

FRAMES_SHOWN = 40

# What the tests of this process use now. Their order is that of their making.
_servers: list[RunningServer] = []
_worlds: list[World] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "test against the madang server that runs there, instead of starting one"
    parser.getgroup("madang").addoption("--madang-url", metavar="URL", default=None, help=about)
    parser.addini("madang_url", about, default="")


def running_url(config: pytest.Config) -> str:
    chosen = config.getoption("--madang-url", default=None)
    try:
        return str(chosen or config.getini("madang_url"))
    except (KeyError, ValueError):
        return ""


@pytest.fixture(scope="session")
def chat_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that tests share; those that stop or overload one make their own with `chat_server_factory`."""
    from madang.testing.chat_server import ChatServer, RunningServer

    if url := running_url(request.config):
        _servers.append(RunningServer(url))
        yield _servers[-1]
        _servers.pop()
        return
    server = ChatServer(tmp_path_factory.mktemp("madang"))
    _servers.append(server)
    try:
        server.start()
        yield server
    finally:
        server.close()
        _servers.remove(server)


@pytest.fixture
def chat_server_factory(tmp_path: Path) -> Iterator[Callable[..., ChatServer]]:
    """Makes and starts servers of the test's own: `chat_server_factory(engines=3, overrides={"limits.group_members": 10})`.

    Its arguments: `engines`, `config` (TOML), `overrides`, `plugins`, `push_sink=True` for one whose notifications come into
    `server.push_sink`, and `start=False` for one that isn't started yet. A plugin is
    `"module:Class"`, `"path.py:Class"`, a class of the test's file, one of these with its settings (`(House, {"words": []})`), or a
    `madang.testing.PluginUse` with all that can be said of it.
    """
    from madang.testing.chat_server import ChatServer

    made: list[ChatServer] = []

    def make(
        *,
        engines: int = 1,
        config: str = "",
        overrides: Mapping[str, object] | None = None,
        plugins: Sequence[object] = (),
        push_sink: bool = False,
        start: bool = True,
    ) -> ChatServer:
        folder = tmp_path / f"madang-{len(made)}"
        server = ChatServer(folder, engines=engines, config=config, overrides=overrides, plugins=plugins, push_sink=push_sink)
        made.append(server)
        _servers.append(server)
        _worlds.append(server.world)
        if start:
            server.start()
        return server

    yield make
    for server in made:
        _servers.remove(server)
        _worlds.remove(server.world)
        server.close()


@pytest.fixture
def plugin_harness() -> Iterator[Callable[..., PluginHarness]]:
    """A plugin's hooks without a server: `plugin_harness(House, settings={"words": ["darn"]}).check("oh darn")`.

    Its arguments: the class or an object, `settings`, and `hooks` (`{"check": {"timeout": 5}}`).
    """
    from madang.testing.harness import PluginHarness

    made: list[PluginHarness] = []

    def make(
        plugin: type[Plugin] | Plugin,
        *,
        settings: Mapping[str, Any] | None = None,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> PluginHarness:
        made.append(PluginHarness(plugin, settings=settings, hooks=hooks))
        return made[-1]

    yield make
    for harness in made:
        harness.close()


@pytest.fixture
def push_sink(chat_server_factory: Callable[..., ChatServer]) -> PushSink:
    """The notifications of a server of the test's own, which is `push_sink.server`."""
    return chat_server_factory(push_sink=True).push_sink


@pytest.fixture
def chat(chat_server: RunningServer) -> Iterator[World]:
    """A fresh world on the shared server: `chat.user("alice")`, `chat.group("title", alice, bob)`."""
    from madang.testing.world import fresh_world

    if callable(mark := getattr(chat_server, "mark_log", None)):
        mark()
    world = fresh_world(chat_server)
    _worlds.append(world)
    yield world
    _worlds.remove(world)
    world.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed and uses_madang(item):
        report.sections += [(f"log of {server.url}", server.log) for server in _servers if server.log]
        for world in _worlds:
            for name, actor in world.actors.items():
                shown = list(actor.frames)[-FRAMES_SHOWN:]
                report.sections.append((f"frames of {name}, {len(shown)} of {len(actor.frames)}", "\n".join(shown)))
    return report


def uses_madang(item: pytest.Item) -> bool:
    return bool({"chat", "chat_server", "chat_server_factory", "push_sink"} & set(getattr(item, "fixturenames", ())))
