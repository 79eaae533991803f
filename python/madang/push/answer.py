"""What comes back from a push service, and who can ask one."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from madang.push.url import Url

ANSWER_BYTES_MAX = 65_536  # what comes after is not read
RETRY_AFTER_S_MAX = 86_400.0  # whatever a service says


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


class HttpClient(Protocol):
    """Sends requests. One event loop; it follows no redirect, keeps no cookie and reads no proxy from the environment."""

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable."""
        ...

    async def close(self) -> None:
        """What is on its way is given up."""
        ...


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


def in_brief(text: str, characters: int = 200) -> str:
    """Of what a stranger has said: one line that can be logged."""
    return "".join(c if c.isprintable() else "?" for c in text[:characters])
