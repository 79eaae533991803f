"""examples/webhook_receiver.py as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import madang

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "webhook_receiver.py"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Receiver:
    """`url`: where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self.line().removeprefix("ready ")

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")


@contextmanager
def receiver(folder: Path) -> Iterator[Receiver]:
    (folder / "secret").write_text(SECRET + "\n")
    command = [sys.executable, str(EXAMPLE), "--port", "0", "--secret-file", str(folder / "secret")]
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Receiver(process)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
