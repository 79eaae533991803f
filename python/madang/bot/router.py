"""Which handler is for what. Handlers are registered before the bot runs; no I/O here."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from madang.bot.arguments import Parameter, parameters_of
from madang.bot.schedule import Job, seconds_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from madang.bot.incoming import Incoming
    from madang.client import Event

    Middleware = Callable[[Incoming, Callable[[], Awaitable[None]]], Awaitable[None]]
    Filter = Callable[[Incoming], object] | re.Pattern[str] | str | None

F = TypeVar("F", bound="Callable[..., Any]")
M = TypeVar("M", bound="Middleware")


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed as `/name`.

    Attributes:
        name: without the prefix.
        function: the handler.
        parameters: what follows the name.
        help: its description; the first line stands in the list of commands.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    help: str

    def usage(self, prefix: str) -> str:
        """`/roll [sides: int]`."""
        return " ".join([prefix + self.name, *(each.usage for each in self.parameters)])


class Router:
    """A set of handlers: a bot, or a part of one that a bot includes.

    A handler is an `async def`, which runs on the bot's loop, or a `def`, which runs on a thread. A text that it returns is sent as a
    reply. For each message, the first handler that fits is called: commands first, then `on_message` in order of registration.
    """

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self._messages: list[tuple[Callable[[Incoming], object], Callable[..., Any]]] = []
        self._events: list[tuple[tuple[str, ...], Callable[..., Any]]] = []
        self.jobs: list[Job] = []
        self.middlewares: list[Middleware] = []

    def command(self, name: str | None = None, *, help: str | None = None) -> Callable[[F], F]:  # noqa: A002
        """Registers a command: `@bot.command("roll")`.

        Args:
            name: what is typed after the prefix; None = the function's name.
            help: None = the function's docstring.

        Raises:
            TypeError: a parameter has a type that can't be typed (see `madang.bot.arguments`).
            ValueError: there is such a command already, or no user could type its name.
        """

        def register(function: F) -> F:
            called = (name or function.__name__).lower()
            if not called or any(char.isspace() for char in called):
                raise ValueError(f"{called!r} can't be the name of a command")
            if called in self.commands:
                raise ValueError(f"there are two commands {called!r}")
            about = help if help is not None else inspect.getdoc(function) or ""
            self.commands[called] = Command(called, function, parameters_of(function), about)
            return function

        return register

    def on_message(self, wanted: Filter = None) -> Callable[[F], F]:
        """Registers a handler of messages that are no commands.

        Args:
            wanted: a pattern that is searched for in the text, or a function that is given the message; None = every message.
        """

        def register(function: F) -> F:
            self._messages.append((predicate_of(wanted), function))
            return function

        return register

    def on_event(self, *types: str) -> Callable[[F], F]:
        """Registers a handler of events by type, such as "member.joined" or "member.*". All that fit are called, with the `Event`."""

        def register(function: F) -> F:
            self._events.append((types, function))
            return function

        return register

    def every(self, period: str | float) -> Callable[[F], F]:
        """Registers what is done again and again while the bot is connected: `@bot.every("5m")`; it is given the bot's client.

        The first time is one period after the bot is ready. A time that passes while the last run still goes on, or while the bot is
        away, is left out. One that raises is logged and runs again at its next time.

        Args:
            period: "250ms", "30s", "5m", "2h", "1d", or seconds.

        Raises:
            ValueError: it is no duration, or too short.
        """
        seconds = seconds_of(period)

        def register(function: F) -> F:
            self.jobs.append(Job(seconds, function))
            return function

        return register

    def middleware(self, function: M) -> M:
        """Registers what stands around every command and every `on_message` handler, the first one outermost.

            @bot.middleware
            async def only_in_the_day(msg, call_next):
                if 8 <= datetime.now().hour < 20:
                    await call_next()

        A message for which it doesn't call `call_next` counts as handled.

        Raises:
            TypeError: it is no `async def`.
        """
        is_async = inspect.iscoroutinefunction(function)
        if not is_async:
            raise TypeError(f"{function!r} has to be an async def")
        self.middlewares.append(function)
        return function

    def include(self, router: Router) -> None:
        """Adds what another router has behind one's own; its middlewares stand around all handlers then.

        Raises:
            ValueError: both have a command of one name.
        """
        twice = self.commands.keys() & router.commands.keys()
        if twice:
            raise ValueError(f"there are two commands {', '.join(sorted(twice))}")
        self.commands |= router.commands
        self._messages += router._messages
        self._events += router._events
        self.jobs += router.jobs
        self.middlewares += router.middlewares

    def handler_of(self, message: Incoming) -> Callable[..., Any] | None:
        """The first `on_message` handler that fits."""
        return next((function for fits, function in self._messages if fits(message)), None)

    def handlers_of(self, event: Event) -> list[Callable[..., Any]]:
        """The `on_event` handlers that fit."""
        return [function for types, function in self._events if any(fnmatchcase(event.type, each) for each in types)]


def predicate_of(wanted: Filter) -> Callable[[Incoming], object]:
    if wanted is None:
        return lambda _: True
    if isinstance(wanted, str | re.Pattern):
        pattern = re.compile(wanted)
        return lambda message: pattern.search(message.text)
    return wanted
