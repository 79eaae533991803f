"""The parts of a bot that need no server: arguments, routes, memory, progress, the watchdog."""

from __future__ import annotations

import asyncio
import logging
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

import madang
from madang.bot import Bot, Router
from madang.bot.arguments import BadArguments, arguments_for, parameters_of
from madang.bot.incoming import reply_id
from madang.bot.progress import Progress
from madang.bot.state import Memory, StateFile, default_path
from madang.bot.watchdog import Watchdog
from madang.client import User

ALICE = User("1", "alice")


async def find(name: str) -> User:
    if name != "@alice":
        raise madang.NotFound(f"nobody is called {name}")
    return ALICE


def given(function: Callable[..., object], line: str) -> tuple[list[Any], dict[str, Any]]:
    return asyncio.run(arguments_for(parameters_of(function), line, find))


def roll(msg: object, sides: int = 6) -> None: ...
def remind(msg: object, minutes: float, *, what: str) -> None: ...
def invite(msg: object, *who: User) -> None: ...
def light(msg: object, on: bool, color: Literal["red", "blue"] | None = None) -> None: ...
def echo(msg: object, *, rest: str = "nothing") -> None: ...
def plain(msg, first, second="2"):  # type: ignore[no-untyped-def]
    ...


# ---- arguments -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "line", "positional", "named"),
    [
        (roll, "", [6], {}),
        (roll, " 20 ", [20], {}),
        (remind, "5 the tea  is ready", [5.0], {"what": "the tea  is ready"}),
        (invite, "@alice alice", [ALICE, ALICE], {}),
        (invite, "", [], {}),
        (light, "yes red", [True, "red"], {}),
        (light, "OFF", [False, None], {}),
        (echo, "", [], {"rest": "nothing"}),
        (echo, 'say "it"', [], {"rest": 'say "it"'}),
        (plain, '"two words" x', ["two words", "x"], {}),
        (plain, "it's", ["it's", "2"], {}),
        (plain, "“마당” '' ", ["마당", ""], {}),
    ],
)
def test_what_is_typed_becomes_arguments(function: Callable[..., object], line: str, positional: list[Any], named: dict[str, Any]) -> None:
    assert given(function, line) == (positional, named)


@pytest.mark.parametrize(
    ("function", "line", "complaint"),
    [
        (roll, "six", "sides is a whole number, not 'six'"),
        (roll, "6 7", "'7' is too much"),
        (remind, "", "minutes is missing"),
        (remind, "5", "what is missing"),
        (remind, "soon tea", "minutes is a number"),
        (light, "maybe", "on is yes or no"),
        (light, "on green", "color is one of red, blue"),
        (plain, '"open', "a quote is never closed"),
    ],
)
def test_what_does_not_fit_is_said(function: Callable[..., object], line: str, complaint: str) -> None:
    with pytest.raises(BadArguments, match=complaint):
        given(function, line)


def test_a_parameter_that_nobody_can_type_is_refused_at_once() -> None:
    def bad(msg: object, when: SimpleNamespace) -> None: ...
    def rest_of_numbers(msg: object, *, numbers: int) -> None: ...
    def nothing() -> None: ...

    for function in (bad, rest_of_numbers, nothing):
        with pytest.raises(TypeError):
            Router().command()(function)


# ---- routes ----------------------------------------------------------------------------------------------------------------------------


def make_bot(**options: Any) -> Bot:
    return Bot("http://127.0.0.1:9", token="t", **options)


def test_help_lists_commands_and_tells_one() -> None:
    bot = make_bot()
    assert bot.help() == "I have no commands."

    @bot.command("roll")
    def roll_it(msg: object, sides: int = 6) -> None:
        """Roll a die.

        Any number of sides.
        """

    @bot.command(help="Give somebody a light.")
    def light(msg: object, who: User, color: Literal["red", "blue"] = "red", *words: str) -> None: ...

    assert bot.help() == "/roll [sides: int]  Roll a die.\n/light <who: @user> [color: red|blue] [words…]  Give somebody a light."
    assert bot.help("/roll") == "/roll [sides: int]\nRoll a die.\n\nAny number of sides."


def test_two_commands_of_one_name_are_refused() -> None:
    bot, part = make_bot(), Router()
    part.command("Roll")(roll)
    bot.include(part)
    assert list(bot.commands) == ["roll"]
    for router in (bot, part):
        with pytest.raises(ValueError, match="two commands"):
            router.command("roll")(roll)
    with pytest.raises(ValueError, match="two commands"):
        bot.include(part)


