"""`madang chat`, as it is typed into a terminal and as scripts use it."""

from __future__ import annotations

import json
import os
import pty
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import madang
from madang.cli.chat import Chat
from madang.cli.chat_opened import changes_of_member
from madang.cli.chat_view import JsonView
from madang.client import Member, Page, User
from madang.testing import Actor, ChatServer, World
from madang.testing.plugin import chat, chat_server, chat_server_factory, pytest_runtest_makereport

__all__ = ["chat", "chat_server", "chat_server_factory", "pytest_runtest_makereport"]

WITHIN_S = 20.0


def run(*arguments: str, stdin: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "madang", "chat", *arguments]
    return subprocess.run(command, input=stdin, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)


class Terminal:
    """Somebody at a terminal of 100 columns, or as many as COLUMNS says."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.screen = ""
        self._here, there = pty.openpty()
        surroundings = os.environ | {"TERM": "dumb", "COLUMNS": "100"} | environment
        command = [sys.executable, "-m", "madang", "chat", *arguments]
        self.process = subprocess.Popen(command, env=surroundings, stdin=there, stdout=there, stderr=there, close_fds=True)
        os.close(there)
        os.set_blocking(self._here, False)

    def type(self, line: str) -> None:
        os.write(self._here, f"{line}\n".encode())

    def wait_for(self, pattern: str) -> str:
        """What is shown up to there; the next wait begins behind it."""
        deadline = time.monotonic() + WITHIN_S
        while (found := re.search(pattern, self.screen)) is None:
            assert time.monotonic() < deadline, f"never shown: {pattern}\n{self.screen}"
            assert self.process.poll() is None or self._read(), self.screen
            if not self._read():
                time.sleep(0.005)
        shown, self.screen = self.screen[: found.end()], self.screen[found.end() :]
        return shown

    def _read(self) -> bool:
        try:
            piece = os.read(self._here, 1 << 16).decode()
        except OSError:
            return False
        self.screen += piece
        return bool(piece)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._here)


@contextmanager
def terminal(actor: Actor, *arguments: str, **environment: str) -> Iterator[Terminal]:
    made = Terminal("--url", actor.url, *arguments, MADANG_TOKEN=actor.token, **environment)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def alice(chat: World) -> Actor:
    return chat.user("alice")


@pytest.fixture
def bob(chat: World) -> Actor:
    return chat.user("bob")


def test_two_people_talk(alice: Actor, bob: Actor) -> None:
    bob.send(alice, "before")
    with terminal(alice) as screen:
        screen.wait_for(rf"1\s+●\s+{bob.username} \(@{bob.username}\)\s+1\s+{bob.username}: before")
        screen.type("/open 1")
        screen.wait_for(r"\d\d:\d\d bob\S*: before")
        screen.type("Hi Bob!")
        assert bob.expect(text="Hi Bob!").sender == alice
        bob.send(alice, "Hi Alice!\x1b[31m")
        assert "\x1b[31m" not in screen.wait_for("Hi Alice!\N{REPLACEMENT CHARACTER}")
        screen.type("//quit is what I typed")
        bob.expect(text="/quit is what I typed")
        screen.type("/nonsense")
        screen.wait_for("/nonsense is no command")
        screen.type("/quit")
        assert screen.process.wait(WITHIN_S) == 0


def test_a_conversation_that_begins_is_not_a_coming_and_going(alice: Actor, bob: Actor) -> None:
    with terminal(alice, f"@{bob.username}") as screen:
        screen.wait_for(f"{bob.username}\\S* is online")
        bob.send(alice, "hi")
        assert "is here now" not in screen.wait_for(f"{bob.username}: hi")


def test_what_happens_elsewhere_and_who_comes_is_told(chat: World, alice: Actor, bob: Actor) -> None:
    carol = chat.user("carol")
    garden = alice.create_group("Garden", [bob])
    with terminal(alice, garden.id) as screen:
        screen.wait_for("Garden, 2 members")
        alice.invite(garden, carol)
        screen.wait_for("carol\\S* is here now")
        carol.send(alice, "psst")
        screen.wait_for("carol\\S*: psst")
        bob.send(garden, "hello all")
        screen.wait_for(r"\d\d:\d\d bob\S*: hello all")
        screen.type("/who")
        screen.wait_for("alice\\S* \\(@alice\\S*\\), owner")
        screen.wait_for("carol\\S* \\(@carol\\S*\\), member")


def test_older_messages_come_page_by_page(alice: Actor, bob: Actor) -> None:
    for n in range(30):
        bob.send(alice, f"number {n}.")
    with terminal(alice, f"@{bob.username}") as screen:
        assert "number 9." not in screen.wait_for(r"number 29\.")
        screen.type("/older")
        screen.wait_for(r"number 0\.")
        screen.wait_for(r"number 9\.")
        screen.type("/older")
        screen.wait_for("nothing before")


def test_a_script_says_something_and_reads_json(alice: Actor, bob: Actor) -> None:
    ended = run("--json", f"@{bob.username}", stdin="one\n/who\n/nonsense\n", MADANG_URL=alice.url, MADANG_TOKEN=alice.token)
    assert ended.returncode == 0, ended.stderr
    said: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    answers = [each for each in said if not {"event", "presence"} & each.keys()]
    assert [next(iter(each)) for each in answers] == ["opened", "sent", "members", "error"]
    assert answers[1]["sent"]["text"] == "one"
    assert {each["user"]["username"] for each in answers[2]["members"]} == {alice.username, bob.username}
    assert answers[3]["error"]["code"] == "bad_request"
    bob.expect(text="one")


def test_a_pipe_is_read_line_by_line_without_prompts(alice: Actor, bob: Actor) -> None:
    ended = run(f"@{bob.username}", stdin="one\ntwo\n", MADANG_URL=alice.url, MADANG_TOKEN=alice.token)
    assert ended.returncode == 0, ended.stderr
    assert re.findall(r": (one|two)", ended.stdout) == ["one", "two"]
    assert "> " not in ended.stdout


def test_a_log_in_by_name_and_password_leaves_no_device_behind(chat: World, bob: Actor) -> None:
    dana = chat.user("dana", password="correct horse")
    asked = {"MADANG_URL": dana.url, "MADANG_USERNAME": dana.username}
    ended = run(f"@{bob.username}", stdin="hi\n", **asked, MADANG_PASSWORD="correct horse")
    assert ended.returncode == 0, ended.stderr
    bob.expect(text="hi", sender=dana)
    assert len(dana.sessions()) == 1
    ended = run(stdin="", **asked, MADANG_PASSWORD="another")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "wrong username or password" in ended.stderr


def test_somebody_who_is_nobody_is_told_what_to_give() -> None:
    ended = run(stdin="", MADANG_TOKEN="", MADANG_USERNAME="")
    assert ended.returncode == 1
    assert "--user NAME" in ended.stderr


def test_who_comes_and_writes_is_told(alice: Actor, bob: Actor) -> None:
    bob.send(alice, "hi")
    with terminal(alice, f"@{bob.username}") as screen:
        screen.wait_for(r"bob\S* is online")
        bob.typing(alice)
        screen.wait_for(r"bob\S* is writing")
        screen.type("/who")
        screen.wait_for(r"● bob\S* \(@bob\S*\), member")
        bob.log_out()
        screen.wait_for(r"bob\S* is offline")


def test_a_friend_who_left_while_the_server_was_away_is_told_to_be_offline(chat_server_factory: Callable[..., ChatServer]) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    bob.add_friend(alice)
    alice.add_friend(bob)
    with terminal(alice) as screen:
        screen.wait_for(r"bob\S* is online")
        server.kill()
        bob.close()
        server.start()
        screen.wait_for(r"bob\S* is offline")


def test_changes_of_the_open_group_are_told_in_words(chat: World, alice: Actor, bob: Actor) -> None:
    garden = alice.create_group("Garden", [bob])
    with terminal(alice, garden.id) as screen:
        screen.wait_for("Garden, 2 members")
        screen.wait_for(r"bob\S* is online")
        alice.mute(garden, bob, timedelta(minutes=1))
        told = screen.wait_for(r"bob\S* is muted until [\d :-]*\d\d:\d\d")
        alice.mute(garden, bob, None)
        told += screen.wait_for(r"bob\S* may write again")
        alice.mute(garden, bob, timedelta.max)
        told += screen.wait_for(r"bob\S* is muted for good")
        assert "is member now" not in told
        alice.invite(garden, bob, role="admin")
        told = screen.wait_for(r"bob\S* is admin now")
        carol = chat.user("carol")
        alice.invite(garden, carol)
        screen.wait_for(r"carol\S* is here now")
        alice.mute(garden, carol, timedelta(days=400))
        told += screen.wait_for(r"carol\S* is muted until \d{4}-\d\d-\d\d \d\d:\d\d")
        alice.update(garden, settings={"history": "all"})
        told += screen.wait_for("the setting history is all now")
        assert not re.search(r"bob\S* (is muted|may write)|is called", told)
        alice.update(garden, title="Yard")
        assert "setting" not in screen.wait_for("this is called Yard now")


def member(role: str, muted_until: datetime | None = None) -> Member:
    return Member(User("1", "bob"), role, 1, muted_until)


def test_a_change_is_told_against_what_was_known() -> None:
    soon, over = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    assert changes_of_member(member("member", over), member("admin")) == ["bob is admin now"]
    assert changes_of_member(member("member", soon), member("admin", soon)) == ["bob is admin now"]
    assert changes_of_member(member("member", soon), member("owner")) == ["bob is owner now", "bob may write again"]
    assert changes_of_member(member("member", soon), member("member", soon)) == []
    assert changes_of_member(None, member("admin")) == ["bob is admin now"]
    assert len(changes_of_member(None, member("member", soon))) == 2


class Recorder(JsonView):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def _print(self, kind: str, value: Any) -> None:
        self.shown.put((kind, value))

    def texts(self, last: str) -> list[str]:
        """Of the messages up to this one, by pages and events."""
        texts: list[str] = []
        while last not in texts:
            kind, value = self.shown.get(timeout=WITHIN_S)
            if kind == "message":
                texts.append(value["text"])
            elif kind == "event" and "message" in value:
                texts.append(value["message"]["text"])
        return texts


def test_a_message_that_a_page_has_shown_is_not_shown_again_by_its_late_event(alice: Actor, bob: Actor) -> None:
    with madang.Client(alice.url, token=alice.token, cursor=alice.cursor) as client:
        view = Recorder()
        talk = Chat(client, view)
        for n in range(25):
            bob.send(alice, str(n))
        talk.open(f"@{bob.username}")
        threading.Thread(target=talk.follow, daemon=True).start()
        bob.send(alice, "after")
        assert sorted(view.texts("after")) == sorted([*map(str, range(25)), "after"])


def test_a_message_that_comes_while_its_conversation_is_being_opened_is_shown_once(
    alice: Actor, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with madang.Client(alice.url, token=alice.token, cursor=alice.cursor) as client:
        view = Recorder()
        talk = Chat(client, view)
        bob.send(alice, "before")
        threading.Thread(target=talk.follow, daemon=True).start()
        assert view.texts("before") == ["before"]
        page_of = client.page

        def page_after_its_event(*where: Any, **place: Any) -> Page:
            at = client.cursor
            bob.send(alice, "meanwhile")
            deadline = time.monotonic() + WITHIN_S
            while client.cursor == at:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            return page_of(*where, **place)

        with monkeypatch.context() as patch:
            patch.setattr(client, "page", page_after_its_event)
            talk.open(f"@{bob.username}")
        bob.send(alice, "after")
        assert view.texts("after") == ["before", "meanwhile", "after"]


def unread(actor: Actor) -> dict[str, tuple[int | None, int | None]]:
    """Of each conversation, by its title or its peer's name, with the mentions among them."""
    return {
        each.title or each.peer.username: (each.unread, each.unread_mentions)  # type: ignore[union-attr]
        for each in actor.conversations()
    }


