"""HTTP as a client sees it: kept-alive connections, JSON in and out, problem documents as exceptions.

Thread: any; each call takes a connection of the pool or opens one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest

from harness.contract import contract_of

Json = Any
CALL_WITHIN_S = 30.0
STATUS = {
    "bad_request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "muted": 403,
    "not_a_member": 403,
    "blocked": 403,
    "not_found": 404,
    "username_taken": 409,
    "group_full": 409,
    "client_id_reused": 409,
    "resync_required": 409,
    "text_too_long": 413,
    "too_large": 413,
    "rate_limited": 429,
    "unavailable": 503,
    "storage_full": 507,
}
WITH_RETRY = ("rate_limited", "unavailable")


class Address(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


_all: list[Api] = []


def close_idle_connections() -> None:
    for api in _all:
        api.close_idle()


class Problem(Exception):
    """The server said no: an RFC 9457 document, or a WebSocket error."""

    def __init__(self, status: int | None, code: str, detail: str, retry_after_ms: int | None = None) -> None:
        super().__init__(f"{status or 'error'} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_ms = retry_after_ms


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Json:
        return json.loads(self.body) if self.body else None

    def problem(self) -> Problem:
        """The error that this answer is; its form is checked here, so every refusal of every test is."""
        assert self.headers.get("content-type", "").split(";")[0] == "application/problem+json", self
        document = self.json()
        assert isinstance(document["type"], str), document
        assert isinstance(document["title"], str), document
        assert document["status"] == self.status, document
        assert isinstance(document["code"], str), document
        assert None not in document.values(), document
        return Problem(self.status, document["code"], document.get("detail", ""), document.get("retry_after_ms"))


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[None]:
    """The block must be refused with one of these codes, and over HTTP with the status that goes with it."""
    with pytest.raises(Problem) as caught:
        yield
    problem = caught.value
    assert problem.code in codes, f"{problem}; expected {' or '.join(codes)}"
    assert problem.status in (None, STATUS[problem.code]), problem
    assert problem.code not in WITH_RETRY or (problem.retry_after_ms or 0) > 0, f"{problem}: when to try again?"


class Api:
    """Calls without an account; `token` makes them somebody's."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        _all.append(self)

    @property
    def address(self) -> Address:
        return self._server

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        within: float = CALL_WITHIN_S,
    ) -> Answer:
        """One request, whatever its answer."""
        connection = self._take(within)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        if (contract := contract_of(self._server)) is not None:
            media_type = answer.headers.get("content-type", "").split(";")[0]
            contract.check_answer(method, path, body, answer.status, media_type, answer.body)
        return answer

    def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        token: str | None = None,
        query: Mapping[str, Any] | None = None,
        within: float = CALL_WITHIN_S,
    ) -> Answer:
        """One request of `/v1` with JSON; raises Problem unless the answer is a 2xx."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        given = {k: v for k, v in (query or {}).items() if v is not None}
        target = f"/v1{path}" + (f"?{urlencode(given)}" if given else "")
        answer = self.exchange(method, target, body=data, headers=headers, within=within)
        if not 200 <= answer.status < 300:
            raise answer.problem()
        return answer

    def sign_up(self, username: str, password: str, display_name: str | None = None) -> Json:
        body = {"username": username, "password": password}
        if display_name is not None:
            body["display_name"] = display_name
        answer = self.call("POST", "/users", body)
        assert answer.status == 201
        return answer.json()

    def close_idle(self) -> None:
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def _take(self, within: float) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                readable, _, _ = select.select([connection.sock], [], [], 0)
                if not readable:  # a kept-alive connection says something only when it ends
                    connection.timeout = within
                    connection.sock.settimeout(within)
                    return connection
                connection.close()
        return http.client.HTTPConnection(self._server.host, self._server.port, timeout=within)
