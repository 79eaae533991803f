"""A bot's own small store: names and JSON values that outlive the process.

For counters, settings and what was seen, not for an application's data. It is one SQLite file beside the bot's state file. An event may be
handled twice (after a crash in between), so count by something that is the same both times, such as a message's id.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ITEMS_MAX = 10_000
NAME_CHARS_MAX = 256
VALUE_BYTES_MAX = 64 << 10
PATIENCE_S = 5.0  # for another process that writes


class Store(MutableMapping[str, Any]):
    """`bot.store["seen"] = 3`; a change is on the disk when the statement ends.

    Threads: any; calls are serialised. Each change waits for the disk, some milliseconds.
    Limits: ITEMS_MAX items, names of NAME_CHARS_MAX characters, values of VALUE_BYTES_MAX bytes as JSON; beyond them ValueError, and
    nothing has changed. Errors: TypeError for a value that isn't JSON; `sqlite3.Error` when the file can't be used.

    Args:
        path: of the file, made at the first use, for its user alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            row = self._file().execute("select value from items where name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return json.loads(row[0])

    def __setitem__(self, name: str, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False)
        if len(name) > NAME_CHARS_MAX or len(text.encode()) > VALUE_BYTES_MAX:
            raise ValueError(f"names have at most {NAME_CHARS_MAX} characters, values {VALUE_BYTES_MAX} bytes")
        with self._lock, self._file() as file:
            file.execute("insert into items values (?, ?) on conflict (name) do update set value = excluded.value", (name, text))
            if len(self) > ITEMS_MAX:
                raise ValueError(f"a bot's store has room for {ITEMS_MAX} items")

    def __delitem__(self, name: str) -> None:
        with self._lock, self._file() as file:
            if not file.execute("delete from items where name = ?", (name,)).rowcount:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            names = [name for (name,) in self._file().execute("select name from items order by name")]
        return iter(names)

    def __len__(self) -> int:
        with self._lock:
            count: int = self._file().execute("select count(*) from items").fetchone()[0]
            return count

    def change(self, name: str, change: Callable[[Any], Any], default: Any = None) -> Any:
        """Puts what `change` makes of the present value (or of `default`) in its place and returns it; nobody comes between."""
        with self._lock, self._file() as file:
            file.execute("begin immediate")
            value = change(self.get(name, default))
            self[name] = value
            return value

    def close(self) -> None:
        """Until it is used again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _file(self) -> sqlite3.Connection:
        if self._opened is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._opened = sqlite3.connect(self.path, timeout=PATIENCE_S, check_same_thread=False)
            self._opened.execute("pragma journal_mode = wal")
            self._opened.execute("pragma synchronous = full")
            self._opened.execute("create table if not exists items (name text primary key, value text not null) without rowid")
        return self._opened
