"""Lanes and threads bear what a plugin's author may do without meaning harm. No core: what would go to it is looked at."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import madang
from madang.client.objects import User
from madang.plugins import lanes
from madang.plugins.faults import Faults
from madang.plugins.lanes import ALLOW, ERROR, CheckLane
from madang.plugins.loading import LoadedPlugin, prepare
from madang.plugins.running import run_until_stopped
from madang.plugins.values import REASON_CHARS_MAX
from madang.plugins.workers import STUCK_MAX, THREADS, Workers
from madang.testing.harness import PluginHarness

WITHIN_S = 10.0


class Core:
    """Takes answers as the module does: what is no Unicode it refuses."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, str]] = {}

    def answer_checks(self, answers: list[tuple[int, int, int, str]]) -> None:
        for _, number, kind, text in answers:
            text.encode()
            self.answers[number] = (kind, text)

    def note(self, *_: object, **__: object) -> None:
        pass


def renamed(hook: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: object, messages: list[madang.Message]) -> Any:
        return hook(self, messages)

    return wrapper


class Surrogates(madang.Plugin):
    def check(self, message: madang.Message) -> madang.Verdict:
        if message.text == "bad":
            raise ValueError("no such file: caf\udce9")
        return madang.Verdict.allow()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


ODD: dict[str, type[BaseException]] = {
    "exit": SystemExit,
    "interrupt": KeyboardInterrupt,
    "cancelled": asyncio.CancelledError,
    "closed": GeneratorExit,
    "unspeakable": Unspeakable,
}


class OddOnTheLoop(madang.Plugin):
    async def check(self, message: madang.Message) -> madang.Verdict:
        if message.text in ODD:
            raise ODD[message.text]
        return madang.Verdict.allow()


class OddInThreads(madang.Plugin):
    def check(self, message: madang.Message) -> madang.Verdict:
        if message.text in ODD:
            raise ODD[message.text]
        return madang.Verdict.allow()


class Renamed(madang.Plugin):
    @renamed
    def check_batch(self, messages: list[madang.Message]) -> list[madang.Verdict]:
        return [madang.Verdict.allow() for _ in messages]


def message(text: str) -> madang.Message:
    return madang.Message("1", "group", User("2", "alice"), text, "c")


def answers_of(monkeypatch: pytest.MonkeyPatch, plugin: madang.Plugin, *texts: str) -> list[tuple[int, str]]:
    monkeypatch.setattr(lanes, "message_of", lambda call: call[-1])  # whatever members a call has by now
    core: Any = Core()
    loop = asyncio.new_event_loop()
    try:
        lane = CheckLane(core, 0, prepare(plugin, "here", {"check": {"timeout": WITHIN_S}}, []), loop)
        for number, text in enumerate(texts, 1):
            lane.add((0, "check", 0, number, time.monotonic(), message(text)))
        loop.call_soon(lane.kick)
        deadline = time.monotonic() + WITHIN_S
        while len(core.answers) < len(texts):
            assert time.monotonic() < deadline, core.answers
            loop.run_until_complete(asyncio.sleep(0.001))
        assert lane.end()
    finally:
        loop.close()
    return [core.answers[number] for number in sorted(core.answers)]


def test_an_error_that_is_no_unicode_costs_no_other_message_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad, other = answers_of(monkeypatch, Surrogates(), "good", "bad", "good")
    assert good == other == (ALLOW, "")
    assert bad == (ERROR, "ValueError: no such file: caf\\udce9")