def test_the_first_handler_that_fits_is_taken() -> None:
    bot = make_bot()
    for name, wanted in (("number", r"\d"), ("long", lambda message: len(message.text) > 5), ("any", None)):
        bot.on_message(wanted)(lambda message, name=name: name)
    texts = {"a 7": "number", "something": "long", "so": "any"}
    for text, name in texts.items():
        handler = bot.handler_of(SimpleNamespace(text=text))  # type: ignore[arg-type]
        assert handler is not None
        assert handler(None) == name


def test_the_environment_says_who_the_bot_is() -> None:
    assert Bot.from_env({"MADANG_TOKEN": "t", "MADANG_URL": "http://x:1"}).url == "http://x:1"
    for environment in ({}, {"MADANG_USERNAME": "bot"}, {"MADANG_TOKEN": ""}):
        with pytest.raises(madang.BadRequest):
            Bot.from_env(environment)


def test_a_bot_that_does_not_run_has_no_client() -> None:
    with pytest.raises(madang.Error, match="doesn't run"):
        _ = make_bot().client


def test_each_reply_has_a_client_id_of_its_own() -> None:
    ids = {reply_id(conversation, seq, n) for conversation in ("1", "2") for seq in (1, 2, 11) for n in (1, 2)}
    assert len(ids) == 12
    assert all(len(each) <= 64 for each in ids)


# ---- memory ----------------------------------------------------------------------------------------------------------------------------


def test_what_is_remembered_is_private_and_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    StateFile(path).write(Memory("secret", 7))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert StateFile(path).read() == Memory("secret", 7)
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["", "[]", "7", '{"token": 5, "cursor": "x"}'])
def test_a_broken_memory_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    assert StateFile(path).read() == Memory()
    assert StateFile(tmp_path / "none.json").read() == Memory()


def test_each_server_and_user_has_a_memory_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    paths = {default_path(url, name) for url in ("http://a:1", "http://a:2") for name in ("bot", "../bot", "봇")}
    assert len(paths) == 6
    assert {path.parent for path in paths} == {tmp_path / "madang"}


# ---- progress --------------------------------------------------------------------------------------------------------------------------


def test_one_conversation_is_handled_in_order_and_several_side_by_side() -> None:
    async def main() -> None:
        told: list[int] = []
        progress = Progress(10, lambda: told.append(progress.cursor))
        gates = {n: asyncio.Event() for n in (11, 12, 13)}
        log: list[str] = []

        async def handle(n: int) -> None:
            log.append(f"begin {n}")
            await gates[n].wait()
            log.append(f"end {n}")

        await progress.begin(11, "a", handle(11))
        await progress.begin(12, "a", handle(12))
        await progress.begin(13, "b", handle(13))
        progress.skip(14)
        for _ in range(5):
            await asyncio.sleep(0)
        assert log == ["begin 11", "begin 13"]
        gates[13].set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (log[-1], progress.cursor) == ("end 13", 10)
        gates[11].set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (log[-1], progress.cursor) == ("begin 12", 11)
        gates[12].set()
        await progress.finish(5)
        assert progress.cursor == 14

    asyncio.run(main())


def test_what_takes_too_long_at_the_end_is_not_done() -> None:
    async def main() -> None:
        progress = Progress(0, lambda: None)
        await progress.begin(1, "a", asyncio.sleep(60))
        await progress.begin(2, "a", asyncio.sleep(60))
        await progress.begin(3, "b", asyncio.sleep(0))
        await progress.finish(0.05)
        assert progress.cursor == 0

    asyncio.run(main())


def test_no_more_than_a_number_of_handlers_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.bot.progress.AT_ONCE_MAX", 2)

    async def main() -> None:
        progress = Progress(0, lambda: None)
        gate = asyncio.Event()

        async def handle() -> None:
            await gate.wait()

        await progress.begin(1, "a", handle())
        await progress.begin(2, "b", handle())
        third = asyncio.ensure_future(progress.begin(3, "c", handle()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not third.done()
        gate.set()
        await third
        await progress.finish(5)
        assert progress.cursor == 3

    asyncio.run(main())


# ---- the watchdog ----------------------------------------------------------------------------------------------------------------------


def test_the_line_that_blocks_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def hold_up() -> None:
        wait_until(lambda: bool(caplog.records))

    def wait_until(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not is_so() and time.monotonic() < deadline:
            time.sleep(0.01)

    async def main() -> None:
        watchdog = Watchdog(blocked_after=0.05)
        watchdog.start()
        hold_up()
        await asyncio.to_thread(wait_until, lambda: len(caplog.records) == 2)
        watchdog.stop()

    with caplog.at_level(logging.WARNING, "madang.bot"):
        asyncio.run(main())
    first, last = (record.getMessage() for record in caplog.records)
    assert re.search(r"test_bot_parts\.py:\d+", first)
    assert "wait_until" in first
    assert " ms: " in last
