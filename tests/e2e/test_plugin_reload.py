"""New code for a server that runs: it takes over between two messages, or everything stays as it was."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable

import pytest
from harness.admin import ask
from harness.api import Problem
from harness.device import Device
from harness.server import MakeServer, Server

HOUSE = """
    import asyncio
    from pathlib import Path
    import madang, words
    from madang import Verdict

    class House(madang.Plugin):
        {body}

        async def check(self, message):
            if message.text == "slow": Path("begun").touch()
            while message.text == "slow" and not Path("go").exists():
                await asyncio.sleep(0.02)
            return Verdict.modify(f"{version} {{words.WORD}} {{self.settings.get('n', 0)}} {{message.text}}")

        def close(self):
            self.log.info("closed: {version}")
"""
CONFIG = '[[plugins]]\nuse = "house:House"\nisolation = "{isolation}"\nhooks.check.timeout = "20s"\n'

MakeHouse = Callable[..., Server]


def write(server: Server, version: str, word: str = "word", body: str = "pass") -> None:
    (server.folder / "words.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")
    (server.folder / "house.py").write_text(textwrap.dedent(HOUSE).format(version=version, body=body), encoding="utf-8")


@pytest.fixture(params=["none", "process"])
def house(request: pytest.FixtureRequest, make_server: MakeServer) -> Server:
    server = make_server(start=False, config=CONFIG.format(isolation=request.param))
    write(server, "v1")
    server.start()
    return server


def pair(server: Server) -> tuple[Device, Device, str]:
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    return alice, bob, alice.group(bob)


def say(device: Device, conversation: str, text: str, client_id: str | None = None) -> str:
    return str(device.send(conversation, text, client_id)["text"])


def reload(server: Server, *name: str) -> list[list[str]]:
    return ask(server.data, "plugin-reload", *name)


def test_new_code_and_new_settings_take_over(house: Server) -> None:
    alice, _, group = pair(house)
    assert say(alice, group, "hi") == "v1 word 0 hi"
    write(house, "v2", word="wort")
    assert house.config_file is not None
    house.config_file.write_text(house.config_file.read_text() + "settings = { n = 7 }\n", encoding="utf-8")
    assert reload(house) == [["House"]]
    assert say(alice, group, "hi") == "v2 wort 7 hi"
    write(house, "v3")
    assert reload(house, "House") == [["House"]]
    assert say(alice, group, "hi") == "v3 word 7 hi"
    wait_for_log(house, "closed: v2")
    assert 'madang_plugin_reloads_total{plugin="House",outcome="done"} 2' in house.api.exchange("GET", "/metrics").body.decode()


def test_sighup_reloads(house: Server) -> None:
    alice, _, group = pair(house)
    write(house, "v2")
    os.kill(house.pid, signal.SIGHUP)
    wait_for_log(house, "plugin House: reloaded")
    assert say(alice, group, "hi") == "v2 word 0 hi"


def test_sighup_without_plugins_harms_nobody(make_server: MakeServer) -> None:
    server = make_server()
    os.kill(server.pid, signal.SIGHUP)
    wait_for_log(server, "there are no plugins to reload")
    assert server.ready()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x = 1 +", ("house.py:", "SyntaxError")),
        ("raise RuntimeError('not today')", ("house.py:8", "not today")),
        ("def setup(self): raise ValueError('settings')", ("setup", "settings")),
        ("async def selftest(self): raise ValueError('wrong')", ("selftest", "wrong")),
        ("def selftest(self): raise ValueError('wrong')", ("selftest", "wrong")),
        ("raise SystemExit(3)", ("house.py:8", "SystemExit: 3")),
        ("def setup(self): raise SystemExit(3)", ("setup", "SystemExit: 3")),
        ("async def selftest(self): raise SystemExit(3)", ("selftest", "SystemExit: 3")),
        ("async def authenticate(self, credentials): pass", ("its hooks are", "restart the server")),
        ("hooks = {'check': {'on_error': 'allow'}}", ("the options of check have changed", "restart the server")),
        ("name = 'Other'", ("its name is Other now",)),
    ],
)
def test_what_fails_leaves_the_old_code_in(house: Server, body: str, words: tuple[str, ...]) -> None:
    alice, _, group = pair(house)
    write(house, "v2", word="other", body=body)
    with pytest.raises(Exception, match="bad_request") as refused:
        reload(house)
    for word in words:
        assert word in str(refused.value)
        assert word in house.log_text()
    assert say(alice, group, "hi") == "v1 word 0 hi"
    write(house, "v3")
    reload(house)
    assert say(alice, group, "hi") == "v3 word 0 hi"


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_one_that_was_never_set_up_is_not_closed(isolation: str, make_server: MakeServer) -> None:
    second = CONFIG.format(isolation=isolation).replace("house:House", "inn:Inn")
    server = make_server(start=False, config=CONFIG.format(isolation=isolation) + second)
    write(server, "v1")
    inn = server.folder / "inn.py"
    inn.write_text("from house import House\nclass Inn(House): pass\n", encoding="utf-8")
    server.start()
    write(server, "v2")
    inn.write_text("raise ValueError('closed today')\n", encoding="utf-8")
    with pytest.raises(Exception, match="closed today"):
        reload(server)
    assert "closed: v2" not in server.log_text()
    assert "close failed" not in server.log_text()


def test_the_list_of_plugins_itself_cannot_change(house: Server) -> None:
    assert house.config_file is not None
    text = house.config_file.read_text()
    house.config_file.write_text(text + text, encoding="utf-8")
    with pytest.raises(Exception, match="restart the server"):
        reload(house)
    house.config_file.write_text("[[plugins]]\nuse = 3\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"madang\.toml:2"):
        reload(house)
    with pytest.raises(Exception, match="there is no plugin Nobody"):
        reload(house, "Nobody")


def test_what_the_old_code_had_begun_with_it_ends(house: Server) -> None:
    alice, _, group = pair(house)
    socket = alice.connect()
    ref = socket.post("send", conversation_id=group, client_id="c1", text="slow")
    wait_for(house, (house.folder / "begun").exists, "the old code has not begun")
    write(house, "v2")
    reload(house)
    assert "closed: v1" not in house.log_text()
    (house.folder / "go").touch()
    assert socket.reply(ref)["message"]["text"] == "v1 word 0 slow"
    wait_for_log(house, "closed: v1")


def test_reloads_under_load_lose_nothing_and_answer_nothing_twice(house: Server) -> None:
    alice, bob, group = pair(house)
    sent: dict[str, list[str]] = {"alice": [], "bob": []}
    problems: list[Problem] = []
    over = threading.Event()

    def writing(device: Device, name: str) -> None:
        n = 0
        while not over.is_set():
            try:
                sent[name].append(say(device, group, f"{name} {n}", f"{name}-{n}"))
            except Problem as problem:
                problems.append(problem)
            n += 1

    writers = [threading.Thread(target=writing, args=(device, name)) for device, name in ((alice, "alice"), (bob, "bob"))]
    for writer in writers:
        writer.start()
    try:
        for n in range(12):
            write(house, f"r{n}")
            reload(house)
            before = len(sent["alice"])
            deadline = time.monotonic() + 20
            while len(sent["alice"]) < before + 2:
                assert time.monotonic() < deadline
                time.sleep(0.005)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert problems == []
    for name, texts in sent.items():
        assert [text.split(" ", 3)[3] for text in texts] == [f"{name} {n}" for n in range(len(texts))]
        versions = [text.split(" ", 1)[0] for text in texts]
        assert len(set(versions)) > 6
        changes = [version for version, after in zip(versions, [*versions[1:], ""], strict=True) if version != after]
        assert len(changes) == len(set(changes))  # no version comes back
    stored = [message["text"] for message in alice.all_messages(group)]
    assert sorted(stored) == sorted(sent["alice"] + sent["bob"])
    wait_for_log(house, "closed: r10")
    assert "closed: r11" not in house.log_text()


def wait_for(server: Server, true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, f"{otherwise}\n{server.log_tail()}"
        time.sleep(0.02)


def wait_for_log(server: Server, words: str) -> None:
    wait_for(server, lambda: words in server.log_text(), f"{words!r} never stood in the log")
