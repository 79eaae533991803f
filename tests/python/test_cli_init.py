"""What `madang init` writes works as it is: the configuration, the plugin and the bot."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from test_cli import WITHIN_S, madang, serving, succeed

import madang as package

FILES = ["bot.py", "house.py", "madang.toml"]
PASSWORD = "correct horse"


def test_init_writes_a_configuration_that_is_right_and_never_over_another(tmp_path: Path) -> None:
    assert "madang serve" in succeed("init", "yard", cwd=tmp_path)
    yard = tmp_path / "yard"
    assert sorted(each.name for each in yard.iterdir()) == FILES
    assert "group_members" in (yard / "madang.toml").read_text()
    assert succeed("config", "check", cwd=yard) == "madang.toml: no errors\n"
    for name in FILES[1:]:
        (yard / name).unlink()
    (yard / "bot.py").write_text("mine")
    again = madang("init", "yard", cwd=tmp_path)
    assert again.returncode == 1
    assert "bot.py: there already" in again.stderr
    assert [each.name for each in yard.iterdir()] == ["bot.py"]
    assert (yard / "bot.py").read_text() == "mine"


def test_the_configuration_of_init_changes_no_default(tmp_path: Path) -> None:
    def values(cwd: Path) -> list[str]:
        return [line.split("#")[0].rstrip() for line in succeed("config", "show", cwd=cwd).splitlines()]

    succeed("init", "yard", cwd=tmp_path)
    assert values(tmp_path / "yard") == values(tmp_path)


def test_the_plugin_of_init_works_when_its_lines_are_taken_in(tmp_path: Path) -> None:
    succeed("init", cwd=tmp_path)
    config = tmp_path / "madang.toml"
    head, plugins = config.read_text().split("# [[plugins]]\n")
    config.write_text(head + "[[plugins]]\n" + plugins.replace("# ", "").replace("200ms", "20s"))
    assert succeed("config", "check", cwd=tmp_path) == "madang.toml: no errors\n"
    with serving(tmp_path / "data") as (_, lines):
        url = lines[-1].split()[1]
        with (
            package.Client.sign_up(url, "bob", PASSWORD),
            package.Client.sign_up(url, "alice", PASSWORD) as alice,
        ):
            assert alice.send("@bob", "https://example.org").text == "https://example.org"
            with pytest.raises(package.DeniedByPolicy, match="no links without https"):
                alice.send("@bob", "http://example.org")


def test_the_bot_of_init_answers(tmp_path: Path) -> None:
    succeed("init", cwd=tmp_path)
    with serving(tmp_path / "data") as (_, lines):
        url = lines[-1].split()[1]
        succeed("user", "add", "robot", "--password", "--data", str(tmp_path / "data"), stdin=f"{PASSWORD}\n")
        who = {"MADANG_URL": url, "MADANG_USERNAME": "robot", "MADANG_PASSWORD": PASSWORD, "MADANG_STATE": str(tmp_path / "state")}
        with subprocess.Popen([sys.executable, "bot.py"], cwd=tmp_path, env=os.environ | who, stderr=subprocess.PIPE, text=True) as bot:
            assert bot.stderr is not None
            while "is ready" not in (line := bot.stderr.readline()):
                assert line
            reading = threading.Thread(target=bot.stderr.read)
            reading.start()
            with package.Client.sign_up(url, "alice", PASSWORD) as alice:
                alice.send("@robot", "/roll 3")
                answers = (event.message for event in alice.events(timeout=WITHIN_S) if event.message.sender != alice.user)
                assert next(answers).text in "123"
            bot.terminate()
            assert bot.wait(WITHIN_S) == 0
            reading.join()
