"""Bots at a real server: they answer once, whoever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from running import WITHIN_S, running

import madang
from madang.bot import Bot, Incoming
from madang.bot.state import Memory, StateFile
from madang.testing import Actor, ChatServer, World

MakeServer = Callable[..., ChatServer]


def bot_of(actor: Actor, state: Path) -> Bot:
    return Bot(actor.url, token=actor.token, state=state)


@pytest.fixture
def alice(chat: World) -> Actor:
    return chat.user("alice")


@pytest.fixture
def robot(chat: World) -> Actor:
    return chat.user("robot")


def test_a_command_is_answered_in_a_direct_conversation_and_in_a_group(alice: Actor, robot: Actor, tmp_path: Path) -> None:
    bot = bot_of(robot, tmp_path / "state")
    StateFile(tmp_path / "state").write(Memory(None, 0))

    @bot.command("roll")
    async def roll(msg: Incoming, sides: int = 6) -> None:
        """Roll a die."""
        await msg.reply(f"of {sides}")

    @bot.command()
    def shout(msg: Incoming, *, what: str) -> str:
        return what.upper()

    group = alice.create_group("yard", [robot])
    with running(bot):
        for where in (robot, group):
            alice.send(where, "/roll 20")
            assert alice.expect(text="of 20", within=WITHIN_S).sender == robot
        alice.send(group, "/ROLL")
        alice.expect(text="of 6", within=WITHIN_S)
        alice.send(group, "/shout ho ho")
        alice.expect(text="HO HO", within=WITHIN_S)
        alice.send(group, "/roll many")
        alice.expect(text="sides is a whole number, not 'many'\nusage: /roll [sides: int]", within=WITHIN_S)
        alice.send(group, "/help")
        alice.expect(text="/roll [sides: int]  Roll a die.\n/shout <what>", within=WITHIN_S)
        alice.send(group, "/unknown to it")
        alice.send(group, "no command")
        alice.send(group, "/help roll")
        alice.expect(text="/roll [sides: int]\nRoll a die.", within=WITHIN_S)


def test_its_own_messages_are_passed_over(alice: Actor, robot: Actor, tmp_path: Path) -> None:
    bot = bot_of(robot, tmp_path / "state")
    heard: list[str] = []
    ready = threading.Event()

    @bot.on_event("conversation.created")
    async def created(event: madang.client.Event) -> None:
        ready.set()

    @bot.on_message()
    async def echo(msg: Incoming) -> str:
        heard.append(msg.text)
        return f"I heard {msg.text}"

    StateFile(tmp_path / "state").write(Memory(None, 0))
    with running(bot):
        alice.send(robot, "one")
        alice.expect(text="I heard one", within=WITHIN_S)
        alice.send(robot, "two")
        alice.expect(text="I heard two", within=WITHIN_S)
    assert ready.is_set()
    assert heard == ["one", "two"]


def test_a_handler_that_raises_ends_nothing(alice: Actor, robot: Actor, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bot = bot_of(robot, tmp_path / "state")

    @bot.on_message("fail")
    async def fail(msg: Incoming) -> None:
        raise ValueError(msg.text)

    @bot.on_message()
    async def answer(msg: Incoming) -> str:
        return "well"

    StateFile(tmp_path / "state").write(Memory(None, 0))
    with running(bot):
        alice.send(robot, "fail now")
        alice.send(robot, "go on")
        alice.expect(text="well", within=WITHIN_S)
    assert "ValueError: fail now" in caplog.text


def test_what_was_said_while_it_was_away_is_answered_once(alice: Actor, robot: Actor, tmp_path: Path) -> None:
    direct = alice.direct(robot)

    def make() -> Bot:
        bot = bot_of(robot, tmp_path / "state")

        @bot.on_message()
        async def answer(msg: Incoming) -> str:
            return f"re: {msg.text}"

        return bot

    alice.send(robot, "before its first log-in")
    with running(make()) as bot:
        assert bot.ready.wait(WITHIN_S)
        alice.send(robot, "1")
        alice.expect(text="re: 1", within=WITHIN_S)
    for text in ("2", "3"):
        alice.send(robot, text)
    with running(make()):
        alice.expect(text="re: 3", within=WITHIN_S)
    answers = [message.text for message in alice.history(direct, after=0) if message.sender == robot]
    assert answers == ["re: 1", "re: 2", "re: 3"]


EIGHT_LINES = """
import madang, pathlib, random, sys
bot = madang.Bot.from_env()

