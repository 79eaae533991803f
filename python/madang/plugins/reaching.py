"""What a plugin in a process of its own reaches of its server: its store, and where the server listens. Both ends.

A call blocks, on any thread of the worker, its loop's included; another thread reads the answer."""

from __future__ import annotations

import concurrent.futures
import itertools
import time
from typing import TYPE_CHECKING, Any

from madang.errors import Error, Unavailable, error_for
from madang.plugins.faults import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.plugins.plugin import Plugin

WITHIN = 30.0  # seconds: a store that is full repeats its batch for so long
SLOW = 0.25
METHODS = ("get", "put", "delete", "scan")


class Reached:
    """The worker's end. Any thread.

    Args:
        send: operations to the server.
    """

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[float, concurrent.futures.Future[Any]]] = {}

    def ask(self, what: str, *arguments: Any) -> Any:
        """Raises what the server's side has raised."""
        number = next(self._numbers)
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._asked[number] = (time.monotonic(), answer)
        try:
            self._send(["reach", number, what, list(arguments)])
            return answer.result(WITHIN)
        except (concurrent.futures.TimeoutError, OSError):
            raise Unavailable("the server doesn't answer") from None
        finally:
            self._asked.pop(number, None)

    @property
    def is_kept_waiting(self) -> bool:
        """The server takes its time: a full disk, for instance. That isn't the plugin's fault."""
        return any(time.monotonic() - since > SLOW for since, _ in list(self._asked.values()))

    def settle(self, number: int, problem: tuple[str, str] | None, value: Any) -> None:
        _, answer = self._asked.get(number, (0.0, None))
        if answer is None:
            return
        if problem is None:
            answer.set_result(value)
        else:
            answer.set_exception(error_for(*problem))


class RemoteBacking:
    """The plugin's store, in the server's process."""

    def __init__(self, reached: Reached) -> None:
        self._ask = reached.ask

    def get(self, key: str) -> bytes | None:
        value = self._ask("get", key)
        return None if value is None else bytes(value)

    def put(self, key: str, value: bytes) -> None:
        self._ask("put", key, value.decode())

    def delete(self, key: str) -> bool:
        return bool(self._ask("delete", key))

    def scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        return [(key, value) for key, value in self._ask("scan", prefix, after, limit)]


def carried_out(plugin: Plugin, what: str, arguments: list[Any]) -> tuple[tuple[str, str] | None, Any]:
    """The server's end, with what the plugin's stand-in has; blocks. The problem as code and message, and the value."""
    try:
        if what == "access":
            return None, plugin.server.access()
        if what not in METHODS:
            return ("bad_request", f"there is no {what}"), None
        if what == "put":
            arguments = [arguments[0], arguments[1].encode()]
        return None, getattr(plugin.store.backing, what)(*arguments)
    except Error as error:
        return (error.code, error.message), None
    except Exception as error:  # whatever the worker has said: it waits for an answer
        return ("bad_request", text_of(error)), None
