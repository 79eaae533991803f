"""One worker process as its server sees it: started, asked, listened to, ended. What it is for knows `isolation`.

Started by exec, never by fork alone: nothing of the server's threads, sockets and locks is in it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madang.plugins import framing
from madang.plugins.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

STARTED_WITHIN = 60.0  # seconds, with the import of the plugin
READ_AT_ONCE = 1 << 20
BUFFERED_MAX = 4 << 20  # bytes that the worker hasn't read; beyond it no more calls are sent
ENDED = "its worker has ended"
PAGE = os.sysconf("SC_PAGE_SIZE")


class WorkerFailed(Exception):
    """What a worker couldn't do, for a person."""


class WorkerProcess(asyncio.Protocol):
    """Owner: whoever made it, who has to `kill` it in the end. Making it, `load` and `kill` block; the rest belongs to the loop's thread.

    Attributes:
        unread: frames of calls that the worker hasn't taken yet.
        on_operations: what is called with the worker's operations that are none of this class's own.
        lost: set when the socket has been closed, by whatever.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "madang.plugins.worker", str(theirs.fileno()), str(lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # a print of the plugin's belongs into the log, too
                pass_fds=(theirs.fileno(), lifeline),
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        except OSError as error:
            ours.close()
            os.close(self._lifeline)
            raise WorkerFailed(f"a worker can't be started: {error}") from None
        finally:
            theirs.close()
            os.close(lifeline)
        self._ending = threading.Lock()
        self.pid = self._process.pid
        self.since = time.monotonic()
        self.unread = 0
        self.pings_unanswered = 0
        self.on_operations: Callable[[list[list[Any]]], None] = lambda _: None
        self.lost = asyncio.Event()
        self._door: socket.socket | None = ours
        self._transport: asyncio.Transport | None = None
        self._frames = framing.Reassembly()
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[str | None]] = {}

    # ---- before the loop -----------------------------------------------------------------------------------------------------------------

    def load(self, order: dict[str, Any]) -> tuple[str, dict[str, list[Any]], dict[str, Any]]:
        """Blocks until the plugin is imported; its name, its hooks, and what else it says of itself. WorkerFailed."""
        assert self._door is not None
        deadline = time.monotonic() + STARTED_WITHIN
        try:
            self._door.settimeout(STARTED_WITHIN)
            self._door.sendall(framing.to_worker("load", order))
            while True:
                self._door.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = self._door.recv(READ_AT_ONCE)
                if not piece:
                    raise WorkerFailed(f"its worker {self.ending()} while it was loaded")
                for payload in self._frames.feed(piece):
                    for what, *rest in framing.from_worker(payload):
                        if what == "refused":
                            raise WorkerFailed(str(rest[0]))
                        if what == "loaded":
                            name, hooks, own = rest
                            return str(name), dict(hooks), dict(own)
                        self.on_operations([[what, *rest]])
        except TimeoutError:
            raise WorkerFailed(f"its worker wasn't ready after {STARTED_WITHIN:g} s (an import that takes so long?)") from None
        except (OSError, framing.BadFrame, ValueError, TypeError) as error:
            raise WorkerFailed(f"its worker can't be understood: {error}") from None

    # ---- on the loop ---------------------------------------------------------------------------------------------------------------------

    async def attach(self) -> None:
        assert self._door is not None
        door, self._door = self._door, None
        door.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=door)

    def send(self, *what: Any) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framing.to_worker(*what))

    def send_calls(self, calls: list[tuple[Any, ...]]) -> None:
        self.unread += 1
        self.send("calls", calls)

    @property
    def takes_calls(self) -> bool:
        return self._transport is not None and not self.lost.is_set() and self._transport.get_write_buffer_size() < BUFFERED_MAX

    async def ask(self, what: str, *arguments: Any, within: float) -> None:
        """`setup`, `selftest` or `close`. WorkerFailed with what the plugin has raised."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            if self.lost.is_set():
                raise WorkerFailed(f"its worker {self.ending()}")
            self.send(what, number, *arguments)
            async with asyncio.timeout(within):
                problem = await answer
        except TimeoutError:
            raise WorkerFailed(f"{what} took longer than {within:g} s") from None
        finally:
            self._asked.pop(number, None)
        if problem == ENDED:
            raise WorkerFailed(f"its worker {self.ending()}")
        if problem is not None:
            raise WorkerFailed(problem)

    def ping(self) -> None:
        self.pings_unanswered += 1
        self.send("ping", self.pings_unanswered)

    def resident_bytes(self) -> int:
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
        except (OSError, IndexError, ValueError):
            return 0

    def kill(self) -> None:
        """Ends it at once; idempotent. Blocks for as long as the kernel needs."""
        with self._ending:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            if self._door is not None:
                self._door.close()
                self._door = None
            if self._lifeline >= 0:
                os.close(self._lifeline)
                self._lifeline = -1

    async def end(self) -> None:
        """As `kill`, and returns when nothing more comes from it."""
        await aside(self.kill)
        if self._transport is not None:
            self._transport.abort()
            await self.gone(1.0)

    async def gone(self, within: float) -> bool:
        """Whether it has closed its end in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.lost.wait()
        return self.lost.is_set()

    @property
    def has_ended(self) -> bool:
        """Also when a process that it has forked keeps its end of the socket open."""
        return self._process.poll() is not None

    def ending(self) -> str:
        """How it has ended, in words."""
        try:
            code = self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            return "closed its socket"
        if code >= 0:
            return f"ended with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    # ---- asyncio.Protocol ----------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                self._take(framing.from_worker(payload))
        except (framing.BadFrame, ValueError, TypeError):
            self._process.kill()  # it is out of its mind: the end of the socket follows

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        self.lost.set()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(ENDED)

    def _take(self, operations: list[list[Any]]) -> None:
        others: list[list[Any]] = []
        for operation in operations:
            match operation:
                case ["took", int(frames)]:
                    self.unread = max(self.unread - frames, 0)
                case ["pong", int()]:
                    self.pings_unanswered = 0
                case ["said", int(number), (str() | None) as problem]:
                    if (answer := self._asked.get(number)) is not None and not answer.done():
                        answer.set_result(problem)
                case _:
                    others.append(operation)
        self.on_operations(others)
