"""What a bot has besides handlers: schedules, middlewares, a store."""

from __future__ import annotations

import asyncio
import logging
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from running import WITHIN_S, running

from madang.bot import Bot, Incoming, Router, store
from madang.bot.schedule import Job, run_job, seconds_of
from madang.bot.state import Memory, StateFile
from madang.bot.store import Store
from madang.client import AsyncClient
from madang.errors import Error
from madang.testing import World

Next = Callable[[], Awaitable[None]]

# ---- schedules -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("period", "seconds"), [("250ms", 0.25), ("30s", 30), ("5m", 300), ("1.5h", 5400), ("1d", 86_400), (2, 2.0)])
def test_a_period_is_written_as_people_do(period: str | float, seconds: float) -> None:
    assert seconds_of(period) == seconds


@pytest.mark.parametrize("period", ["", "5", "m", "5 minutes", "-1s", "0s", 0, -1.0])
def test_what_is_no_period_is_refused_when_it_is_registered(period: str | float) -> None:
    with pytest.raises(ValueError, match=r"period|duration"):
        Router().every(period)


def test_a_job_that_fails_runs_again_and_one_that_takes_long_leaves_times_out(caplog: pytest.LogCaptureFixture) -> None:
    times: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        enough = asyncio.Event()

        async def work() -> None:
            times.append((loop.time() - began) / 0.05)
            if len(times) == 1:
                raise ValueError("the first time")
            if len(times) == 2:
                await asyncio.sleep(0.12)
            if len(times) == 4:
                enough.set()

        async def call(function: Callable[[], Awaitable[None]]) -> None:
            await function()

        running_job = asyncio.ensure_future(run_job(Job(0.05, work), call))
        await asyncio.wait_for(enough.wait(), WITHIN_S)
        running_job.cancel()

    with caplog.at_level(logging.ERROR, "madang.bot"):
        asyncio.run(main())
    assert "ValueError: the first time" in caplog.text
    assert times[2] - times[1] >= 2.4
    assert all(each % 1 < 0.9 for each in times), "not at multiples of the period"


def test_a_bot_does_things_by_the_clock_with_its_client(chat: World, tmp_path: Path) -> None:
    alice, robot = chat.user("alice"), chat.user("robot")
    direct = alice.direct(robot)
    bot = Bot(robot.url, token=robot.token, state=tmp_path / "state")

    @bot.every("50ms")
    async def tick(client: AsyncClient) -> None:
        await client.send(direct, "tick")

    with running(bot):
        for _ in range(3):
            alice.expect(text="tick", within=WITHIN_S)


# ---- middlewares -----------------------------------------------------------------------------------------------------------------------


def test_middlewares_stand_around_commands_and_messages_the_first_one_outermost(chat: World, tmp_path: Path) -> None:
    alice, robot = chat.user("alice"), chat.user("robot")
    StateFile(tmp_path / "state").write(Memory(None, 0))
    bot, part = Bot(robot.url, token=robot.token, state=tmp_path / "state"), Router()
    order: list[str] = []

    @bot.middleware
    async def outer(msg: Incoming, call_next: Next) -> None:
        order.append(f"outer {msg.text}")
        await call_next()
        order.append(f"outer done {msg.text}")

    @part.middleware
    async def guard(msg: Incoming, call_next: Next) -> None:
        order.append("guard")
        if "secret" not in msg.text:
            await call_next()

    @part.command()
    async def go(msg: Incoming) -> str:
        return "gone"

    @part.on_message()
    async def answer(msg: Incoming) -> str:
        return f"re: {msg.text}"

    bot.include(part)
    with running(bot):
        alice.send(robot, "secret")
        alice.send(robot, "/go")
        alice.expect(text="gone", within=WITHIN_S)
        alice.send(robot, "hi")
        alice.expect(text="re: hi", within=WITHIN_S)
    alice.expect_none(text="re: secret")
    assert order[:3] == ["outer secret", "guard", "outer done secret"]
    assert order[3:5] == ["outer /go", "guard"]


def test_a_middleware_has_to_be_a_coroutine() -> None:
    with pytest.raises(TypeError, match="async def"):
        Router().middleware(lambda msg, call_next: call_next())


# ---- the store -------------------------------------------------------------------------------------------------------------------------


def test_what_is_stored_outlives_the_process_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "store"
    first = Store(path)
    first["settings"] = {"greeting": "안녕", "list": [1, None, 2.5]}
    first["gone"] = 1
    del first["gone"]
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = Store(path)
    assert dict(second) == {"settings": {"greeting": "안녕", "list": [1, None, 2.5]}}
    assert second.get("gone") is None
    with pytest.raises(KeyError):
        del second["gone"]
    second.close()


def test_a_store_is_bounded_and_a_refused_change_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ITEMS_MAX", 2)
    held = Store(tmp_path / "store")
    held["a"], held["b"] = 1, 2
    with pytest.raises(ValueError, match="room for 2"):
        held["c"] = 3
    held["a"] = 4
    for name, value in (("n" * 257, 1), ("a", "x" * (64 << 10))):
        with pytest.raises(ValueError, match="at most"):
            held[name] = value
    with pytest.raises(TypeError):
        held["a"] = object()
    assert dict(held) == {"a": 4, "b": 2}
    held.close()


def test_changes_of_many_threads_are_all_there(tmp_path: Path) -> None:
    held = Store(tmp_path / "store")
    threads = [threading.Thread(target=lambda: [held.change("n", lambda n: n + 1, 0) for _ in range(10)]) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert held["n"] == 40
    held.close()


def test_a_bot_keeps_its_store_over_its_runs(chat: World, tmp_path: Path) -> None:
    alice, robot = chat.user("alice"), chat.user("robot")
    StateFile(tmp_path / "state").write(Memory(None, 0))

    def make() -> Bot:
        bot = Bot(robot.url, token=robot.token, state=tmp_path / "state")

        @bot.on_message()
        async def count(msg: Incoming) -> str:
            return str(bot.store.change("count", lambda n: n + 1, 0))

        return bot

    for n in ("1", "2"):
        with running(make()):
            alice.send(robot, "count")
            alice.expect(text=n, within=WITHIN_S)


def test_a_bot_that_is_nobody_yet_has_no_store() -> None:
    with pytest.raises(Error, match="when it runs"):
        Bot(token="t").store  # noqa: B018
    with pytest.raises(Error, match="when it runs"):
        Bot(token="t").store["a"] = 1
