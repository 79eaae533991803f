"""The pytest kit: its fixtures used directly, and whole runs of pytest as its users have them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

import madang
from madang.testing import ChatServer, Proxy, PushSink, RunningServer, World, memory
from madang.testing.admin import fields_of, line_of

ROOT = Path(__file__).resolve().parents[3]
WITHIN_S = 60

MakeServer = Callable[..., ChatServer]


# ---- the fixtures ----------------------------------------------------------------------------------------------------------------------


def test_a_delivery_in_three_lines(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "hi")
    assert bob.expect(text="hi", within=5).sender == alice


def test_a_crash_loses_nothing(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(bob, "hi")
    server.kill()
    assert not server.is_running
    server.start()
    alice.send("@bob", "ho")
    assert [bob.expect().text, bob.expect().text] == ["hi", "ho"]


def test_the_same_name_is_the_same_actor_and_worlds_do_not_meet(chat: World, chat_server: RunningServer) -> None:
    alice = chat.user("alice")
    assert chat.user("alice") is alice
    other = World(chat_server, "-elsewhere")
    assert other.user("alice") != alice
    other.close()


def test_actors_are_equal_to_their_users(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    assert alice == alice.user
    assert alice.user == alice
    assert alice != bob
    assert alice != bob.user
    assert len({alice, bob, alice.user}) == 2


def test_what_was_passed_over_can_be_expected_later(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    for text in ("one", "two", "three"):
        alice.send(bob, text)
    assert bob.expect(text="three").text == "three"
    assert bob.expect(text=re.compile("^t")).text == "two"
    assert bob.expect(type="conversation.created").conversation is not None
    assert bob.expect(text=lambda text: len(text) == 3, sender=alice, conversation=alice.direct(bob)).text == "one"
    bob.expect_none(text="one", within=0.1)


def test_what_does_not_come_is_told_with_what_came(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "hi")
    with pytest.raises(AssertionError, match=r"(?s)bob didn't get .*text='ho' within 0.1 s, but:.*message.created 'hi' from alice"):
        bob.expect(text="ho", within=0.1)
    with pytest.raises(AssertionError, match=r"bob got .*'hi'"):
        bob.expect_none(text="hi")


def test_a_user_with_a_password_can_log_in(chat: World) -> None:
    alice = chat.user("alice", password="correct horse")
    with madang.Client(chat.url, username=alice.username, password="correct horse") as laptop:
        assert laptop.user == alice


def test_a_server_can_be_configured(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(config="[limits]\ntext_chars = 5\n", overrides={"limits.group_members": 2}, engines=2)
    alice, bob = server.user("alice"), server.user("bob")
    with pytest.raises(madang.TextTooLong):
        alice.send(bob, "sesame")
    with pytest.raises(madang.GroupFull):
        alice.create_group("three", [bob, server.user("carol")])


def test_a_server_boots_for_little(chat_server_factory: MakeServer, record_property: Callable[[str, object], None]) -> None:
    """On a quiet machine in 100 ms; here its processor time is held, which others on the machine change less."""
    seconds, processor = [], []
    for _ in range(5):
        server = chat_server_factory(start=False)
        before = os.times()
        seconds.append(server.start())
        server.stop()
        after = os.times()
        processor.append(after.children_user - before.children_user + after.children_system - before.children_system)
    record_property("a server of the pytest kit boots in ms", round(min(seconds) * 1_000))
    record_property("its start and stop take ms of the processor", round(min(processor) * 1_000))
    assert min(processor) <= 0.2


def test_a_stopped_server_answers_its_exit_code_and_keeps_its_port(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    url = server.url
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()
    assert server.stop() == 0
    server.start()
    assert server.url == url


def test_a_server_that_can_not_start_tells_its_log(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(config="[limits]\nno_such_key = 1\n", start=False)
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1.*no_such_key"):
        server.start()


def test_the_administration_socket_refuses_as_the_protocol_does(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    server.user("alice")
    with pytest.raises(madang.UsernameTaken):
        server.admin("user-add", "alice")
    server.kill()
    with pytest.raises(madang.NotRunning):
        server.admin("ping")


@pytest.mark.parametrize("fields", [["a"], ["", ""], ["tab\there", "line\nend", "back\\slash", "\\t\\\\n"]])
def test_lines_of_the_administration_socket_keep_their_fields(fields: list[str]) -> None:
    line = line_of(*fields)
    assert line.count("\n") == 1
    assert fields_of(line[:-1]) == fields


def test_the_clock_is_moved_by_a_day_and_everybody_stays(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(overrides={"presence.heartbeat": "5m", "presence.offline_after": "1h"})
    alice, bob = server.user("alice"), server.user("bob")
    first = alice.send(bob, "good night")
    server.clock.advance(86_400)
    second = alice.send(bob, "good morning")
    assert 86_400 <= (second.created_at - first.created_at).total_seconds() < 86_500
    assert int(second.message_id) > int(first.message_id)
    assert [bob.expect().text, bob.expect().text] == ["good night", "good morning"]
    with urllib.request.urlopen(f"{server.url}/metrics") as metrics:
        assert b"madang_heartbeats_lost_total 0" in metrics.read(), "a connection didn't live through the day"


def test_the_clock_keeps_its_lead_over_a_restart(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    server.clock.advance(60)
    before = alice.send(bob, "1")
    server.kill()
    server.start()
    assert alice.send(bob, "2").created_at >= before.created_at


def test_tokens_end_by_the_moved_clock(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(overrides={"accounts.token_lifetime": "30s"})
    alice = server.user("alice")
    server.clock.advance(31)
    with pytest.raises(madang.Unauthenticated):
        alice.sessions()


def test_time_does_not_go_back_and_not_without_being_asked_for(chat_server_factory: MakeServer) -> None:
    with pytest.raises(ValueError, match="back"):
        chat_server_factory().clock.advance(-1)
    real = chat_server_factory(overrides={"server.clock": "system", "server.clock_ahead": "0s"})
    with pytest.raises(madang.Forbidden):
        real.clock.advance(1)
    with pytest.raises(madang.Error, match="running"):
        RunningServer(real.url).clock.advance(1)


def test_a_line_can_be_cut_and_comes_back(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    with Proxy(chat.url) as line, madang.Client(line.url, token=alice.token) as far:
        far.send(bob, "1")
        line.cut()
        far.send(bob, "2")
        assert line.connections > 1
    assert [bob.expect().text, bob.expect().text] == ["1", "2"]


def test_a_slow_reader_is_cut_off_and_gets_everything_later(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(overrides={"limits.send_queue_bytes": "16KiB"})
    line = server.line()
    alice, bob = server.user("alice"), server.user("bob", line=line)
    alice.send(bob, "0")
    bob.expect(text="0")
    line.pause()
    sent = 0
    while "madang_slow_consumers_total 0" in metrics_of(server):
        sent += 1
        alice.send(bob, f"{sent}".ljust(100_000, "."))
        assert sent < 1_000, "nobody was too slow"
    line.resume()
    for n in range(1, sent + 1):
        assert bob.expect(within=WITHIN_S).text.rstrip(".") == str(n)
    assert line.connections > 1


def metrics_of(server: RunningServer) -> str:
    with urllib.request.urlopen(f"{server.url}/metrics") as metrics:
        return str(metrics.read().decode())


def test_a_full_disk_refuses_sends_and_reads_on(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(bob, "before")
    with server.full_disk():
        with pytest.raises(madang.StorageFull):
            alice.send(bob, "no room")
        assert [message.text for message in bob.history(alice)] == ["before"]
    alice.send(bob, "after")
    assert [bob.expect().text, bob.expect().text] == ["before", "after"]


def test_the_data_lies_in_memory_is_given_back_and_what_the_dead_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHARED_MEMORY", tmp_path / "shm")
    monkeypatch.setattr(memory, "FREE_BYTES_MIN", 0)
    monkeypatch.delenv("MADANG_TEST_ON_DISK", raising=False)
    (tmp_path / "shm" / "madang-test-4194305-dead").mkdir(parents=True)  # no process has a number over 2^22
    assert memory.data_folder(tmp_path / "a") == tmp_path / "a"
    [kept] = (tmp_path / "shm").iterdir()
    assert (tmp_path / "a").readlink() == kept
    memory.give_back(tmp_path / "a")
    assert list((tmp_path / "shm").iterdir()) == []
    monkeypatch.setattr(memory, "FREE_BYTES_MIN", 1 << 62)
    memory.data_folder(tmp_path / "b")
    monkeypatch.setattr(memory, "FREE_BYTES_MIN", 0)
    monkeypatch.setenv("MADANG_TEST_ON_DISK", "1")
    memory.data_folder(tmp_path / "c")
    assert list((tmp_path / "shm").iterdir()) == []


# ---- notifications ---------------------------------------------------------------------------------------------------------------------


def test_who_is_away_is_notified_and_the_sender_not(push_sink: PushSink) -> None:
    server = push_sink.server
    alice, bob = server.user("alice"), server.user("bob")
    message = alice.send(bob, "hi")
    got = push_sink.expect(user=bob, text="hi", within=20)
    assert (got.message_id, got.sender_id, got.badge) == (message.message_id, alice.id, 1)
    assert got.is_for(bob)
    assert push_sink.all(bob) == [got]
    server.clock.advance(60)
    push_sink.none(user=alice)
    push_sink.none()


def test_a_sink_tells_what_came_instead(push_sink: PushSink) -> None:
    alice, bob = push_sink.server.user("alice"), push_sink.server.user("bob")
    alice.send(bob, "hi")
    with pytest.raises(AssertionError, match=r"text='bye'.*'hi'"):
        push_sink.expect(text="bye", within=1)
    with pytest.raises(AssertionError, match=r"notified: .*'hi'"):
        push_sink.none(user=bob)
    push_sink.clear()
    push_sink.none(user=bob)


def test_only_a_server_made_with_a_sink_has_one(chat_server_factory: MakeServer) -> None:
    with pytest.raises(madang.Error, match="push_sink=True"):
        _ = chat_server_factory(start=False).push_sink


# ---- as its users have it --------------------------------------------------------------------------------------------------------------


def start_pytest(folder: Path, tests: str, *options: str, **environment: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    plugin = ["-p", "madang.testing.plugin", "-p", "no:cacheprovider"]
    path = os.pathsep.join(filter(None, (str(Path(madang.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "pytest", *plugin, f"--basetemp={folder}/tmp", *options, str(folder)],
        env=os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_pytest(folder: Path, tests: str, *options: str, **environment: str) -> str:
    """What it printed."""
    return start_pytest(folder, tests, *options, **environment).communicate(timeout=WITHIN_S)[0]


FAILING = """
def test_it(chat):
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "what was said")
    bob.expect(text="something else", within=0.1)
