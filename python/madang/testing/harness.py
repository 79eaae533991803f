"""A plugin without a server: its hooks are called as a server calls them, by the same lanes, and what they return is judged so, too."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import itertools
import json
import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

from madang.errors import ConfigError, PluginUnavailable, StartError
from madang.plugins import Delivery, Deny, Entry, Identity, Message, Notification, Verdict
from madang.plugins.aside import aside, finished, tested
from madang.plugins.dispatcher import LANES
from madang.plugins.faults import text_of
from madang.plugins.feed import check_return
from madang.plugins.importing import Unusable
from madang.plugins.lanes import ERROR, KINDS
from madang.plugins.loading import prepare
from madang.plugins.pushing import one_for_each, outcome_of
from madang.plugins.store import MemoryBacking, PluginStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from types import TracebackType

    from madang.core import _core
    from madang.plugins import Plugin
    from madang.plugins.lanes import Lane

SET_UP_WITHIN = 60.0
SLACK = 0.05  # seconds: the answer of a hook that was in time is still on its way


class PluginHarness:
    """One plugin, set up on a loop of its own. Threads: any.

    Args:
        plugin: its class, or an object.
        settings: as in the configuration.
        hooks: as in the configuration, timeouts in seconds: `{"check": {"timeout": 5}}`.

    Raises:
        madang.ConfigError: the plugin can't be used.
        madang.StartError: its `setup` failed.
    """

    def __init__(
        self,
        plugin: type[Plugin] | Plugin,
        *,
        settings: Mapping[str, Any] | None = None,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.plugin: Plugin = plugin() if isinstance(plugin, type) else plugin
        if settings is not None or isinstance(plugin, type):
            self.plugin.settings = MappingProxyType(json.loads(json.dumps(dict(settings or {}))))
        try:
            self._loaded = prepare(self.plugin, "plugin_harness", hooks or {}, ())
        except Unusable as error:
            raise ConfigError([str(error)]) from None
        self.store = self.plugin.store = PluginStore(MemoryBacking())
        self._numbers = itertools.count(1)
        self._core = CoreOfTests()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="madang-plugin-harness", daemon=True)
        self._thread.start()
        self._lanes: dict[str, Lane] = {}
        try:
            self._on_loop(self._set_up(), SET_UP_WITHIN)
        except BaseException:
            self._end()
            raise

    async def _set_up(self) -> None:
        try:
            await finished(self.plugin.setup)
        except Exception as error:
            raise StartError(f"plugin {self._loaded.name}: setup: {text_of(error)}") from error
        core = cast("_core.Plugins", self._core)
        self._lanes = {hook: LANES[hook](core, 0, self._loaded, self._loop) for hook in self._loaded.hooks}

    # ---- hooks ---------------------------------------------------------------------------------------------------------------------------

    def check(self, text: str, **members: Any) -> Verdict:
        """What becomes of a message.

        Args:
            text: of the message.
            members: other members of `madang.Message`: `sender` (a name or a `User`), `conversation_id`, `conversation_kind`, `client_id`,
                `peer_id`, `edit`.

        Raises:
            madang.PluginUnavailable: the hook has raised, was late or returned something else; the message says what, where. In a server
                its rule (`on_error`) would decide.
        """
        return self.check_all([text], **members)[0]

    def check_all(self, texts: Sequence[str], **members: Any) -> list[Verdict]:
        """The same for messages that come at one time: `check_batch` gets them together."""
        calls = [self._call("check", *check_call(text, **members)) for text in texts]
        return [verdict_of(*answer) for answer in self._answers("check", calls)]

    def authenticate(self, credentials: Mapping[str, Any]) -> Identity | Deny:
        """Who logs in with these. Raises as `check`."""
        [answer] = self._answers("authenticate", [self._call("authenticate", json.dumps(dict(credentials)))])
        if isinstance(answer, (Identity, Deny)):
            return answer
        raise PluginUnavailable(f"plugin {self._loaded.name}, hook authenticate: {answer}")

    def committed(self, entries: Sequence[Entry]) -> None:
        """Gives it entries of the feed. Raises as `check`."""
        self._told("committed", list(entries), check_return)

    def push(self, notifications: Sequence[Notification]) -> list[Delivery]:
        """What becomes of notifications that come at one time. Raises as `check`, also where one Delivery alone is none: in a server that
        one is tried again."""

        def judged(deliveries: object) -> None:
            for each in one_for_each(len(notifications), deliveries):
                outcome_of(each)

        return list(self._told("push", list(notifications), judged))

    def selftest(self) -> None:
        """Raises what the plugin's `selftest` raises."""
        self._on_loop(tested(self.plugin.selftest, SET_UP_WITHIN), SET_UP_WITHIN)

    def close(self) -> None:
        """Closes the plugin. Closing twice does nothing."""
        if not self._loop.is_closed():
            try:
                self._on_loop(self._close(), SET_UP_WITHIN)
            finally:
                self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------------------------------------------------------

    def _call(self, hook: str, *about: Any) -> tuple[Any, ...]:
        return (0, hook, 0, next(self._numbers), time.monotonic(), *about)

    def _lane(self, hook: str) -> Lane:
        if hook not in self._lanes:
            raise ConfigError([f"plugin {self._loaded.name} has no hook {hook} (its hooks: {', '.join(self._lanes)})"])
        return self._lanes[hook]

    def _told(self, hook: str, things: list[Any], judged: Callable[[Any], None]) -> Any:
        """What the hook returns, in time and such that nothing is raised by `judged`."""
        lane = self._lane(hook)
        try:
            return self._on_loop(given(lane, things, judged), lane.timeout + SLACK)
        except concurrent.futures.TimeoutError:
            raise PluginUnavailable(f"plugin {self._loaded.name}, hook {hook}: {lane.late()}") from None
        except Exception as error:
            raise PluginUnavailable(f"plugin {self._loaded.name}, hook {hook}: {lane.faults.tell(error)}") from error

    def _answers(self, hook: str, calls: list[tuple[Any, ...]]) -> list[Any]:
        lane = self._lane(hook)
        waiting = [self._core.expect(call[3]) for call in calls]

        def put() -> None:
            for call in calls:
                lane.add(call)
            lane.kick()

        self._loop.call_soon_threadsafe(put)
        deadline = time.monotonic() + lane.timeout + SLACK
        try:
            answers = [each.result(max(deadline - time.monotonic(), 0)) for each in waiting]
        except concurrent.futures.TimeoutError:
            raise PluginUnavailable(f"plugin {self._loaded.name}, hook {hook}: took longer than {lane.timeout:g} s") from None
        for answer in answers:
            if isinstance(answer, tuple) and answer[0] == ERROR:
                raise PluginUnavailable(f"plugin {self._loaded.name}, hook {hook}: {answer[1]}")
        return answers

    async def _close(self) -> None:
        for lane in self._lanes.values():
            lane.cancel()
            await aside(lane.end)
        await finished(self.plugin.close)

    def _on_loop(self, what: Coroutine[Any, Any, Any], within: float) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(within)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SET_UP_WITHIN)
        self._loop.close()


