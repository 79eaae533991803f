"""The one thread on which all connections of this process live.

Heartbeats and reconnects don't depend on what the application does with its own threads and loops: a handler that blocks delays handlers.
The thread starts with the first connection and ends with the process. A forked child gets another one.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading

END_WITHIN_S = 2.0

_lock = threading.Lock()
_thread: IoThread | None = None


class IoThread(threading.Thread):
    """A daemon that runs an event loop."""

    def __init__(self) -> None:
        super().__init__(name="madang-io", daemon=True)
        self.loop = asyncio.new_event_loop()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


def io_loop() -> asyncio.AbstractEventLoop:
    """Its loop; starts it when need be. Threads: any."""
    global _thread
    with _lock:
        if _thread is None:
            _thread = IoThread()
            _thread.start()
        return _thread.loop


def _end() -> None:
    if _thread is not None:
        _thread.loop.call_soon_threadsafe(_thread.loop.stop)
        _thread.join(END_WITHIN_S)


def _forget() -> None:
    global _lock, _thread
    _lock = threading.Lock()
    _thread = None


atexit.register(_end)
os.register_at_fork(after_in_child=_forget)
