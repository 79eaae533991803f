"""The administration socket of a running server, in pure Python: makes accounts and tokens without the cost of a password."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from madang.errors import NotRunning, error_for

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 10.0

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n"}
UNESCAPES = {"t": "\t", "n": "\n"}


def ask(data: Path, command: str, *arguments: str) -> list[list[str]]:
    """The rows that the server of this data folder answers.

    Raises:
        NotRunning: nobody serves the folder.
        madang.Error: the command was refused.
    """
    rows: list[list[str]] = []
    for line in exchange(data, line_of(command, *arguments)).splitlines():
        kind, *fields = fields_of(line)
        if kind == "ok":
            return rows
        if kind == "error":
            raise error_for(*fields)
        rows.append(fields)
    raise NotRunning(f"the server of {data} ended in the middle of an answer")


def exchange(data: Path, line: str) -> str:
    with contextlib.ExitStack() as stack:
        try:
            # The folder's path may be longer than a socket's may: reach it through a descriptor.
            folder = os.open(data, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)
            door = stack.enter_context(socket.socket(socket.AF_UNIX))
            door.settimeout(PATIENCE_S)
            door.connect(f"/proc/self/fd/{folder}/admin.sock")
            door.sendall(line.encode())
            return b"".join(iter(lambda: door.recv(1 << 16), b"")).decode()
        except OSError as error:
            raise NotRunning(f"nobody serves {data}: {error}") from None


def line_of(*fields: str) -> str:
    return "\t".join("".join(ESCAPES.get(char, char) for char in field) for field in fields) + "\n"


def fields_of(line: str) -> list[str]:
    fields = [""]
    chars = iter(line)
    for char in chars:
        if char == "\t":
            fields.append("")
        elif char == "\\":
            escaped = next(chars, "")
            fields[-1] += UNESCAPES.get(escaped, escaped)
        else:
            fields[-1] += char
    return fields
