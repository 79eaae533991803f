"""What a plugin keeps: `self.store`, names and JSON values in the server's own store."""

from __future__ import annotations

import json
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from madang.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from madang.core import _core

KEY_BYTES_MAX = 512
VALUE_BYTES_MAX = 256 << 10
STORE_BYTES_MAX = 64 << 20
PAGE = 200


class Backing(Protocol):
    """What a store is built on: the core in this process, or a line to it from another one. Threads: any. Raises what `translated` does."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...
    def delete(self, key: str) -> bool: ...
    def scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]: ...


class PluginStore(MutableMapping[str, Any]):
    """`self.store["seen"] = 3`: a small store of the plugin's own, which outlives the server. A change is on the disk when the statement
    ends, so it takes as long as a synced write, some milliseconds, also in an `async def` hook: for marks, counters and small tables, not
    for a row a message. Reads take microseconds.

    Usable in `setup` and in every hook, not in `close`. Two plugins, or two servers, never share one; a plugin is known by its name.

    Threads: any. Limits: keys of 1 to KEY_BYTES_MAX bytes, values of VALUE_BYTES_MAX bytes as JSON, STORE_BYTES_MAX in all; beyond them
    ValueError, and nothing has changed. Errors: TypeError for a key that is no text and for a value that isn't JSON; `madang.StorageFull`;
    `madang.Unavailable` when the server doesn't run, or can't tell whether the write was done.
    """

    def __init__(self, backing: Backing | None = None) -> None:
        self._backing_or_none = backing
        self._lock = threading.RLock()

    def __getitem__(self, key: str) -> Any:
        value = self.backing.get(text_key(key))
        if value is None:
            raise KeyError(key)
        return json.loads(value)

    def __setitem__(self, key: str, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        with self._lock:
            try:
                self.backing.put(text_key(key), text)
            except BadRequest as error:
                raise ValueError(error.message) from None

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if not self.backing.delete(text_key(key)):
                raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.scan())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def scan(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Keys that begin so, in order of their bytes, with their values; what is changed meanwhile may or may not be seen."""
        after = ""
        while rows := self.backing.scan(text_key(prefix), after, PAGE):
            for key, value in rows:
                yield key, json.loads(value)
            after = rows[-1][0]

    def change(self, key: str, change: Callable[[Any], Any], default: Any = None) -> Any:
        """Puts what `change` makes of the present value (or of `default`) in its place and returns it; nobody comes between."""
        with self._lock:
            self[key] = value = change(self.get(key, default))
            return value

    @property
    def backing(self) -> Backing:
        """What it is built on. Unavailable."""
        if self._backing_or_none is None:
            raise Unavailable("no server has taken this plugin yet, so it has no store: use it from setup() on")
        return self._backing_or_none


def text_key(key: object) -> str:
    """Told here, so that it is the same wherever the store lies. TypeError; ValueError for half surrogates."""
    if not isinstance(key, str):
        raise TypeError(f"a key is a text, not {key!r}")
    key.encode()
    return key


class MemoryBacking:
    """Of a plugin without a server: `madang plugin check`, and tests."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._rows.get(key)

    def put(self, key: str, value: bytes) -> None:
        if not 1 <= len(key.encode()) <= KEY_BYTES_MAX or len(value) > VALUE_BYTES_MAX:
            raise BadRequest(f"a key has 1 to {KEY_BYTES_MAX} bytes, a value at most {VALUE_BYTES_MAX}")
        self._rows[key] = value

    def delete(self, key: str) -> bool:
        return self._rows.pop(key, None) is not None

    def scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        keys = sorted((key for key in self._rows if key.startswith(prefix) and key.encode() > after.encode()), key=str.encode)
        return [(key, self._rows[key]) for key in keys[:limit]]


class CoreBacking:
    """The store of one plugin in the server of this process."""

    def __init__(self, core: _core.Plugins, index: int) -> None:
        self._core = core
        self._index = index

    def get(self, key: str) -> bytes | None:
        with translated():
            return self._core.store_get(self._index, key)

    def put(self, key: str, value: bytes) -> None:
        with translated():
            self._core.store_put(self._index, key, value)

    def delete(self, key: str) -> bool:
        with translated():
            return self._core.store_erase(self._index, key)

    def scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        with translated():
            return [(key.decode(), value) for key, value in self._core.store_scan(self._index, prefix, after, limit)]


def translated() -> Any:
    """The compiled module is there only where a server is."""
    from madang.core import translated as translate

    return translate()