@bot.command("roll")
async def roll(msg, sides: int = 6):
    await msg.reply(f"{sides}: {random.randint(1, sides)}")
    if crash_at and str(sides) in crash_at.read_text().split():
        crash_at.write_text("")
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)

crash_at = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
bot.run()
"""


def start_bot(folder: Path, url: str, *arguments: str) -> subprocess.Popen[bytes]:
    program = folder / "eight_lines.py"
    program.write_text(EIGHT_LINES, encoding="utf-8")
    environment = {
        "PYTHONPATH": str(Path(madang.__file__).parents[1]),
        "MADANG_URL": url,
        "MADANG_USERNAME": "robot",
        "MADANG_PASSWORD": "correct horse",
        "MADANG_STATE": str(folder / "state.json"),
    }
    bot = subprocess.Popen([sys.executable, str(program), *arguments], env=os.environ | environment, stderr=subprocess.PIPE)
    assert bot.stderr is not None
    said = b""
    while b"is ready" not in said:
        line = bot.stderr.readline()
        assert line, said.decode()
        said += line
    threading.Thread(target=bot.communicate, daemon=True).start()  # so that it never waits for a reader
    return bot


def rolls(client: madang.Client, where: madang.client.Conversation) -> list[str]:
    """How many sides each answer was about."""
    return [message.text.split(":")[0] for message in client.history(where, after=0) if message.sender != client.user]


def test_a_bot_that_is_killed_and_a_server_that_is_killed_answer_each_command_once(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    server = chat_server_factory()
    alice, robot = server.user("alice"), server.user("robot", password="correct horse")
    group = alice.create_group("yard", [robot])
    crash_at = tmp_path / "crash"
    crash_at.write_text("")
    bot = start_bot(tmp_path, server.url, str(crash_at))
    alice.send(group, "/roll")
    alice.expect(text=lambda text: text.startswith("6:"), within=WITHIN_S)
    server.kill()
    server.start()
    alice.send(group, "/roll 7")
    alice.expect(text=lambda text: text.startswith("7:"), within=WITHIN_S)
    crash_at.write_text("8")
    alice.send(group, "/roll 8")
    assert bot.wait(WITHIN_S) == -signal.SIGKILL
    alice.send(group, "/roll 9")
    bot = start_bot(tmp_path, server.url, str(crash_at))
    alice.expect(text=lambda text: text.startswith("9:"), within=WITHIN_S)
    assert rolls(alice, group) == ["6", "7", "8", "9"]
    bot.terminate()
    assert bot.wait(WITHIN_S) == 0
    assert len(robot.sessions()) == 2  # the test's own, and one for all runs of the bot


def test_a_stored_token_that_is_over_is_replaced_by_a_log_in(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    server = chat_server_factory()
    alice, robot = server.user("alice"), server.user("robot", password="correct horse")
    StateFile(tmp_path / "state").write(Memory("over", 0))
    bot = Bot(server.url, username="robot", password="correct horse", state=tmp_path / "state")

    @bot.on_message()
    async def answer(msg: Incoming) -> str:
        return "here"

    with running(bot):
        alice.send(robot, "1")
        alice.expect(text="here", within=WITHIN_S)
        [session] = [each for each in robot.sessions() if not each.current]
        robot.revoke(session)
        alice.send(robot, "2")
        alice.expect(text="here", within=WITHIN_S)


def test_a_wrong_password_ends_it(alice: Actor, tmp_path: Path) -> None:
    with pytest.raises(madang.Unauthenticated):
        Bot(alice.url, username=alice.username, password="not this one", state=tmp_path / "state").run()


def test_many_bots_share_one_loop(chat: World, tmp_path: Path) -> None:
    alice = chat.user("alice")
    robots = [chat.user(f"robot{n}") for n in range(20)]
    group = alice.create_group("robots", robots)

    async def main() -> None:
        bots = [bot_of(robot, tmp_path / robot.name) for robot in robots]
        for bot, robot in zip(bots, robots, strict=True):
            StateFile(tmp_path / robot.name).write(Memory(None, 0))
            bot.command("here")(lambda msg, name=robot.name: name)
        serving = asyncio.gather(*(bot.serve() for bot in bots))
        await asyncio.to_thread(alice.send, group, "/here")
        for robot in robots:
            await asyncio.to_thread(alice.expect, sender=robot, within=WITHIN_S)
        for bot in bots:
            bot.stop()
        await serving

    asyncio.run(main())
