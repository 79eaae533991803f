"""The one door to the compiled module: loads it where it may be loaded, and turns its exceptions into those of `madang.errors`."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from madang.errors import ConfigError, NotRunning, StartError, error_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def in_main_interpreter() -> bool:
    """Whether this is the process's first interpreter; True where the interpreter can't tell."""
    for name in ("_interpreters", "_xxsubinterpreters"):  # 3.13 and later, 3.11 to 3.12
        try:
            interpreters: ModuleType = importlib.import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


if not in_main_interpreter():
    # Its threads and the store's static state belong to the process; a second interpreter would hang while importing it.
    raise ImportError("madang's server runs in the main interpreter only; start it there, or in a process of its own")

from madang import _core  # noqa: E402

__all__ = ["_core", "in_main_interpreter", "translated"]


@contextmanager
def translated() -> Iterator[None]:
    """Raises what the compiled module raises as an exception of `madang.errors`."""
    try:
        yield
    except _core.ConfigError as error:
        raise ConfigError([str(line) for line in error.args]) from None
    except _core.StartError as error:
        raise StartError(str(error)) from None
    except _core.NotRunning as error:
        raise NotRunning(str(error)) from None
    except _core.AdminError as error:
        code, message = error.args
        raise error_for(code, message) from None