@pytest.mark.parametrize("plugin", [OddOnTheLoop, OddInThreads])
def test_what_would_end_the_loop_or_a_thread_is_an_error_like_any_other(
    plugin: type[madang.Plugin], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("madang.plugins.faults.SECONDS_BETWEEN_LINES", 0.0)
    answers = answers_of(monkeypatch, plugin(), *(2 * THREADS * list(ODD)), "good")
    assert answers.pop() == (ALLOW, "")
    for (kind, told), word in zip(answers, 2 * THREADS * list(ODD), strict=True):
        assert kind == ERROR
        assert told.startswith(ODD[word].__name__)
    assert "test_odd_plugins.py:" in caplog.text


def test_a_task_of_a_plugin_that_exits_ends_itself_and_not_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()

    async def leaves() -> None:
        loop.call_later(0.01, loop.stop)
        sys.exit(3)

    task = loop.create_task(leaves())
    run_until_stopped(loop)
    assert isinstance(task.exception(), SystemExit)
    loop.close()
    assert "SystemExit: 3" in caplog.text
    assert "test_odd_plugins.py:" in caplog.text


def test_what_is_told_of_an_error_is_short() -> None:
    faults = Faults(LoadedPlugin(Surrogates(), "odd", "here"), "check")
    told = faults.tell(ValueError("x" * 1_000_000))
    assert told.endswith("… (1000012 characters)")
    assert len(told) < 1_100


def test_a_batch_hook_behind_a_decorator_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers_of(monkeypatch, Renamed(), "a", "b") == [(ALLOW, "")] * 2


def test_what_is_told_can_always_be_encoded() -> None:
    faults = Faults(LoadedPlugin(Surrogates(), "odd", "here"), "check")
    assert faults.tell(ValueError("\ud800")) == "ValueError: \\ud800"


def test_threads_outlive_work_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Semaphore(0)

    def work() -> bool:
        done.release()
        raise RuntimeError("broken")

    workers = Workers("odd", work, 0.1)
    for _ in range(3 * THREADS):
        workers.wake()
        assert done.acquire(timeout=WITHIN_S)
    assert workers.end()
    assert "a thread of odd failed" in caplog.text


def test_threads_that_all_hang_are_known_with_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.plugins.workers.STUCK_AFTER", 0.01)
    hanging, goes_on = threading.Semaphore(0), threading.Event()

    def work() -> bool:
        hanging.release()
        return not goes_on.wait(WITHIN_S)

    def is_exhausted() -> bool:
        return workers.is_exhausted

    workers = Workers("odd", work, 0.001)
    for _ in range(THREADS + STUCK_MAX):
        assert not is_exhausted()
        time.sleep(0.03)  # until those before are stuck
        workers.wake()
        assert hanging.acquire(timeout=WITHIN_S)
    time.sleep(0.03)
    assert is_exhausted()
    assert "threading.py:" in workers.where_it_is_stuck()
    goes_on.set()
    assert workers.end()
    assert not is_exhausted()
    assert workers.where_it_is_stuck() == "not any more"


class LongWinded(madang.Plugin):
    def check(self, message: madang.Message) -> madang.Verdict:
        return getattr(madang.Verdict, message.text)("x" * 200_000)  # type: ignore[no-any-return]


def test_a_reason_is_short_and_a_new_text_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = answers_of(monkeypatch, LongWinded(), "deny", "hold", "modify")
    assert [len(text) for _, text in answers] == [REASON_CHARS_MAX, REASON_CHARS_MAX, 200_000]


class Doors(madang.Plugin):
    answers: ClassVar[dict[str, Any]] = {
        "long": madang.Deny("x" * 200_000),
        "half": madang.Deny("\ud800"),
        "name": madang.Identity("\ud800"),
        "number": madang.Identity("ann", roles=(1,)),  # type: ignore[arg-type]
        "one": madang.Identity("ann", roles=1),  # type: ignore[arg-type]
        "text": madang.Identity("ann", roles="operator"),  # type: ignore[arg-type]
        "good": madang.Identity("ann", roles=["operator"]),  # type: ignore[arg-type]
    }

    def authenticate(self, credentials: dict[str, Any]) -> Any:
        return self.answers[credentials["answer"]]


@pytest.mark.parametrize("odd", ["half", "name", "number", "one", "text"])
def test_an_odd_identity_is_named_where_the_plugin_runs(odd: str, caplog: pytest.LogCaptureFixture) -> None:
    with PluginHarness(Doors, hooks={"authenticate": {"timeout": WITHIN_S}}) as doors:
        with pytest.raises(madang.PluginUnavailable, match="returned "):
            doors.authenticate({"answer": odd})
        assert "test_odd_plugins.py:" in caplog.text
        denied = doors.authenticate({"answer": "long"})
        assert isinstance(denied, madang.Deny)
        assert len(denied.reason) == REASON_CHARS_MAX
        assert doors.authenticate({"answer": "good"}) == madang.Identity("ann", roles=("operator",))
