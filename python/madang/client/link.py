"""A connection that comes back: drives `Protocol` over a WebSocket on the I/O thread, from `start` to `close`.

Owner: a client. Threads: public methods may be called from any; everything with a leading underscore runs on the I/O thread.
Limits: see `EventBuffer` for events; requests wait without a limit of their own, each with its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from madang.client.backoff import Backoff, jitter
from madang.client.buffer import EventBuffer
from madang.client.exchange import Call
from madang.client.io_thread import io_loop
from madang.client.protocol import Arrived, Attached, Broken, GoAway, Output, Protocol, Refused, Replied, Resync, Signalled
from madang.client.signals import SignalBuffer
from madang.errors import BadRequest, Error, RateLimited, ResyncRequired, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.asyncio.client import ClientConnection

    from madang.client.exchange import Exchange

OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 1.0
PING_EVERY_S = 10.0
PONG_WITHIN_S = 20.0
ACK_EVERY_S = 1.0
GREETED_WITHIN_S = 1.0  # most friends who are online; only of the rest it has to be asked
ASKED_MAX = 100  # in one question
FRAME_IN_BYTES_MAX = 16 << 20
SIGNED_OUT = (4001, 4003)  # the token is over
NOT_TAKEN = (1009, 4004)  # what we sent is at fault, so it must not be sent again

Json = dict[str, Any]

log = logging.getLogger("madang.client")


class Link:
    """See the module.

    Args:
        urls: WebSocket addresses, best first; tried in turn.
        token: of the user.
        cursor: of the last event the application has; None = from now on.
        exchange: for questions that the WebSocket doesn't take.
        trace: called with "<" or ">" and each frame, on the I/O thread.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        cursor: int | None,
        exchange: Exchange,
        trace: Callable[[str, str], None] | None = None,
    ) -> None:
        self._urls = list(urls)
        self._token = token
        self._exchange = exchange
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._protocol = Protocol(cursor)
        self._trace = trace
        self._loop = io_loop()
        self._pid = os.getpid()
        self.events = EventBuffer(lambda: self._soon(self._catch_up))
        self.signals = SignalBuffer()
        self._attached: Future[int] = Future()
        self._waiting: dict[int, Future[Json]] = {}
        self._frames_ready = asyncio.Event()
        self._give_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._over: Error | None = None
        self._ack_lock = threading.Lock()
        self._acked = cursor or 0
        self._ack_scheduled = False
        self._loop.call_soon_threadsafe(self._start)

    # ---- any thread --------------------------------------------------------------------------------------------------------------------

    def request(self, op: str, members: Json) -> Future[Json]:
        """Asks; over as many connections as it takes. Cancel the future to stop asking.

        The future raises the error of the answer, or what ended this link.
        """
        future: Future[Json] = Future()
        self._soon(self._request, op, members, future)
        return future

    def attached(self) -> Future[int]:
        """Done with the cursor once the inbox is subscribed for the first time."""
        return self._attached

    def watch(self, user_ids: tuple[str, ...]) -> None:
        """Asks for the presence of these users instead of those before, on this connection and later ones."""
        self._soon(self._watch, user_ids)

    def tell(self, op: str, members: Json) -> None:
        """Says something that needs no answer; it is lost when there is no connection."""
        self._soon(self._tell, op, members)

    def acknowledge(self, cursor: int) -> None:
        """The application has these events; the server hears of it within a second."""
        with self._ack_lock:
            if cursor <= self._acked:
                return
            self._acked = cursor
            if self._ack_scheduled:
                return
            self._ack_scheduled = True
        self._soon(self._loop.call_later, ACK_EVERY_S, self._send_ack)

    def close(self) -> Future[None]:
        """Ends the connection; what has no answer yet fails. Closing twice does nothing."""
        done: Future[None] = Future()
        if os.getpid() != self._pid:
            done.set_result(None)
        else:
            self._loop.call_soon_threadsafe(self._close, done)
        return done

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        if os.getpid() != self._pid:
            raise Error("this client belongs to the process that made it; make another one after a fork")
        self._loop.call_soon_threadsafe(call, *arguments)

    # ---- on the I/O thread -------------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())

    def _request(self, op: str, members: Json, future: Future[Json]) -> None:
        try:
            if self._over is not None:
                raise self._over
            ref = self._protocol.request(op, members)
        except UnicodeEncodeError:
            settle(future, BadRequest("the text holds half of a surrogate pair"))
        except Error as error:
            settle(future, error)
        else:
            self._waiting[ref] = future
            future.add_done_callback(lambda done: self._soon(self._forget, ref) if done.cancelled() else None)
            self._frames_ready.set()

    def _forget(self, ref: int) -> None:
        self._waiting.pop(ref, None)
        self._protocol.forget(ref)

    def _catch_up(self) -> None:
        self._protocol.catch_up()
        self._frames_ready.set()

    def _watch(self, user_ids: tuple[str, ...]) -> None:
        self._protocol.watch(user_ids)
        self._frames_ready.set()

    def _tell(self, op: str, members: Json) -> None:
        self._protocol.tell(op, members)
        self._frames_ready.set()

    def _send_ack(self) -> None:
        with self._ack_lock:
            self._ack_scheduled = False
            cursor = self._acked
        self._protocol.acknowledge(cursor)
        self._frames_ready.set()

    def _close(self, done: Future[None]) -> None:
        self._end(Error("this client is closed"))
        if self._task is None or self._task.done():
            settle(done, None)
        else:
            self._task.add_done_callback(lambda _: settle(done, None))

    def _end(self, error: Error) -> None:
        """For good: nobody waits in vain."""
        if self._over is None:
            self._over = error
        self._give_up.set()
        self.events.end(error)
        self.signals.end(error)
        settle(self._attached, error)
        for future in self._waiting.values():
            settle(future, error)
        self._waiting.clear()

    async def _run(self) -> None:
        backoff = Backoff()
        try:
            while not self._give_up.is_set():
                for url in self._urls:
                    was_attached = self._over is None and await self._live(url)
                    if was_attached:
                        backoff.reset()
                        break
                await self._rest(backoff.next())
        except Exception as error:
            log.exception("a fault of the client itself")
            self._end(Error(f"a fault of the client itself: {error!r}"))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._give_up.wait(), seconds)

    async def _live(self, url: str) -> bool:
        """One connection from its beginning to its end; whether it came to its inbox."""
        try:
            socket = await self._open(url)
        except Unauthenticated as error:
            self._end(error)
            return False
        except Unavailable as error:
            log.info("%s", error)
            return False
        self._protocol.connected()
        tasks = [self._loop.create_task(each) for each in (self._write(socket), self._close_when_over(socket))]
        was_attached = False
        try:
            async for text in socket:
                if self._trace is not None:
                    self._trace("<", str(text))
                outputs = self._protocol.receive(text)
                self._frames_ready.set()
                if not was_attached and any(isinstance(each, Attached) for each in outputs):
                    was_attached = True
                    tasks.append(self._loop.create_task(self._ask_who_left()))
                if not self._carry_out(outputs, len(text), socket):
                    break
        except Exception as error:  # the connection's own end is told below, by its close code
            log.debug("connection lost: %r", error)
        finally:
            for task in tasks:
                task.cancel()
            self._protocol.disconnected()
            await socket.close()
        self._on_closed(socket.close_code or 1006, socket.close_reason or "")
        return was_attached

    async def _open(self, url: str) -> ClientConnection:
        from websockets import version
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.typing import Subprotocol

        direct: Any = {"proxy": None} if int(version.version.split(".")[0]) >= 15 else {}
        try:
            return await connect(
                url,
                subprotocols=[Subprotocol("madang.v1")],
                additional_headers=self._authorization,
                compression=None,
                open_timeout=OPEN_WITHIN_S,
                close_timeout=CLOSE_WITHIN_S,
                ping_interval=PING_EVERY_S,
                ping_timeout=PONG_WITHIN_S,
                max_size=FRAME_IN_BYTES_MAX,
                **direct,
            )
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise Unauthenticated("the server doesn't take this token") from None
            raise Unavailable(f"{url}: HTTP {error.response.status_code} instead of a WebSocket") from None
        except (OSError, InvalidHandshake, TimeoutError, EOFError) as error:
            raise Unavailable(f"{url} doesn't answer: {error}") from None

    async def _write(self, socket: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):  # the reader tells
            while True:
                self._frames_ready.clear()
                for frame in self._protocol.frames():
                    if self._trace is not None:
                        self._trace(">", frame)
                    await socket.send(frame)
                await self._frames_ready.wait()

    async def _ask_who_left(self) -> None:
        """Tells of those who were online on an earlier connection and left without one."""
        online, backoff = self._protocol.online, Backoff()
        await asyncio.sleep(GREETED_WITHIN_S)
        while asked := online.unheard(ASKED_MAX):
            call = Call("GET", ("presence",), {"users": ",".join(asked)}, within=OPEN_WITHIN_S)
            answer: Json = {}
            try:
                answer = await asyncio.to_thread(self._exchange, call, self._token)
            except (RateLimited, Unavailable) as error:
                await asyncio.sleep((error.retry_after or 0.0) + backoff.next())
                continue
            except Error as error:
                log.warning("who isn't greeted is taken for offline: %s", error)
            for signal in online.answered(asked, answer.get("presence", ())):
                self.signals.put(signal)

    async def _close_when_over(self, socket: ClientConnection) -> None:
        await self._give_up.wait()
        await socket.close()

    async def _leave(self, socket: ClientConnection, after: float) -> None:
        """Away before everybody is sent away at once; what has no answer by then goes out again."""
        await self._rest(jitter(after))
        await socket.close()

    def _carry_out(self, outputs: list[Output], chars: int, socket: ClientConnection) -> bool:
        """False = this connection is of no more use."""
        for output in outputs:
            match output:
                case Arrived(events):
                    if not self.events.put(events, chars):
                        self._protocol.fall_behind()
                case Replied(ref, outcome) | Refused(ref, outcome):
                    settle(self._waiting.pop(ref, None), outcome)
                case Attached(cursor):
                    settle(self._attached, cursor)
                case Resync(reason, cursor):
                    about = f"the events up to {cursor} can't be had any more ({reason})"
                    self.events.put_error(ResyncRequired(about, cursor=cursor, reason=reason))
                case Signalled(signal):
                    self.signals.put(signal)
                case GoAway(after):
                    self._leaving = self._loop.create_task(self._leave(socket, after))
                case Broken(why):
                    log.warning("another connection is needed: %s", why)
                    return False
        return True

    def _on_closed(self, code: int, reason: str) -> None:
        if self._over is not None:
            return
        log.info("connection closed with %s %s", code, reason)
        if code in SIGNED_OUT:
            self._end(Unauthenticated(reason or "signed out"))
        elif code in NOT_TAKEN:
            for ref, future in list(self._waiting.items()):
                self._forget(ref)
                settle(future, BadRequest(f"the server closed the connection with {code} {reason}"))


def settle(future: Future[Any] | None, outcome: object) -> None:
    """Its result or its exception, unless it has one or was cancelled."""
    if future is None or future.done() or not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
