"""What may block, off the loop: in a thread of its own that nobody has to wait for at the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from madang.plugins.faults import ended, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def aside(function: Callable[[], T]) -> T:
    """Its value or its exception. Who gives up waiting leaves the thread behind; it ends with what it does, or with the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)

    def run() -> None:
        value, failure = None, None
        try:
            value = function()
        except BaseException as error:
            # A future takes no StopIteration, and nobody outside expects a SystemExit.
            failure = error if isinstance(error, Exception) and not isinstance(error, StopIteration) else ended(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=run, name="madang-aside", daemon=True).start()
    return await done


async def finished(function: Callable[[], Any]) -> Any:
    """What it returns, be it `def` or `async def`; Ended instead of what would end the loop."""
    try:
        value = function()
        return await value if inspect.isawaitable(value) else value
    except Exception:
        raise
    except BaseException as error:
        if is_ours(error):
            raise
        raise ended(error) from error


async def tested(selftest: Callable[[], Any], within: float) -> None:
    """A plugin's `selftest`: what it raises, or TimeoutError."""
    async with asyncio.timeout(within):
        if inspect.iscoroutinefunction(selftest):
            await finished(selftest)
        else:
            await aside(selftest)
