"""What a trivial `check_batch` costs, and what it adds to a send: `python tests/bench/hooks.py`.

*Flood*: a thread posts batches as the turn of a loop does; what is measured is everything on Python's side of the mailbox, and the way
back, with the plugin in the server's process and in one of its own. The plugins' loop is one thread: without a process it is one core.
*Added*: messages at a fixed rate to a server of its own process, without a plugin and with either kind."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import madang
from madang.core import _core

HERE = Path(__file__).resolve().parent
MESSAGES = 300_000
TURN = 64
TEXT = "a message of about a hundred characters, which is what people write to each other on a usual day, more or less"
RATE, SECONDS, DEVICES = 2_000, 5.0, 200
WITHIN_S = 120
PLUGIN = f'[[plugins]]\nuse = "{HERE / "hooks.py"}:Trivial"\nisolation = "{{isolation}}"\nhooks.check.timeout = "{{timeout}}"\n'
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Trivial(madang.Plugin):
    """Allows everything."""

    async def check_batch(self, messages: list[madang.Message]) -> list[madang.Verdict]:
        allow = madang.Verdict.allow()
        return [allow for _ in messages]


def flood(isolation: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "madang.toml"
        config.write_text(PLUGIN.format(isolation=isolation, timeout="60s"), encoding="utf-8")
        with madang.Server(data=Path(folder) / "data", config=config, port=0, overrides={"server.log_level": "error"}) as server:
            core = server._core
            assert core is not None
            assert core.plugins is not None
            thread = next(each for each in threading.enumerate() if each.name == "madang-plugins")
            mine = f"/proc/self/task/{thread.native_id}/stat"
            while isolation == "process" and not listed(server.data, "pid"):
                time.sleep(0.01)
            pid = listed(server.data, "pid")
            cpu_before = cpu_s(mine) + (cpu_s(f"/proc/{pid}/stat") if pid else 0)
            began, posted = time.perf_counter(), 0
            while posted < MESSAGES:
                taken = core.plugins.flood(min(TURN, MESSAGES - posted), TEXT)
                posted += taken
                if not taken:
                    time.sleep(0.0005)  # the mailbox is full: the consumer is what is measured
            while listed(server.data, "calls") < MESSAGES:
                assert time.perf_counter() - began < WITHIN_S
                time.sleep(0.01)
            seconds = time.perf_counter() - began
            here, there = cpu_s(mine), cpu_s(f"/proc/{pid}/stat") if pid else 0.0
            return {
                "messages_per_s": round(MESSAGES / seconds),
                "us_per_message": round(seconds / MESSAGES * 1e6, 2),
                "cpu_us_per_message": round((here + there - cpu_before) / MESSAGES * 1e6, 2),
                "cpu_us_of_the_server": round(here / MESSAGES * 1e6, 2),
            }


def added(isolation: str | None) -> dict[str, float]:
    """Latencies of a send, from when it was due."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
    from harness.server import Server
    from load import Load
    from seeded import seed

    with tempfile.TemporaryDirectory() as folder:
        accounts = seed(Path(folder), DEVICES, 0)
        config = "" if isolation is None else PLUGIN.format(isolation=isolation, timeout="5s")
        server = Server(Path(folder), config=config)
        server.start()
        try:
            load = Load(server.host, server.port, accounts)
            load.pairs_at(DEVICES, 1.0)  # everything is in memory
            load.figures.latencies_s.clear()
            load.pairs_at(RATE, SECONDS)
            load.close()
            return {"p50_ms": round(load.figures.percentile_ms(50), 3), "p99_ms": round(load.figures.percentile_ms(99), 3)}
        finally:
            server.kill9()


def listed(data: Path, column: str) -> int:
    """Of the one plugin that is loaded."""
    row = _core.admin(str(data), "plugin-list")[0]
    return int(row[{"pid": 3, "calls": 7}[column]] or 0)


def cpu_s(stat: str) -> float:
    fields = Path(stat).read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / TICKS_PER_S


def main() -> None:
    figures: dict[str, Any] = {f"flood, {isolation}": flood(isolation) for isolation in ("none", "process")}
    figures["no plugin"] = added(None)
    figures |= {f"added, {isolation}": added(isolation) for isolation in ("none", "process")}
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
