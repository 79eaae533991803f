"""Lanes and threads bear what a plugin's author may do without meaning harm. No core: what would go to it is looked at."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import madang
from madang.client.objects import User
from madang.plugins import lanes
from madang.plugins.faults import Faults
from madang.plugins.lanes import ALLOW, ERROR, CheckLane
from madang.plugins.loading import LoadedPlugin, prepare
from madang.plugins.workers import THREADS, Workers

WITHIN_S = 10.0


class Core:
    """Takes answers as the module does: what is no Unicode it refuses."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, str]] = {}
        self.came = threading.Condition()

    def answer_checks(self, answers: list[tuple[int, int, int, str]]) -> None:
        with self.came:
            for _, number, kind, text in answers:
                text.encode()
                self.answers[number] = (kind, text)
            self.came.notify_all()

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
        lane.kick()
        with core.came:
            assert core.came.wait_for(lambda: len(core.answers) == len(texts), WITHIN_S)
        assert lane.end()
    finally:
        loop.close()
    return [core.answers[number] for number in sorted(core.answers)]


def test_an_error_that_is_no_unicode_costs_no_other_message_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad, other = answers_of(monkeypatch, Surrogates(), "good", "bad", "good")
    assert good == other == (ALLOW, "")
    assert bad == (ERROR, "ValueError: no such file: caf\\udce9")


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
