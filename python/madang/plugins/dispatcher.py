"""From the core's mailbox to the plugins' hooks and back, on one asyncio loop.

One wake-up a batch: the mailbox's descriptor is readable while calls wait. No thread of the core ever needs the GIL; a plugin that keeps it
holds up the other plugins, not the server."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from madang.errors import StartError
from madang.plugins.aside import aside, finished
from madang.plugins.faults import text_of
from madang.plugins.feed import CommittedLane
from madang.plugins.importing import where_it_failed
from madang.plugins.isolation import IsolatedPlugin
from madang.plugins.lanes import ALLOW, LOOP, NUMBER, SENDER, AuthenticateLane, CheckLane, Lane
from madang.plugins.pushing import PushLane
from madang.plugins.store import CoreBacking, PluginStore
from madang.plugins.system import System, access_of
from madang.plugins.worker_process import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from madang.core import _core
    from madang.plugins.loading import Entry, LoadedPlugin
    from madang.plugins.reloading import Orders

    AnyLane = Lane | IsolatedPlugin

DRAINED_AT_ONCE = 256
LANES: Mapping[str, type[Lane]] = {
    "authenticate": AuthenticateLane,
    "check": CheckLane,
    "committed": CommittedLane,
    "push": PushLane,
}  # hook → what takes its calls
SWITCH_INTERVAL = 0.0005  # seconds: at the default of 5 ms a busy thread of Python's holds up every verdict by so much
CLOSE_WITHIN = 5.0
RETIRED_WITHIN = 60.0
IDLE_LOOK_S = 0.02


class Dispatcher:
    """Owns the plugins of one server, from `setup` to `close`. Everything on its loop's thread.

    Args:
        plugins: in their order.
        loop: where it runs.
        reread: what the configuration says of plugins now, for a reload; ConfigError.
    """

    def __init__(self, plugins: Sequence[LoadedPlugin], loop: asyncio.AbstractEventLoop, reread: Callable[[], list[Entry]] = list) -> None:
        self.plugins = list(plugins)
        self._loop = loop
        self._reread = reread
        self._core: _core.Plugins | None = None
        self._on_closed: Callable[[], Any] = lambda: None
        self._lanes: dict[tuple[int, str], AnyLane] = {}  # (plugin, hook)
        self._set_up: list[LoadedPlugin] = []
        self._orders: Orders | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._system = System()
        self._is_serving = False

    async def set_up(self, core: _core.Plugins) -> None:
        """`core`: of a server whose store is open. Raises StartError, naming the plugin; those before it are closed again."""
        self._core = core
        for index, loaded in enumerate(self.plugins):
            try:
                await self.set_up_one(index, loaded)
            except Exception as error:
                await self._close_plugins()
                what = str(error) if isinstance(error, WorkerFailed) else f"{where_it_failed(error)}{text_of(error)}"
                raise StartError(f"{loaded.place}: plugin {loaded.name}: setup: {what}") from error
            self._set_up.append(loaded)

    async def set_up_one(self, index: int, loaded: LoadedPlugin) -> None:
        """The one that has, or will have, this place."""
        assert 0 <= index < len(self.plugins)
        assert self._core is not None
        loaded.plugin.store = PluginStore(CoreBacking(self._core, index))
        loaded.plugin.server = self._system
        await finished(loaded.plugin.setup)

    def serve(self, core: _core.Plugins, data: str, url: str, on_closed: Callable[[], Any] = lambda: None) -> None:
        """Begins to take calls of the server at `url` with its folder `data`; `on_closed` is called when the server has stopped."""
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
        self._on_closed = on_closed
        self._is_serving = True
        for index, loaded in enumerate(self.plugins):
            for hook, lane in self._lanes_of(index, loaded).items():
                self._lanes[index, hook] = lane
        self._system.open(lambda: access_of(data, url))
        self._loop.add_reader(core.descriptor, self._drain)
        from madang.plugins.reloading import Orders

        self._orders = Orders(core, self, self._reread, self._loop)

    async def close(self) -> bool:
        """Ends with the hooks and closes the plugins. False: a thread is left behind in a hook."""
        self._system.close()
        if self._is_serving and self._core is not None:
            self._loop.remove_reader(self._core.descriptor)
        if self._orders is not None:
            await self._orders.close()
        self._ending.set()
        ended = [lane.end() for lane in self._lanes.values()]
        await self._close_plugins()
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=CLOSE_WITHIN)
        return all(ended)

    def swap(self, index: int, loaded: LoadedPlugin) -> None:
        """From now on its calls go to this one, and those that wait for the old one, too; that one is closed when it has no more to do.
        Nothing else runs on this thread meanwhile, so it is between two batches for every hook of the plugin."""
        lanes = self._lanes_of(index, loaded)
        old, self.plugins[index] = self.plugins[index], loaded
        old_lanes = [self._lanes[index, hook] for hook in loaded.hooks]
        for hook, lane in lanes.items():
            self._lanes[index, hook] = lane
        for call in [call for lane in old_lanes for call in lane.hand_over()]:
            self._lanes[call[0], call[1]].add(call)
        for lane in lanes.values():
            lane.kick()
        self._set_up[self._set_up.index(old)] = loaded
        task = self._loop.create_task(self._retire(old, old_lanes))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _retire(self, old: LoadedPlugin, lanes: Sequence[AnyLane]) -> None:
        """After its last call, or when nobody can wait for that any more."""
        patience = min(max(options.timeout for options in old.hooks.values()) + 1, RETIRED_WITHIN)
        if isinstance(old.plugin, IsolatedPlugin):
            await old.plugin.retire(patience)
            return
        here = [lane for lane in lanes if isinstance(lane, Lane)]
        deadline = self._loop.time() + patience
        while not all(lane.is_idle for lane in here) and self._loop.time() < deadline and not self._ending.is_set():  # noqa: ASYNC110
            await asyncio.sleep(IDLE_LOOK_S)
        for lane in here:
            lane.cancel()
            await aside(lane.end)
        await self._close_plugin(old)

    def _drain(self) -> None:
        assert self._core is not None
        calls = self._core.drain(DRAINED_AT_ONCE)
        if not calls and self._core.is_closed:
            self._loop.remove_reader(self._core.descriptor)
            self._on_closed()
            return
        woken: dict[AnyLane, None] = {}
        for call in calls:
            if call[1] == "check" and call[SENDER] == self._system.user_id:  # what plugins write is judged by none
                if call[NUMBER]:
                    self._core.answer_checks([(call[LOOP], call[NUMBER], ALLOW, "")])
                continue
            lane = self._lanes[call[0], call[1]]
            lane.add(call)
            woken[lane] = None
        for lane in woken:
            lane.kick()

    def _lanes_of(self, index: int, loaded: LoadedPlugin) -> dict[str, AnyLane]:
        assert self._core is not None
        if isinstance(loaded.plugin, IsolatedPlugin):
            loaded.plugin.serve(self._core, index)
            return dict.fromkeys(loaded.hooks, loaded.plugin)
        return {hook: LANES[hook](self._core, index, loaded, self._loop) for hook in loaded.hooks}

    async def _close_plugins(self) -> None:
        # Processes all at once: each may need its time, and all have to be gone soon.
        await asyncio.gather(*[self._close_plugin(loaded) for loaded in self._set_up if isinstance(loaded.plugin, IsolatedPlugin)])
        for loaded in reversed(self._set_up):
            if not isinstance(loaded.plugin, IsolatedPlugin):
                await self._close_plugin(loaded)
        self._set_up.clear()
        for loaded in self.plugins:
            if isinstance(loaded.plugin, IsolatedPlugin):
                loaded.plugin.discard()  # whose turn to be set up never came

    async def _close_plugin(self, loaded: LoadedPlugin) -> None:
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await finished(loaded.plugin.close)
        except Exception:
            loaded.plugin.log.exception("plugin %s: close failed", loaded.name)
