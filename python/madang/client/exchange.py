"""HTTP: one call and its answer, over connections that are kept open.

Threads: any; each call has a connection to itself. Limits: IDLE_MAX connections are kept for a server by all clients of the process
together, since none of them belongs to a user; more are closed. Goes through no proxy.
"""

from __future__ import annotations

import contextlib
import http.client
import json as _json
import os
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from madang.errors import BadRequest, Error, ResyncRequired, Unavailable, error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

IDLE_MAX = 8
ANSWER_WITHIN_S = 30.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API.

    Attributes:
        method: `GET` and so on.
        path: its parts after `/v1`, not yet quoted.
        query: parameters; those that are None are left out.
        body: of the request, or None.
        within: seconds that the server may be silent.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Json | None = None
    within: float = ANSWER_WITHIN_S

    @property
    def target(self) -> str:
        path = "/v1/" + "/".join(quote(part, safe="") for part in self.path)
        query = urlencode({name: value for name, value in self.query.items() if value is not None})
        return f"{path}?{query}" if query else path


class Unreachable(Unavailable):
    """There was no answer.

    Attributes:
        maybe_done: whether the server may have done what was asked.
        was_idle: whether the connection had been idle, and may have been closed long ago.
    """

    def __init__(self, message: str, *, maybe_done: bool, was_idle: bool = False) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done
        self.was_idle = was_idle


class Idle:
    """Connections to one server that wait for the next call. Threads: any. The last client that leaves closes them."""

    _all: ClassVar[dict[str, Idle]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._users = 0
        self._connections: list[http.client.HTTPConnection] = []

    @classmethod
    def of(cls, url: str) -> Idle:
        """Those to this server, for one more client; it has to `leave`."""
        with cls._lock:
            idle = cls._all.setdefault(url, cls())
            idle._users += 1
            return idle

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            left, self._connections = ([], self._connections) if self._users else (self._connections, [])
        for connection in left:
            connection.close()

    def take(self) -> http.client.HTTPConnection | None:
        with self._lock:
            return self._connections.pop() if self._connections else None

    def put(self, connection: http.client.HTTPConnection) -> None:
        """Keeps it, if there is room and it is open still."""
        with self._lock:
            keeps = connection.sock is not None and self._users > 0 and len(self._connections) < IDLE_MAX
            if keeps:
                self._connections.append(connection)
        if not keeps:
            connection.close()

    @classmethod
    def forget(cls) -> None:
        """A forked child has no part in its parent's connections."""
        cls._lock = threading.Lock()
        for idle in cls._all.values():
            for connection in idle._connections:
                connection.close()
            idle._connections = []


os.register_at_fork(after_in_child=Idle.forget)


class Exchange:
    """The way to one server.

    Args:
        url: `http://host:port`, or https.

    Raises:
        BadRequest: that is no such address.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.rstrip("/") or parts.query:
            raise BadRequest(f"{url!r} is no address of a server such as http://127.0.0.1:8080")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.host = parts.hostname
        self._port = port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle = Idle.of(self.url)
        self._is_closed = False

    def __call__(self, call: Call, token: str | None) -> Json:
        """The body of the answer; empty when it has none.

        Raises:
            Unreachable: no connection, or no answer within `call.within` seconds.
            madang.Error: the class of the code that the server answered.
        """
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        body = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            try:
                body = _json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
            except UnicodeEncodeError:
                raise BadRequest("a text holds half of a surrogate pair") from None
        status, text = self._exchange(call, body, headers)
        return parsed(status, text)

    def close(self) -> None:
        """Ends the idle connections, if nobody else uses them; those in use end with their calls."""
        if not self._is_closed:
            self._is_closed = True
            self._idle.leave()

    def _exchange(self, call: Call, body: bytes | None, headers: Json) -> tuple[int, bytes]:
        connection = self._idle.take()
        was_idle = connection is not None
        if connection is None:
            connection = self._connect(call.within)
        assert connection.sock is not None
        connection.sock.settimeout(call.within)
        try:
            connection.request(call.method, call.target, body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"{self.url} gave no answer: {error!r}", maybe_done=True, was_idle=was_idle) from None
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        return status, text

    def _connect(self, within: float) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._tls is None:
            connection = http.client.HTTPConnection(self.host, self._port, timeout=within)
        else:
            connection = http.client.HTTPSConnection(self.host, self._port, timeout=within, context=self._tls)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            raise Unreachable(
                f"{self.url} doesn't answer: {error.strerror or error} (does a server run there?)", maybe_done=False
            ) from None
        return connection


def parsed(status: int, text: bytes) -> Json:
    """The body of an answer.

    Raises:
        madang.Error: what a problem document stands for; a plain one or `Unavailable` when something that is no madang server answered.
    """
    json: Any = None
    if text:
        with contextlib.suppress(ValueError):
            json = _json.loads(text)
    if status < 400:
        if text and not isinstance(json, dict):
            raise Error(f"HTTP {status} without a JSON object; is this a madang server?")
        return json or {}
    if isinstance(json, dict) and "code" in json:
        if json["code"] == ResyncRequired.code:
            raise ResyncRequired(json.get("detail", ""), cursor=json.get("cursor"), reason=json.get("reason", ""))
        wait = json.get("retry_after_ms")
        raise error_for(json["code"], json.get("detail", ""), retry_after=None if wait is None else wait / 1000)
    message = f"HTTP {status} without a problem document; is this a madang server?"
    raise Unavailable(message) if status >= 500 else Error(message)
