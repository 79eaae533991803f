"""`committed`: batches of the feed on their way through the hook, one at a time, in order. What is not taken comes again."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from madang.client import decode
from madang.plugins.faults import WrongReturn
from madang.plugins.lanes import NUMBER, Call, Lane
from madang.plugins.values import Entry

if TYPE_CHECKING:
    from madang.core import _core
    from madang.plugins.loading import LoadedPlugin

ENTRIES = 5


def entry_of(json: dict[str, Any], system_id: str | None) -> Entry:
    actor = decode.user(json["actor"])
    users = {actor.id: actor}
    message, conversation, member = json.get("message"), json.get("conversation"), json.get("member")
    return Entry(
        position=json["position"],
        type=json["type"],
        conversation_id=json["conversation_id"],
        seq=json["seq"],
        created_at=decode.time(json["created_at"]),
        actor=actor,
        message=None if message is None else decode.message(message, users),
        conversation=None if conversation is None else decode.conversation(conversation, users),
        member=None if member is None else decode.member(member),
        by_system=actor.id == system_id,
        shadowed=bool(json.get("shadowed")),
    )


def check_return(value: object) -> None:
    """Raises WrongReturn."""
    if value is not None:
        raise WrongReturn(f"returned {value!r}, which is not None (raise, to be given the batch again)")


class CommittedLane(Lane):
    """`committed`. The core gives one batch at a time; the next one, and one that comes again, waits here until the hook has returned."""

    hook = "committed"

    def __init__(self, core: _core.Plugins, index: int, loaded: LoadedPlugin, loop: asyncio.AbstractEventLoop) -> None:
        self._running = threading.Lock()
        self._since: float | None = None  # the hook runs
        self._system = loaded.plugin.server
        super().__init__(core, index, loaded, loop, tasks_max=1)

    def kick(self) -> None:
        if self._since is not None and time.monotonic() - self._since > self.timeout:
            self.faults.tell(WrongReturn(f"has been running for {time.monotonic() - self._since:.0f} s, and the feed waits for it"))
        super().kick()

    def work(self) -> bool:
        if not self._running.acquire(blocking=False):
            return False
        try:
            calls = self.take(1)
            for call in calls:
                begun = self._since = time.monotonic()
                try:
                    check_return(self.called(self._entries_of(call)))
                    self._answer(call, "", begun)
                except Exception as error:
                    self._answer(call, self.faults.tell(error) or "failed", begun)
        finally:
            self._since = None
            self._running.release()
        return bool(calls) or bool(self._waiting)  # what came meanwhile found this thread busy

    async def run(self, calls: list[Call]) -> None:
        [call] = calls
        begun = self._since = time.monotonic()
        limit = asyncio.timeout(self.left(call))
        try:
            async with limit:
                check_return(await self.awaited(self._entries_of(call)))
            problem = ""
        except Exception as error:
            problem = self.faults.tell(self.late() if limit.expired() else error) or "failed"
        finally:
            self._since = None
        self._answer(call, problem, begun)

    def _answer(self, call: Call, problem: str, begun: float) -> None:
        self.core.answer_committed(self.index, call[NUMBER], problem)
        self.noted([call], begun, bool(problem))

    def _entries_of(self, call: Call) -> list[Entry]:
        return [entry_of(each, self._system.user_id) for each in json.loads(call[ENTRIES])]
