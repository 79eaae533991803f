"""How a plugin's errors are told: what went wrong, in which plugin and hook, at which file and line; at most one line a second each."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.plugins.loading import LoadedPlugin

SECONDS_BETWEEN_LINES = 1.0
CHARS_MAX = 1_000  # of what is told of an error: a hook may return, or raise, something with megabytes of text


class WrongReturn(Exception):
    """A hook has returned what it may not. Its text says what."""


class Ended(Exception):
    """A hook has raised what would end more than itself: `sys.exit()` the loop or a thread that others need, too."""


def ended(error: BaseException) -> Ended:
    """To be raised instead of what isn't an Exception; it still tells the place."""
    return Ended(text_of(error)).with_traceback(error.__traceback__)


def is_ours(error: BaseException) -> bool:
    """In a task: whether this is how it is told to end, and not what its hook has raised of itself."""
    task = asyncio.current_task()
    return isinstance(error, (asyncio.CancelledError, GeneratorExit)) and (task is None or task.cancelling() > 0)


def place_of(function: Callable[..., Any]) -> str:
    """file:line of a hook."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else "?"


def text_of(error: BaseException) -> str:
    """In short, and such that the core takes it. Never raises."""
    try:
        what = str(error) if isinstance(error, (WrongReturn, Ended)) else f"{type(error).__name__}: {error}"
    except Exception as second:
        what = f"{type(error).__name__} (and its text can't be had: {type(second).__name__})"
    if len(what) > CHARS_MAX:
        what = f"{what[:CHARS_MAX]}… ({len(what)} characters)"
    return what.encode(errors="backslashreplace").decode()  # the core takes no half surrogates


class Faults:
    """Of one hook of one plugin. Any thread."""

    def __init__(self, loaded: LoadedPlugin, hook: str) -> None:
        self._loaded = loaded
        self._method = loaded.method(hook)
        self._hook = self._method.__name__
        self._lock = threading.Lock()
        self._last = -SECONDS_BETWEEN_LINES
        self._unsaid = 0

    def tell(self, error: BaseException) -> str:
        """Logs it, unless another one was logged within a second; what happened, in short."""
        what = text_of(error)
        with self._lock:
            now = time.monotonic()
            if now - self._last < SECONDS_BETWEEN_LINES:
                self._unsaid += 1
                return what
            self._last, unsaid, self._unsaid = now, self._unsaid, 0
        more = f" ({unsaid} more since the last such line)" if unsaid else ""
        self._loaded.plugin.log.error("plugin %s, hook %s, %s: %s%s", self._loaded.name, self._hook, self._place(error), what, more)
        return what

    def _place(self, error: BaseException) -> str:
        """Where it was raised in the plugin's own file; else where the hook begins."""
        hook_place = place_of(self._method)
        hook_file = hook_place.rpartition(":")[0]
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == hook_file]
        return f"{own[-1].filename}:{own[-1].lineno}" if own and not isinstance(error, WrongReturn) else hook_place