def press_enter_until_asked(screen: Terminal, prompt: str) -> None:
    """What is unread is counted a moment after what has changed it."""
    deadline = time.monotonic() + WITHIN_S
    shown = ""
    while not shown.endswith(f"\n{prompt}"):
        assert time.monotonic() < deadline
        screen.type("")
        shown = screen.wait_for(r"\n(\(\d+ unread\) )?> ")


def test_the_list_shows_what_is_unread_and_who_was_mentioned(alice: Actor, bob: Actor) -> None:
    garden = bob.create_group("Garden", [alice])
    for text in ("one", f"two, @{alice.username}", "three"):
        bob.send(garden, text)
    quiet = bob.create_group("Quiet", [alice])
    alice.mark_read(bob.send(quiet, "read on the phone"))
    with terminal(alice) as screen:
        screen.wait_for(r"Garden\s+3 @1\s+bob")
        press_enter_until_asked(screen, "(3 unread) > ")
        screen.type("/list")
        assert re.search(r"Quiet\s+bob\S*: read on the phone", screen.wait_for(r"Garden.*\n"))
    assert unread(alice)["Garden"] == (3, 1)


def test_long_titles_and_texts_are_cut_where_numbers_and_counts_are_not(chat: World, alice: Actor, bob: Actor) -> None:
    carol = chat.user("carol")
    bob.send(carol.create_group("A title of some length" * 4, [alice, bob]), f"@{alice.username} " + "says a lot " * 20)
    bob.send(alice, "short")
    carol.send(alice, "bye")
    carol.delete_account()
    with terminal(alice, COLUMNS="80") as screen:
        listed = screen.wait_for(r"\n3 .*\n")
    assert max(len(line.rstrip()) for line in listed.splitlines()) <= 80
    assert re.search(r"\n\d +A title of some length.*… +1 @1 +bob\S*: .*…", listed)
    assert re.search(r"\n\d +deleted-\d+ \(@de.*… +1 +deleted-\d+: b", listed)
    assert re.search(r"\n\d +● +bob\S* \(@bob.* +1 +bob\S*: s", listed)


