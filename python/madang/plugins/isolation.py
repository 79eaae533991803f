"""A plugin in a process of its own, seen from the server: what stands where the plugin would, and the lane that all its hooks share.

The worker is watched: one that has ended, that doesn't answer for BLOCKED_AFTER (its loop is blocked, or the interpreter locked in C) or
that is larger than its `memory` is replaced, at once the first time, with a pause that grows to PAUSE_MAX while it keeps ending. What it
was asked meanwhile is decided by the rule at its deadline: nothing is asked twice."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from madang.plugins.aside import aside
from madang.plugins.hooks import HookOptions
from madang.plugins.plugin import Plugin
from madang.plugins.reaching import carried_out
from madang.plugins.worker_process import WorkerFailed, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from madang.core import _core

BATCH_MAX = 256
BATCH_CHARS_MAX = 1 << 20
WINDOW = 8  # frames of calls that the worker hasn't taken; what comes meanwhile makes larger batches
WAITING_MAX = 10_000  # calls; one more is dropped, and the core decides by the rule
WAITING_CHARS_MAX = 64 << 20
PING_EVERY = 0.5
BLOCKED_AFTER = 2.0
PINGS_MAX = round(BLOCKED_AFTER / PING_EVERY)
STEADY_AFTER = 10.0  # a worker that has lived so long may end once without a pause
PAUSE_MIN, PAUSE_MAX = 0.1, 3.0
SET_UP_WITHIN = 60.0
CLOSED_WITHIN = 3.0
PLUGIN, HOOK, POSTED = 0, 1, 4

log = logging.getLogger("madang.plugins")


class IsolatedPlugin(Plugin):
    """Stands for a plugin that lives in a worker. From `launch` (any thread, blocks) to `close`; all else on the loop's thread.

    Args:
        use: as in the configuration.
        settings: as JSON.
        given: what the configuration says of its hooks.
        place: file:line of its configuration.
        taken: names of the plugins before it.
        memory: resident bytes that it may have; 0 = as many as it likes.
    """

    def __init__(
        self, use: str, settings: str, given: Mapping[str, Mapping[str, Any]], place: str, taken: Sequence[str], memory: int = 0
    ) -> None:
        self._order = {"use": use, "settings": settings, "given": dict(given), "place": place, "taken": list(taken)}
        self._memory = memory
        self._worker: WorkerProcess | None = None
        self._is_ready = False
        self._is_ending = False
        self._watching: asyncio.Task[None] | None = None
        self._reaching: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._waiting_chars = 0
        self._core: _core.Plugins | None = None
        self._index = 0
        self._restarts = 0
        self._pause = 0.0
        self.own_name = ""
        self.own_hooks: dict[str, HookOptions] = {}
        self.own_selftest = False

    # ---- its life ------------------------------------------------------------------------------------------------------------------------

    def launch(self) -> None:
        """Starts the worker and has it import the plugin. WorkerFailed."""
        worker = WorkerProcess()
        worker.on_operations = partial(self._take, worker)
        try:
            name, hooks, says = worker.load({**self._order, "path": [*sys.path], "log_level": log.getEffectiveLevel()})
            own = {hook: HookOptions(*options) for hook, options in hooks.items()}
            self._refuse_another(name, own)
        except BaseException:
            worker.kill()
            raise
        self.own_name, self.own_hooks, self.own_selftest = name, own, bool(says["selftest"])
        self.__dict__["providers"] = tuple(says["providers"])  # as the class has it
        self._worker = worker
        if self._is_ending:  # meanwhile
            worker.kill()

    def _refuse_another(self, name: str, hooks: Mapping[str, HookOptions]) -> None:
        if self.own_hooks and (name, hooks) != (self.own_name, self.own_hooks):
            raise WorkerFailed("its hooks or their options have changed since the server was started: restart the server")

    async def setup(self) -> None:
        assert self._worker is not None
        await self._worker.attach()
        await self._worker.ask("setup", within=SET_UP_WITHIN)
        self._is_ready = True
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def selftest(self) -> None:
        assert self._worker is not None
        await self._worker.ask("selftest", SET_UP_WITHIN, within=SET_UP_WITHIN + 1)

    async def close(self) -> None:
        """Calls under way aren't waited for."""
        await self.retire(0.0)

    async def retire(self, patience: float) -> None:
        """Ends it when it has answered what it was asked, or when nobody can wait for that any more."""
        self._is_ending = True
        if self._watching is not None:
            self._watching.cancel()
        worker, self._worker = self._worker, None
        self._is_ready = False
        if worker is None:
            return
        try:
            if not worker.lost.is_set():
                await worker.ask("close", patience, within=patience + CLOSED_WITHIN)
        except WorkerFailed as error:
            self.log.error("plugin %s: close failed: %s", self.own_name, error)  # noqa: TRY400 - the trace is in the worker
        finally:
            worker.kill()
            await worker.end()
            self._note(None)

    def discard(self) -> None:
        """Ends a worker that was never set up. Any thread, while nobody else uses it."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    # ---- the lane ------------------------------------------------------------------------------------------------------------------------

    def serve(self, core: _core.Plugins, index: int) -> None:
        """From now on calls come."""
        self._core, self._index = core, index
        if self._worker is not None:
            self._worker.send("serve", index)
            self._note(self._worker)

    def add(self, call: tuple[Any, ...]) -> None:
        chars = chars_of(call)
        if len(self._waiting) >= WAITING_MAX or self._waiting_chars + chars > WAITING_CHARS_MAX:
            self._expire({call[HOOK]: 1})
            return
        self._waiting.append(call)
        self._waiting_chars += chars

    def kick(self) -> None:
        worker = self._worker
        if worker is None or not self._is_ready:
            return
        while self._waiting and worker.unread < WINDOW and worker.takes_calls:
            if calls := self._batch():
                worker.send_calls(calls)

    def end(self) -> bool:
        """True: no thread of this process is left behind in a hook."""
        self._waiting.clear()
        self._waiting_chars = 0
        return True

    def hand_over(self) -> list[tuple[Any, ...]]:
        """The calls that the worker hasn't been given, for whoever takes its place."""
        calls = list(self._waiting)
        self.end()
        return calls

    def _batch(self) -> list[tuple[Any, ...]]:
        """The oldest calls that somebody still waits for."""
        now = time.monotonic()
        calls: list[tuple[Any, ...]] = []
        chars, expired = 0, dict[str, int]()
        while self._waiting and len(calls) < BATCH_MAX and chars < BATCH_CHARS_MAX:
            call = self._waiting.popleft()
            size = chars_of(call)
            self._waiting_chars -= size
            if now - call[POSTED] < self.own_hooks[call[HOOK]].timeout:
                calls.append(call)
                chars += size
            else:
                expired[call[HOOK]] = expired.get(call[HOOK], 0) + 1
        self._expire(expired)
        return calls

    def _expire(self, counts: Mapping[str, int]) -> None:
        assert self._core is not None
        for hook, count in counts.items():
            self._core.note(self._index, hook, calls=count, expired=count)

    # ---- what the worker says --------------------------------------------------------------------------------------------------------

    def _take(self, worker: WorkerProcess, operations: list[list[Any]]) -> None:
        for operation in operations:
            try:
                match operation:
                    case ["core", str(method), list(arguments), dict(figures)]:
                        self._answer(method, arguments, figures)
                    case ["log", str(name), int(level), str(text)]:
                        logging.getLogger(name).log(level, "%s", text)
                    case ["reach", int(number), str(what), list(arguments)]:
                        task = asyncio.get_running_loop().create_task(self._reach(worker, number, what, arguments))
                        self._reaching.add(task)
                        task.add_done_callback(self._reaching.discard)
                    case _:
                        self.log.error("plugin %s: its worker says what nobody understands: %.100r", self.own_name, operation)
            except Exception:  # what it says is wrong: the core decides at the deadline
                self.log.exception("plugin %s: an answer of its worker is no answer", self.own_name)
        self.kick()

    async def _reach(self, worker: WorkerProcess, number: int, what: str, arguments: list[Any]) -> None:
        problem, value = await aside(lambda: carried_out(self, what, arguments))
        worker.send("reached", number, problem, value)

    def _answer(self, method: str, arguments: list[Any], figures: dict[str, Any]) -> None:
        if self._core is None:
            return
        if method == "note":
            self._core.note(self._index, arguments[1], **figures)
        elif method.startswith(("answer_", "refuse_")) and method != "answer_order":
            getattr(self._core, method)(*arguments)

    # ---- watching ------------------------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            assert self._worker is not None
            worker = self._worker
            why = await self._until_it_fails(worker)
            self._is_ready = False
            await worker.end()
            self._note(None)
            self.log.error("plugin %s: its worker (pid %d) %s; another one is started", self.own_name, worker.pid, why or worker.ending())
            await self._replace(time.monotonic() - worker.since)

    async def _until_it_fails(self, worker: WorkerProcess) -> str:
        """Why it has to be replaced; empty = it has ended by itself. Time is counted in pings, so that a loop that was held up itself, and
        has not listened, doesn't blame the worker."""
        while not (await worker.gone(PING_EVERY) or worker.has_ended):
            if worker.pings_unanswered >= PINGS_MAX:
                return f"didn't answer for {BLOCKED_AFTER:g} s (its loop is blocked, or C code keeps the interpreter) and was ended"
            if self._memory and (used := worker.resident_bytes()) > self._memory:
                return f"had {used >> 20} MiB of memory (at most {self._memory >> 20}) and was ended"
            worker.ping()
            self._note(worker)
            self.kick()
        return ""

    async def _replace(self, lived: float) -> None:
        if lived > STEADY_AFTER:
            self._pause = 0.0
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(max(2 * self._pause, PAUSE_MIN), PAUSE_MAX)
            self._restarts += 1
            try:
                await aside(self.launch)
                assert self._worker is not None
                await self._worker.attach()
                await self._worker.ask("setup", within=SET_UP_WITHIN)
            except WorkerFailed as error:
                self.log.error("plugin %s: no other worker: %s", self.own_name, error)  # noqa: TRY400
                if self._worker is not None:
                    await self._worker.end()
                continue
            self._is_ready = True
            if self._core is not None:
                self.serve(self._core, self._index)
            self.kick()
            return

    def _note(self, worker: WorkerProcess | None) -> None:
        if self._core is not None:
            self._core.note_worker(self._index, worker.pid if worker is not None else 0, self._restarts, len(self._waiting))


def chars_of(call: tuple[Any, ...]) -> int:
    return sum([len(each) for each in call if each.__class__ is str])
