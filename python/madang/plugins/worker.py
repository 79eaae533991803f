"""The process of a plugin with `isolation = "process"`: `python -m madang.plugins.worker SOCKET LIFELINE`, started by its server.

The same lanes as in the server run here, against a stand-in of the core that sends what they answer over the socket. One loop, one plugin.
It ends when the server says so, when the socket is closed, and at the latest when the lifeline is: a pipe whose other end only the server
has. The kernel then sends SIGIO, which ends the process, also one that sits in a loop of C with the interpreter locked."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import fcntl
import logging
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from madang.plugins import framing
from madang.plugins.aside import finished, tested
from madang.plugins.dispatcher import LANES, SWITCH_INTERVAL
from madang.plugins.faults import text_of
from madang.plugins.importing import Unusable, forget_stale_bytecode_of, where_it_failed
from madang.plugins.loading import folder_of, has_selftest, load_here
from madang.plugins.reaching import Reached, RemoteBacking
from madang.plugins.store import PluginStore
from madang.plugins.system import System

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from madang.core import _core
    from madang.plugins.lanes import Lane
    from madang.plugins.loading import LoadedPlugin
    from madang.plugins.system import Access

READ_AT_ONCE = 1 << 20
LOG_CHARS_MAX = 16_384
CHARS_AT_ONCE = 1 << 20  # of one frame of answers
IDLE_LOOK_S = 0.02
STUCK = 75  # exit code; sysexits.h says of it: try again


class Link:
    """The way to the server. `send` from any thread; it waits while the server doesn't read, which holds up the plugin and nobody else."""

    def __init__(self, door: socket.socket) -> None:
        self.door = door
        self._lock = threading.Lock()
        self._taken = 0  # frames of calls since the server was told
        self._notes: dict[tuple[int, str], dict[str, float]] = {}

    def send(self, *operations: list[Any]) -> None:
        with self._lock:
            told = [*operations, *self._gathered()]
            if told:
                self.door.sendall(framing.to_server(told))

    def took_a_frame(self) -> None:
        with self._lock:
            self._taken += 1

    def tell_taken(self) -> None:
        """Unless an answer has told it already."""
        if self._taken:
            self.send()

    def note(self, index: int, hook: str, **figures: float) -> None:
        """Goes with whatever is sent next: a ping's answer at the latest."""
        with self._lock:
            sums = self._notes.setdefault((index, hook), {})
            for name, value in figures.items():
                sums[name] = sums.get(name, 0) + value

    def _gathered(self) -> list[list[Any]]:
        told: list[list[Any]] = []
        if self._taken:
            told.append(["took", self._taken])
            self._taken = 0
        if self._notes:
            told += [["core", "note", [index, hook], figures] for (index, hook), figures in self._notes.items()]
            self._notes = {}
        return told


class RemoteCore:
    """What the lanes call of the core: answers travel, figures are summed up first. Any thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.note = link.note

    def __getattr__(self, method: str) -> Callable[..., None]:
        if not method.startswith(("answer_", "refuse_")):
            raise AttributeError(method)

        def call(*arguments: Any) -> None:
            for part in parts_of(arguments):
                self._link.send(["core", method, list(part), {}])

        setattr(self, method, call)
        return call


def parts_of(arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """A list of answers with very much text goes in several frames."""
    if len(arguments) != 1 or not isinstance(arguments[0], list):
        return [arguments]
    parts: list[list[Any]] = [[]]
    chars = 0
    for answer in arguments[0]:
        size = sum(len(each) for each in answer if isinstance(each, str)) if isinstance(answer, (tuple, list)) else 0
        if parts[-1] and chars + size > CHARS_AT_ONCE:
            parts.append([])
            chars = 0
        parts[-1].append(answer)
        chars += size
    return [(part,) for part in parts]


class LogToServer(logging.Handler):
    """Log lines of this process belong into the server's log."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._link.send(["log", record.name, record.levelno, self.format(record)[:LOG_CHARS_MAX]])
        except OSError:
            pass  # the server is gone, and so will this process be
        except Exception:
            self.handleError(record)


