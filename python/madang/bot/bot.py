"""`madang.Bot`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from madang.bot.arguments import BadArguments, arguments_for
from madang.bot.incoming import Incoming
from madang.bot.progress import Progress
from madang.bot.router import Command, Router
from madang.bot.schedule import run_jobs
from madang.bot.state import Memory, StateFile, default_path
from madang.bot.watchdog import Watchdog
from madang.client.asynchronous import AsyncClient
from madang.client.backoff import Backoff
from madang.errors import BadRequest, Error, NotFound, ResyncRequired, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from madang.bot.store import Store
    from madang.client.objects import Event

DEFAULT_URL = "http://127.0.0.1:8080"
PATIENCE_S = 3_600.0  # a reply waits so long for a server that is away
FINISH_WITHIN_S = 10.0

log = logging.getLogger("madang.bot")


class Bot(Router):
    """A user that answers by itself.

    Each event after the bot's first log-in reaches its handlers at least once, also when the bot or the server was away or killed in
    between: the bot's place in its inbox is kept in a file, and moves past an event when its handlers have returned. There is nothing to
    acknowledge. A message that is handled again is answered once (`Incoming.reply`). The bot's own messages are passed over.

    Events of one conversation are handled one after the other, those of several side by side. A handler that raises is logged, and its
    event counts as handled. A handler that blocks the loop is named in a warning. `/help` lists the commands, unless the bot has one.

    Threads: `run` and `serve` belong to one; `stop` may be called from any.

    Args:
        url: of the server.
        username: with `password`: logs in when there is no token that is still good.
        password: of the account.
        token: instead of both.
        state: the file that remembers token and cursor; None = one in the user's state folder, per server and user name.
        prefix: what commands begin with.

    Attributes:
        ready: set while it is connected and handles events.

    Raises:
        TypeError: neither a token nor a user name with a password, or both.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        state: str | os.PathLike[str] | None = None,
        prefix: str = "/",
    ) -> None:
        super().__init__()
        if (token is None) == (username is None) or (username is None) != (password is None):
            raise TypeError("give either token=… or username=… and password=…")
        self.url = url
        self.prefix = prefix
        self._username = username
        self._password = password
        self._token = token
        self._state = None if state is None else StateFile(Path(state))
        self._store: Store | None = None
        self._client: AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._was_stopped = threading.Event()
        self.ready = threading.Event()

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """A bot as the environment says: MADANG_URL, MADANG_TOKEN or MADANG_USERNAME and MADANG_PASSWORD, MADANG_STATE.

        Raises:
            BadRequest: there is neither a token nor a user name with a password.
        """
        token, username, password = (environment.get(f"MADANG_{each}") or None for each in ("TOKEN", "USERNAME", "PASSWORD"))
        if token is None and (username is None or password is None):
            raise BadRequest("set MADANG_TOKEN, or MADANG_USERNAME and MADANG_PASSWORD")
        who: dict[str, Any] = {"token": token} if token is not None else {"username": username, "password": password}
        return cls(environment.get("MADANG_URL") or DEFAULT_URL, state=environment.get("MADANG_STATE") or None, **who, **options)

    @property
    def client(self) -> AsyncClient:
        """For everything else; there while the bot runs.

        Raises:
            Error: it doesn't run.
        """
        if self._client is None:
            raise Error("this bot doesn't run")
        return self._client

    @property
    def store(self) -> Store:
        """Names and JSON values that outlive the process; see `madang.bot.store`.

        Raises:
            Error: the bot has only a token and hasn't run yet, so it isn't known whose store it is.
        """
        if self._store is None:
            if self._state is None and self._username is None:
                raise Error("a bot that has only a token has its store when it runs, or with state=…")
            if self._state is None:
                self._state = StateFile(default_path(self.url, str(self._username)))
            from madang.bot.store import Store

            path = self._state.path
            self._store = Store(path.with_name(f"{path.name}.store"))
        return self._store

    # ---- running -----------------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Runs until `stop`, SIGTERM or ctrl-C; what is being handled then has FINISH_WITHIN_S seconds.

        Raises:
            Unauthenticated: wrong user name or password, or a token that isn't good.
        """
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

        async def main() -> None:
            loop = asyncio.get_running_loop()
            if threading.current_thread() is threading.main_thread():
                for each in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(each, self.stop)
            watchdog = Watchdog()
            watchdog.start()
            try:
                await self.serve()
            finally:
                watchdog.stop()

        asyncio.run(main())

    def stop(self) -> None:
        """Ends `run` or `serve`, also one that is only about to begin."""
        self._was_stopped.set()
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # that loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def serve(self) -> None:
        """As `run`, on a loop that is there, beside whatever else it runs; many bots can share one. Takes no signals."""
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._was_stopped.is_set():
            self._stopping.set()
        serving = asyncio.ensure_future(self._serve())
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            serving.cancel()
            await asyncio.wait([serving])
            self._was_stopped.clear()
            if self._store is not None:
                self._store.close()
        if not serving.cancelled():
            serving.result()

    async def _serve(self) -> None:
        while True:
            self._client = await self._open()
            try:
                await self._follow(self._client)
            except Unauthenticated:
                if self._password is None:
                    raise
                log.warning("signed out; logging in again")
            finally:
                client, self._client = self._client, None
                await client.close()

    async def _open(self) -> AsyncClient:
        """With the token that is remembered while it is good; waits for a server that is away."""
        backoff = Backoff()
        while True:
            try:
                return await self._open_once()
            except Unavailable as error:
                log.warning("%s; trying again", error)
                await asyncio.sleep(backoff.next())

    async def _open_once(self) -> AsyncClient:
        if self._token is not None:
            return await self._open_with_token(self._token)
        assert self._username is not None
        if self._state is None:
            self._state = StateFile(default_path(self.url, self._username))
        memory = self._state.read()
        if memory.token is not None:
            with contextlib.suppress(Unauthenticated):
                return await AsyncClient(self.url, token=memory.token, cursor=memory.cursor, timeout=PATIENCE_S).open()
        client = AsyncClient(self.url, username=self._username, password=self._password, cursor=memory.cursor, timeout=PATIENCE_S)
        await client.open()
        self._state.write(Memory(client.token, client.cursor))
        return client

    async def _open_with_token(self, token: str) -> AsyncClient:
        if self._state is None:
            async with AsyncClient(self.url, token=token, cursor=0, timeout=PATIENCE_S) as asking:
                self._state = StateFile(default_path(self.url, asking.user.username))
        memory = self._state.read()
        client = await AsyncClient(self.url, token=token, cursor=memory.cursor, timeout=PATIENCE_S).open()
        self._state.write(Memory(None, client.cursor))
        return client

    async def _follow(self, client: AsyncClient) -> None:
        log.info("%r is ready after event %d", client, client.cursor)
        self.ready.set()
        progress = Progress(client.cursor, lambda: self._write(client, progress))
        jobs = asyncio.ensure_future(run_jobs(self.jobs, lambda function: self._call(function, None, client)))
        try:
            while True:
                try:
                    await self._handle_events(client, progress)
                except ResyncRequired as error:
                    log.warning("%s; going on after them", error)
        finally:
            self.ready.clear()
            jobs.cancel()
            await asyncio.wait([jobs])
            await progress.finish(FINISH_WITHIN_S)
            self._write(client, progress)

    async def _handle_events(self, client: AsyncClient, progress: Progress) -> None:
        while (event := await client.next_event("*")) is not None:
            handling = self._handling_of(event, client)
            if handling is None:
                progress.skip(event.cursor)
            else:
                await progress.begin(event.cursor, event.conversation_id, handling)

    def _write(self, client: AsyncClient, progress: Progress) -> None:
        assert self._state is not None
        try:
            self._state.write(Memory(client.token if self._token is None else None, progress.cursor))
        except OSError:
            log.exception("the bot's place can't be stored")

    # ---- handling ----------------------------------------------------------------------------------------------------------------------

    def _handling_of(self, event: Event, client: AsyncClient) -> Any:
        """What is to run for it; None = nothing."""
        calls: list[Callable[[], Any]] = [lambda each=each: self._call(each, None, event) for each in self.handlers_of(event)]  # type: ignore[misc]
        message = event.message
        if event.type == "message.created" and message is not None and not message.deleted and message.sender != client.user:
            incoming = Incoming(message, client)
            if (command := self._command_of(incoming)) is not None:
                calls.append(lambda: self._through(incoming, lambda: self._obey(command[0], command[1], incoming)))
            elif (handler := self.handler_of(incoming)) is not None:
                calls.append(lambda: self._through(incoming, lambda: self._call(handler, incoming, incoming)))
        return self._all(calls, event) if calls else None

    async def _all(self, calls: list[Callable[[], Any]], event: Event) -> None:
        for call in calls:
            try:
                await call()
            except Exception:
                log.exception("a handler failed at event %d (%s in %s)", event.cursor, event.type, event.conversation_id)

    async def _through(self, incoming: Incoming, handle: Callable[[], Awaitable[None]]) -> None:
        """Past every middleware."""
        call = handle
        for middleware in reversed(self.middlewares):
            call = partial(middleware, incoming, call)
        await call()

    def _command_of(self, incoming: Incoming) -> tuple[Command | None, str] | None:
        """The command and what follows its name; (None, …) asks for help, None is no command of this bot."""
        if not incoming.text.startswith(self.prefix):
            return None
        name, *rest = incoming.text[len(self.prefix) :].split(maxsplit=1) or [""]
        command = self.commands.get(name.lower())
        if command is None and name.lower() != "help":
            return None
        return command, rest[0] if rest else ""

    async def _obey(self, command: Command | None, line: str, incoming: Incoming) -> None:
        if command is None:
            await incoming.reply(self.help(line.strip()))
            return
        try:
            positional, named = await arguments_for(command.parameters, line, self.client.find)
        except (BadArguments, NotFound) as error:
            await incoming.reply(f"{error}\nusage: {command.usage(self.prefix)}")
            return
        await self._call(command.function, incoming, incoming, *positional, **named)

    async def _call(self, handler: Callable[..., Any], answered: Incoming | None, *arguments: Any, **named: Any) -> None:
        if inspect.iscoroutinefunction(handler):
            result = await handler(*arguments, **named)
        else:
            result = await asyncio.to_thread(handler, *arguments, **named)
        if isinstance(result, str) and answered is not None:
            await answered.reply(result)

    def help(self, name: str = "") -> str:
        """What `/help` answers: every command with the first line of its description, or one with all of it."""
        command = self.commands.get(name.removeprefix(self.prefix).lower())
        if command is not None:
            return f"{command.usage(self.prefix)}\n{command.help}".strip()
        lines = [f"{each.usage(self.prefix)}  {each.help.partition(chr(10))[0]}".strip() for each in self.commands.values()]
        return "\n".join(lines) or "I have no commands."