def test_the_marker_follows_what_is_shown(alice: Actor, bob: Actor) -> None:
    garden, yard = bob.create_group("Garden", [alice]), bob.create_group("Yard", [alice])
    bob.send(garden, "early")
    bob.send(yard, "elsewhere")
    with terminal(alice, garden.id) as screen:
        screen.wait_for("early")
        last = bob.send(garden, "and now")
        screen.wait_for("and now")
        seen = alice.expect(type="read.updated", conversation=garden, within=WITHIN_S)
        while seen.seq < last.seq:
            seen = alice.expect(type="read.updated", conversation=garden, within=WITHIN_S)
        assert unread(alice) == {"Garden": (0, 0), "Yard": (1, 0)}
        press_enter_until_asked(screen, "(1 unread) > ")
        alice.mark_read(yard, 100)  # on another device
        press_enter_until_asked(screen, "> ")


def test_a_script_has_read_what_it_was_told_when_it_ends(alice: Actor, bob: Actor) -> None:
    bob.send(alice, "hello?")
    ended = run("--json", f"@{bob.username}", stdin="", MADANG_URL=alice.url, MADANG_TOKEN=alice.token)
    assert ended.returncode == 0, ended.stderr
    assert unread(alice) == {bob.username: (0, 0)}


def test_friends_are_made_and_seen(chat: World, alice: Actor, bob: Actor) -> None:
    with terminal(alice) as screen:
        screen.wait_for("no conversations")
        screen.type(f"/friend @{bob.username}")
        screen.wait_for(f"you have asked @{bob.username}")
        assert [each.state for each in bob.friends()] == ["asked"]
        bob.add_friend(alice)
        screen.wait_for(f"@{bob.username} is your friend")
        screen.wait_for(r"bob\S* is online")
        carol = chat.user("carol")
        carol.add_friend(alice)
        screen.wait_for(f"@{carol.username} asks to be your friend")
        screen.type("/friends")
        screen.wait_for(f"● @{bob.username} is your friend")
        screen.wait_for(f"@{carol.username} asks to be your friend")
        bob.log_out()
        screen.wait_for(r"bob\S* is offline")
        screen.type(f"/unfriend @{carol.username}")
        screen.wait_for(f"@{carol.username} is not your friend")
        assert list(carol.friends()) == []
        screen.type("/friend carol")
        screen.wait_for("whom\\?")
        dana = chat.user("dana")
        dana.add_friend(alice)
        screen.wait_for(f"@{dana.username} asks to be your friend")
        screen.type(f"/friend @{dana.username}")
        screen.wait_for(f"@{dana.username} is your friend")
        screen.type("/help")
        assert "is your friend" not in screen.wait_for("\n/quit  .*\n"), "told twice"


def test_a_script_sees_friends_as_json(alice: Actor, bob: Actor) -> None:
    bob.add_friend(alice)
    lines = f"/friend @{bob.username}\n/friends\n"
    ended = run("--json", stdin=lines, MADANG_URL=alice.url, MADANG_TOKEN=alice.token)
    said: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["friend"]["state"] for each in said if "friend" in each] == ["friends"]
    [friends] = [each["friends"] for each in said if "friends" in each]
    assert [(each["user"]["username"], each["state"], each["online"]) for each in friends] == [(bob.username, "friends", True)]
