"""URLs that requests are sent to, taken apart once: what is checked is what is connected to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}
URL_CHARS_MAX = 2_048
PLAIN = re.compile(r"[!-~]+")  # ASCII without spaces and control characters
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # a name, or an address


@dataclass(frozen=True, slots=True)
class Url:
    """Attributes:
    scheme: "https" or "http".
    host: in lower case; an IPv6 address without its brackets.
    port: of the scheme where the URL names none.
    target: path and query, from the "/" on. It may be a secret (the endpoint of a subscription is), and so it is in no repr.
    """

    scheme: str
    host: str
    port: int
    target: str

    def __repr__(self) -> str:
        return f"Url({self.origin})"

    @property
    def authority(self) -> str:
        """Host and, where it isn't the scheme's own, port; as in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def parse_url(text: object) -> Url:
    """Of https or http, in ASCII, without user and password.

    Raises:
        ValueError: what is wrong; nothing of the URL stands in it.
    """
    if not isinstance(text, str) or len(text) > URL_CHARS_MAX or PLAIN.fullmatch(text) is None or "\\" in text:
        raise ValueError(f"is no URL of at most {URL_CHARS_MAX} ASCII characters without spaces")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in PORTS:
        raise ValueError("is no URL of https")
    if "@" in parts.netloc or HOST.fullmatch(host) is None or port == 0:
        raise ValueError("names no host, or a user with it")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, host, PORTS[parts.scheme] if port is None else port, target)
