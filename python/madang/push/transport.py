"""Requests to push services: one pool of kept connections for a plugin, with limits on everything, and only to addresses that are allowed.

It follows no redirect, keeps no cookie and reads no proxy from the environment."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from madang.push.addresses import is_public
from madang.push.extra import missing

try:
    import anyio as _anyio  # noqa: F401  # httpcore needs it, and h2, at the first request only
    import h2 as _h2  # noqa: F401
    import httpcore
except ImportError as error:
    raise missing(error) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from madang.push.url import Url

ANSWER_BYTES_MAX = 65_536  # what comes after is not read; the connection is given up with it
ADDRESSES_TRIED_MAX = 4  # of one name
RESOLVERS = 4  # threads that look up names: a slow name server holds up this plugin's new connections, nobody else's
IDLE_S = 300.0  # a connection that is unused for so long is closed; APNs wants them kept
RETRY_AFTER_S_MAX = 86_400.0  # whatever a service says

logging.getLogger("hpack").setLevel(logging.INFO)  # at DEBUG it writes every header, the tokens too


class Unreachable(Exception):
    """There is no answer. Its text names the host and what went wrong, and nothing secret."""


class NotAllowed(Unreachable):
    """The name stands for no address that may be connected to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Attributes:
    status: of HTTP.
    headers: by their names in lower case; of several of one name the last.
    body: its first ANSWER_BYTES_MAX bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The object in the body; an empty one where there is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """Seconds from now, from 0 to a day; None where the service doesn't say, or says nonsense."""
        return retry_after(self.headers.get("retry-after", ""), time.time())


def retry_after(header: str, now: float) -> float | None:
    """Of a number of seconds, or of an HTTP date. `now` in seconds since 1970."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return min(float(header[:10]), RETRY_AFTER_S_MAX)
    try:
        left = parsedate_to_datetime(header).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(left, 0.0), RETRY_AFTER_S_MAX) if math.isfinite(left) else None


class Transport:
    """Owner: a plugin; everything on one event loop, the constructor apart. Close it."""

    def __init__(
        self, *, timeout: float, connections: int, ca_file: Path | None = None, allow_private: bool = False, http1: bool = True
    ) -> None:
        """Raises OSError or ssl.SSLError where `ca_file` is none.

        Args:
            timeout: seconds for a request in all, from the look-up of the name to the last byte of the answer.
            connections: at a time; a request that finds none free waits, within its timeout.
            ca_file: PEM; whom to trust besides the system's own authorities.
            allow_private: whether addresses outside of the public internet are connected to.
            http1: False = HTTP/2 only.
        """
        self._timeout = timeout
        self._network = GuardedNetwork(allow_private)
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_S,
            http1=http1,
            http2=True,
            network_backend=self._network,
        )

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(url, headers, body)
        except TimeoutError:
            raise Unreachable(f"{url.host}: no answer within {self._timeout:g} s") from None
        except Unreachable:
            raise
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise Unreachable(f"{url.host}: {type(error).__name__} {in_brief(str(error))}".rstrip()) from None
        except Exception as error:  # a peer that breaks the protocol in a way that the library doesn't foresee
            raise Unreachable(f"{url.host}: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._pool.aclose()
        self._network.close()

    async def _post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        where = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        sent = [("Host", url.authority), ("Content-Length", str(len(body))), *headers.items()]
        steps = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        async with self._pool.stream("POST", where, headers=sent, content=body, extensions={"timeout": steps}) as response:
            received = bytearray()
            async for chunk in response.aiter_stream():
                received += chunk
                if len(received) >= ANSWER_BYTES_MAX:
                    break
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, names, bytes(received[:ANSWER_BYTES_MAX]))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, and connects to an address that it has looked at: the name has no second chance to mean another one."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._sockets = httpcore.AnyIOBackend()
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "madang-push-names")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception = Unreachable(f"{host}: has no address")
        for address in (await self._allowed(host, port))[:ADDRESSES_TRIED_MAX]:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _allowed(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolvers, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{host}: its name isn't found ({error})") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [address for address in addresses if self._allow_private or is_public(address)]
        if addresses and not allowed:
            raise NotAllowed(f"{host}: is no address of the public internet (allow_private)")
        return allowed


def in_brief(text: str, characters: int = 200) -> str:
    """Of what a stranger has said: one line that can be logged."""
    return "".join(c if c.isprintable() else "?" for c in text[:characters])
