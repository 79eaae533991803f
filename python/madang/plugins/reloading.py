"""New code for plugins of a server that runs: `madang plugin reload`, or SIGHUP.

The new one is imported, set up and tested beside the old one; then it takes over between two batches, with what waited. The old one keeps
what it had begun with, and is closed after its last call. Whatever goes wrong before that leaves everything as it was, for all the plugins
that were to be reloaded. What the core was told at the start can't change: a plugin's name, its hooks and their options."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from madang.errors import ConfigError, Error
from madang.plugins.aside import aside, finished, tested
from madang.plugins.faults import text_of
from madang.plugins.importing import Unusable, modules_with, where_it_failed, without_modules
from madang.plugins.isolation import IsolatedPlugin
from madang.plugins.loading import PLACE, discard, load
from madang.plugins.worker_process import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import ModuleType

    from madang.core import _core
    from madang.plugins.dispatcher import Dispatcher
    from madang.plugins.loading import Entry, LoadedPlugin

SET_UP_WITHIN = 60.0
CLOSE_WITHIN = 5.0
TESTED_WITHIN = 30.0

log = logging.getLogger("madang.plugins")


class ReloadFailed(Error):
    """Why everything has stayed as it was."""

    code = "bad_request"


class Reloader:
    """Of one dispatcher, on its loop's thread; one reload at a time.

    Args:
        core: is told how it went.
        dispatcher: whose plugins these are.
        reread: what the configuration says now; ConfigError.
    """

    def __init__(self, core: _core.Plugins, dispatcher: Dispatcher, reread: Callable[[], list[Entry]]) -> None:
        self._core = core
        self._dispatcher = dispatcher
        self._reread = reread
        self._one_at_a_time = asyncio.Lock()

    async def reload(self, name: str | None) -> list[str]:
        """The names of those that were reloaded: the one, or all of the configuration. ReloadFailed."""
        async with self._one_at_a_time:
            places = self._meant(name)
            try:
                new = await self._made_ready(places)
            except ReloadFailed as error:
                log.error("reload: %s", error)  # noqa: TRY400
                for index in places:
                    self._core.note_reload(index, succeeded=False)
                raise
            for index, loaded in new.items():
                self._dispatcher.swap(index, loaded)
                self._core.note_reload(index, succeeded=True)
                log.info("plugin %s: reloaded", loaded.name)
            return [loaded.name for loaded in new.values()]

    def _meant(self, name: str | None) -> list[int]:
        plugins = self._dispatcher.plugins
        known = {loaded.name: index for index, loaded in enumerate(plugins)}
        if name is not None and name not in known:
            raise ReloadFailed(f"there is no plugin {name} (there are: {', '.join(known)})")
        meant = [index for index, loaded in enumerate(plugins) if loaded.entry is not None and name in (None, loaded.name)]
        if not meant:
            raise ReloadFailed("what was given to the server as an object can't be reloaded, only plugins of the configuration")
        return meant

    async def _made_ready(self, places: Sequence[int]) -> dict[int, LoadedPlugin]:
        entries = self._entries()
        old = {index: self._dispatcher.plugins[index] for index in places}
        modules: dict[str, ModuleType] = {}
        for loaded in old.values():
            if not isinstance(loaded.plugin, IsolatedPlugin):
                modules |= modules_with(type(loaded.plugin))
        new: dict[int, LoadedPlugin] = {}
        begun: list[LoadedPlugin] = []
        with without_modules(modules):
            try:
                for index in places:
                    new[index] = await self._loaded_anew(index, entries[index])
                for index, loaded in new.items():
                    begun.append(loaded)
                    await set_up(loaded, partial(self._dispatcher.set_up_one, index, loaded))
            except BaseException:
                for loaded in new.values():
                    if loaded in begun:
                        await given_up(loaded)
                    else:
                        discard(loaded)
                raise
        return new

    def _entries(self) -> list[Entry]:
        """Of the configuration as it is now. The list itself can't change while the server runs."""
        try:
            entries = self._reread()
        except ConfigError as error:
            raise ReloadFailed("; ".join(error.errors)) from None
        before = [loaded.entry[0] for loaded in self._dispatcher.plugins if loaded.entry is not None]
        if before != [entry[0] for entry in entries]:
            raise ReloadFailed("the configuration has other plugins now, or another order: restart the server")
        return entries

    async def _loaded_anew(self, index: int, entry: Entry) -> LoadedPlugin:
        old = self._dispatcher.plugins[index]
        taken = [loaded.name for loaded in self._dispatcher.plugins[:index]]
        try:
            loaded = await aside(lambda: load(entry, taken))
        except Unusable as error:
            raise ReloadFailed(f"{entry[PLACE]}: plugins.use: {error}") from None
        if loaded.spec != old.spec:
            discard(loaded)
            raise ReloadFailed(f"{entry[PLACE]}: plugin {old.name}: {difference(old, loaded)}: restart the server")
        return loaded


class Orders:
    """What the operator asks of the plugins, from the core's console; on the loop's thread."""

    def __init__(
        self, core: _core.Plugins, dispatcher: Dispatcher, reread: Callable[[], list[Entry]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._core = core
        self._reloader = Reloader(core, dispatcher, reread)
        self._loop = loop
        self._loop.add_reader(core.console, self._take)
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """What is under way is given up."""
        self._loop.remove_reader(self._core.console)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _take(self) -> None:
        for number, command, arguments in self._core.orders():
            task = self._loop.create_task(self._carry_out(number, command, arguments))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._core.is_closed:
            self._loop.remove_reader(self._core.console)

    async def _carry_out(self, number: int, command: str, arguments: list[str]) -> None:
        try:
            assert command == "reload"
            names = await self._reloader.reload(arguments[0] if arguments else None)
            self._core.answer_order(number, "", [[name] for name in names])
        except Error as error:
            self._core.answer_order(number, error.message, [])
        except Exception as error:
            log.exception("reload")
            self._core.answer_order(number, f"{type(error).__name__}: {error}", [])


async def given_up(loaded: LoadedPlugin) -> None:
    """One that never took over: what it has set up it may take down."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await finished(loaded.plugin.close)
    except Exception as error:
        log.error("plugin %s: close of the new one: %s", loaded.name, text_of(error))  # noqa: TRY400


async def set_up(loaded: LoadedPlugin, setup: Callable[[], Awaitable[None]]) -> None:
    """And tested. ReloadFailed."""
    what = "setup"
    try:
        async with asyncio.timeout(SET_UP_WITHIN):
            await setup()
        what = "selftest"
        await tested(loaded.plugin.selftest, TESTED_WITHIN)
    except TimeoutError:
        raise ReloadFailed(f"{loaded.place}: plugin {loaded.name}: {what} took too long") from None
    except Exception as error:
        place = where_it_failed(error)
        told = str(error) if isinstance(error, WorkerFailed) else f"{place}{text_of(error)}"
        raise ReloadFailed(f"{loaded.place}: plugin {loaded.name}: {what}: {told}") from None


def difference(old: LoadedPlugin, new: LoadedPlugin) -> str:
    """What the core would have to be told anew."""
    if old.name != new.name:
        return f"its name is {new.name} now"
    if set(old.hooks) != set(new.hooks):
        return f"its hooks are {', '.join(new.hooks)} now, and were {', '.join(old.hooks)}"
    return f"the options of {', '.join(hook for hook in old.hooks if old.hooks[hook] != new.hooks[hook])} have changed"
