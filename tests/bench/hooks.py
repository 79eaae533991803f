"""How many messages a second go through the mailbox and a trivial `check_batch`, and what each costs: `python tests/bench/hooks.py`.

A thread posts batches as the turn of a loop does; what is measured is everything on Python's side of the mailbox, and the way back.
The plugins' loop is one thread, so the rate is that of one core."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from typing import Any

import madang

MESSAGES = 300_000
TURN = 64
TEXT = "a message of about a hundred characters, which is what people write to each other on a usual day, more or less"


class Trivial(madang.Plugin):
    """Allows everything, and knows what its thread has used."""

    def __init__(self) -> None:
        self.seen = 0
        self.cpu = 0.0
        self.done = threading.Event()

    async def check_batch(self, messages: list[madang.Message]) -> list[madang.Verdict]:
        allow = madang.Verdict.allow()
        self.seen += len(messages)
        if self.seen >= MESSAGES:
            self.cpu = time.thread_time()
            self.done.set()
        return [allow for _ in messages]


def measure() -> dict[str, Any]:
    plugin = Trivial()
    with (
        tempfile.TemporaryDirectory() as data,
        madang.Server(data=data, plugins=[plugin], overrides={"server.log_level": "error"}) as server,
    ):
        core = server._core
        assert core is not None
        assert core.plugins is not None
        began, posted = time.perf_counter(), 0
        while posted < MESSAGES:
            taken = core.plugins.flood(min(TURN, MESSAGES - posted), TEXT)
            posted += taken
            if not taken:
                time.sleep(0.0005)  # the mailbox is full: the consumer is what is measured
        assert plugin.done.wait(60)
        seconds = time.perf_counter() - began
    return {
        "messages_per_s": round(MESSAGES / seconds),
        "us_per_message": round(seconds / MESSAGES * 1e6, 2),
        "cpu_us_per_message": round(plugin.cpu / MESSAGES * 1e6, 2),
    }


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
    print()
