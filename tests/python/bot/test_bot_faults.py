"""Bots whose server, line or handler fails: nothing is lost, nothing is done twice that was done."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from running import WITHIN_S, running

from madang.bot import Bot, Incoming, bot
from madang.bot.state import Memory, StateFile
from madang.client import AsyncClient
from madang.testing import Actor, ChatServer, Proxy, World

MakeServer = Callable[..., ChatServer]


def test_a_server_killed_while_an_event_is_handled_gives_it_again_until_it_is_done(
    chat_server_factory: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot, "FINISH_WITHIN_S", 0.0)
    server = chat_server_factory()
    alice, robot = server.user("alice"), server.user("robot")
    StateFile(tmp_path / "state").write(Memory(None, 0))
    begun: list[str] = []
    done: list[str] = []
    has_begun = threading.Event()

    def make(*, is_stuck: bool) -> Bot:
        made = Bot(server.url, token=robot.token, state=tmp_path / "state")

        @made.on_message()
        async def handle(msg: Incoming) -> str:
            begun.append(msg.text)
            has_begun.set()
            if is_stuck:
                await asyncio.Event().wait()
            done.append(msg.text)
            return f"done: {msg.text}"

        return made

    with running(make(is_stuck=True)):
        alice.send(robot, "work")
        assert has_begun.wait(WITHIN_S)
        server.kill()
    server.start()
    with running(make(is_stuck=False)):
        alice.expect(text="done: work", within=WITHIN_S)
        server.kill()
        server.start()
        alice.send(robot, "more")
        alice.expect(text="done: more", within=WITHIN_S)
    with running(make(is_stuck=False)):
        alice.send(robot, "last")
        alice.expect(text="done: last", within=WITHIN_S)
    assert begun == ["work", "work", "more", "last"]
    assert done == ["work", "more", "last"]


PAIRS = 8
CUTTING_S = 60.0
CUT_EVERY_S = 0.5
SEED = 6


async def talk(person: Actor, robot: Actor, url: str) -> int:
    """Sends one number after the other, each when the one before is answered; how many there were."""
    until = time.monotonic() + CUTTING_S
    sent = 0
    async with AsyncClient(url, token=person.token, cursor=0, timeout=60) as client:
        events = client.events(timeout=WITHIN_S)
        while time.monotonic() < until:
            await client.send(robot.user, str(sent))
            answer = (await anext(events)).message
            while answer.sender == client.user:
                answer = (await anext(events)).message
            assert answer.text == f"re: {sent}"
            sent += 1
    return sent


def answering(robot: Actor, url: str, state: Path, handled: Counter[tuple[str, str]]) -> Bot:
    StateFile(state).write(Memory(None, 0))
    made = Bot(url, token=robot.token, state=state)

    @made.on_message()
    async def answer(msg: Incoming) -> str:
        handled[robot.name, msg.text] += 1
        return f"re: {msg.text}"

    return made


async def talk_over(line: Proxy, people: list[Actor], bots: list[Bot], robots: list[Actor]) -> list[int]:
    """Everybody talks while connections are cut; how much each of them said."""
    serving = asyncio.gather(*(each.serve() for each in bots))
    talks = [asyncio.ensure_future(talk(person, robot, line.url)) for person, robot in zip(people, robots, strict=True)]
    cuts = 0
    while not all(each.done() for each in talks):
        await asyncio.wait(talks, timeout=CUT_EVERY_S, return_when=asyncio.FIRST_EXCEPTION)
        cuts += line.cut(0.1)
    for each in bots:
        each.stop()
    await serving
    assert cuts > 10
    return [each.result() for each in talks]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_with_a_tenth_of_all_connections_cut_again_and_again_nothing_is_lost_or_doubled(
    chat_server_factory: MakeServer, tmp_path: Path
) -> None:
    server = chat_server_factory()
    robots = [server.user(f"robot{n}") for n in range(PAIRS)]
    people = [server.user(f"person{n}") for n in range(PAIRS)]
    handled: Counter[tuple[str, str]] = Counter()
    with Proxy(server.url, seed=SEED) as line:
        bots = [answering(robot, line.url, tmp_path / robot.name, handled) for robot in robots]
        sent = asyncio.run(talk_over(line, people, bots, robots))
    assert min(sent) > 5
    assert handled == Counter({(robot.name, str(i)): 1 for robot, count in zip(robots, sent, strict=True) for i in range(count)})
    for person, robot, count in zip(people, robots, sent, strict=True):
        texts = [message.text for message in person.history(robot, after=0)]
        assert texts == [text for i in range(count) for text in (str(i), f"re: {i}")]


def test_a_handler_that_blocks_is_named_and_the_connection_lives(chat: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alice, robot = chat.user("alice"), chat.user("robot")
    StateFile(tmp_path / "state").write(Memory(None, 0))
    made = Bot(robot.url, token=robot.token, state=tmp_path / "state")

    @made.on_message()
    async def handle(msg: Incoming) -> str:
        is_named = threading.Event()
        deadline = time.monotonic() + WITHIN_S
        while not is_named.wait(0.01) and time.monotonic() < deadline:  # the line that holds the loop up
            if "the loop is blocked" in caplog.text:
                is_named.set()
        return "at last"

    with caplog.at_level(logging.WARNING, "madang.bot"), running(made):
        alice.send(robot, "hi")
        alice.expect(text="at last", within=WITHIN_S)
        deadline = time.monotonic() + WITHIN_S
        while "was blocked for" not in caplog.text and time.monotonic() < deadline:
            alice.send(robot, "again")
            alice.expect(text="at last", within=WITHIN_S)
    named = re.search(r"the loop was blocked for (\d+) ms: (\S+):(\d+) in \S*handle", caplog.text)
    assert named is not None, caplog.text
    assert named[2] == __file__
    assert int(named[1]) >= 200
