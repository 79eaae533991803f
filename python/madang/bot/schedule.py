"""What a bot does by the clock: `@bot.every("5m")`. Owner: the bot's loop."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
PERIOD_S_MIN = 0.01

log = logging.getLogger("madang.bot")


@dataclass(frozen=True, slots=True)
class Job:
    """Attributes:
    period: seconds from one beginning to the next.
    function: the handler; it is given the bot's client.
    """

    period: float
    function: Callable[..., Any]


def seconds_of(period: str | float) -> float:
    """Of "250ms", "30s", "5m", "2h", "1d", or a number of seconds.

    Raises:
        ValueError: it is none, or shorter than PERIOD_S_MIN.
    """
    if isinstance(period, str):
        parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", period.strip())
        if parts is None:
            raise ValueError(f"{period!r} is no duration like 30s, 5m or 2h")
        period = float(parts[1]) * UNITS_S[parts[2]]
    if period < PERIOD_S_MIN:
        raise ValueError(f"a period has at least {PERIOD_S_MIN} s, not {period}")
    return period


async def run_jobs(jobs: Iterable[Job], call: Callable[[Callable[..., Any]], Awaitable[object]]) -> None:
    """Runs them side by side until it is cancelled. One that raises is logged, and runs again at its next time."""
    await asyncio.gather(*(run_job(each, call) for each in jobs))


async def run_job(job: Job, call: Callable[[Callable[..., Any]], Awaitable[object]]) -> None:
    """At each multiple of its period from now; a time that passes while it still runs is left out."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        turns = (loop.time() - began) // job.period + 1
        await asyncio.sleep(began + turns * job.period - loop.time())
        try:
            await call(job.function)
        except Exception:
            log.exception("a scheduled handler failed: %s", getattr(job.function, "__qualname__", job.function))
