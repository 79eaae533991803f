"""Servers for tests: one that a test starts and ends, and one that runs already."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import weakref
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from madang.errors import Error
from madang.testing.admin import ask
from madang.testing.clock import Clock
from madang.testing.memory import data_folder, give_back
from madang.testing.plugin_use import toml_of_plugins
from madang.testing.push_sink import PushSink
from madang.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from madang.testing.actor import Actor
    from madang.testing.proxy import Proxy

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 30.0
POLL_S = 0.005
PORTS_TRIED = 3
LOG_CHARS_SHOWN = 8_000
FLOOR_NOBODY_HAS = str(1 << 60)


class RunningServer:
    """A server that somebody else runs: users sign up there as everybody does.

    Args:
        url: `http://host:port`.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.worlds: weakref.WeakSet[World] = weakref.WeakSet()  # whose users are here

    @property
    def clock(self) -> Clock:
        """To be moved.

        Raises:
            madang.Error: this server is somebody else's, and so is its clock.
        """
        raise Error("the clock of a server that was running already can't be moved")

    def token_of_new_user(self, username: str, password: str | None) -> str:
        from madang.client import Client

        client = Client.sign_up(self.url, username, password or secrets.token_urlsafe(12), device="test")
        token = client.token  # from here on the device outlives the client
        client.close()
        return token

    @property
    def log(self) -> str:
        """Nobody shows it to us."""
        return ""


