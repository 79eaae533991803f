"""A moderator with a list of words: mild ones are starred out, bad ones are refused.

    [[plugins]]
    use = "word_list:WordList"
    settings = { star = ["darn"], refuse = ["idiot"] }
    hooks.check = { timeout = "100ms", on_error = "allow" }

To try out a new list on real traffic, set `mode = "observe"` and look at `madang_hook_would_deny_total` in /metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import madang
from madang import Message, Verdict

NEVER = re.compile(r"(?!)")


def pattern(words: Iterable[object]) -> re.Pattern[str]:
    """Whole words in any case; the longest first."""
    listed = sorted((re.escape(str(word)) for word in words), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(listed)})(?!\w)", re.IGNORECASE) if listed else NEVER


class WordList(madang.Plugin):
    """Edits are looked at, too: a message can't be changed into what would have been refused."""

    def setup(self) -> None:
        unknown = set(self.settings) - {"star", "refuse"}
        if unknown:
            raise ValueError(f"settings: unknown {', '.join(sorted(unknown))} (star, refuse)")
        self.star = pattern(self.settings.get("star", ()))
        self.refuse = pattern(self.settings.get("refuse", ()))

    async def check_batch(self, messages: list[Message]) -> list[Verdict]:
        return [self.verdict(message.text) for message in messages]

    def verdict(self, text: str) -> Verdict:
        if found := self.refuse.search(text):
            return Verdict.deny(f"please write it without “{found[0]}”")
        starred = self.star.sub(lambda match: "*" * len(match[0]), text)
        return Verdict.allow() if starred == text else Verdict.modify(starred)
