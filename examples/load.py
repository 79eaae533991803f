"""A load script: users talk in pairs, as fast as answers come, and everything that was sent has to arrive. Ends with 1 when it doesn't.

python examples/load.py http://127.0.0.1:8080 --pairs 10 --messages 100

It makes accounts on the server: one for tests. `tests/bench` measures the server; this measures what a client in Python has of it.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import sys
import time
from dataclasses import dataclass, field

import madang

PASSWORD = secrets.token_urlsafe(12)
WITHIN_S = 30.0


@dataclass
class Figures:
    """In milliseconds, one for each message."""

    answered: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)


async def main(url: str, pairs: int, messages: int) -> int:
    figures = Figures()
    run = secrets.token_hex(3)
    began = time.perf_counter()
    users = await sign_up(url, [f"load-{run}-{n}" for n in range(2 * pairs)])
    print(f"{len(users)} users in {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    try:
        await asyncio.gather(*(talk(one, other, messages, figures) for one, other in zip(users[::2], users[1::2], strict=True)))
    finally:
        await asyncio.gather(*(each.close() for each in users))
    seconds = time.perf_counter() - began
    print(f"{len(figures.answered)} messages in {seconds:.1f} s, {len(figures.answered) / seconds:.0f} a second")
    for name, values in (("answered", figures.answered), ("arrived", figures.arrived)):
        print(f"{name:>9}: p50 {percentile(values, 50):.1f} ms, p99 {percentile(values, 99):.1f} ms")
    missing = pairs * messages - len(figures.arrived)
    if missing:
        print(f"{missing} messages never arrived", file=sys.stderr)
    return 1 if missing else 0


async def sign_up(url: str, names: list[str]) -> list[madang.AsyncClient]:
    """A few at a time: a server hashes only so many passwords at once."""
    room = asyncio.Semaphore(4)

    async def one(name: str) -> madang.AsyncClient:
        async with room:
            return await madang.AsyncClient.sign_up(url, name, PASSWORD, device="load", cursor=0)

    return await asyncio.gather(*(one(name) for name in names))


async def talk(sender: madang.AsyncClient, listener: madang.AsyncClient, messages: int, figures: Figures) -> None:
    listening = asyncio.ensure_future(listen(listener, messages, figures))
    direct = await sender.direct(listener.user)
    for _ in range(messages):
        began = time.perf_counter()
        await sender.send(direct, str(began))
        figures.answered.append((time.perf_counter() - began) * 1_000)
    await listening


async def listen(listener: madang.AsyncClient, messages: int, figures: Figures) -> None:
    async for event in listener.events(timeout=WITHIN_S):
        figures.arrived.append((time.perf_counter() - float(event.message.text)) * 1_000)
        messages -= 1
        if not messages:
            return


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--pairs", type=int, choices=range(1, 201), default=10, metavar="1-200")
    parser.add_argument("--messages", type=int, choices=range(1, 10_001), default=100, metavar="1-10000", help="of each pair")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.url, options.pairs, options.messages)))
