"""Names the line on which a handler holds the loop up, so that nobody has to look for it.

A thread asks the loop for a sign of life; when none comes in time it looks at what the loop's thread is doing. Nothing is stopped: the
connection lives on another thread, only the other handlers wait.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

BLOCKED_AFTER_S = 0.2

log = logging.getLogger("madang.bot")


class Watchdog:
    """Watches the running loop between `start` and `stop`.

    Args:
        blocked_after: seconds without a sign of life after which there is a warning; one for each time.
    """

    def __init__(self, blocked_after: float = BLOCKED_AFTER_S) -> None:
        self._after = blocked_after
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="madang-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._after):
            alive = threading.Event()
            began = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(alive.set)
            except RuntimeError:
                return  # the loop is closed
            if alive.wait(self._after):
                continue
            where = place_of(sys._current_frames().get(self._thread_id))
            log.warning("the loop is blocked: %s", where)
            while not alive.wait(self._after):
                if self._stop.is_set():
                    return
            log.warning("the loop was blocked for %d ms: %s", (time.monotonic() - began) * 1000, where)


def place_of(frame: FrameType | None) -> str:
    """The innermost line outside of the standard library and of madang: the application's own."""
    fallback = "somewhere"
    ours = __name__.partition(".")[0]
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        text = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        top = module.partition(".")[0]
        if (top != ours and top not in sys.stdlib_module_names) or module == "__main__":
            return text
        fallback = text
        frame = frame.f_back
    return fallback
