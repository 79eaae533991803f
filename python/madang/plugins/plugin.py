"""The class that plugins derive from."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins.store import PluginStore
from madang.plugins.system import System

if TYPE_CHECKING:
    from collections.abc import Mapping


class Plugin:
    """Policy of a server, in Python. A hook is a method; a plugin has those that it defines:

    - `authenticate(self, credentials: dict) -> Identity | Deny` for log-ins with `credentials`,
    - `check(self, message: Message) -> Verdict` for each message before it is stored, or
      `check_batch(self, messages: list[Message]) -> list[Verdict]`, when speed matters,
    - `push(self, notifications: list[Notification]) -> list[Delivery]` for messages whose recipient has no device attached, or none that
      acknowledged them in time: once for each recipient and target. After a crash, an error or a timeout it comes again, under the same
      `id`.
    - `committed(self, entries: list[Entry]) -> None` for everything that was stored: every entry of every conversation from the first one
      on, in order per conversation, at most 256 at a time. A batch that raises, or isn't done within its timeout (30 s), comes again, for
      ever; entries come again otherwise only after a crash, the server's own or a stop that didn't wait for the hook. So what a hook does
      with an entry should be harmless when done twice.

    `async def` hooks run on the plugins' event loop and must not block it; `def` hooks run in threads. A hook that raises, that is late or
    that returns something else is the plugin's error: then its rule decides (`on_error`: deny, allow or, of `check`, hold), never the hook.

    Beside the hooks: `setup` and `close`, and `selftest`, which raises when something is wrong (`madang plugin check`, and before new code
    takes over at a reload).

    Attributes:
        name: unique, in logs and figures, and the origin of the accounts it makes; the class's name where it is empty.
        hooks: how hooks are used where the configuration says nothing else, such as
            `{"check": {"timeout": 0.5, "on_error": "allow", "mode": "observe"}}`; timeouts in seconds.
        isolation: `"process"` has it run in a process of its own where the configuration says nothing else: a crash, a leak or an endless
            loop costs that process, which is replaced. An object given to `Server(plugins=…)` is then made anew there, from its class.
        providers: whose registrations (`PUT /v1/devices/current/push`) its `push` serves, such as `("fcm",)`: a notification for each. With
            none it is asked once a recipient, registered or not.
        settings: from the configuration.
        log: the plugin's logger, `madang.plugins.NAME`.
        store: what the plugin keeps, durable: `self.store["key"] = value`.
        server: sends as the system account, and looks users up: `self.server.send("@bob", "hi")`.
    """

    name: ClassVar[str] = ""
    hooks: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    isolation: ClassVar[str] = "none"
    providers: ClassVar[tuple[str, ...]] = ()
    settings: Mapping[str, Any] = {}
    log: logging.Logger = logging.getLogger("madang.plugins")
    store: PluginStore = PluginStore()
    server: System = System()

    def setup(self) -> Any:
        """Once, before the server starts; may be `async def`. What it raises keeps the server from starting: validate `settings` here."""

    def selftest(self) -> Any:
        """After `setup`, when somebody wants to know; may be `async def`. It raises when something is wrong."""

    def close(self) -> Any:
        """Once, after the last call; may be `async def`."""
