"""Servers with plugins inside a program: start, stop, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import madang
from madang.core import _core

CYCLES = 200
CYCLES_WITH_A_PROCESS = 15


class Quiet(madang.Plugin):
    """Counts its beginnings and ends."""

    def __init__(self) -> None:
        self.set_up = self.closed = 0

    async def setup(self) -> None:
        self.set_up += 1

    def close(self) -> None:
        self.closed += 1

    def check(self, message: madang.Message) -> madang.Verdict:
        return madang.Verdict.allow()


def open_descriptors() -> int:
    gc.collect()  # a mailbox closes its own with the last reference to it
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def threads_left() -> Callable[[], list[str]]:
    """What stays and was not there before the test: the clients of other tests share a thread that stays, too."""
    before = set(threading.enumerate())

    def left() -> list[str]:
        new = [thread for thread in threading.enumerate() if thread not in before]
        for thread in new:
            thread.join(5)  # one that has told its result still has its last instructions before it
        return [thread.name for thread in new if thread.is_alive()]

    return left


def test_two_hundred_cycles_leave_no_thread_and_no_descriptor(tmp_path: Path, threads_left: Callable[[], list[str]]) -> None:
    plugin = Quiet()
    server = madang.Server(data=tmp_path, plugins=[plugin], overrides={"server.log_level": "error"})
    descriptors = None
    for n in range(CYCLES):
        server.start()
        server.stop()
        if n == 20:  # what the first ones leave is the store's own
            descriptors = open_descriptors()
    assert (plugin.set_up, plugin.closed) == (CYCLES, CYCLES)
    assert threads_left() == []
    assert descriptors is not None
    assert open_descriptors() <= descriptors


def worker_of(server: madang.Server) -> int:
    """As soon as the plugins' loop takes calls."""
    deadline = time.monotonic() + 10
    while not (pid := _core.admin(str(server.data), "plugin-list")[0][3]):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return int(pid)


def test_cycles_with_a_process_leave_nothing_either(tmp_path: Path, threads_left: Callable[[], list[str]]) -> None:
    (tmp_path / "quiet_house.py").write_text(
        "import madang\nclass House(madang.Plugin):\n    def check(self, message): return madang.Verdict.allow()\n", encoding="utf-8"
    )
    config = tmp_path / "madang.toml"
    config.write_text(f'[[plugins]]\nuse = "{tmp_path / "quiet_house.py"}:House"\nisolation = "process"\n', encoding="utf-8")
    server = madang.Server(data=tmp_path / "data", config=config, port=0, overrides={"server.log_level": "error"})
    descriptors = None
    workers = []
    for n in range(CYCLES_WITH_A_PROCESS):
        server.start()
        workers.append(worker_of(server))
        server.stop()
        if n == 3:
            descriptors = open_descriptors()
    assert threads_left() == []
    assert descriptors is not None
    assert open_descriptors() <= descriptors
    assert len(set(workers)) == len(workers)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_setup_that_fails_names_the_plugin_and_nothing_runs(tmp_path: Path, threads_left: Callable[[], list[str]]) -> None:
    class Picky(Quiet):
        def setup(self) -> None:  # type: ignore[override]
            raise ValueError("settings.words is missing")

    before = Quiet()
    with pytest.raises(madang.StartError, match=r"plugin Picky: setup: .*test_lifetime\.py:\d+: ValueError: settings\.words is missing"):
        madang.Server(data=tmp_path, plugins=[before, Picky()]).start()
    assert (before.set_up, before.closed) == (1, 1)
    assert threads_left() == []


def test_a_server_that_cannot_start_closes_its_plugins(tmp_path: Path) -> None:
    plugin = Quiet()
    with madang.Server(data=tmp_path / "first") as first, pytest.raises(madang.StartError):
        madang.Server(data=tmp_path / "second", port=first.port, plugins=[plugin]).start()
    assert (plugin.set_up, plugin.closed) == (1, 1)


def test_without_its_data_folder_no_plugin_is_set_up(tmp_path: Path) -> None:
    plugin = Quiet()
    with madang.Server(data=tmp_path), pytest.raises(madang.StartError):
        madang.Server(data=tmp_path, plugins=[plugin]).start()
    assert (plugin.set_up, plugin.closed) == (0, 0)


def test_a_hook_that_never_returns_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Stuck(madang.Plugin):
        def check(self, message: madang.Message) -> madang.Verdict:
            entered.set()
            leave.wait(60)
            return madang.Verdict.allow()

    server = madang.Server(data=tmp_path, plugins=[Stuck()])
    server.start()
    with madang.Client.sign_up(server.url, "bob", "long enough"), madang.Client.sign_up(server.url, "alice", "long enough") as alice:
        with pytest.raises(madang.PluginUnavailable):
            alice.send("@bob", "hello")
        assert entered.is_set()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10
    leave.set()


def test_the_asynchronous_form_carries_plugins_too(tmp_path: Path) -> None:
    plugin = Quiet()

    async def run() -> None:
        async with madang.Server(data=tmp_path, plugins=[plugin]):
            assert plugin.set_up == 1

    asyncio.run(run())
    assert plugin.closed == 1
