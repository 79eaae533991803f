"""Requests over lines that fail, to addresses that lie, within limits."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpcore
import pytest
from certificates import Tls, make_tls
from endpoint import Endpoint, Reply

import madang
from madang.push.answer import ANSWER_BYTES_MAX, RETRY_AFTER_S_MAX, Answer, in_brief, retry_after
from madang.push.http1 import Http1
from madang.push.http2 import Http2
from madang.push.network import NotAllowed, Unreachable
from madang.push.url import parse_url


class Line:
    """A client on a loop of its own."""

    def __init__(self, trusted: Tls, http: type[Http1] | type[Http2] = Http1, **options: Any) -> None:
        self.runner = asyncio.Runner()
        context = ssl.create_default_context(cafile=trusted.ca_file)
        given: dict[str, Any] = {"timeout": 10.0, "connections": 4, "tls": context, "allow_private": True}
        self.client = http(**(given | options))

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self.client.close())
        self.runner.close()

    def post(self, url: str, body: bytes = b"{}") -> Answer:
        return self.runner.run(self.client.post(parse_url(url), {"X-Test": "1"}, body))

    def fails(self, url: str) -> str:
        with pytest.raises(Unreachable) as failed:
            self.post(url)
        return str(failed.value)


@dataclass(frozen=True)
class Version:
    """One of HTTP: a client of it, and services that speak it."""

    http: type[Http1] | type[Http2]
    tls: Tls

    def line(self, **options: Any) -> Line:
        return Line(self.tls, self.http, **options)


@pytest.fixture(scope="module", params=[Http1, Http2], ids=["http1", "http2"])
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Version:
    return Version(request.param, make_tls(tmp_path_factory.mktemp("version")))


@pytest.fixture
def service(version: Version) -> Iterator[Endpoint]:
    with Endpoint(version.tls.server) as running:
        yield running


def test_one_connection_serves_one_request_after_the_other(service: Endpoint, version: Version) -> None:
    service.reply = lambda request: Reply(201, b"made " + request.body, {"Retry-After": "5"})
    with version.line() as line:
        for number in range(5):
            answer = line.post(service.url("/a?b=c"), b"%d" % number)
            assert (answer.status, answer.body, answer.retry_after) == (201, b"made %d" % number, 5.0)
    assert service.connections == 1
    assert {request.target for request in service.requests} == {"/a?b=c"}
    assert {request.headers["x-test"] for request in service.requests} == {"1"}


@pytest.mark.parametrize("act", ["reset", "garbage"])
def test_a_line_that_breaks_is_no_answer_and_the_next_request_has_a_new_one(service: Endpoint, version: Version, act: str) -> None:
    service.script.extend([Reply(200), Reply(act=act)])
    with version.line() as line:
        assert line.post(service.url()).status == 200
        assert line.fails(service.url("/secret")).startswith("localhost: ")
        assert line.post(service.url()).status == 200
    assert service.connections == 2


def test_a_service_that_never_answers_costs_the_timeout(service: Endpoint, version: Version) -> None:
    service.script.append(Reply(act="never"))
    with version.line(timeout=0.5) as line:
        assert line.fails(service.url()) == "localhost: no answer within 0.5 s"
    with version.line() as line:
        assert line.post(service.url()).status == 200


def test_a_silent_connection_is_given_up_however_many_requests_come(service: Endpoint, version: Version) -> None:
    service.reply = lambda request: Reply(
        200 if request.connection > service.silent else 0, act="" if request.connection > service.silent else "never"
    )

    async def many(client: Http1 | Http2) -> list[int]:
        async def one(number: int) -> int:
            await asyncio.sleep(0.1 * number)  # so that there is always one that waits
            try:
                return (await client.post(parse_url(service.url()), {}, b"")).status
            except Unreachable:
                return 0

        return await asyncio.gather(*map(one, range(40)))

    with version.line(timeout=1.0, connections=64) as line:
        assert line.post(service.url()).status == 200
        service.silent = service.connections
        statuses = line.runner.run(many(line.client))
    assert statuses[0] == 0
    assert statuses[-10:] == [200] * 10


def test_requests_that_are_never_answered_dont_use_a_connection_up(service: Endpoint, version: Version) -> None:
    service.streams_max = 3
    service.reply = lambda request: Reply(act="never" if request.target == "/never" else "")

    async def round_of(client: Http1 | Http2) -> list[int]:
        async def one(path: str, after: float) -> int:
            await asyncio.sleep(after)
            try:
                return (await client.post(parse_url(service.url(path)), {}, b"")).status
            except Unreachable:
                return 0

        answered = [one("/", 0.1 * number) for number in range(10)]  # the connection is never silent
        return await asyncio.gather(one("/never", 0), one("/never", 0), *answered)

    with version.line(timeout=1.0) as line:
        for _ in range(3):
            statuses = line.runner.run(round_of(line.client))
            assert statuses[:2] == [0, 0]
            assert line.post(service.url()).status == 200


def test_an_answer_waits_for_no_other(service: Endpoint, version: Version) -> None:
    service.reply = lambda request: Reply(act="never" if request.target == "/never" else "")

    async def both(client: Http1 | Http2) -> None:
        never = [asyncio.ensure_future(client.post(parse_url(service.url("/never")), {}, b"")) for _ in range(2)]
        for _ in range(5):
            quick = [asyncio.ensure_future(client.post(parse_url(service.url()), {}, b"")) for _ in range(2)]
            done, _ = await asyncio.wait(quick, timeout=10)
            assert len(done) == 2
        assert not any(each.done() for each in never)
        await client.close()
        assert [type(error) for error in await asyncio.gather(*never, return_exceptions=True)] == [Unreachable] * 2

    with version.line(timeout=60) as line:
        line.runner.run(both(line.client))


def test_a_large_body_goes_out_as_there_is_room(service: Endpoint, version: Version) -> None:
    with version.line() as line:
        assert line.post(service.url(), b"x" * 300_000).status == 200
        assert line.post(service.url(), b"").status == 200
    assert [len(request.body) for request in service.requests] == [300_000, 0]


@pytest.mark.parametrize("act", ["leave", "refuse"])
def test_what_a_service_hasnt_begun_with_is_sent_again_at_once(endpoint: Endpoint, tls: Tls, act: str) -> None:
    endpoint.script.extend([Reply(200), Reply(act=act), Reply(202)])
    with Line(tls, Http2) as line:
        assert [line.post(endpoint.url()).status for _ in range(3)] == [200, 202, 200]
        endpoint.script.extend([Reply(act=act), Reply(act=act)])
        assert line.fails(endpoint.url())
        assert line.post(endpoint.url()).status == 200
    assert endpoint.connections == (1 if act == "refuse" else 4)


def test_what_a_service_has_begun_with_isnt(endpoint: Endpoint, tls: Tls) -> None:
    endpoint.script.append(Reply(act="break"))
    with Line(tls, Http2) as line:
        assert line.fails(endpoint.url()) == "localhost: the request was reset"
        assert line.post(endpoint.url()).status == 200
    assert (endpoint.connections, len(endpoint.requests)) == (1, 2)


def test_a_service_may_take_one_request_at_a_time(endpoint: Endpoint, tls: Tls) -> None:
    endpoint.streams_max = 1

    async def many(client: Http1 | Http2) -> list[int]:
        answers = await asyncio.gather(*(client.post(parse_url(endpoint.url()), {}, b"") for _ in range(10)))
        return [answer.status for answer in answers]

    with Line(tls, Http2) as line:
        assert line.runner.run(many(line.client)) == [200] * 10
    assert (endpoint.connections, endpoint.waiting_max) == (1, 1)


def test_an_endless_answer_is_not_read_to_its_end(service: Endpoint, version: Version) -> None:
    service.script.append(Reply(200, b"x" * (3 * ANSWER_BYTES_MAX)))
    with version.line() as line:
        assert len(line.post(service.url()).body) == ANSWER_BYTES_MAX
        assert line.post(service.url()).status == 200


def test_a_redirect_is_an_answer_like_others(service: Endpoint, version: Version) -> None:
    service.script.append(Reply(307, headers={"location": service.url("/elsewhere")}))
    with version.line() as line:
        assert line.post(service.url()).status == 307
    assert len(service.requests) == 1


def test_a_connection_that_the_service_has_closed_meanwhile_is_noticed(version: Version) -> None:
    with version.line() as line:
        with Endpoint(version.tls.server) as first:
            assert line.post(first.url()).status == 200
            port = first.port
        assert "localhost" in line.fails(f"https://localhost:{port}/")


def test_who_isnt_vouched_for_isnt_spoken_to(service: Endpoint, version: Version, tmp_path: Path) -> None:
    with version.line(tls=ssl.create_default_context()) as line:
        assert "CERTIFICATE_VERIFY_FAILED" in line.fails(service.url())
    with Line(make_tls(tmp_path), version.http) as line:
        assert "CERTIFICATE_VERIFY_FAILED" in line.fails(service.url())
    assert service.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_the_own_machine_is_connected_to(endpoint: Endpoint, tls: Tls, host: str) -> None:
    with Line(tls, allow_private=False) as line:
        said = line.fails(endpoint.url(host=host))
    assert "no address of the public internet" in said or "isn't found" in said
    assert endpoint.connections == 0


class Names:
    """A name server under an attacker's hand: another answer each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[Any]:
        self.asked.append(host)
        addresses = self.answers.pop(0)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ]


