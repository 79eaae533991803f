"""A command's arguments, as its function's signature says them.

    def roll(msg, sides: int = 6)                   /roll, /roll 20
    def remind(msg, minutes: float, *, what: str)   /remind 5 the tea is ready
    def invite(msg, *who: User)                     /invite @alice @bob

Understood are str, int, float, bool, `User` (written @username), a `Literal` of strings, and each of them `| None`. A parameter after `*`
takes all the rest as it was typed. Quotes hold words together.
"""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union

from madang.client.objects import User

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")
QUOTES = {'"': '"', "'": "'", "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}"}


class BadArguments(ValueError):
    """What was typed doesn't fit; the message is for whoever typed it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument.

    Attributes:
        name: of the parameter.
        kind: str, int, float, bool, `User`, or a tuple of the words that are allowed.
        default: `inspect.Parameter.empty` when it has to be given.
        takes: one word, "all" words that are left, or the "rest" of the line.
    """

    name: str
    kind: Any
    default: Any
    takes: Literal["one", "all", "rest"]

    @property
    def usage(self) -> str:
        """`<sides: int>`, or with brackets when it may be left out."""
        kind = (
            "|".join(self.kind)
            if isinstance(self.kind, tuple)
            else {str: "", User: "@user"}.get(self.kind, getattr(self.kind, "__name__", ""))
        )
        text = self.name + (f": {kind}" if kind else "") + ("…" if self.takes == "all" else "")
        return f"<{text}>" if self.is_required else f"[{text}]"

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty and self.takes != "all"


def parameters_of(function: Callable[..., object]) -> tuple[Parameter, ...]:
    """All but the first, which is the message.

    Raises:
        TypeError: the function takes no message, or a parameter has a type that can't be typed by a user.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        raise TypeError(f"{function.__qualname__} must take the message as its first parameter")
    rest = parameters[1:]
    # Not of the message: its type may be imported for type checkers only.
    annotated = types.SimpleNamespace(__annotations__={each.name: each.annotation for each in rest if each.annotation is not each.empty})
    hints = typing.get_type_hints(annotated, inspect.unwrap(function).__globals__)
    return tuple(parameter_of(function, each, hints.get(each.name, str)) for each in rest)


def parameter_of(function: Callable[..., object], parameter: inspect.Parameter, hint: Any) -> Parameter:
    if typing.get_origin(hint) in (Union, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not types.NoneType)
    kind = typing.get_args(hint) if typing.get_origin(hint) is Literal else hint
    if parameter.kind is parameter.VAR_KEYWORD or not (isinstance(kind, tuple) or kind in (str, int, float, bool, User)):
        raise TypeError(f"{function.__qualname__}: nobody can type a {hint!r} for {parameter.name!r}")
    takes: Literal["one", "all", "rest"] = "one"
    if parameter.kind is parameter.VAR_POSITIONAL:
        takes = "all"
    elif parameter.kind is parameter.KEYWORD_ONLY:
        takes = "rest"
        if kind is not str:
            raise TypeError(f"{function.__qualname__}: {parameter.name!r} takes the rest of the line and must be a str")
    return Parameter(parameter.name, kind, parameter.default, takes)


async def arguments_for(
    parameters: tuple[Parameter, ...], line: str, find: Callable[[str], Awaitable[User]]
) -> tuple[list[Any], dict[str, Any]]:
    """What to call the function with, besides the message.

    Args:
        parameters: of the function.
        line: what was typed after the command's name.
        find: a user by "@username"; raises when there is none.

    Raises:
        BadArguments: it doesn't fit.
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    line = line.strip()
    for parameter in parameters:
        if parameter.takes == "rest":
            named[parameter.name], line = (line or default_of(parameter)), ""
        elif parameter.takes == "all":
            while line:
                word, line = next_word(line)
                positional.append(await value_of(parameter, word, find))
        elif line:
            word, line = next_word(line)
            positional.append(await value_of(parameter, word, find))
        else:
            positional.append(default_of(parameter))
    if line:
        raise BadArguments(f"{line!r} is too much")
    return positional, named


def next_word(line: str) -> tuple[str, str]:
    """The first word, in quotes or not, and what is left."""
    if line[0] not in QUOTES:
        word, *rest = line.split(maxsplit=1)
        return word, rest[0] if rest else ""
    word, quote, rest_of_line = line[1:].partition(QUOTES[line[0]])
    if not quote:
        raise BadArguments("a quote is never closed")
    return word, rest_of_line.strip()


def default_of(parameter: Parameter) -> Any:
    if parameter.is_required:
        raise BadArguments(f"{parameter.name} is missing")
    return parameter.default


async def value_of(parameter: Parameter, word: str, find: Callable[[str], Awaitable[User]]) -> Any:
    kind = parameter.kind
    if isinstance(kind, tuple):
        if word in kind:
            return word
        raise BadArguments(f"{parameter.name} is one of {', '.join(kind)}, not {word!r}")
    if kind is User:
        return await find(word if word.startswith("@") else f"@{word}")
    if kind is bool:
        if word.lower() in YES + NO:
            return word.lower() in YES
        raise BadArguments(f"{parameter.name} is yes or no, not {word!r}")
    try:
        return kind(word)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise BadArguments(f"{parameter.name} is {what}, not {word!r}") from None
