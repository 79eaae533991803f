"""The calls of one hook of one plugin, on their way through it: batches, retries, what is late, what a return means.

The core owns the deadlines: it decides by the plugin's rule when the time is over, whatever happens here. A lane only saves work: what has
expired isn't run any more. Calls are tuples, as the core's `drain` gives them; answers go back by the batch."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from madang.client.objects import User
from madang.plugins.faults import Faults, WrongReturn, ended, is_ours
from madang.plugins.hooks import HOOKS
from madang.plugins.values import REASON_CHARS_MAX, Deny, Identity, Message, Verdict
from madang.plugins.workers import THREADS, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from madang.core import _core
    from madang.plugins.loading import LoadedPlugin

BATCH_MAX = 256
WAITING_MAX = 10_000  # calls of one lane; more: the oldest are dropped, and the core decides by the rule
TASKS_MAX = 1_000  # runs of an `async def` hook at a time
BATCH_TASKS_MAX = 8  # the same of a batch hook: what comes meanwhile makes larger batches
SLOW = 0.001  # seconds a message: from here on a thread takes one at a time

Call = tuple[Any, ...]  # plugin, hook, loop, number, posted; then what the hook is about
Answer = tuple[int, int, int, str]
LOOP, NUMBER, POSTED, CREDENTIALS = 2, 3, 4, 5
SENDER = 7
ALLOW, DENY, MODIFY, ERROR, HOLD, SHADOW = range(6)
KINDS = {"allow": ALLOW, "deny": DENY, "modify": MODIFY, "hold": HOLD, "shadow": SHADOW}
WOULD = {DENY: "would_deny", MODIFY: "would_modify", HOLD: "would_hold", SHADOW: "would_shadow"}


def message_of(call: Call) -> Message:
    _, _, _, _, _, conversation, kind, sender, username, peer, client_id, text, edit, mentions = call
    return Message(conversation or None, kind, User(sender, username), text, client_id, tuple(mentions), peer or None, edit)


def outcome_of(verdict: object) -> tuple[int, str]:
    """What the core is told. Raises WrongReturn."""
    if type(verdict) is not Verdict:
        forgotten = ": was `return` forgotten?" if verdict is None else ""
        raise WrongReturn(f"returned {verdict!r}, which is no madang.Verdict{forgotten}")
    kind = KINDS.get(verdict.kind)
    if kind is None:
        raise WrongReturn(f"returned Verdict({verdict.kind!r}), which is none (allow, deny, modify, hold or shadow)")
    if not isinstance(verdict.text, str) or (kind == MODIFY and not verdict.text):
        raise WrongReturn(f"returned Verdict.{verdict.kind}({verdict.text!r}), which needs a text")
    refuse_half_surrogates(verdict.text)
    return kind, verdict.text if kind == MODIFY else verdict.text[:REASON_CHARS_MAX]


def refuse_half_surrogates(*texts: str) -> None:
    """The core takes none. Raises WrongReturn."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise WrongReturn(f"returned a text that is no Unicode: {error}") from None


