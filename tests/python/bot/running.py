"""A bot that runs beside a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from madang.bot import Bot

WITHIN_S = 20


@contextmanager
def running(bot: Bot) -> Iterator[Bot]:
    """On a thread of its own."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            bot.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield bot
    finally:
        bot.stop()
        thread.join(WITHIN_S)
        assert not thread.is_alive()
    assert errors == []
