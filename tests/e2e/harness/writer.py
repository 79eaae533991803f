"""Writers and followers that go on whatever happens to the server, each on a thread of its own.

Limits: a step that isn't done within its deadline ends the thread with an error, which join_all() raises.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from harness.api import Json, Problem
from harness.device import Device
from harness.ledger import Ledger
from harness.listener import Listener
from harness.server import Server
from harness.websocket import Closed, Refused

UP_WITHIN_S = 60.0
SLICE_S = 0.2


class Persistent(threading.Thread):
    """A thread that stands on a socket and gets another when that is gone."""

    def __init__(self, server: Server, device: Device) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.device = device
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.reconnects = -1

    def run(self) -> None:
        try:
            while not self.done():
                try:
                    self.reconnects += 1
                    self.live(self.open())
                except (Closed, Refused, OSError):
                    continue
        except BaseException as error:
            self.error = error

    def open(self) -> Listener:
        """A socket, as soon as the server is up."""
        deadline = time.monotonic() + UP_WITHIN_S
        while time.monotonic() < deadline:
            self.server.up.wait(UP_WITHIN_S)
            try:
                return Listener(self.device.socket())
            except (OSError, Closed, Refused):
                continue
        raise TimeoutError(f"no connection within {UP_WITHIN_S} s")

    def done(self) -> bool:
        raise NotImplementedError

    def live(self, listener: Listener) -> None:
        raise NotImplementedError


class Writer(Persistent):
    """Sends one text after another, some at a time, and each again until it is acked; the acks go to the ledger in its order."""

    def __init__(self, server: Server, device: Device, conversation_id: str, ledger: Ledger, name: str, window: int = 8) -> None:
        super().__init__(server, device)
        self.conversation_id = conversation_id
        self.ledger = ledger
        self.prefix = name
        self.window = window
        self.unacked: deque[tuple[str, str]] = deque()  # client id, text
        self.count = 0

    def done(self) -> bool:
        return self.stopping.is_set() and not self.unacked

    def live(self, listener: Listener) -> None:
        refs = deque(self._post(listener, *each) for each in self.unacked)
        while not self.done():
            while len(self.unacked) < self.window and not self.stopping.is_set():
                self.count += 1
                self.unacked.append((f"{self.prefix}-{self.count}", f"{self.prefix} says {self.count}"))
                refs.append(self._post(listener, *self.unacked[-1]))
            if not refs:
                return
            try:
                message = listener.reply(refs.popleft())["message"]
            except Problem as problem:
                if problem.code != "unavailable":
                    raise
                return  # everything that is open again, in order, over a new socket
            client_id, text = self.unacked.popleft()
            assert (message["client_id"], message["text"]) == (client_id, text)
            self.ledger.record(message)

    def _post(self, listener: Listener, client_id: str, text: str) -> int:
        return listener.post("send", conversation_id=self.conversation_id, client_id=client_id, text=text)


class Follower(Persistent):
    """Follows an inbox from a cursor, resuming after the last event it has got, until it is told the tail and has reached it."""

    def __init__(self, server: Server, device: Device, cursor: int = 0) -> None:
        super().__init__(server, device)
        self.cursor = cursor
        self.events: list[Json] = []
        self.tail: int | None = None
        self.listener: Listener | None = None

    def done(self) -> bool:
        cursor = self.cursor if self.listener is None or self.listener.cursor is None else self.listener.cursor
        return self.tail is not None and cursor >= self.tail

    def live(self, listener: Listener) -> None:
        self.listener = listener
        try:
            listener.attach(self.cursor)
            while not self.done():
                try:
                    listener.pump_until(lambda: False, SLICE_S)
                except TimeoutError:
                    continue
        finally:
            self.events += listener.events
            if listener.cursor is not None:
                self.cursor = listener.cursor
            self.listener = None
            listener.close()


def join_all(threads: Iterable[Persistent], within: float) -> None:
    """Waits for all; raises the first error of any, or TimeoutError."""
    deadline = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.error is not None:
            raise thread.error
        if thread.is_alive():
            raise TimeoutError(f"{type(thread).__name__} of {thread.device.username} isn't done within {within} s")


def stop_writers(writers: Iterable[Writer], within: float = 60) -> None:
    """No new messages; returns when all that were sent are acked."""
    writers = list(writers)
    for writer in writers:
        writer.stopping.set()
    join_all(writers, within)


def stop_followers(followers: Iterable[Follower], tail_of: Callable[[Device], int], within: float = 60) -> None:
    """Returns when each has all of its inbox."""
    followers = list(followers)
    for follower in followers:
        follower.tail = tail_of(follower.device)
    join_all(followers, within)
