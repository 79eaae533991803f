"""Which address a request goes to: a name is looked up once, and the address that was looked at is the one connected to."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from madang.push.addresses import is_public

ADDRESSES_TRIED_MAX = 4  # of one name
RESOLVERS = 4  # threads that look up names: a slow name server holds up this plugin's new connections, nobody else's

# What a peer that is gone without a word costs, where nothing is on its way: a connection through a NAT that has forgotten it.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)


class Unreachable(Exception):
    """There is no answer. Its text names the host and what went wrong, and nothing secret."""


class NotAllowed(Unreachable):
    """The name stands for no address that may be connected to."""


class Names:
    """Looks names up, for one plugin. Its loop only; close it."""

    def __init__(self, allow_private: bool) -> None:
        """`allow_private`: whether addresses outside of the public internet are good, too."""
        self._allow_private = allow_private
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "madang-push-names")

    async def addresses(self, host: str, port: int) -> list[str]:
        """One or more that may be connected to, as literals. Raises Unreachable, NotAllowed."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolvers, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{host}: its name isn't found ({error})") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses:
            raise Unreachable(f"{host}: has no address")
        allowed = [address for address in addresses if self._allow_private or is_public(address)]
        if not allowed:
            raise NotAllowed(f"{host}: is no address of the public internet (allow_private)")
        return allowed[:ADDRESSES_TRIED_MAX]

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)
