"""The client: a madang server from the user's side, in pure Python.

`Client` blocks, `AsyncClient` awaits; both speak through the same operations (`operations`), the same protocol without I/O (`protocol`)
and the same kind of connection (`link`), which lives on a thread of its own.

Importing this package is cheap: each name is loaded at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madang.client.asynchronous import AsyncClient
    from madang.client.blocking import Client
    from madang.client.objects import (
        Account,
        Ban,
        Conversation,
        Event,
        Invite,
        Member,
        Message,
        MessageEvent,
        Page,
        Presence,
        ReadState,
        Receipt,
        Session,
        Signal,
        Typing,
        User,
    )

__all__ = [
    "Account",
    "AsyncClient",
    "Ban",
    "Client",
    "Conversation",
    "Event",
    "Invite",
    "Member",
    "Message",
    "MessageEvent",
    "Page",
    "Presence",
    "ReadState",
    "Receipt",
    "Session",
    "Signal",
    "Typing",
    "User",
]

_FACES = {"Client": "madang.client.blocking", "AsyncClient": "madang.client.asynchronous"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_FACES.get(name, "madang.client.objects")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
