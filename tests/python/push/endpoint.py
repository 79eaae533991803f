"""A push service for tests: HTTP/1.1 and HTTP/2 over TLS on a port of its own, in a thread.

It answers as the test says, errors of the line included."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h11
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings

WITHIN_S = 20.0


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    version: str
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """`act`: instead of an answer "reset" the connection, write "garbage", or "never" answer; in HTTP/2 also "leave" the connection or
    "refuse" the request, both before anything was done, or "break" it off."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    act: str = ""


def json_reply(status: int, value: object, **headers: str) -> Reply:
    return Reply(
        status, json.dumps(value).encode(), {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    )


class Endpoint:
    """From `with` on. `reply` is asked for each request that `script` has no reply for; `gate`, when cleared, holds all replies back."""

    def __init__(self, server_side: ssl.SSLContext | None) -> None:
        self.requests: list[Request] = []
        self.script: deque[Reply] = deque()
        self.reply: Callable[[Request], Reply] = lambda request: Reply(200)
        self.connections = 0
        self.silent = 0  # for a test's own `reply`
        self.streams_max = 100  # of a connection of HTTP/2
        self.waiting_max = 0
        self.gate = threading.Event()
        self.gate.set()
        self._waiting = 0
        self._changed = threading.Condition()
        self._tls = server_side
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push-endpoint")

    def __enter__(self) -> Endpoint:
        self._thread.start()
        assert self._ready.wait(WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()

    def url(self, path: str = "/", host: str = "localhost") -> str:
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{path}"

    def wait(self, count: int, within: float = WITHIN_S) -> list[Request]:
        """Until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, within), f"{len(self.requests)} of {count} requests"
            return list(self.requests)

    @contextlib.contextmanager
    def held_until(self, count: int) -> Iterator[None]:
        """Holds all replies back until so many requests wait for one."""
        self.gate.clear()
        opener = threading.Thread(target=self._open_at, args=(count,), name="push-gate")
        opener.start()
        try:
            yield
        finally:
            self.gate.set()
            opener.join()

    def _open_at(self, count: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting >= count or self.gate.is_set(), WITHIN_S)
        self.gate.set()

    # ---- its thread ----

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = server.sockets[0].getsockname()[1]
        self._loop.set_exception_handler(lambda loop, context: None)  # of handshakes that fail on purpose
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        protocol = writer.get_extra_info("ssl_object")
        speak = self._http2 if protocol is not None and protocol.selected_alpn_protocol() == "h2" else self._http1
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
                await speak(reader, writer, self.connections)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, request: Request) -> Reply:
        with self._changed:
            self.requests.append(request)
            self._waiting += 1
            self.waiting_max = max(self.waiting_max, self._waiting)
            self._changed.notify_all()
        try:
            await asyncio.to_thread(self.gate.wait)
            reply = self.script.popleft() if self.script else self.reply(request)
            if reply.act == "never":
                await asyncio.Event().wait()
            return reply
        finally:
            with self._changed:
                self._waiting -= 1

    async def _http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        line = h11.Connection(h11.SERVER)
        while True:
            head: h11.Request | None = None
            body = b""
            while not isinstance(event := line.next_event(), (h11.EndOfMessage, h11.ConnectionClosed)):
                if event is h11.NEED_DATA:
                    line.receive_data(await reader.read(65_536))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
            if head is None:
                return
            headers = {name.decode(): value.decode() for name, value in head.headers}
            reply = await self._answer(Request(head.method.decode(), head.target.decode(), headers, body, "1.1", number))
            if reply.act:
                writer.write(b"\x00garbage\r\n\r\n" if reply.act == "garbage" else b"")
                return
            fields = [*reply.headers.items(), ("content-length", str(len(reply.body)))]
            for sent in (h11.Response(status_code=reply.status, headers=fields), h11.Data(data=reply.body), h11.EndOfMessage()):
                writer.write(line.send(sent) or b"")
            await writer.drain()
            line.start_next_cycle()

    async def _http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        line = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        line.local_settings = Settings(client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: self.streams_max})
        line.initiate_connection()
        streams: dict[int, tuple[dict[str, str], bytearray]] = {}
        writer.write(line.data_to_send())
        news = asyncio.Event()
        with self._answering() as begin:
            while data := await reader.read(65_536):
                for event in line.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        streams[event.stream_id] = ({str(name): str(value) for name, value in event.headers}, bytearray())
                    elif isinstance(event, h2.events.DataReceived):
                        streams[event.stream_id][1].extend(event.data)
                        line.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        headers, body = streams.pop(event.stream_id)
                        request = Request(headers.pop(":method"), headers.pop(":path"), headers, bytes(body), "2", number)
                        begin(self._http2_reply(line, writer, event.stream_id, request, news))
                news.set()
                writer.write(line.data_to_send())

    async def _http2_reply(
        self, line: h2.connection.H2Connection, writer: asyncio.StreamWriter, stream: int, request: Request, news: asyncio.Event
    ) -> None:
        reply = await self._answer(request)
        match reply.act:
            case "reset":
                writer.transport.abort()
            case "garbage":
                writer.write(bytes(9) + b"\r\n\r\n")  # in HTTP/2, data of no request
            case "leave":
                line.close_connection(last_stream_id=max(stream - 2, 0))
            case "refuse" | "break":
                line.reset_stream(stream, ErrorCodes.REFUSED_STREAM if reply.act == "refuse" else ErrorCodes.INTERNAL_ERROR)
        if reply.act:
            writer.write(line.data_to_send())
            return
        line.send_headers(stream, [(":status", str(reply.status)), *reply.headers.items()], end_stream=not reply.body)
        writer.write(line.data_to_send())
        body = reply.body
        while body:
            room = min(line.local_flow_control_window(stream), line.max_outbound_frame_size)
            if room == 0:
                news.clear()
                await news.wait()
                continue
            line.send_data(stream, body[:room], end_stream=len(body) <= room)
            body = body[room:]
            writer.write(line.data_to_send())

    @contextlib.contextmanager
    def _answering(self) -> Iterator[Callable[[Any], None]]:
        """Replies of one connection run side by side, and end with it."""
        tasks: list[asyncio.Task[None]] = []
        try:
            yield lambda reply: tasks.append(asyncio.ensure_future(reply))
        finally:
            for task in tasks:
                task.cancel()
