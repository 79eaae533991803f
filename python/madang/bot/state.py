"""What a bot remembers between its runs: the token and the place in its inbox, in a file that only its user may read.

Thread: one at a time. Errors: a file that can't be read as such counts as none; one that can't be written raises `OSError`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Memory:
    """Attributes:
    token: of the last log-in; None = there was none, or the token is given from outside.
    cursor: of the last event that was handled, as well as all before it.
    """

    token: str | None = None
    cursor: int | None = None


def default_path(url: str, username: str) -> Path:
    """Under the user's state folder, one per server and user name."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "madang" / f"{quote(urlsplit(url).netloc, safe='')}-{quote(username, safe='')}.json"


class StateFile:
    """A file with a `Memory`; replaced as a whole, so that a crash leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: Memory | None = None

    def read(self) -> Memory:
        try:
            found: Any = json.loads(self.path.read_text(encoding="utf-8"))
            token, cursor = found.get("token"), found.get("cursor")
        except (OSError, ValueError, AttributeError):
            return Memory()
        return Memory(token if isinstance(token, str) else None, cursor if isinstance(cursor, int) else None)

    def write(self, memory: Memory) -> None:
        if memory == self._written:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(memory), file)
        beside.replace(self.path)
        self._written = memory
