"""The parts of a plugin's own process, each alone: frames, the queue before the worker, modules and what is compiled of them."""

from __future__ import annotations

import asyncio
import json
import os
import py_compile
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.plugins import framing, isolation
from madang.plugins.hooks import HookOptions
from madang.plugins.importing import Unusable, forget_stale_bytecode, modules_with, plugin_class, without_modules
from madang.plugins.isolation import IsolatedPlugin
from madang.plugins.loading import load_plugins, use_of
from madang.plugins.reaching import carried_out
from madang.plugins.store import KEY_BYTES_MAX, VALUE_BYTES_MAX, MemoryBacking, PluginStore
from madang.plugins.worker import parts_of


def test_frames_come_whole_out_of_any_pieces() -> None:
    frames = framing.to_worker("calls", [(1, "마당")]) + framing.to_worker("ping", 1)
    for size in (1, 3, 7, len(frames)):
        reassembly = framing.Reassembly()
        payloads = [each for at in range(0, len(frames), size) for each in reassembly.feed(frames[at : at + size])]
        assert [framing.from_server(each) for each in payloads] == [("calls", [(1, "마당")]), ("ping", 1)]


def test_what_a_worker_says_is_parsed_never_trusted() -> None:
    [payload] = framing.Reassembly().feed(framing.to_server([["core", "answer_checks", [[[0, 1, 0, ""]]], {}]]))
    assert framing.from_worker(payload) == [["core", "answer_checks", [[[0, 1, 0, ""]]], {}]]
    for wrong in (b"\x80\x04", b"{", b"3", b'{"core": 1}', b"[[]]", b"[[1]]", b"[" * 100_000):
        with pytest.raises(framing.BadFrame):
            framing.from_worker(wrong)
    with pytest.raises(framing.BadFrame, match="bytes"):
        framing.Reassembly().feed(b"\xff\xff\xff\xff")


def test_answers_with_very_much_text_go_in_parts() -> None:
    answers = [(0, n, 2, "x" * 400_000) for n in range(10)]
    parts = parts_of((answers,))
    assert [answer for (part,) in parts for answer in part] == answers
    assert max(len(part) for (part,) in parts) == 2
    assert parts_of((1, 2, "x")) == [(1, 2, "x")]


class CoreOfTests:
    def __init__(self) -> None:
        self.expired = 0

    def note(self, _index: int, _hook: str, **figures: int) -> None:
        self.expired += figures["expired"]


def test_what_waits_for_a_worker_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "WAITING_MAX", 10)
    monkeypatch.setattr(isolation, "WAITING_CHARS_MAX", 1_000)
    core: Any = CoreOfTests()
    plugin = IsolatedPlugin("house:House", "{}", {}, "", ())
    plugin.own_hooks = {"check": HookOptions(60.0)}
    plugin.serve(core, 0)

    def add(text: str, posted: float) -> None:
        plugin.add((0, "check", 0, 1, posted, text))
        plugin.kick()

    for _ in range(12):
        add("x", time.monotonic())
    assert core.expired == 2
    assert len(plugin.hand_over()) == 10
    for _ in range(4):
        add("x" * 300, time.monotonic())
    assert core.expired == 3
    assert [len(call[5]) for call in plugin.hand_over()] == [300] * 3
    assert plugin.hand_over() == []


# ---- modules -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, "1")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("yard_")]:
        del sys.modules[name]


def write(folder: Path, version: str) -> None:
    (folder / "yard_words.py").write_text(f"WORD = {version!r}\n", encoding="utf-8")
    (folder / "yard_house.py").write_text(
        "import json, yard_words, madang\nclass Yard(madang.Plugin):\n    word = yard_words.WORD\n    def check(self, message): pass\n",
        encoding="utf-8",
    )


def test_a_plugins_modules_are_those_beside_it(folder: Path) -> None:
    assert set(modules_with(plugin_class("yard_house:Yard"))) == {"yard_house", "yard_words"}
    package = folder / "yard_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "words.py").write_text("", encoding="utf-8")
    (package / "house.py").write_text(
        "import yard_words, yard_package.words, madang\nclass Yard(madang.Plugin):\n    pass\n", encoding="utf-8"
    )
    found = modules_with(plugin_class("yard_package.house:Yard"))
    assert set(found) == {"yard_package", "yard_package.house", "yard_package.words"}


