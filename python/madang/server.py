"""`madang.Server`: the chat server inside a Python program.

The core runs on threads of its own and never takes the GIL; this façade starts it, says where it listens, and sees to it that it is
stopped before the interpreter ends, because leaving the process with the store open aborts.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from madang.core import _core, translated
from madang.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from madang.plugins import Plugin
    from madang.plugins.loading import Entry, LoadedPlugin
    from madang.plugins.running import PluginThread

Value = str | int | float | bool


class Server:
    """A chat server in this process.

        async with madang.Server(data="chat-data") as server:   # or a blocking `with`
            print(server.url)

    Threads: any; calls are serialised. One data folder has one server at a time. A server may be started again after it was stopped.
    A forked child can't use the server of its parent: every call there raises `madang.Error`.

    Args:
        data: folder of the store, made if need be; None = what the configuration says, by default `./madang-data`.
        host: address to listen on; None = the configuration's, by default 127.0.0.1.
        port: TCP port, 0 = any free one; None = the configuration's when there is a `config`, else any free one.
        engines: how many engines (and I/O threads) share the work, 1 or more; None = the configuration's, by default 1.
        config: path of a TOML file; `madang config doc` prints every key.
        overrides: single keys by their full name, such as `{"limits.group_members": 10}`; they win over everything else.
        plugins: objects of classes derived from `madang.Plugin`, after those of the configuration file. Their loop has its own thread.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        engines: int | None = None,
        config: str | os.PathLike[str] | None = None,
        overrides: Mapping[str, Value] | None = None,
        plugins: Sequence[Plugin] = (),
    ) -> None:
        self._config = None if config is None else os.fspath(config)
        if port is None and config is None:
            port = 0
        named = {
            "server.data": None if data is None else os.fspath(data),
            "server.host": host,
            "server.port": port,
            "server.engines": engines,
        }
        given = {key: value for key, value in named.items() if value is not None}
        self._overrides = {key: as_text(value) for key, value in {**given, **(overrides or {})}.items()}
        self._plugins = list(plugins)
        self._plugin_thread: PluginThread | None = None
        self._core: _core.Server | None = None
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Starts the server and returns when it serves.

        Raises:
            madang.ConfigError: the configuration has errors; nothing was started.
            madang.StartError: port or data folder in use, the store can't be opened, or a plugin's `setup` failed; nothing runs.
            madang.Error: it runs already, or this is a forked child.
        """
        self._refuse_forked_child()
        with self._lock:
            if self._core is not None:
                raise Error("this server runs already")
            loaded = load_plugins(self._config, self._overrides, self._plugins)
            core = thread = None
            try:
                with translated():
                    core = _core.Server(self._config, self._overrides, plugins=[plugin.spec for plugin in loaded])
                if core.plugins is not None:
                    with translated():
                        core.prepare()
                    thread = start_plugins(loaded, core.plugins, lambda: plugin_entries(self._config, self._overrides))
                with translated():
                    core.start()
            except BaseException:
                if core is not None:
                    core.stop()
                if thread is not None:
                    thread.stop()
                else:
                    discard(loaded)
                raise
            if thread is not None:
                thread.serve(core.data, core.url)
            self._plugin_thread = thread
            self._core = core
            _stores_opened.set()
            _running.add(self)

    def stop(self) -> None:
        """Drains, closes every connection and the store, and returns when all threads have ended. Stopping twice does nothing."""
        self._refuse_forked_child()
        with self._lock:
            if self._core is not None:
                self._core.stop()
                self._core = None
                _running.discard(self)
                if self._plugin_thread is not None:
                    self._plugin_thread.stop()
                    self._plugin_thread = None

    @property
    def url(self) -> str:
        """Where it listens, with the real port: `http://127.0.0.1:41234`."""
        return self._started().url

    @property
    def port(self) -> int:
        """The real TCP port."""
        return self._started().port

    @property
    def data(self) -> Path:
        """The absolute path of the data folder."""
        return Path(self._started().data)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        import asyncio  # here: whoever runs only the core starts twice as fast without it

        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            if starting.exception() is None:
                await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        import asyncio

        stopping = asyncio.ensure_future(asyncio.to_thread(self.stop))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await asyncio.wait([stopping])
            raise

    def __repr__(self) -> str:
        return f"<madang.Server {self._core.url}>" if self._core is not None else "<madang.Server, not running>"

    def _started(self) -> _core.Server:
        self._refuse_forked_child()
        if self._core is None:
            raise Error("this server isn't running")
        return self._core

    def _refuse_forked_child(self) -> None:
        if os.getpid() != self._pid:
            raise Error(
                "the server belongs to the process that made it; a forked child has none of its threads. Make a server after the fork"
            )


def load_plugins(config: str | None, overrides: dict[str, str], objects: Sequence[Plugin] = ()) -> list[LoadedPlugin]:
    """Those of the configuration, in order, then the objects. ConfigError."""
    entries = plugin_entries(config, overrides)
    if not entries and not objects:
        return []
    from madang.plugins.loading import load_plugins as load

    return load(entries, objects)


def plugin_entries(config: str | None, overrides: dict[str, str]) -> list[Entry]:
    """What the configuration says of plugins. ConfigError."""
    with translated():
        return _core.plugins_of_config(config, overrides)


def discard(loaded: list[LoadedPlugin]) -> None:
    """Those that were loaded, and will not be set up."""
    if loaded:
        from madang.plugins.isolation import IsolatedPlugin

        for each in loaded:
            if isinstance(each.plugin, IsolatedPlugin):
                each.plugin.discard()


def start_plugins(loaded: list[LoadedPlugin], core: _core.Plugins, reread: Callable[[], list[Entry]]) -> PluginThread:
    from madang.plugins.running import PluginThread

    thread = PluginThread(loaded, core, reread)
    thread.start()
    return thread


def as_text(value: Value) -> str:
    """A value as the environment and the flags spell it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# Strong references: a server that runs isn't collected, whether or not somebody still holds it.
_running: set[Server] = set()
_stores_opened = threading.Event()


def _stop_all() -> None:
    for server in list(_running):
        server.stop()


def _forget_after_fork() -> None:
    # Also after the last one has stopped: the store keeps threads of its own to the end of the process.
    if _stores_opened.is_set():
        _core.after_fork_in_child([server._core for server in _running if server._core is not None])
        _running.clear()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_forget_after_fork)
