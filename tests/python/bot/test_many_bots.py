"""A thousand bots in one process: each has one connection, and all answer. What they cost is told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from running import WITHIN_S

from madang.bot import Bot
from madang.bot.state import Memory, StateFile
from madang.client import User
from madang.testing import ChatServer

MakeServer = Callable[..., ChatServer]
BOTS = 1_000
ROOMS = 10
BYTES_A_BOT_MAX = 400_000
DESCRIPTORS_MAX = BOTS + 200


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_bots_live_in_one_process(
    chat_server_factory: MakeServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    server = chat_server_factory()
    people = server.admin("seed", str(BOTS), str(BOTS // ROOMS))
    alice = server.user("alice")
    bots = []
    for _, name, token, _, _ in people:
        StateFile(tmp_path / name).write(Memory(None, 0))
        bots.append(Bot(server.url, token=token, state=tmp_path / name))
        bots[-1].command("here")(lambda msg, name=name: name)

    async def main() -> None:
        before, began = resident_bytes(), time.monotonic()
        serving = asyncio.gather(*(bot.serve() for bot in bots))
        while not all(bot.ready.is_set() for bot in bots):
            assert not serving.done(), serving.result()
            await asyncio.sleep(0.05)
        record_property("a thousand bots: seconds until all are ready", round(time.monotonic() - began, 1))
        record_property("a thousand bots: KB of memory each", round((resident_bytes() - before) / BOTS / 1_000))
        assert resident_bytes() - before < BOTS * BYTES_A_BOT_MAX
        assert descriptors() < DESCRIPTORS_MAX
        began = time.monotonic()
        await asyncio.to_thread(ask_all)
        record_property("a thousand bots: seconds until all have answered a command", round(time.monotonic() - began, 1))
        for bot in bots:
            bot.stop()
        await serving

    def ask_all() -> None:
        """Each in a conversation with it alone."""
        wanted = {user_id for _, user_id, *_ in people}
        for user_id in wanted:
            alice.send(User(user_id), "/here")
        deadline = time.monotonic() + 6 * WITHIN_S
        while wanted:
            event = alice.next_event("message.created", timeout=max(0.0, deadline - time.monotonic()))
            assert event is not None, f"{len(wanted)} bots didn't answer"
            assert event.message is not None
            if event.message.sender != alice.user:
                wanted.remove(event.message.sender.id)  # a second answer fails here

    asyncio.run(main())
