"""Texts that fit into a provider's limit: cut where a reader sees a character end, with an ellipsis."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ELLIPSIS = "…"
JOINED_MAX = 32  # code points that are looked back over for the end of a character; what is joined for longer is cut anywhere
ZERO_WIDTH_JOINER = "\u200d"


def cut(text: str, fits: Callable[[str], bool]) -> str:
    """The text, or its longest beginning that fits together with an ellipsis; empty where nothing does.

    `fits` must not refuse a text when it takes a longer one with the same beginning. It is asked about log2(len(text)) times.
    """
    if fits(text):
        return text
    low, high = -1, len(text) - 1  # text[:low] is known to fit, text[:high + 1] is not
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle] + ELLIPSIS):
            low = middle
        else:
            high = middle - 1
    return "" if low < 0 else text[: boundary(text, low)] + ELLIPSIS


def cut_to(text: str, characters: int) -> str:
    """At most so many code points, the ellipsis included."""
    return cut(text, lambda part: len(part) <= characters)


def boundary(text: str, at: int) -> int:
    """The last place at or before `at` where a character ends: no accent, no part of an emoji or of a syllable block is cut off."""
    place = at
    while place > max(0, at - JOINED_MAX) and is_joined(text, place):
        place -= 1
    return at if is_joined(text, place) else place


def is_joined(text: str, place: int) -> bool:
    """Whether what stands before and after a place is one character for who reads it. Errs on the side of yes."""
    if place <= 0 or place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    return (
        unicodedata.category(after) in ("Mn", "Mc", "Me")
        or ZERO_WIDTH_JOINER in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= after <= "\U000e007f"  # flags of regions
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")  # flags of countries
        or ("\u1160" <= after <= "\u11ff" and ("\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"))  # Hangul by letters
        or before + after == "\r\n"
    )
