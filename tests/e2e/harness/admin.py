"""The administration socket of a server's data folder: lines of fields parted by tabs. Thread: any."""

from __future__ import annotations

import os
import socket
from pathlib import Path

ANSWER_WITHIN_S = 20.0


class Refused(Exception):
    """The command was refused."""


def ask(data: Path, command: str, *arguments: str) -> list[list[str]]:
    """The rows of the answer; the fields must be plain."""
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)  # a path may be longer than a socket's may
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(ANSWER_WITHIN_S)
            door.connect(f"/proc/self/fd/{folder}/admin.sock")
            door.sendall(("\t".join((command, *arguments)) + "\n").encode())
            answer = b"".join(iter(lambda: door.recv(1 << 16), b"")).decode()
    finally:
        os.close(folder)
    *rows, last = [line.split("\t") for line in answer.splitlines()]
    if last[0] != "ok":
        raise Refused(" ".join(last[1:]))
    return [row[1:] for row in rows]
