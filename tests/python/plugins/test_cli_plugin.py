"""`madang plugin`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import madang
from madang.testing import ChatServer, PluginUse

Factory = Callable[..., ChatServer]

BROKEN = """import madang

class Broken(madang.Plugin):
    def check(self, message):
        return madang.Verdict.allow()
    def {method}(self):
        raise ValueError("nothing works")
"""

HALF = """import madang

class Half(madang.Plugin):
    def setup(self):
        raise ValueError("no words")
        self.words = []
    def check(self, message):
        return madang.Verdict.allow()
    def close(self):
        self.words.clear()
"""


class Checker(madang.Plugin):
    """Of the server whose plugins are listed."""

    def check(self, message: madang.Message) -> madang.Verdict:
        if message.text == "raise":
            raise ValueError(message.text)
        return madang.Verdict.allow()


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False)


def madang_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "madang", *arguments, cwd=cwd)


def run_tests(folder: Path) -> None:
    is_installed = any(point.name == "madang" for point in importlib.metadata.entry_points(group="pytest11"))
    kit = [] if is_installed else ["-p", "madang.testing.plugin"]
    ended = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *kit, cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 passed" in ended.stdout


def test_a_new_plugin_is_green_at_once(tmp_path: Path) -> None:
    ended = madang_command("plugin", "new", "Word-Filter", "plugins", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert 'use = "word_filter:WordFilter"' in ended.stdout
    run_tests(tmp_path / "plugins")
    checked = madang_command("plugin", "check", "plugins/word_filter.py:WordFilter", "--settings", '{"words": ["x"]}', cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "good: WordFilter, check, self-test passed" in checked.stdout
    again = madang_command("plugin", "new", "word-filter", "plugins", cwd=tmp_path)
    assert again.returncode == 1
    assert "word_filter.py" in again.stderr


@pytest.mark.parametrize("name", ["json", "1st", "", "def", "madang"])
def test_a_name_that_makes_no_module_is_refused(tmp_path: Path, name: str) -> None:
    assert madang_command("plugin", "new", name, cwd=tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_check_of_a_configuration_from_elsewhere(tmp_path: Path) -> None:
    assert madang_command("plugin", "new", "house", "yard", cwd=tmp_path).returncode == 0
    (tmp_path / "yard" / "madang.toml").write_text('[[plugins]]\nuse = "house:House"\n', encoding="utf-8")
    for where, options in ((tmp_path / "yard", []), (tmp_path, ["-c", "yard/madang.toml"])):
        checked = madang_command("plugin", "check", *options, cwd=where)
        assert (checked.returncode, checked.stdout) == (0, "house:House: good: House, check, self-test passed\n"), checked.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import madang\nclass Broken(:\n", ("broken.py:2: SyntaxError",)),
        ("import madang\nimport nowhere_at_all\n", ("broken.py:2: ModuleNotFoundError", "nowhere_at_all")),
        ("import madang\nclass Other(madang.Plugin): pass\n", ("broken has no Broken",)),
        ("import madang\nclass Broken(madang.Plugin): pass\n", ("has no hook",)),
        (BROKEN.format(method="setup"), ("broken.py:7: ValueError: nothing works", "setup")),
        (BROKEN.format(method="selftest"), ("broken.py:7: ValueError: nothing works", "selftest")),
    ],
)
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_check_names_file_and_line_of_what_is_wrong(tmp_path: Path, code: str, words: tuple[str, ...], isolation: str) -> None:
    (tmp_path / "broken.py").write_text(code, encoding="utf-8")
    (tmp_path / "madang.toml").write_text(f'\n[[plugins]]\nuse = "broken:Broken"\nisolation = "{isolation}"\n', encoding="utf-8")
    ended = madang_command("plugin", "check", cwd=tmp_path)
    assert ended.returncode == 1
    for word in ("madang.toml:2: ", *words):
        assert word in ended.stderr
    [told] = [json.loads(line) for line in madang_command("plugin", "check", "--json", cwd=tmp_path).stdout.splitlines()]
    assert words[0] in told["error"]


def test_what_setup_has_not_made_is_no_second_error(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(HALF, encoding="utf-8")
    for use in ("half:Half", "webhook"):
        ended = madang_command("plugin", "check", use, cwd=tmp_path)
        assert ended.returncode == 1
        assert "setup: " in ended.stderr
        assert "close" not in ended.stderr


def test_check_of_a_use(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(method="selftest"), encoding="utf-8")
    ended = madang_command("plugin", "check", "broken:Broken", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("plugin Broken: selftest: ")
    assert madang_command("plugin", "check", "broken:Broken", "--settings", "[1]", cwd=tmp_path).returncode == 1
    assert madang_command("plugin", "check", "nowhere", cwd=tmp_path).returncode == 1
    assert madang_command("plugin", "check", cwd=tmp_path).stdout == "no plugins\n"


def test_list_and_reload_of_a_running_server(chat_server_factory: Factory, tmp_path: Path) -> None:
    server = chat_server_factory(plugins=[Checker, PluginUse(Checker, isolation="process")])
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(bob, "hello")
    with pytest.raises(madang.PluginUnavailable):
        alice.send(bob, "raise")
    where = ("--data", str(server.data))
    listed = [json.loads(line) for line in madang_command("plugin", "list", "--json", *where, cwd=tmp_path).stdout.splitlines()]
    assert [(row["plugin"], row["hook"], row["isolation"]) for row in listed] == [
        ("Checker", "check", "none"),
        ("Checker-2", "check", "process"),
    ]
    assert (listed[0]["calls"], listed[0]["errors"], listed[0]["late"], listed[0]["breaker"]) == (2, 1, 0, "closed")
    assert listed[0]["pid"] is None
    assert listed[1]["pid"] > 0
    assert madang_command("plugin", "list", *where, cwd=tmp_path).stdout.splitlines()[0].split()[:3] == ["Checker", "check", "none"]
    assert madang_command("plugin", "reload", *where, cwd=tmp_path).stdout == "Checker reloaded\nChecker-2 reloaded\n"
    one = madang_command("plugin", "reload", "Checker-2", "--json", *where, cwd=tmp_path)
    assert json.loads(one.stdout) == {"reloaded": "Checker-2"}
    refused = madang_command("plugin", "reload", "Nobody", *where, cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (1, "madang: there is no plugin Nobody (there are: Checker, Checker-2)\n")
    alice.send(bob, "still there")
    server.stop()
    assert "madang: " in madang_command("plugin", "list", *where, cwd=tmp_path).stderr
