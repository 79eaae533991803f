"""A moderator that asks a language model: slow, and not always sure. What it can't decide in time, or at all, waits for a person.

    [[plugins]]
    use = "slow_moderator:SlowModerator"
    settings = { hold_from = 0.3, refuse_from = 0.9, patience = 2.0, at_once = 8 }

The hook's own deadline is longer than the moderator's patience, and its rule is to hold, so that a model that fails lets nothing through
and loses nothing. An operator looks at what waits:

    madang held list
    madang held release HELD_ID
    madang held refuse HELD_ID

A message of somebody who waits for a verdict delays nobody else's, and what is held delays nothing.
"""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

import madang
from madang import Message, Verdict

DEFAULTS = {"hold_from": 0.3, "refuse_from": 0.9, "patience": 2.0, "at_once": 8}


class Model:
    """Stands in for the real one: replace `judge` by a request to it.

    This one knows a few words, is as sure of each as the number says, and thinks for a millisecond a word.
    """

    words: ClassVar[dict[str, float]] = {"idiot": 1.0, "casino": 0.95, "hate": 0.6, "free": 0.4, "win": 0.35}

    async def judge(self, text: str) -> float:
        """How likely it is that nobody wants to read this, from 0 to 1."""
        words = re.findall(r"\w+", text.lower())
        await asyncio.sleep(len(words) / 1000)
        return max((self.words.get(word, 0.0) for word in words), default=0.0)


class SlowModerator(madang.Plugin):
    """Allows, refuses, or holds what it isn't sure of."""

    hooks: ClassVar = {"check": {"timeout": 10.0, "on_error": "hold"}}
    model = Model()

    def setup(self) -> None:
        if unknown := set(self.settings) - set(DEFAULTS):
            raise ValueError(f"settings: unknown {', '.join(sorted(unknown))} ({', '.join(DEFAULTS)})")
        settings = {**DEFAULTS, **self.settings}
        self.hold_from, self.refuse_from = float(settings["hold_from"]), float(settings["refuse_from"])
        self.patience = float(settings["patience"])
        self.turns = asyncio.Semaphore(int(settings["at_once"]))  # what the model takes at a time

    async def check(self, message: Message) -> Verdict:
        try:
            async with asyncio.timeout(self.patience), self.turns:
                bad = await self.model.judge(message.text)
        except TimeoutError:
            return self.unsure(message, "nobody has had the time to look at it yet")
        if bad >= self.refuse_from:
            return Verdict.deny("this is not welcome here")
        if bad >= self.hold_from:
            return self.unsure(message, "somebody will look at it first")
        return Verdict.allow()

    def unsure(self, message: Message, why: str) -> Verdict:
        """What is stored already can't be kept back: an edit is refused."""
        self.log.info("message %s of %s: %s", message.client_id, message.sender.id, why)
        return Verdict.deny(why) if message.edit else Verdict.hold(why)
