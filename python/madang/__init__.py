"""madang: a chat server that is installed with pip, runs with one command and is extended in Python.

Importing this package is cheap: each name is loaded at its first use, and the compiled core only with the first server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madang.bot import Bot
    from madang.client import AsyncClient, Client
    from madang.errors import (
        BadRequest,
        Blocked,
        ClientIdReused,
        ConfigError,
        DeniedByPolicy,
        Error,
        Forbidden,
        GroupFull,
        Held,
        Internal,
        Muted,
        NotAMember,
        NotFound,
        NotRunning,
        PluginUnavailable,
        RateLimited,
        ResyncRequired,
        StartError,
        StorageFull,
        TextTooLong,
        TooLarge,
        Unauthenticated,
        Unavailable,
        UsernameTaken,
    )
    from madang.plugins import Delivery, Deny, Entry, Identity, Message, Notification, Plugin, Verdict
    from madang.server import Server

__all__ = [
    "AsyncClient",
    "BadRequest",
    "Blocked",
    "Bot",
    "Client",
    "ClientIdReused",
    "ConfigError",
    "Delivery",
    "DeniedByPolicy",
    "Deny",
    "Entry",
    "Error",
    "Forbidden",
    "GroupFull",
    "Held",
    "Identity",
    "Internal",
    "Message",
    "Muted",
    "NotAMember",
    "NotFound",
    "NotRunning",
    "Notification",
    "Plugin",
    "PluginUnavailable",
    "RateLimited",
    "ResyncRequired",
    "Server",
    "StartError",
    "StorageFull",
    "TextTooLong",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UsernameTaken",
    "Verdict",
]

_OWN_HOMES = {"AsyncClient": "madang.client", "Bot": "madang.bot", "Client": "madang.client", "Server": "madang.server"}
_OWN_HOMES |= dict.fromkeys(("Delivery", "Deny", "Entry", "Identity", "Message", "Notification", "Plugin", "Verdict"), "madang.plugins")
_HOMES = {name: _OWN_HOMES.get(name, "madang.errors") for name in __all__}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from madang.core import _core

        return _core.version
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
