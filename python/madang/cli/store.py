"""What the commands that need the core share: which configuration is meant, and how rows are printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from madang.core import _core, translated
from madang.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

DEFAULT_FILE = "madang.toml"


def configuration_of(arguments: argparse.Namespace) -> tuple[str | None, dict[str, str]]:
    """The file that is meant, and what the flags say over it.

    Raises:
        madang.ConfigError: the file that was named isn't there.
    """
    path = arguments.config
    if path is not None and not Path(path).exists():
        raise ConfigError([f"{path}: there is no such file (`madang init` writes one)"])
    if path is None and Path(DEFAULT_FILE).exists():
        path = DEFAULT_FILE
    flags = {"server.data": arguments.data}
    for name in ("host", "port", "engines", "clock"):
        flags[f"server.{name}"] = getattr(arguments, name, None)
    return path, {key: str(value) for key, value in flags.items() if value is not None}


def administer(arguments: argparse.Namespace, command: str, *values: str) -> list[list[str]]:
    """Asks the server that runs on the data folder; where none runs, the store is opened for the length of the call."""
    config, overrides = configuration_of(arguments)
    with translated():
        return _core.administer(config, overrides, command, list(values))


def print_json(**members: object) -> None:
    """One object, one line, at once: somebody may wait for it at the other end of a pipe."""
    print(json.dumps(members, ensure_ascii=False), flush=True)


def print_rows(rows: Sequence[Sequence[str]], columns: Sequence[str], *, as_json: bool, numbers: Collection[str] = ()) -> None:
    """Args: numbers: the columns that count something; ids are none, JavaScript would lose digits of them."""
    if as_json:
        for row in rows:
            print_json(**{name: int(cell) if name in numbers else cell for name, cell in zip(columns, row, strict=True)})
        return
    table = [columns, *rows] if sys.stdout.isatty() else rows
    widths = [max((len(row[column]) for row in table), default=0) for column in range(len(columns))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
