"""HTTP/2 to one service over one kept connection, as Apple asks for: many requests at a time, none of which holds up another.

One task reads, for all; each request waits for its own answer. One that is given up is reset, so that it takes no place for ever."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from madang.push.answer import ANSWER_BYTES_MAX, Answer, in_brief
from madang.push.extra import missing
from madang.push.network import KEEP_ALIVE, Names, Unreachable

try:
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
    import h2.exceptions
    import h2.settings
except ImportError as error:
    raise missing(error) from error

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from madang.push.url import Url

READ_BYTES = 65_536
STREAM_MAX = 2**30  # ids of one connection; it is left before they end
SILENCE = 0.5  # of the timeout: who gives up after so long without a byte for anybody takes the connection for dead

logging.getLogger("hpack").setLevel(logging.INFO)  # at DEBUG it writes every header, the tokens too


class Http2:
    """Owner: a plugin; everything on its event loop, the constructor apart. Close it."""

    def __init__(self, *, timeout: float, connections: int, tls: ssl.SSLContext, allow_private: bool) -> None:  # noqa: ARG002
        """As of Http1; there is one connection. `tls` is this client's alone: it offers HTTP/2 and nothing else."""
        tls.set_alpn_protocols(["h2"])
        self._timeout = timeout
        self._tls = tls
        self._names = Names(allow_private)
        self._connecting = asyncio.Lock()
        self._line: Line | None = None
        self._lines: set[Line] = set()  # with those that are being left

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable."""
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await (await self._connected(url)).post(url, headers, body)
                except Unprocessed:  # the service has left the connection without looking at it: nothing was done
                    return await (await self._connected(url)).post(url, headers, body)
        except TimeoutError:
            raise Unreachable(f"{url.host}: no answer within {self._timeout:g} s") from None
        except (h2.exceptions.H2Error, OSError) as error:
            raise Unreachable(f"{url.host}: {type(error).__name__} {in_brief(str(error))}".rstrip()) from None

    async def close(self) -> None:
        for line in list(self._lines):
            await line.close()
        self._names.close()

    async def _connected(self, url: Url) -> Line:
        async with self._connecting:  # who comes meanwhile takes the same
            if self._line is None or not self._line.takes_requests:
                self._line = line = await self._connect(url)
                self._lines.add(line)
                line.reading.add_done_callback(lambda _: self._lines.discard(line))
            return self._line

    async def _connect(self, url: Url) -> Line:
        failed: OSError | None = None
        for address in await self._names.addresses(url.host, url.port):
            try:
                reader, writer = await asyncio.open_connection(address, url.port, ssl=self._tls, server_hostname=url.host)
            except OSError as error:
                failed = error
                continue
            if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
                writer.transport.abort()
                raise Unreachable(f"{url.host}: speaks no HTTP/2")
            for option in KEEP_ALIVE:
                writer.get_extra_info("socket").setsockopt(*option)
            return Line(url.host, reader, writer, SILENCE * self._timeout)
        assert failed is not None
        raise failed


class Unprocessed(Unreachable):
    """The service says that it hasn't begun with this request."""


