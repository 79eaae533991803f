"""The HTTP calls that the command line makes as a user. Blocking; one connection a call."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from madang.errors import Unavailable, error_for

TIMEOUT_S = 15.0

Json = dict[str, Any]


class Api:
    """A server as one user sees it.

    Args:
        url: `http://host:port`.
        token: of the user; sent with every call.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.authorization = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str | int) -> Json:
        """The answer to `GET path`.

        Raises:
            madang.Error: the class of the code that the server answered; `Unavailable` when it can't be reached.
        """
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}" if query else self.url + path
        request = urllib.request.Request(address, headers=self.authorization)  # noqa: S310 - the scheme was checked by socket_url
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise problem(error.status or 0, error.read()) from None
        except (OSError, ValueError) as error:
            raise no_answer(self.url, error) from None

    @property
    def socket_url(self) -> str:
        """Where its WebSocket is."""
        scheme, separator, rest = self.url.partition("://")
        if not separator or scheme not in ("http", "https"):
            raise error_for("bad_request", f"{self.url!r} is no http:// or https:// address")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/v1/connect"


def no_answer(url: str, error: Exception) -> Unavailable:
    reason = getattr(error, "reason", error)
    return Unavailable(f"{url} doesn't answer: {getattr(reason, 'strerror', None) or reason} (does a server run there?)")


def problem(status: int, body: bytes) -> Exception:
    """The exception that an RFC 9457 problem document stands for."""
    try:
        document = json.loads(body)
        wait = document.get("retry_after_ms")
        return error_for(document["code"], document.get("detail", ""), retry_after=None if wait is None else wait / 1000)
    except (ValueError, KeyError, AttributeError):
        return Unavailable(f"HTTP {status} without a problem document; is this a madang server?")
