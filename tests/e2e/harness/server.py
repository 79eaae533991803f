"""A real server process over a data folder of its own.

Owner: the fixture that made it. Thread: any may read `url`; one at a time may start and stop it.
Limits: a start that isn't ready within its deadline raises with the end of the log.
"""

from __future__ import annotations

import http.client
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness.admin import ask
from harness.api import Api
from harness.listener import ping_everybody

READY_WITHIN_S = 15.0
STOPPED_WITHIN_S = 30.0
POLL_S = 0.01
LOG_TAIL_LINES = 60


def command() -> list[str]:
    """What starts a server, before its options: the installed package, or MADANG_TEST_COMMAND."""
    chosen = os.environ.get("MADANG_TEST_COMMAND")
    return shlex.split(chosen) if chosen else [sys.executable, "-m", "madang", "serve"]


def free_port() -> int:
    """A port below the ephemeral range, so that no outgoing connection takes it while the server is down."""
    for _ in range(200):
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Server:
    """One server on one port and one data folder, through any number of starts."""

    def __init__(self, folder: Path, *, engines: int = 1, config: str = "", config_file: Path | None = None, clock: str = "system") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.log_path = folder / "server.log"
        self.engines = engines
        self.host = "127.0.0.1"
        self.port = free_port()
        self.config_file = config_file
        self.clock = clock
        self.ahead_ms = 0  # by how much a movable clock was moved; kept over restarts
        self.log_read = 0  # bytes of the log that belong to earlier tests
        self.api = Api(self)
        self.up = threading.Event()  # set while it is ready and nobody is about to end it
        self._process: subprocess.Popen[bytes] | None = None
        if config:
            self.config_file = folder / "madang.toml"
            self.config_file.write_text(config, encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def arguments(self) -> list[str]:
        options = ["--data", str(self.data), "--host", self.host, "--port", str(self.port), "--engines", str(self.engines)]
        if self.config_file is not None:
            options += ["--config", str(self.config_file)]
        return command() + options

    def environment(self) -> dict[str, str]:
        if self.clock == "system":
            return dict(os.environ)
        return os.environ | {"MADANG_SERVER__CLOCK": self.clock, "MADANG_SERVER__CLOCK_AHEAD": f"{self.ahead_ms}ms"}

    def start(self, within: float = READY_WITHIN_S) -> float:
        """Starts the process and returns the seconds until /readyz said yes."""
        began = time.monotonic()
        self._process = self._spawn()
        while not self.ready():
            if (code := self._process.poll()) is not None:
                raise RuntimeError(f"the server ended with {code} at start\n{self.log_tail()}")
            if time.monotonic() - began > within:
                self.kill9()
                raise TimeoutError(f"the server wasn't ready within {within} s\n{self.log_tail()}")
            time.sleep(POLL_S)
        self.up.set()
        return time.monotonic() - began

    def run_to_end(self, within: float) -> int:
        """The exit code of a start that is expected to fail; kills it at the deadline."""
        self._process = self._spawn()
        try:
            return self._process.wait(within)
        finally:
            self.kill9()

    def ready(self) -> bool:
        try:
            return self.api.exchange("GET", "/readyz", within=2).status == 200
        except (http.client.HTTPException, OSError):
            return False

    def kill9(self) -> None:
        """The process is gone when this returns; nothing of it was asked for its opinion."""
        self.up.clear()
        self.api.close_idle()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal_stop(self) -> None:
        assert self._process is not None, "the server was never started"
        self.up.clear()
        self._process.send_signal(signal.SIGTERM)

    def wait_stopped(self, within: float = STOPPED_WITHIN_S) -> int:
        """The exit code."""
        assert self._process is not None, "the server was never started"
        self.api.close_idle()
        return self._process.wait(timeout=within)

    def stop(self, within: float = STOPPED_WITHIN_S) -> int:
        """SIGTERM, then the exit code."""
        self.signal_stop()
        return self.wait_stopped(within)

    def restart(self, *, engines: int | None = None, kill: bool = False) -> float:
        """Stops (or kills) the process and starts it over the same data; the seconds until ready."""
        if kill:
            self.kill9()
        else:
            code = self.stop()
            assert code == 0, f"exit code {code}\n{self.log_tail()}"
        if engines is not None:
            self.engines = engines
        return self.start()

    def advance(self, seconds: float) -> None:
        """Lets time pass for a server with `clock="movable"`: in steps of its heartbeat, with a ping of every open Listener after each."""
        left = round(seconds * 1000)
        heartbeat_ms = int(ask(self.data, "clock-advance", "0")[0][1])
        while left > 0:
            by = min(left, heartbeat_ms)
            ask(self.data, "clock-advance", str(by))
            self.ahead_ms += by
            left -= by
            ping_everybody(self.port)

    def log_text(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def log_tail(self) -> str:
        """The end of what was logged since the current test began."""
        if not self.log_path.exists():
            return ""
        since = self.log_path.read_bytes()[self.log_read :].decode("utf-8", errors="replace")
        return "\n".join(since.splitlines()[-LOG_TAIL_LINES:])

    def mark_log(self) -> None:
        self.log_read = self.log_path.stat().st_size if self.log_path.exists() else 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        assert not self.running, "already running"
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                self.arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment()
            )


MakeServer = Callable[..., Server]
