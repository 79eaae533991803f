"""A bad line: a TCP proxy on this machine that can cut what goes through it, or hold it up."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PIECE_BYTES = 1 << 14


class Proxy:
    """Stands between clients and a server: `with Proxy(server.url) as line: madang.Client(line.url, token=…)`.

    A client that logs in with a password is told the server's own address and goes there; give it a token.

    Threads: any. Each connection has two threads.

    Args:
        url: of the server.
        cut_after: asked for each connection: after how many bytes, both ways together, it is cut; None = only by `cut`.
        seed: of the dice that `cut` throws; None = another one each time.
    """

    def __init__(self, url: str, *, cut_after: Callable[[], int] | None = None, seed: int | None = None) -> None:
        self._target = urlsplit(url).netloc.rsplit(":", 1)
        self._cut_after = cut_after
        self._dice = random.Random(seed)  # its own: tests may seed `random`
        self._lock = threading.Lock()
        self._may_read = threading.Event()
        self._may_read.set()
        self._lines: list[Line] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, name="madang-proxy", daemon=True)]
        self._threads[0].start()

    def pause(self) -> None:
        """Nobody reads any more what the server says: clients behind this line are slow readers, until `resume`."""
        self._may_read.clear()

    def resume(self) -> None:
        """What the server said meanwhile goes through, and what it says from now on."""
        self._may_read.set()

    def cut(self, share: float = 1.0) -> int:
        """Ends connections that are open now, in the middle of whatever they are in.

        Args:
            share: of them, each one by chance; 1 = all.

        Returns:
            How many.
        """
        with self._lock:
            chosen = [each for each in self._lines if share >= 1 or self._dice.random() < share]
            for line in chosen:
                for each in line.ends:
                    end(each)
            return len(chosen)

    def close(self) -> None:
        """Takes no more connections and cuts those there are."""
        self.resume()
        end(self._listener)
        self._listener.close()
        self.cut()
        for each in self._threads:
            each.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((self._target[0], int(self._target[1])))
            except OSError:
                client.close()
                continue
            self._join(client, server)

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        line = Line(client, server, self._cut_after() if self._cut_after is not None else None)
        with self._lock:
            self.connections += 1
            self._lines.append(line)
        for source, target in ((client, server), (server, client)):
            thread = threading.Thread(target=self._pump, args=(line, source, target), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pump(self, line: Line, source: socket.socket, target: socket.socket) -> None:
        is_from_server = source is line.ends[1]
        with contextlib.suppress(OSError):
            while not line.is_spent and (piece := line.allowed(source.recv(PIECE_BYTES))):
                if is_from_server:
                    self._may_read.wait()
                target.sendall(piece)
        end(source)
        end(target)
        with self._lock:
            if line.left():
                self._lines.remove(line)
                for each in line.ends:
                    each.close()


class Line:
    """One connection through the proxy, shared by its two threads."""

    def __init__(self, client: socket.socket, server: socket.socket, bytes_left: int | None) -> None:
        self.ends = (client, server)
        self._lock = threading.Lock()
        self._bytes_left = bytes_left
        self._pumps = 2

    def allowed(self, piece: bytes) -> bytes:
        """What of it still goes through; nothing = the line is cut."""
        with self._lock:
            if self._bytes_left is not None:
                piece = piece[: self._bytes_left]
                self._bytes_left -= len(piece)
            return piece

    @property
    def is_spent(self) -> bool:
        """Whether nothing more goes through."""
        return self._bytes_left == 0

    def left(self) -> bool:
        """Whether the last of its threads leaves."""
        with self._lock:
            self._pumps -= 1
            return self._pumps == 0


def end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
