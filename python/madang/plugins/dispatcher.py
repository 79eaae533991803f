"""From the core's mailbox to the plugins' hooks and back, on one asyncio loop.

One wake-up a batch: the mailbox's descriptor is readable while calls wait. No thread of the core ever needs the GIL; a plugin that keeps it
holds up the other plugins, not the server."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING, Any

from madang.errors import StartError
from madang.plugins.lanes import AuthenticateLane, CheckLane, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from madang.core import _core
    from madang.plugins.loading import LoadedPlugin

DRAINED_AT_ONCE = 256
LANES: Mapping[str, type[Lane]] = {"authenticate": AuthenticateLane, "check": CheckLane}  # hook → what takes its calls
SWITCH_INTERVAL = 0.0005  # seconds: at the default of 5 ms a busy thread of Python's holds up every verdict by so much
CLOSE_WITHIN = 5.0


class Dispatcher:
    """Owns the plugins of one server, from `setup` to `close`. Everything on its loop's thread."""

    def __init__(self, plugins: Sequence[LoadedPlugin], loop: asyncio.AbstractEventLoop) -> None:
        self._plugins = plugins
        self._loop = loop
        self._core: _core.Plugins | None = None
        self._on_closed: Callable[[], Any] = lambda: None
        self._lanes: dict[tuple[int, str], Lane] = {}  # (plugin, hook)
        self._set_up: list[LoadedPlugin] = []

    async def set_up(self) -> None:
        """Raises StartError, naming the plugin; those before it are closed again."""
        for loaded in self._plugins:
            try:
                await finished(loaded.plugin.setup())
            except Exception as error:
                await self._close_plugins()
                raise StartError(f"{loaded.place}: plugin {loaded.name}: setup: {type(error).__name__}: {error}") from error
            self._set_up.append(loaded)

    def serve(self, core: _core.Plugins, on_closed: Callable[[], Any] = lambda: None) -> None:
        """Begins to take calls; `on_closed` is called when the server has stopped."""
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
        self._core, self._on_closed = core, on_closed
        for index, loaded in enumerate(self._plugins):
            for hook in loaded.hooks:
                self._lanes[index, hook] = LANES[hook](core, index, loaded, self._loop)
        self._loop.add_reader(core.descriptor, self._drain)

    async def close(self) -> bool:
        """Ends with the hooks and closes the plugins. False: a thread is left behind in a hook."""
        if self._core is not None:
            self._loop.remove_reader(self._core.descriptor)
        ended = [lane.end() for lane in self._lanes.values()]
        await self._close_plugins()
        return all(ended)

    def _drain(self) -> None:
        assert self._core is not None
        calls = self._core.drain(DRAINED_AT_ONCE)
        if not calls and self._core.is_closed:
            self._loop.remove_reader(self._core.descriptor)
            self._on_closed()
            return
        woken: dict[Lane, None] = {}
        for call in calls:
            lane = self._lanes[call[0], call[1]]
            lane.add(call)
            woken[lane] = None
        for lane in woken:
            lane.kick()

    async def _close_plugins(self) -> None:
        for loaded in reversed(self._set_up):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await finished(loaded.plugin.close())
            except Exception:
                loaded.plugin.log.exception("plugin %s: close failed", loaded.name)
        self._set_up.clear()


async def finished(value: Any) -> None:
    """Of setup and close, which may be `def` or `async def`."""
    if inspect.isawaitable(value):
        await value