class ChatServer(RunningServer):
    """A server process on a data folder and a port of its own, through any number of starts and ends.

    Threads: one at a time. Limits: a start that isn't ready within READY_WITHIN_S raises with the server's log.

    Args:
        folder: for its data, configuration and log.
        engines: how many.
        config: the text of a TOML file.
        overrides: single keys by their full name, such as `{"limits.group_members": 10}`.
        plugins: behind those of `config`; see `madang.testing.PluginUse`.
        push_sink: whether its notifications go into `push_sink`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        engines: int = 1,
        config: str = "",
        overrides: Mapping[str, object] | None = None,
        plugins: Sequence[object] = (),
        push_sink: bool = False,
    ) -> None:
        config += toml_of_plugins(plugins)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = data_folder(folder / "data")
        self.log_path = folder / "server.log"
        self.engines = engines
        self.port = free_port()
        # A class of the test's file imports what the test's process has on its path.
        path = {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)} if plugins else {}
        self.environment = path | {variable_of(key): text_of(value) for key, value in (overrides or {}).items()}
        self._push_sink = PushSink(self) if push_sink else None
        if self._push_sink is not None:
            config += self._push_sink.config
        self.config_path = folder / "madang.toml" if config else None
        if self.config_path is not None:
            self.config_path.write_text(config, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._clock = Clock(self._move_clock, self._beat)
        self._world: World | None = None
        super().__init__(f"http://127.0.0.1:{self.port}")

    # ---- its life ----------------------------------------------------------------------------------------------------------------------

    def start(self) -> float:
        """Starts the process and returns the seconds until it served. The port stays the same from the first start on.

        Raises:
            RuntimeError: it ended; the message has its log.
            TimeoutError: it isn't ready in time; likewise.
        """
        if self.is_running:
            raise RuntimeError("this server runs already")
        began = time.monotonic()
        is_first = self._process is None
        for _ in range(PORTS_TRIED if is_first else 1):
            self._spawn()
            if self._wait_ready(began + READY_WITHIN_S):
                return time.monotonic() - began
            if is_first:  # another process may have taken the port meanwhile
                self.port = free_port()
                self.url = f"http://127.0.0.1:{self.port}"
        assert self._process is not None
        raise RuntimeError(f"the server ended with {self._process.returncode} at its start\n{self.log}")

    def kill(self) -> None:
        """As a power cut for the process: it is gone when this returns, and what it hadn't written is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Ends it as an operator does, and returns its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self) -> float:
        """Stops and starts it."""
        self.stop()
        return self.start()

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Within the block the server takes its disk to be full: sends are refused with `StorageFull`, reading goes on.

        It is restarted at both ends, for within it has a floor of free space that no disk has.
        """
        key = variable_of("store.free_space_floor")
        before = self.environment.copy()
        self.environment[key] = FLOOR_NOBODY_HAS
        try:
            self.restart()
            yield
        finally:
            self.environment = before
            self.restart()

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None, "this server was never started"
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what it wrote since `mark_log`."""
        if not self.log_path.exists():
            return ""
        written = self.log_path.read_bytes()[self._log_from :].decode("utf-8", errors="replace")
        return written[-LOG_CHARS_SHOWN:]

    def mark_log(self) -> None:
        """What was logged until now isn't shown any more."""
        self._log_from = self.log_path.stat().st_size if self.log_path.exists() else 0

    def close(self) -> None:
        """Closes its users, then stops it."""
        if self._world is not None:
            self._world.close()
        if self.is_running:
            self.stop()
        give_back(self.data)

    @property
    def clock(self) -> Clock:
        """The server's time: `server.clock.advance(31)`."""
        return self._clock

    # ---- who is there ------------------------------------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """Everybody on this server, by the names that tests give."""
        if self._world is None:
            self._world = World(self)
        return self._world

    @property
    def push_sink(self) -> PushSink:
        """The notifications that it gave to its plugin.

        Raises:
            madang.Error: it was made without `push_sink=True`.
        """
        if self._push_sink is None:
            raise Error("this server has no sink for notifications (push_sink=True)")
        return self._push_sink

    def user(self, name: str, *, password: str | None = None, token: str | None = None, line: Proxy | None = None) -> Actor:
        """As `World.user`."""
        return self.world.user(name, password=password, token=token, line=line)

    def line(self, *, cut_after: Callable[[], int] | None = None) -> Proxy:
        """As `World.line`."""
        return self.world.line(cut_after=cut_after)

    def token_of_new_user(self, username: str, password: str | None) -> str:
        self.admin("user-add", username, password or "")
        return self.admin("token-mint", username, "test")[0][0]

    def admin(self, command: str, *arguments: str) -> list[list[str]]:
        """A command of the administration socket; the rows of its answer.

        Raises:
            NotRunning: the server doesn't run.
            madang.Error: the command was refused.
        """
        return ask(self.data, command, *arguments)

    # ---- inside ------------------------------------------------------------------------------------------------------------------------

    def _move_clock(self, milliseconds: int) -> int:
        [[_, heartbeat_ms]] = self.admin("clock-advance", str(milliseconds))
        return int(heartbeat_ms)

    def _beat(self) -> None:
        for world in list(self.worlds):
            world.beat()

    def _spawn(self) -> None:
        options = ["--data", str(self.data), "--host", "127.0.0.1", "--port", str(self.port), "--engines", str(self.engines)]
        if self.config_path is not None:
            options += ["--config", str(self.config_path)]
        clock = {"server.clock": "movable", "server.clock_ahead": f"{self._clock.ahead_ms}ms"}
        environment = os.environ | {variable_of(key): value for key, value in clock.items()} | self.environment
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command() + options, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )

    def _wait_ready(self, deadline: float) -> bool:
        """False = the process has ended."""
        assert self._process is not None
        while not is_ready(self.url):
            if self._process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"the server isn't ready after {READY_WITHIN_S} s\n{self.log}")
            time.sleep(POLL_S)
        return True


def command() -> list[str]:
    """What starts a server, before its options."""
    chosen = os.environ.get("MADANG_TEST_COMMAND")
    return shlex.split(chosen) if chosen else [sys.executable, "-m", "madang", "serve"]


def is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port below the ephemeral range, so that no outgoing connection takes it while the server is down."""
    for _ in range(200):
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def variable_of(key: str) -> str:
    """The environment's name of a key of the configuration."""
    return "MADANG_" + key.replace(".", "__").upper()


def text_of(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
