"""The examples do what they say, also when they are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.bot.state import Memory, StateFile
from madang.testing import Actor, ChatServer
from madang.testing.chat_server import free_port
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


def test_what_is_changed_on_one_side_is_changed_on_the_other(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    server = chat_server_factory()
    robot, alice, bob = everybody(server, "alice", "bob")
    left, right = alice.create_group("left", [robot]), bob.create_group("right", [robot])

    def bridge() -> AbstractContextManager[subprocess.Popen[str]]:
        return running("bridge.py", left.id, right.id, server=server, state=tmp_path / "state")

    with bridge() as first:
        said = [alice.send(left, text) for text in ("one", "two", "three", "four")]
        bob.expect(text="alice: four", within=WITHIN_S)
        alice.edit(said[0], "1")
        assert bob.expect(type="message.edited", text="alice: 1", within=WITHIN_S).seq
        first.kill()
    alice.edit(said[1], "2")
    alice.delete(said[2])
    before = alice.send(left, "five")
    gone = alice.send(left, "never mind")
    alice.edit(before, "5")
    alice.delete(gone)
    with bridge():
        bob.expect(text="alice: 5", within=WITHIN_S)
        bob.send(right, "last")
        alice.expect(text="bob: last", within=WITHIN_S)
    there = [(message.text, message.deleted) for message in bob.history(right, after=0)]
    assert there == [("alice: 1", False), ("alice: 2", False), ("", True), ("alice: four", False), ("alice: 5", False), ("last", False)]
    here = [(message.text, message.deleted) for message in alice.history(left, after=0)]
    assert here == [("1", False), ("2", False), ("", True), ("four", False), ("5", False), ("", True), ("bob: last", False)]


def test_a_bridge_killed_before_it_knew_where_a_copy_stands_finds_it(chat_server_factory: MakeServer, tmp_path: Path) -> None:
    """What the first run has said and not stored is found by its client id: nothing is said twice, and later changes are carried."""
    server = chat_server_factory()
    robot, alice, bob = everybody(server, "alice", "bob")
    left, right = alice.create_group("left", [robot]), bob.create_group("right", [robot])
    said = [alice.send(left, text) for text in ("one", "two")]
    for each in said:
        robot.send(right, f"alice: {each.text}", client_id=f"bridge-{each.message_id}")
    alice.edit(said[0], "1")
    StateFile(tmp_path / "state").write(Memory(None, 0))
    with running("bridge.py", left.id, right.id, server=server, state=tmp_path / "state"):
        bob.expect(type="message.edited", text="alice: 1", within=WITHIN_S)
        alice.delete(said[1])
        bob.expect(type="message.deleted", within=WITHIN_S)
    there = [(message.text, message.deleted) for message in bob.history(right, after=0) if "has come" not in message.text]
    assert there == [("alice: 1", False), ("", True)]


def test_the_load_script_measures_and_everything_arrives(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    command = [sys.executable, str(EXAMPLES / "load.py"), server.url, "--pairs", "3", "--messages", "20"]
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "60 messages in" in ended.stdout
    assert re.search(r"arrived: p50 [\d.]+ ms, p99 [\d.]+ ms", ended.stdout)


# ---- the site with a chat ------------------------------------------------------------------------------------------------------------

MARKET = EXAMPLES / "market"


def surroundings(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MADANG", "PYTEST"))}
    return kept | {"PYTHONPATH": str(Path(madang.__file__).parents[1]), "MARKET_DATA": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_sites_own_tests_pass(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "madang.testing.plugin",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "t"),
    ]
    environment = surroundings(tmp_path / "market") | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(command, cwd=MARKET, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"[5-9] passed", ended.stdout)


def test_the_sites_page_is_right(tmp_path: Path) -> None:
    """Its blocks, as they are typed; what installs and tests is done above."""
    port = free_port()
    page = (MARKET / "README.md").read_text(encoding="utf-8").replace("8000", str(port))
    install, serve, use = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [python] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert install.splitlines()[-1] == "pytest"
    with subprocess.Popen([sys.executable, "-m", *serve.split()], cwd=MARKET, env=surroundings(tmp_path)) as site:
        try:
            wait_for_port(port)
            ended = subprocess.run(["bash", "-ec", use], capture_output=True, text=True, timeout=60, check=False)
            assert ended.returncode == 0, ended.stderr
            space: dict[str, Any] = {}
            exec(python, space)
            with space["log_in"](json.loads(ended.stdout.splitlines()[-1])) as alice:
                assert alice.user.username == "alice"
                assert [each.text for each in alice.history(next(alice.conversations()))] == ["alice asks: Is it fast?"]
        finally:
            site.terminate()
            site.wait(WITHIN_S)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


@pytest.mark.parametrize("name", ["help_desk_bot.py", "bridge.py", "load.py", "webhook_receiver.py"])
def test_an_example_is_short_and_listed(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 100
    assert f"({name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
