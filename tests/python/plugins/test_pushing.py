"""The lane of `push`: what a plugin is given, and what its returns mean."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

import madang
from madang import Delivery, Notification
from madang.errors import ConfigError
from madang.plugins.loading import load_plugins
from madang.plugins.pushing import ERROR, GONE, RETRY, SENT, PushLane, batches, notification_of


def call(number: int = 1, *, attempt: int = 1, text: str = "hi", device: str = "", registration: str = "") -> tuple[Any, ...]:
    bob, alice = ("2", "bob", "Bob"), ("1", "alice", "")
    about = (bob, device, registration, "9", "direct", "", 4, "77", alice, text, 3, 1_700_000_000_123, attempt)
    return (0, "push", 0, number, time.monotonic(), *about)


class Core:
    """Takes answers as the real one does."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, float, str]] = {}
        self.errors = 0

    def answer_pushes(self, deliveries: list[tuple[int, int, int, float, str]]) -> None:
        self.answers |= {number: (kind, after, detail) for _, number, kind, after, detail in deliveries}

    def note(self, _plugin: int, _hook: str, *, errors: int = 0, **_: Any) -> None:
        self.errors += errors


def pushed(plugin: madang.Plugin, *calls: tuple[Any, ...]) -> Core:
    """What the core hears of these calls."""
    core = Core()

    async def run() -> None:
        [loaded] = load_plugins([], [plugin])
        lane = PushLane(core, 0, loaded, asyncio.get_running_loop())  # type: ignore[arg-type]
        for each in calls:
            lane.add(each)
        lane.kick()
        async with asyncio.timeout(20):
            while len(core.answers) < len(calls):  # noqa: ASYNC110 - threads answer, too
                await asyncio.sleep(0.005)
        lane.end()

    asyncio.run(run())
    return core


class Says(madang.Plugin):
    def __init__(self, *returns: Any) -> None:
        self.returns = list(returns)
        self.given: list[list[Notification]] = []

    async def push(self, notifications: list[Notification]) -> Any:
        self.given.append(notifications)
        said = self.returns[0] if len(self.returns) == 1 else self.returns.pop(0)
        if isinstance(said, Exception):
            raise said
        return said(notifications) if callable(said) else said


class InThreads(madang.Plugin):
    def push(self, notifications: list[Notification]) -> list[Delivery]:
        return [Delivery.retry(2.5, "later")] * len(notifications)


def test_what_a_plugin_is_given() -> None:
    given = notification_of(call(device="5", registration='{"provider": "fcm", "token": "t"}'))
    assert (given.id, given.device, given.user.username, given.sender.id) == ("2.9.4.5", "5", "bob", "1")
    assert given.registration == {"provider": "fcm", "token": "t"}
    assert (given.title, given.seq, given.badge, given.collapse_key) == (None, 4, 3, "9")
    assert given.created_at == datetime.fromtimestamp(1_700_000_000.123, UTC)
    plain = notification_of(call(attempt=3))
    assert (plain.id, plain.device, plain.registration, plain.attempt) == ("2.9.4", None, None, 3)


def test_each_delivery_ends_its_own_notification() -> None:
    plugin = Says([Delivery.sent(), Delivery.gone(), Delivery.retry(), Delivery.retry(7, "busy")])
    core = pushed(plugin, *(call(n) for n in range(4)))
    assert core.answers == {0: (SENT, 0.0, ""), 1: (GONE, 0.0, ""), 2: (RETRY, 0.0, ""), 3: (RETRY, 7.0, "busy")}
    assert len(plugin.given) == 1
    assert core.errors == 0


def test_def_hooks_run_in_threads() -> None:
    assert pushed(InThreads(), call(1), call(2)).answers[2] == (RETRY, 2.5, "later")


@pytest.mark.parametrize("said", [None, True, [], [Delivery.sent()], ValueError("it broke"), "ab"])
def test_a_batch_that_fails_fails_whole_and_is_not_run_again(said: Any) -> None:
    plugin = Says(said)
    core = pushed(plugin, call(1), call(2))
    assert {kind for kind, _, _ in core.answers.values()} == {ERROR}
    assert len(plugin.given) == 1
    assert core.errors == 2


@pytest.mark.parametrize(
    "odd",
    [
        *(None, True, "sent", Delivery("lost"), Delivery(["sent"])),  # type: ignore[arg-type]
        *(Delivery.retry(-1), Delivery.retry(float("nan")), Delivery.retry(True), Delivery.retry(10**400)),
    ],
)
def test_an_odd_delivery_is_its_own_error_alone(odd: Any) -> None:
    core = pushed(Says([Delivery.sent(), odd]), call(1), call(2))
    assert core.answers[1] == (SENT, 0.0, "")
    assert core.answers[2][0] == ERROR


def test_what_has_failed_a_few_times_goes_alone() -> None:
    calls = [call(1), call(2, attempt=4), call(3, attempt=3), call(4, attempt=9)]
    assert [[each[3] for each in batch] for batch in batches(calls)] == [[1, 3], [2], [4]]
    core = pushed(Says(lambda given: [Delivery.sent()] * len(given)), *calls)
    assert {kind for kind, _, _ in core.answers.values()} == {SENT}


def test_providers_are_names() -> None:
    class Odd(InThreads):
        providers: ClassVar[Any] = "fcm"

    with pytest.raises(ConfigError, match="providers is a tuple of names"):
        load_plugins([], [Odd()])
