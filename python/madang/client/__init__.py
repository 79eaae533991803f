"""The client: a madang server from the user's side, in pure Python.

`Client` blocks, `AsyncClient` awaits; both speak through the same operations (`operations`), the same protocol without I/O (`protocol`)
and the same kind of connection (`link`), which lives on a thread of its own.

Importing this package is cheap: each name is loaded at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madang.client.asynchronous import AsyncClient as AsyncClient
    from madang.client.blocking import Client as Client
    from madang.client.objects import *

_FACES = {"Client": "madang.client.blocking", "AsyncClient": "madang.client.asynchronous"}
_VALUES = "madang.client.objects"


def __getattr__(name: str) -> object:
    if name == "__all__":
        return __dir__()
    if name not in __dir__():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_FACES.get(name, _VALUES)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*importlib.import_module(_VALUES).__all__, *_FACES])