class Lane(ABC):
    """What the lanes of all hooks share: the queue, the runs on the loop or in threads, the figures."""

    hook: ClassVar[str]

    def __init__(
        self, core: _core.Plugins, index: int, loaded: LoadedPlugin, loop: asyncio.AbstractEventLoop, tasks_max: int = TASKS_MAX
    ) -> None:
        self.core = core
        self.index = index
        self.timeout = loaded.hooks[self.hook].timeout
        self.method: Callable[..., Any] = loaded.method(self.hook)
        self.faults = Faults(loaded, self.hook)
        self._loop = loop
        self._waiting: deque[Call] = deque(maxlen=WAITING_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._tasks_max = tasks_max
        self._workers = None if inspect.iscoroutinefunction(self.method) else Workers(f"{loaded.name}-{self.hook}", self.work, self.timeout)

    def add(self, call: Call) -> None:
        self._waiting.append(call)

    def kick(self) -> None:
        """Work has come. On the loop."""
        if self._workers is not None:
            for _ in range(min(len(self._waiting), THREADS)):
                self._workers.wake()
            if self._waiting and self._workers.is_exhausted:
                self.faults.tell(self.stuck("it isn't called until one comes back, or the plugin is reloaded"))
            return
        while self._waiting and len(self._tasks) < self._tasks_max:
            calls = self.take(self.take_max())
            if calls:
                task = self._loop.create_task(self.run(calls))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def end(self) -> bool:
        """False: a thread is left behind in a hook."""
        self.cancel()
        return self._workers is None or self._workers.end()

    def cancel(self) -> None:
        """What runs on the loop is given up."""
        for task in self._tasks:
            task.cancel()

    @property
    def is_idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not self._waiting and not self._tasks and (self._workers is None or not self._workers.is_busy)

    def hand_over(self) -> list[Call]:
        """The calls that it hasn't begun with, for the lane that takes its place."""
        calls: list[Call] = []
        with contextlib.suppress(IndexError):
            while True:
                calls.append(self._waiting.popleft())
        return calls

    def take(self, count: int) -> list[Call]:
        """The oldest calls that somebody still waits for."""
        now = time.monotonic()
        calls: list[Call] = []
        expired = 0
        with contextlib.suppress(IndexError):
            while len(calls) < count:
                call = self._waiting.popleft()
                if now - call[POSTED] < self.timeout:
                    calls.append(call)
                else:
                    expired += 1
        if expired:
            self.core.note(self.index, self.hook, calls=expired, expired=expired)
        return calls

    def left(self, call: Call) -> float:
        """Seconds to its deadline."""
        return float(call[POSTED]) + self.timeout - time.monotonic()

    def called(self, argument: Any) -> Any:
        """The hook, in a thread, which outlives what it raises."""
        try:
            return self.method(argument)
        except Exception:
            raise
        except BaseException as error:
            raise ended(error) from error

    async def awaited(self, argument: Any) -> Any:
        """The hook, on the loop, which outlives what it raises."""
        try:
            return await self.method(argument)
        except Exception:
            raise
        except BaseException as error:
            if is_ours(error):
                raise
            raise ended(error) from error

    @property
    def is_exhausted(self) -> bool:
        """A `def` hook hangs in all the threads that it may have."""
        return self._workers is not None and self._workers.is_exhausted

    def stuck(self, consequence: str) -> WrongReturn:
        assert self._workers is not None
        return WrongReturn(f"hangs in all its threads, {self._workers.where_it_is_stuck()}: {consequence}")

    def late(self) -> WrongReturn:
        return WrongReturn(f"took longer than {self.timeout:g} s")

    def noted(self, calls: Sequence[Call], begun: float, errors: int) -> None:
        queue_s = sum(max(begun - call[POSTED], 0.0) for call in calls)
        run_s = time.monotonic() - begun
        self.core.note(self.index, self.hook, calls=len(calls), batches=1, errors=errors, queue_s=queue_s, run_s=run_s)

    def take_max(self) -> int:
        return 1

    @abstractmethod
    def work(self) -> bool:
        """In a thread: some calls, if there are any. True: there may be more."""

    @abstractmethod
    def run(self, calls: list[Call]) -> Coroutine[Any, Any, None]:
        """On the loop: these calls."""

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self.kick()


class CheckLane(Lane):
    """`check` or `check_batch`."""

    hook = "check"

    def __init__(self, core: _core.Plugins, index: int, loaded: LoadedPlugin, loop: asyncio.AbstractEventLoop) -> None:
        self._is_batch = HOOKS["check"].method_of(loaded.plugin) == "check_batch"  # by where it stands: a decorator may have renamed it
        self._took = 0.0  # seconds a message, of the last run in a thread
        super().__init__(core, index, loaded, loop, BATCH_TASKS_MAX if self._is_batch else TASKS_MAX)

    def take_max(self) -> int:
        return BATCH_MAX if self._is_batch else 1

    def work(self) -> bool:
        one_by_one = not self._is_batch and self._took > SLOW
        calls = self.take(1 if one_by_one else BATCH_MAX)
        if not calls:
            return False
        begun = time.monotonic()
        if self._is_batch:
            outcomes = self._batch(calls)
        else:
            outcomes = []
            for n, call in enumerate(calls, 1):
                outcomes.append(self._one(call))
                if time.monotonic() - begun > n * SLOW and n < len(calls):  # slow after all: others may take the rest
                    self._waiting.extendleft(reversed(calls[n:]))
                    calls = calls[:n]
                    break
        self._took = (time.monotonic() - begun) / len(calls)
        self._answer(calls, outcomes, begun)
        return True

    async def run(self, calls: list[Call]) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(max(map(self.left, calls))):
                outcomes = await (self._batch_async(calls) if self._is_batch else self._one_async(calls[0]))
        except TimeoutError:
            outcomes = [(ERROR, self.faults.tell(self.late()))] * len(calls)
        self._answer(calls, outcomes, begun)

    def _batch(self, calls: Sequence[Call]) -> list[tuple[int, str]]:
        try:
            return self._outcomes(calls, self.called([message_of(call) for call in calls]))
        except Exception as error:
            if len(calls) == 1:
                return [(ERROR, self.faults.tell(error))]
        return [outcome for call in calls for outcome in self._batch([call])]  # once more, so that one message fails alone

    async def _batch_async(self, calls: Sequence[Call]) -> list[tuple[int, str]]:
        try:
            return self._outcomes(calls, await self.awaited([message_of(call) for call in calls]))
        except Exception as error:
            if len(calls) == 1:
                return [(ERROR, self.faults.tell(error))]
        return [outcome for call in calls for outcome in await self._batch_async([call])]

    def _one(self, call: Call) -> tuple[int, str]:
        try:
            return outcome_of(self.called(message_of(call)))
        except Exception as error:
            return ERROR, self.faults.tell(error)

    async def _one_async(self, call: Call) -> list[tuple[int, str]]:
        try:
            return [outcome_of(await self.awaited(message_of(call)))]
        except Exception as error:
            return [(ERROR, self.faults.tell(error))]

    def _outcomes(self, calls: Sequence[Call], verdicts: object) -> list[tuple[int, str]]:
        if not isinstance(verdicts, (list, tuple)) or len(verdicts) != len(calls):
            what = f"{len(verdicts)} verdicts" if isinstance(verdicts, (list, tuple)) else repr(verdicts)
            raise WrongReturn(f"returned {what} for {len(calls)} messages (a list with one madang.Verdict for each)")
        return [outcome_of(verdict) for verdict in verdicts]

    def _answer(self, calls: Sequence[Call], outcomes: Iterable[tuple[int, str]], begun: float) -> None:
        answers: list[Answer] = []
        errors = 0
        would = dict.fromkeys(WOULD.values(), 0)
        for call, (kind, text) in zip(calls, outcomes, strict=True):
            errors += kind == ERROR
            if call[NUMBER]:
                answers.append((call[LOOP], call[NUMBER], kind, text))
            elif kind in WOULD:  # mode = "observe": nobody waits
                would[WOULD[kind]] += 1
        if answers:
            self.core.answer_checks(answers)
        self.noted(calls, begun, errors)
        if any(would.values()):
            self.core.note(self.index, self.hook, **would)


class AuthenticateLane(Lane):
    """`authenticate`."""

    hook = "authenticate"

    def work(self) -> bool:
        calls = self.take(1)
        for call in calls:
            begun = time.monotonic()
            try:
                self._answer(call, self.called(json.loads(call[CREDENTIALS])), begun)
            except Exception as error:
                self._fail(call, error, begun)
        return bool(calls)

    async def run(self, calls: list[Call]) -> None:
        [call] = calls
        begun = time.monotonic()
        limit = asyncio.timeout(self.left(call))
        try:
            async with limit:
                answer = await self.awaited(json.loads(call[CREDENTIALS]))
            self._answer(call, answer, begun)
        except Exception as error:
            self._fail(call, self.late() if limit.expired() else error, begun)

    def _answer(self, call: Call, answer: object, begun: float) -> None:
        if type(answer) is Deny:
            reason = str(answer.reason) or "the credentials are not good"
            refuse_half_surrogates(reason)
            self.core.refuse_identity(call[LOOP], call[NUMBER], True, reason[:REASON_CHARS_MAX])
        elif type(answer) is Identity:
            display_name = answer.display_name or ""
            are_roles = isinstance(answer.roles, (tuple, list, set, frozenset)) and all(isinstance(each, str) for each in answer.roles)
            if not isinstance(answer.username, str) or not isinstance(display_name, str) or not are_roles:
                raise WrongReturn(f"returned {answer!r} (username and display_name are texts, roles is a tuple of them)")
            refuse_half_surrogates(answer.username, display_name, *answer.roles)
            self.core.answer_identity(call[LOOP], call[NUMBER], answer.username, display_name, list(answer.roles))
        else:
            raise WrongReturn(f"returned a {type(answer).__name__}, which is neither madang.Identity nor madang.Deny")
        self.noted([call], begun, 0)

    def _fail(self, call: Call, error: Exception, begun: float) -> None:
        self.core.refuse_identity(call[LOOP], call[NUMBER], False, self.faults.tell(error))
        self.noted([call], begun, 1)
