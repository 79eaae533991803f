"""The `madang` command. Exit codes: 0 done, 1 it failed, 2 wrong usage."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from madang.cli.parser import build_parser
from madang.errors import ConfigError, Error

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILED = 0, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and answers the process's exit code.

    A command is a function of a module of its own, imported when it is asked for: `madang --help` loads neither the core nor a network
    library.
    """
    arguments = build_parser().parse_args(argv)
    module, function = arguments.run.split(":")
    try:
        return int(getattr(importlib.import_module(f"madang.cli.{module}"), function)(arguments) or OK)
    except ConfigError as error:
        print("\n".join(error.errors), file=sys.stderr)
    except (Error, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has what it wanted; don't complain at exit
        else:
            print(f"madang: {error}", file=sys.stderr)
    except ImportError as error:
        if "_core" not in str(error):
            raise
        print(f"madang: the server part isn't here, or can't be loaded: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return FAILED