async def given(lane: Lane, things: list[Any], judged: Callable[[Any], None]) -> Any:
    value = await lane.awaited(things) if inspect.iscoroutinefunction(lane.method) else await aside(lambda: lane.called(things))
    judged(value)
    return value


class CoreOfTests:
    """Stands where the core would: gathers answers by the number of their call. Any thread."""

    def __init__(self) -> None:
        self._waiting: dict[int, concurrent.futures.Future[Any]] = {}

    def expect(self, number: int) -> concurrent.futures.Future[Any]:
        self._waiting[number] = concurrent.futures.Future()
        return self._waiting[number]

    def answer_checks(self, verdicts: Sequence[tuple[int, int, int, str]]) -> None:
        for _, number, kind, text in verdicts:
            self._settle(number, (kind, text))

    def answer_identity(self, _loop: int, number: int, username: str, display_name: str, roles: Sequence[str]) -> None:
        self._settle(number, Identity(username, display_name or None, tuple(roles)))

    def refuse_identity(self, _loop: int, number: int, denied: bool, reason: str) -> None:
        self._settle(number, Deny(reason) if denied else (ERROR, reason))

    def note(self, *_: Any, **__: Any) -> None:
        """Figures are a server's."""

    def _settle(self, number: int, answer: Any) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                waiting.set_result(answer)


def verdict_of(kind: int, text: str) -> Verdict:
    name = next(name for name, each in KINDS.items() if each == kind)
    return Verdict.allow() if name == "allow" else Verdict(name, text)


def check_call(text: str, *, sender: Any = "someone", edit: bool = False, **members: Any) -> tuple[Any, ...]:
    """The members of a check as the core gives them."""
    unknown = set(members) - set(inspect.signature(Message).parameters)
    if unknown:
        raise TypeError(f"a Message has no {', '.join(sorted(unknown))}")
    peer_id = members.get("peer_id")
    kind = members.get("conversation_kind") or ("direct" if peer_id else "group")
    conversation = members.get("conversation_id", "1")
    user_id, username = (sender.id, sender.username) if hasattr(sender, "username") else ("2", str(sender))
    return (
        conversation or "",
        kind,
        user_id,
        username,
        peer_id or "",
        members.get("client_id", "c1"),
        text,
        edit,
        members.get("mentions", ()),
    )