@dataclass(slots=True)
class Exchange:
    """A request that waits for its answer, whole or cut, or for `failed`."""

    answered: asyncio.Future[None]
    failed: Unreachable | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Line:
    """One connection, from its handshake to its end. Owner: Http2."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float) -> None:
        self._host = host
        self._silence = silence
        self._reader = reader
        self._writer = writer
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self._exchanges: dict[int, Exchange] = {}
        self._moved = asyncio.Condition()  # there may be room for a stream, or for data
        self._greeted = False  # the service has said how many requests it takes at a time
        self._left = False  # it takes no more requests
        self._heard = asyncio.get_running_loop().time()  # when the last byte came
        self._h2.initiate_connection()
        self._h2.update_settings({h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self._flush()
        self.reading = asyncio.get_running_loop().create_task(self._read())

    @property
    def takes_requests(self) -> bool:
        return not self._left

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable; Unprocessed where it may go over another connection at once."""
        loop = asyncio.get_running_loop()
        await self._room_for_a_stream()
        begun, stream = loop.time(), self._h2.get_next_available_stream_id()
        self._left = self._left or stream > STREAM_MAX
        exchange = self._exchanges[stream] = Exchange(loop.create_future())
        try:
            names = [(":method", "POST"), (":scheme", url.scheme), (":authority", url.authority), (":path", url.target)]
            self._h2.send_headers(stream, [*names, *((name.lower(), value) for name, value in headers.items())])
            await self._send(stream, exchange, body)
            await exchange.answered
        except asyncio.CancelledError:
            if loop.time() - max(begun, self._heard) >= self._silence:
                self._end(Unreachable(f"{self._host}: the connection is silent"))
            raise
        finally:
            del self._exchanges[stream]
            exchange.answered.cancel()
            self._give_up(stream)
            await self._tell_moved()
        if exchange.failed is not None:
            raise exchange.failed
        return Answer(exchange.status, exchange.headers, bytes(exchange.body[:ANSWER_BYTES_MAX]))

    async def close(self) -> None:
        self._end(Unreachable(f"{self._host}: the plugin is closed"))
        await asyncio.wait([self.reading])

    async def _room_for_a_stream(self) -> None:
        def is_room() -> bool:
            return self._left or (self._greeted and self._h2.open_outbound_streams < self._h2.remote_settings.max_concurrent_streams)

        async with self._moved:
            await self._moved.wait_for(is_room)
        if self._left:
            raise Unprocessed(f"{self._host}: the connection is being left")

    async def _send(self, stream: int, exchange: Exchange, body: bytes) -> None:
        """All of it, as the service makes room; less where it answers before."""

        def room() -> int:
            return min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)

        while not exchange.answered.done():
            part, body = body[: room()], body[room() :]
            if part or not body:
                self._h2.send_data(stream, part, end_stream=not body)
                self._flush()
            if not body:
                return
            async with self._moved:
                await self._moved.wait_for(lambda: exchange.answered.done() or room() > 0)

    async def _read(self) -> None:
        """Until the connection ends."""
        ended: Unreachable = Unreachable(f"{self._host}: the connection was closed")
        try:
            while data := await self._reader.read(READ_BYTES):
                self._heard = asyncio.get_running_loop().time()
                for event in self._h2.receive_data(data):
                    self._take(event)
                self._flush()
                await self._tell_moved()
        except (h2.exceptions.H2Error, OSError, ValueError) as error:
            ended = Unreachable(f"{self._host}: {type(error).__name__} {in_brief(str(error))}".rstrip())
        finally:
            self._end(ended)
            await self._tell_moved()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RemoteSettingsChanged():
                self._greeted = True
            case h2.events.ConnectionTerminated():
                self._left = True
                for stream, exchange in self._exchanges.items():
                    if stream > (event.last_stream_id or 0):
                        settle(exchange, Unprocessed(f"{self._host}: the connection is being left"))
            case h2.events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        concerned = self._exchanges.get(getattr(event, "stream_id", None) or 0)
        if concerned is not None:
            self._take_for(concerned, event)

    def _take_for(self, exchange: Exchange, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                exchange.headers = {str(name): str(value) for name, value in event.headers or ()}
                exchange.status = int(exchange.headers.get(":status", "0"))
            case h2.events.DataReceived():
                exchange.body += event.data or b""
                if len(exchange.body) >= ANSWER_BYTES_MAX:
                    settle(exchange)
            case h2.events.StreamEnded():
                settle(exchange)
            case h2.events.StreamReset():
                kind = Unprocessed if event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM else Unreachable
                settle(exchange, kind(f"{self._host}: the request was reset"))

    def _give_up(self, stream: int) -> None:
        """What the service still does about it is of no use."""
        with suppress(h2.exceptions.H2Error):
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._flush()
        if self._left and not self._exchanges:
            self._writer.transport.abort()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)

    def _end(self, why: Unreachable) -> None:
        self._left = True
        for exchange in self._exchanges.values():
            settle(exchange, why)
        self._writer.transport.abort()

    async def _tell_moved(self) -> None:
        async with self._moved:
            self._moved.notify_all()


def settle(exchange: Exchange, failed: Unreachable | None = None) -> None:
    if not exchange.answered.done():
        exchange.failed = failed
        exchange.answered.set_result(None)
