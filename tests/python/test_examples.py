"""The examples do what they say, also when they are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import madang
from madang.testing import Actor, ChatServer
from madang.testing.plugin import chat_server_factory, pytest_runtest_makereport

__all__ = ["chat_server_factory", "pytest_runtest_makereport"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
WITHIN_S = 20
PASSWORD = "correct horse"

MakeServer = Callable[..., ChatServer]


@contextmanager
def running(example: str, *arguments: str, server: ChatServer, state: Path) -> Iterator[subprocess.Popen[str]]:
    """A bot that is ready. It has to end well on SIGTERM, unless it was killed."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(madang.__file__).parents[1]),
        "MADANG_URL": server.url,
        "MADANG_USERNAME": "robot",
        "MADANG_PASSWORD": PASSWORD,
        "MADANG_STATE": str(state),
    }
    with subprocess.Popen([sys.executable, str(EXAMPLES / example), *arguments], env=environment, stderr=subprocess.PIPE, text=True) as bot:
        assert bot.stderr is not None
        said = ""
        while "is ready" not in said:
            line = bot.stderr.readline()
            assert line, said
            said += line
        reader = threading.Thread(target=bot.stderr.read)  # so that it never waits for one
        reader.start()
        try:
            yield bot
        finally:
            if bot.poll() is None:
                bot.send_signal(signal.SIGTERM)
            ended = bot.wait(WITHIN_S)
            reader.join()
        assert ended in (0, -signal.SIGKILL)


def everybody(server: ChatServer, *names: str) -> list[Actor]:
    return [server.user("robot", password=PASSWORD), *(server.user(name) for name in names)]


def test_the_help_desk_hands_questions_to_the_staff_and_answers_back(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    server = chat_server_factory()
    robot, sam, customer, other = everybody(server, "sam", "customer", "other")
    staff = sam.create_group("staff", [robot])
    with running("help_desk_bot.py", staff.id, server=server, state=tmp_path / "state") as bot:
        customer.send(robot, "it is broken")
        customer.expect(text=re.compile("number 1"), within=WITHIN_S)
        sam.expect(text="#1 customer: it is broken", within=WITHIN_S)
        sam.send(staff, "/answer 1 Turn it off and on again.")
        customer.expect(text="sam: Turn it off and on again.", within=WITHIN_S)
        bot.kill()
    customer.send(robot, "still broken")
    with running("help_desk_bot.py", staff.id, server=server, state=tmp_path / "state"):
        sam.expect(text="#1 customer: still broken", within=WITHIN_S)
        other.send(robot, "/close 1")
        other.expect(text=re.compile("Just ask"), within=WITHIN_S)
        other.send(robot, "hello?")
        sam.expect(text="#2 other: hello?", within=WITHIN_S)
        sam.send(staff, "/tickets")
        sam.expect(text="#1 customer: it is broken\n#2 other: hello?", within=WITHIN_S)
        sam.send(staff, "/close 1")
        customer.expect(text=re.compile("is closed"), within=WITHIN_S)
        sam.send(staff, "/answer 1 more")
        sam.expect(text="There is no open ticket 1.", within=WITHIN_S)
    asked = [message.text for message in sam.history(staff, after=0) if message.text.startswith("#1 customer:")]
    assert asked[:2] == ["#1 customer: it is broken", "#1 customer: still broken"]


def test_the_bridge_carries_each_message_once(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    server = chat_server_factory()
    robot, alice, bob = everybody(server, "alice", "bob")
    left, right = alice.create_group("left", [robot]), bob.create_group("right", [robot])
    with running("bridge.py", left.id, right.id, server=server, state=tmp_path / "state") as bridge:
        alice.send(left, "hi over there")
        bob.expect(text="alice: hi over there", within=WITHIN_S)
        bob.send(right, "hi yourself")
        alice.expect(text="bob: hi yourself", within=WITHIN_S)
        bridge.kill()
    alice.send(left, "are you there?")
    with running("bridge.py", left.id, right.id, server=server, state=tmp_path / "state"):
        bob.expect(text="alice: are you there?", within=WITHIN_S)
        alice.invite(left, server.user("carol"))
        bob.expect(text="carol has come", within=WITHIN_S)
    assert [message.text for message in bob.history(right, after=0)] == [
        "alice: hi over there",
        "hi yourself",
        "alice: are you there?",
        "carol has come",
    ]


def test_the_load_script_measures_and_everything_arrives(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    command = [sys.executable, str(EXAMPLES / "load.py"), server.url, "--pairs", "3", "--messages", "20"]
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "60 messages in" in ended.stdout
    assert re.search(r"arrived: p50 [\d.]+ ms, p99 [\d.]+ ms", ended.stdout)


@pytest.mark.parametrize("name", ["help_desk_bot.py", "bridge.py", "load.py", "webhook_receiver.py"])
def test_an_example_is_short_and_listed(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 100
    assert f"({name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
