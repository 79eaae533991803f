"""Cutting texts to a provider's limit."""

from __future__ import annotations

import json

import pytest
from driver import notification
from hypothesis import given
from hypothesis import strategies as st

from madang.push.payload import content, encoded, fitted
from madang.push.text import ELLIPSIS, JOINED_MAX, cut, cut_to, is_joined

CLUSTERS = [
    "e\u0301",
    "👩‍👩‍👧‍👦",
    "👍🏽",
    "🇰🇷",
    "\u1112\u1161",
    "\u1112\u1161\u11ab",
    "한",
    "❤️",
    "\r\n",
    "🏴\U000e0067\U000e0062\U000e007f",
    "a",
    "…",
    '"',
    "\n",
]
TEXTS = st.lists(st.one_of(st.sampled_from(CLUSTERS), st.text(max_size=3)), max_size=60).map("".join)


def utf8(text: str) -> int:
    return len(text.encode())


@given(TEXTS, st.integers(0, 200))
def test_what_is_cut_fits_and_is_a_beginning_of_the_text(text: str, limit: int) -> None:
    shown = cut(text, lambda part: utf8(part) <= limit)
    assert utf8(shown) <= limit
    if shown != text:
        assert utf8(text) > limit
        assert shown == "" or (shown.endswith(ELLIPSIS) and text.startswith(shown.removesuffix(ELLIPSIS)))


@given(TEXTS, st.integers(3, 200))
def test_no_more_is_cut_than_one_character_needs(text: str, limit: int) -> None:
    shown = cut(text, lambda part: utf8(part) <= limit)
    if shown != text:
        kept = len(shown.removesuffix(ELLIPSIS))
        one_more = next((at for at in range(kept + 1, len(text)) if not is_joined(text, at)), len(text))
        assert utf8(text[:one_more] + ELLIPSIS) > limit or one_more == len(text) or one_more - kept > JOINED_MAX


@pytest.mark.parametrize("cluster", [cluster for cluster in CLUSTERS if len(cluster) > 1])
def test_a_character_of_several_code_points_stays_whole(cluster: str) -> None:
    text = "ab" + cluster + "cd" * 20
    for characters in range(3, 3 + len(cluster)):
        assert cut_to(text, characters) in ("ab…", "ab" + cluster + "…")


def test_a_text_that_is_all_one_character_is_cut_anyway() -> None:
    assert cut_to("🇰🇷" * 100, 100) == "🇰🇷" * 49 + "🇰…"
    assert utf8(cut("e" + "\u0301" * 5_000, lambda part: utf8(part) <= 1_000)) <= 1_000


@given(st.text(max_size=400), st.integers(400, 1_200))
def test_json_fits_and_keeps_all_but_the_text(text: str, limit: int) -> None:
    one = notification(text=text, title="Team", conversation_kind="group")
    whole = fitted(lambda shown: content(one, shown), text, limit)
    told = json.loads(whole)
    assert len(whole) <= limit
    assert told | {"text": ""} == content(one, "")
    assert told["text"] == text or len(encoded(content(one, text))) > limit


def test_json_that_is_too_large_without_any_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is room for 50"):
        fitted(lambda shown: content(notification(), shown), "", 50)


def test_long_names_give_way_too() -> None:
    one = notification(title="漢" * 5_000, text="hi")
    told = json.loads(fitted(lambda shown: content(one, shown), one.text, 3_000))
    assert told["title"] == "漢" * 99 + "…"
    assert told["text"] == "hi"