def test_new_code_comes_in_and_the_old_comes_back_when_that_fails(folder: Path) -> None:
    old = plugin_class("yard_house:Yard")
    modules = modules_with(old)
    write(folder, "2")  # of the same size, within the same second
    with without_modules(modules):
        new = plugin_class("yard_house:Yard")
    assert (old.word, new.word) == ("1", "2")  # type: ignore[attr-defined]
    (folder / "yard_house.py").write_text("import yard_words\nraise RuntimeError('not today')\n", encoding="utf-8")
    with pytest.raises(Unusable, match=r"yard_house\.py:2: RuntimeError"), without_modules(modules_with(new)):
        plugin_class("yard_house:Yard")
    assert plugin_class("yard_house:Yard") is new


def test_compiled_code_older_than_its_source_is_forgotten(folder: Path) -> None:
    compiled = Path(str(py_compile.compile(str(folder / "yard_words.py"), doraise=True)))
    os.utime(folder / "yard_words.py", (time.time() - 100,) * 2)
    forget_stale_bytecode(folder / "yard_words.py")
    assert compiled.exists()
    os.utime(folder / "yard_words.py", (time.time() + 1,) * 2)
    forget_stale_bytecode(folder / "yard_words.py")
    assert not compiled.exists()
    forget_stale_bytecode(folder / "nowhere.py")


class Importable(madang.Plugin):
    """In a module that another process finds."""

    isolation = "process"

    def check(self, message: madang.Message) -> madang.Verdict:
        return madang.Verdict.allow()


def test_an_object_with_a_process_of_its_own_is_found_by_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Inner(Importable):
        """Nobody finds it."""

    assert use_of(Importable) == f"{__name__}:Importable"
    with pytest.raises(madang.ConfigError, match="can't be imported by another process"):
        load_plugins([], [Inner()])
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(sys.modules, Path(__file__).stem, sys.modules[__name__])
    plugin = Importable()
    plugin.settings = {"n": 1}
    [loaded] = load_plugins([], [plugin])
    assert isinstance(loaded.plugin, IsolatedPlugin)
    assert (loaded.name, list(loaded.hooks)) == ("Importable", ["check"])
    assert json.loads(str(loaded.plugin._order["settings"])) == {"n": 1}
    loaded.plugin.discard()


# ---- what a worker reaches ---------------------------------------------------------------------------------------------------------------

KEEPER = """
import asyncio, madang
class Keeper(madang.Plugin):
    def setup(self):
        self.store["starts"] = self.store.get("starts", 0) + 1
    async def check(self, message):
        await asyncio.gather(*[asyncio.to_thread(self.keep, n) for n in range(20)])
        for n in range(20, 40):
            self.keep(n)  # on the loop's thread
        try:
            self.store["x" * 600] = 1
        except ValueError as error:
            return madang.Verdict.deny(f"{len(self.store)} {error}")
    def keep(self, n):
        self.store[f"마당 {n}"] = [n]
        assert self.store[f"마당 {n}"] == [n]
"""


class AnsweringCore:
    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.came = asyncio.Event()

    def answer_checks(self, answers: list[Any]) -> None:
        self.answers += answers
        self.came.set()

    def note(self, *_: Any, **__: Any) -> None: ...

    def note_worker(self, *_: Any) -> None: ...


@pytest.mark.parametrize("asked", [("get", []), ("put", ["k", None]), ("put", []), ("scan", [1, 2, 3]), ("setup", [])])
def test_whatever_a_worker_asks_for_is_answered(asked: tuple[str, list[Any]]) -> None:
    plugin = madang.Plugin()
    plugin.store = PluginStore(MemoryBacking())
    plugin.store["k"] = 1
    problem, _ = carried_out(plugin, *asked)
    assert problem is not None
    assert problem[0] == "bad_request"


def test_a_worker_uses_the_store_of_the_server_from_its_loop_and_its_threads(tmp_path: Path) -> None:
    (tmp_path / "keeper.py").write_text(KEEPER, encoding="utf-8")

    async def run() -> list[Any]:
        core: Any = AnsweringCore()
        plugin = IsolatedPlugin(f"{tmp_path / 'keeper.py'}:Keeper", "{}", {"check": {"timeout": 30}}, "", ())
        plugin.store = PluginStore(MemoryBacking())
        plugin.launch()
        try:
            await plugin.setup()
            plugin.serve(core, 0)
            for number in (1, 2):
                plugin.add((0, "check", 0, number, time.monotonic(), "1", "group", "2", "alice", "", "c1", "hi", False, ()))
            plugin.kick()
            async with asyncio.timeout(30):
                while len(core.answers) < 2:
                    core.came.clear()
                    await core.came.wait()
        finally:
            await plugin.close()
        assert plugin.store["starts"] == 1
        return sorted(core.answers)

    refusal = f"41 a key has 1 to {KEY_BYTES_MAX} bytes, a value at most {VALUE_BYTES_MAX}"
    assert asyncio.run(run()) == [[0, 1, 1, refusal], [0, 2, 1, refusal]]