class Worker:
    """One plugin in this process. Everything on the loop's thread but reading, and what lanes do in theirs."""

    def __init__(self, door: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._link = Link(door)
        self._loop = loop
        self._frames = framing.Reassembly()
        self._loaded: LoadedPlugin | None = None
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._system = System()
        self._reached = Reached(self._link.send)
        logging.getLogger().addHandler(LogToServer(self._link))

    def run(self) -> None:
        threading.Thread(target=self._read, name="madang-reader", daemon=True).start()
        self._loop.run_forever()

    def _read(self) -> None:
        """In a thread of its own: whoever waits for the server, on the loop's thread too, is answered whatever the loop does."""
        while True:
            try:
                piece = self._link.door.recv(READ_AT_ONCE)
            except OSError:
                piece = b""
            if not piece:
                os._exit(0)  # the server has ended, however
            for_loop = []
            for what, *rest in [framing.from_server(payload) for payload in self._frames.feed(piece)]:
                if what == "reached":
                    self._reached.settle(*rest)
                elif what == "ping" and self._reached.is_kept_waiting:
                    self._on_ping(*rest)  # the loop may well be what waits
                else:
                    for_loop.append((what, *rest))
            if for_loop:
                self._loop.call_soon_threadsafe(self._work, for_loop)

    def _work(self, came: list[tuple[Any, ...]]) -> None:
        for what, *rest in came:
            getattr(self, f"_on_{what}")(*rest)

    # ---- what the server says ------------------------------------------------------------------------------------------------------------

    def _on_load(self, order: dict[str, Any]) -> None:
        logging.getLogger().setLevel(order["log_level"])
        sys.path[:] = order["path"]
        try:
            forget_stale_bytecode_of(order["use"], folder_of(order["place"]))
            self._loaded = load_here(order["use"], order["settings"], order["given"], order["place"], order["taken"])
        except Unusable as error:
            self._link.send(["refused", str(error)])
            return
        self._loaded.plugin.store = PluginStore(RemoteBacking(self._reached))
        self._loaded.plugin.server = self._system
        hooks = {hook: [each.timeout, each.on_error, each.mode] for hook, each in self._loaded.hooks.items()}
        own = {"selftest": has_selftest(self._loaded.plugin), "providers": list(getattr(self._loaded.plugin, "providers", ()))}
        self._link.send(["loaded", self._loaded.name, hooks, own])

    def _on_serve(self, index: int) -> None:
        assert self._loaded is not None
        self._system.open(self._access)
        core = cast("_core.Plugins", RemoteCore(self._link))
        for hook in self._loaded.hooks:
            self._lanes[index, hook] = LANES[hook](core, index, self._loaded, self._loop)

    def _on_calls(self, calls: list[tuple[Any, ...]]) -> None:
        self._link.took_a_frame()
        woken: dict[Lane, None] = {}
        for call in calls:
            lane = self._lanes[call[0], call[1]]
            lane.add(call)
            woken[lane] = None
        for lane in woken:
            lane.kick()
        self._loop.call_soon(self._link.tell_taken)

    def _access(self) -> Access:
        url, token, user_id = self._reached.ask("access")
        return url, token, user_id

    def _on_ping(self, number: int) -> None:
        for lane in list(self._lanes.values()):
            if lane.is_exhausted:
                lane.faults.tell(lane.stuck("the process ends"))
                os._exit(STUCK)  # the next one has threads that are free
        self._link.send(["pong", number])

    def _on_setup(self, number: int) -> None:
        assert self._loaded is not None
        plugin = self._loaded.plugin
        self._say(number, lambda: finished(plugin.setup))

    def _on_selftest(self, number: int, within: float) -> None:
        assert self._loaded is not None
        plugin = self._loaded.plugin
        self._say(number, lambda: tested(plugin.selftest, within))

    def _on_close(self, number: int, patience: float) -> None:
        """The calls that are under way end first, as long as somebody may wait for them."""
        self._say(number, lambda: self._close(patience))

    # ---- inside --------------------------------------------------------------------------------------------------------------------------

    async def _close(self, patience: float) -> None:
        assert self._loaded is not None
        deadline = self._loop.time() + patience
        while not all(lane.is_idle for lane in self._lanes.values()) and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(IDLE_LOOK_S)
        for lane in self._lanes.values():
            lane.cancel()
        self._system.close()
        await finished(self._loaded.plugin.close)

    def _say(self, number: int, what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        task = self._loop.create_task(self._said(number, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _said(self, number: int, what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        problem = None
        try:
            await what()
        except Exception as error:
            problem = f"{where_it_failed(error)}{text_of(error)}"
        with contextlib.suppress(OSError):
            self._link.send(["said", number, problem])


def end_with(lifeline: int) -> None:
    """SIGIO, which ends a process that doesn't expect it, as soon as nobody holds the other end."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        if os.read(lifeline, 1) == b"":  # it was closed before
            os._exit(0)


def main() -> None:
    door, lifeline = (int(each) for each in sys.argv[1:3])
    for ours in (door, lifeline):
        os.set_inheritable(ours, False)  # by what the plugin starts: the socket is closed when this process ends
    for theirs in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(theirs, signal.SIG_IGN)  # ctrl-C and a supervisor's signal reach the whole group: the server says when this ends
    end_with(lifeline)
    faulthandler.enable()
    sys.setswitchinterval(SWITCH_INTERVAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    Worker(socket.socket(fileno=door), loop).run()


if __name__ == "__main__":
    main()
