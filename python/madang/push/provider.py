"""What the push plugins share: settings, requests side by side within limits, and how faults are told."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, Any, ClassVar

from madang.plugins import Delivery, Plugin
from madang.push.answer import in_brief
from madang.push.http1 import Http1
from madang.push.network import Unreachable
from madang.push.settings import Settings, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from madang.plugins import Notification
    from madang.push.answer import Answer
    from madang.push.http2 import Http2

CALL_S = 20.0  # for all notifications of a call; what hasn't begun by then is handed back
HOOK_S = 30.0  # the hook's own deadline, from the core's call: later, so that the core hears of each
OURS_AFTER_S = 60.0  # until what this server does wrong is tried again
SAID_EVERY_S = 60.0  # between two lines in the log about one kind of fault
KINDS_MAX = 64


class Provider(Plugin):
    """A push plugin, from `setup()` to `close()`, on the plugins' loop.

    A derived class sets itself up in `configure()` and delivers one notification in `deliver()`. Nothing that goes wrong with a
    notification comes out of `push` as an exception: each gets its Delivery. A registration is given up (`gone`) only where the service
    says that it is the registration which is wrong; where this server may be what is wrong, it is tried again, and the log says so.
    """

    providers: ClassVar[tuple[str, ...]] = ()
    hooks: ClassVar[Mapping[str, Mapping[str, Any]]] = {"push": {"timeout": HOOK_S}}
    known: ClassVar[tuple[str, ...]] = ()
    http: ClassVar[type[Http1] | type[Http2]] = Http1
    shared: ClassVar[tuple[str, ...]] = ("timeout", "concurrency", "ca_file", "allow_private")

    def setup(self) -> None:
        """Raises madang.ConfigError, which says what is wrong with `settings`."""
        settings = Settings(self.settings, (*self.known, *self.shared))
        concurrency = settings.count("concurrency", 32, 1, 1_000)
        self.allow_private = settings.flag("allow_private", False)
        self._said: dict[str, float] = {}
        self._slots = asyncio.Semaphore(concurrency)
        timeout, ca_file = settings.seconds("timeout", "10s", 0.1, CALL_S), settings.path("ca_file")
        self.configure(settings)
        tls = ssl.create_default_context()
        if ca_file is not None:
            try:
                tls.load_verify_locations(ca_file)
            except (OSError, ssl.SSLError):
                raise wrong("ca_file", "is no file of certificates (PEM)") from None
        self.client = self.http(timeout=timeout, connections=concurrency, tls=tls, allow_private=self.allow_private)

    async def close(self) -> None:
        if hasattr(self, "client"):  # setup may have failed
            await self.client.close()

    def configure(self, settings: Settings) -> None:
        """Raises madang.ConfigError."""
        raise NotImplementedError

    async def deliver(self, notification: Notification) -> Delivery:
        """May raise anything; Unreachable where there is no answer."""
        raise NotImplementedError

    async def push(self, notifications: Sequence[Notification]) -> list[Delivery]:
        """The hook: one Delivery for each, in the same order, within CALL_S seconds."""
        deadline = asyncio.get_running_loop().time() + CALL_S
        return await asyncio.gather(*(self._one(notification, deadline) for notification in notifications))

    async def _one(self, notification: Notification, deadline: float) -> Delivery:
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                return await self.deliver(notification)
        except TimeoutError:
            return Delivery.retry(detail="there was no time left for it")
        except Unreachable as error:
            self.tell("unreachable", str(error))
            return Delivery.retry(detail=str(error))
        except Exception as error:
            self.log.exception("plugin %s: notification %s", type(self).__name__, notification.id)
            return Delivery.retry(detail=f"{type(error).__name__} in the plugin")

    # ---- what came back ----

    def not_now(self, answer: Answer, detail: str, otherwise: float | None = None) -> Delivery:
        """The service is busy or broken: when it says, else after `otherwise` seconds, else by the core's back-off."""
        after = answer.retry_after
        return Delivery.retry(otherwise if after is None else after, detail)

    def ours(self, kind: str, detail: str) -> Delivery:
        """This server does something wrong; its operator is told."""
        self.tell(kind, detail)
        return Delivery.retry(OURS_AFTER_S, detail)

    def unusable(self, notification: Notification, why: str) -> Delivery:
        """The registration can't be used, now or ever."""
        self.log.info("the registration of user %s, device %s is dropped: %s", notification.user.id, notification.device, in_brief(why))
        return Delivery.gone()

    def tell(self, kind: str, what: str) -> None:
        """Logs an error, but only one of a kind in SAID_EVERY_S seconds."""
        now = time.monotonic()
        if now - self._said.get(kind, -SAID_EVERY_S) < SAID_EVERY_S:
            return
        if len(self._said) >= KINDS_MAX:
            self._said.clear()
        self._said[kind] = now
        self.log.error("%s: %s", kind, in_brief(what, 500))