def test_a_name_is_looked_up_once_and_that_address_is_connected_to(tls: Tls, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    async def no_connection(self: object, host: str, *_: object) -> Any:
        tried.append(host)
        raise httpcore.ConnectError("not in a test")

    names = Names(monkeypatch, ["1.1.1.1", "127.0.0.1", "2606:4700::1111"], ["127.0.0.1"])
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", no_connection)
    with Line(tls, allow_private=False) as line:
        line.fails("https://rebinding.example/")
        assert tried == ["1.1.1.1", "2606:4700::1111"]  # the literal address, not the name; and never the inside
        assert "no address of the public internet" in line.fails("https://rebinding.example/")
    assert len(tried) == 2
    assert names.asked == ["rebinding.example"] * 2


def test_the_certificate_is_checked_against_the_name(tls: Tls, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
    with Line(tls) as line:
        assert "CERTIFICATE_VERIFY_FAILED" in line.fails(endpoint.url(host="push.example"))
        assert line.post(endpoint.url()).status == 200
    assert endpoint.requests[0].headers.get("host", endpoint.requests[0].headers.get(":authority")) == f"localhost:{endpoint.port}"


def test_a_name_that_is_unknown_or_empty_is_no_answer(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, [])
    with Line(tls) as line:
        assert line.fails("https://empty.example/") == "empty.example: has no address"
        monkeypatch.undo()
        assert "isn't found" in line.fails("https://nowhere.invalid/")
        assert "isn't found" in line.fails(f"https://{'a' * 64}.invalid/")


def test_not_allowed_is_a_kind_of_unreachable() -> None:
    assert issubclass(NotAllowed, Unreachable)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999", RETRY_AFTER_S_MAX),
        (formatdate(1_000_090, usegmt=True), 90.0),
        (formatdate(999_000, usegmt=True), 0.0),
        ("Friday, 31-Dec-99 23:59:59 GMT", RETRY_AFTER_S_MAX),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, 1_000_000) == seconds


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000, b'"reason"'])
def test_a_body_that_is_no_object_is_an_empty_one(body: bytes) -> None:
    assert Answer(200, {}, body).json() == {}


def test_what_a_stranger_says_is_one_line() -> None:
    assert in_brief("a\nb\x1b[31m\u202e" + "c" * 500) == "a?b?[31m?" + "c" * 191


@pytest.mark.parametrize(
    ("plugin", "package"),
    [("webhook:Webhook", "httpcore"), ("webpush:WebPush", "cryptography"), ("fcm:Fcm", "anyio"), ("apns:Apns", "h2")],
)
def test_a_missing_extra_is_told_with_the_line_for_pip(plugin: str, package: str) -> None:
    load = f"from madang.plugins.loading import plugin_class; plugin_class('madang.push.{plugin}')"
    said = in_a_new_python(f"import sys; sys.modules[{package!r}] = None; {load}")
    assert "pip install 'madang[push]'" in said.splitlines()[-1]


def test_what_is_light_stays_light() -> None:
    code = (
        "import sys, madang, madang.push, madang.push.signature; madang.Notification; madang.Delivery\n"
        "sys.stderr.write(', '.join({'httpcore', 'h2', 'anyio', 'cryptography', 'madang._core'} & set(sys.modules)))"
    )
    assert in_a_new_python(code) == ""


def in_a_new_python(code: str) -> str:
    """What it writes on stderr."""
    environment = {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stderr
