"""Where the plugins' loop runs: in a thread of its own beside `madang.Server`, or on the main thread of `madang serve`."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from madang.plugins.dispatcher import CLOSE_WITHIN, Dispatcher
from madang.plugins.faults import text_of
from madang.plugins.importing import where_it_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from madang.core import _core
    from madang.plugins.loading import Entry, LoadedPlugin

log = logging.getLogger("madang.plugins")


def run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    """Until its `stop()`. Tasks and callbacks that plugins have begun themselves may end themselves, but not the loop: no signal comes here
    as an exception (the core takes them), so what would end it is a plugin's own `sys.exit()`."""
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            log.error("a task of a plugin: %s%s", where_it_failed(error), text_of(error))  # noqa: TRY400
        else:
            return


class PluginThread:
    """The plugins of one server on a loop of their own, from `start()` to `stop()`. Any thread but the loop's."""

    def __init__(self, plugins: Sequence[LoadedPlugin], core: _core.Plugins, reread: Callable[[], list[Entry]] = list) -> None:
        self._plugins = plugins
        self._core = core
        self._reread = reread
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dispatcher: Dispatcher | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="madang-plugins", daemon=True)

    def start(self) -> None:
        """Returns when every plugin is set up; StartError."""
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self._thread.join(CLOSE_WITHIN)
            raise

    def serve(self, data: str, url: str) -> None:
        """Begins to take calls of the server at `url` with its folder `data`."""
        assert self._loop is not None
        assert self._dispatcher is not None
        self._loop.call_soon_threadsafe(self._dispatcher.serve, self._core, data, url)

    def stop(self) -> None:
        """Closes the plugins. One that doesn't come back is left behind after a while."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_WITHIN + 1.0 * len(self._plugins) + 2.0)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._dispatcher = Dispatcher(self._plugins, loop, self._reread)
        try:
            try:
                loop.run_until_complete(self._dispatcher.set_up(self._core))
            except BaseException as error:
                self._ready.set_exception(error)
                return
            self._ready.set_result(None)
            run_until_stopped(loop)
            loop.run_until_complete(self._dispatcher.close())
        finally:
            loop.close()