"""


def test_a_failed_test_shows_the_log_and_the_frames(tmp_path: Path) -> None:
    printed = run_pytest(tmp_path, FAILING.replace("bob.expect", "chat.server.kill(); bob.expect"))
    assert "bob didn't get" in printed
    assert "frames of alice" in printed
    assert re.search(r'> \{"op":"send".*"what was said"', printed)
    assert "in _find" not in printed


def test_the_log_of_the_servers_start_is_shown_when_it_fails(tmp_path: Path) -> None:
    failing_start = f"{sys.executable} -c \"import sys; print('no', 'port'); sys.exit(3)\""
    tests = FAILING + "\ndef test_without_a_server():\n    pass\n"
    printed = run_pytest(tmp_path, tests, MADANG_TEST_COMMAND=failing_start)
    assert "1 passed, 1 error" in printed
    assert "ended with 3" in printed
    assert "no port" in printed


def test_a_running_server_can_be_tested(tmp_path: Path, chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    tests = FAILING.replace("something else", "what was said")
    printed = run_pytest(tmp_path, tests, "--madang-url", server.url, MADANG_TEST_COMMAND="false")
    assert "1 passed" in printed
    assert len(server.admin("user-list")) == 2


def test_runs_side_by_side_do_not_meet(tmp_path: Path) -> None:
    """As the workers of pytest-xdist do."""
    runs = [start_pytest(tmp_path / str(n), FAILING.replace("something else", "what was said")) for n in range(2)]
    outputs = [run.communicate(timeout=WITHIN_S)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"madang": "madang.testing.plugin"}


def test_the_plugin_alone_loads_nothing_else_of_madang() -> None:
    program = """
import sys
sys.modules["madang._core"] = None
import madang.testing.plugin
loaded = {name for name in sys.modules if name.startswith("madang.") and sys.modules[name]}
assert loaded == {"madang.testing", "madang.testing.plugin"}, loaded
"""
    path = str(Path(madang.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": path}, check=True)
