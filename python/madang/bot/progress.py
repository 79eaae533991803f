"""Which events are handled: those of one conversation one after the other, those of several side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

AT_ONCE_MAX = 100
TELL_EVERY_S = 0.1


class Progress:
    """Runs handlers, and knows the cursor up to which all are done.

    Belongs to one loop. Limits: AT_ONCE_MAX events under way; `begin` waits for room.

    Args:
        cursor: up to which everything was done before.
        on_progress: called within TELL_EVERY_S of a change of `cursor`.
    """

    def __init__(self, cursor: int, on_progress: Callable[[], object]) -> None:
        self._seen = cursor
        self._on_progress = on_progress
        self._telling: asyncio.TimerHandle | None = None
        self._under_way: dict[int, asyncio.Task[None]] = {}  # by cursor, rising
        self._last_of: dict[str, asyncio.Task[None]] = {}  # by conversation
        self._room = asyncio.Semaphore(AT_ONCE_MAX)

    @property
    def cursor(self) -> int:
        """Every event up to this one is done."""
        return min(self._under_way, default=self._seen + 1) - 1

    def skip(self, cursor: int) -> None:
        """Nobody wants the events up to this one."""
        self._seen = max(self._seen, cursor)
        self._tell_soon()

    async def begin(self, cursor: int, conversation_id: str, handling: Coroutine[object, object, None]) -> None:
        """Runs it as soon as those before it in its conversation are done; returns when it has begun to wait for them."""
        try:
            await self._room.acquire()
        except BaseException:
            handling.close()
            raise
        self._seen = max(self._seen, cursor)
        before = self._last_of.get(conversation_id)
        task = asyncio.ensure_future(self._run(before, handling))
        self._under_way[cursor] = task
        self._last_of[conversation_id] = task
        task.add_done_callback(lambda done: self._ended(done, cursor, conversation_id))

    async def _run(self, before: asyncio.Task[None] | None, handling: Coroutine[object, object, None]) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
        except BaseException:
            handling.close()
            raise
        await handling

    def _ended(self, task: asyncio.Task[None], cursor: int, conversation_id: str) -> None:
        self._room.release()
        if self._last_of.get(conversation_id) is task:
            del self._last_of[conversation_id]
        if not task.cancelled():  # otherwise it isn't done, and comes again
            self._under_way.pop(cursor, None)
            self._tell_soon()

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_EVERY_S, self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._on_progress()

    async def finish(self, within: float) -> None:
        """Waits for what is under way, and cancels what takes longer."""
        if tasks := list(self._under_way.values()):
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._telling is not None:
            self._telling.cancel()
