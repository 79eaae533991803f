"""HTTP/1.1 to any number of services: a pool of kept connections, with limits on everything.

Not HTTP/2: in httpcore the requests of one such connection read for each other, and an answer that has come can wait until its neighbours'
have come, too (see `http2.py`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from madang.push.answer import ANSWER_BYTES_MAX, Answer, in_brief
from madang.push.extra import missing
from madang.push.network import KEEP_ALIVE, Names, Unreachable

try:
    import anyio as _anyio  # noqa: F401  # httpcore needs it, at the first request only
    import httpcore
except ImportError as error:
    raise missing(error) from error

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from madang.push.url import Url

IDLE_S = 60.0  # a connection that is unused for so long is closed


class Http1:
    """Owner: a plugin; everything on its event loop, the constructor apart. Close it."""

    def __init__(self, *, timeout: float, connections: int, tls: ssl.SSLContext, allow_private: bool) -> None:
        """
        Args:
            timeout: seconds for a request in all, from the look-up of the name to the last byte of the answer.
            connections: at a time; a request that finds none free waits, within its timeout.
            tls: whom to trust.
            allow_private: whether addresses outside of the public internet are connected to.
        """
        self._timeout = timeout
        self._names = Names(allow_private)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_S,
            network_backend=GuardedNetwork(self._names),
            socket_options=KEEP_ALIVE,
        )

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(url, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            raise Unreachable(f"{url.host}: no answer within {self._timeout:g} s") from None
        except Unreachable:
            raise
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable(f"{url.host}: {type(error).__name__} {in_brief(str(error))}".rstrip()) from None
        except Exception as error:  # a peer that breaks the protocol in a way that the library doesn't foresee
            raise Unreachable(f"{url.host}: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._pool.aclose()
        self._names.close()

    async def _post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        where = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        sent = [("Host", url.authority), ("Content-Length", str(len(body))), *headers.items()]
        async with self._pool.stream("POST", where, headers=sent, content=body) as response:
            received = bytearray()
            async for chunk in response.aiter_stream():
                received += chunk
                if len(received) >= ANSWER_BYTES_MAX:  # the connection is given up with the rest
                    break
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, names, bytes(received[:ANSWER_BYTES_MAX]))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that `Names` has found good."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception | None = None
        for address in await self._names.addresses(host, port):
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)
