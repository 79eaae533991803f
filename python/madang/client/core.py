"""What both faces of a client share: who it is, its way to the server, and where it is in its inbox. No waiting here."""

from __future__ import annotations

import platform
import weakref
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from madang.client import decode
from madang.client.exchange import Exchange
from madang.client.operations import Operations
from madang.client.people import People
from madang.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from madang.client.link import Link
    from madang.client.objects import Account

Json = dict[str, Any]

MESSAGES = ("message.*",)


class Core:
    """See the module. Threads: any, once opened.

    Args: those of `Client`.

    Raises:
        BadRequest: `url` is no address of a server.
        TypeError: none of a token, a user name with a password, and credentials, or several.
    """

    def __init__(
        self,
        url: str,
        username: str | None,
        password: str | None,
        token: str | None,
        cursor: int | None,
        device: str | None,
        timeout: float,
        trace: Callable[[str, str], None] | None,
        credentials: Mapping[str, Any] | None = None,
    ) -> None:
        if [token, username, credentials].count(None) != 2 or (username is None) != (password is None):
            raise TypeError("give either token=…, or username=… and password=…, or credentials=…")
        self.exchange = Exchange(url)
        self.people = People()
        self.operations = Operations(self.people, timeout)
        self.proof: Json | None = None  # of who one is, until the log-in
        if token is None:
            self.proof = {"username": username, "password": password} if credentials is None else {"credentials": dict(credentials)}
        self.token = token
        self.device = device if device is not None else platform.node()
        self.timeout = timeout
        self.trace = trace
        self.start = cursor  # where the application wants to go on
        self.is_token_ours = token is None  # nobody else knows it: it ends with this client
        self.is_closed = False
        self.account: Account | None = None
        self._link: Link | None = None
        self._finalizer: Any = None
        self._given: int | None = cursor

    # ---- opening and closing -----------------------------------------------------------------------------------------------------------

    def logged_in(self, session: Json) -> None:
        """The answer to a log-in."""
        self.token = session["token"]
        self.proof = None
        self.took_account(decode.account(session["user"]))
        if self._given is None:
            self._given = int(session["cursor"])
        self.open_link([server["url"] for server in session.get("servers", ())][:1])

    def took_account(self, account: Account) -> None:
        self.account = account
        self.people.learn(account.user)

    def open_link(self, servers: Sequence[str] = ()) -> Link:
        from madang.client.link import Link  # what it needs is loaded only by those who connect

        assert self.token is not None
        base = self.exchange.url
        hosts = [url for url in servers if url != base and is_reachable(url, base)]
        urls = [f"ws{url.removeprefix('http').rstrip('/')}/v1/connect" for url in (*hosts, base)]
        self._link = Link(urls, self.token, self._given, self.exchange, self.trace)
        self._finalizer = weakref.finalize(self, self._link.close)
        return self._link

    def attached(self, cursor: int) -> None:
        if self._given is None:
            self._given = cursor

    @property
    def link(self) -> Link:
        if self._link is None or self.is_closed:
            raise Error("this client is closed" if self.is_closed else "this client isn't open yet: use `async with`, or await open()")
        return self._link

    @property
    def opened(self) -> Link | None:
        """Also of a client that is closed by now."""
        return self._link

    def close(self) -> bool:
        """No more calls; False = it was closed before."""
        if self.is_closed:
            return False
        self.is_closed = True
        if self._finalizer is not None:
            self._finalizer.detach()
        return True

    # ---- the inbox ---------------------------------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        return self._given or 0

    def give(self, cursor: int) -> None:
        self._given = max(self.cursor, cursor)

    def wants(self, event: Json, types: Sequence[str]) -> bool:
        """Otherwise it is passed over: the cursor moves on, and who is described in it is known from then on."""
        if any(fnmatchcase(event["type"], each) for each in types):
            return True
        self.people.learn_from(event)
        self.give(event["cursor"])
        return False


def is_reachable(server: str, base: str) -> bool:
    """A server that calls itself by an address of its own machine can be reached so from that machine only."""
    return not is_local(server) or is_local(base)


def is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def types_or_raise(types: Sequence[str]) -> Sequence[str]:
    """Patterns of event types.

    Raises:
        TypeError: one is no string.
    """
    for each in types:
        if not isinstance(each, str):
            raise TypeError(f"{each!r} is no type of event; a number of seconds is given as timeout=…")
    return types or MESSAGES
