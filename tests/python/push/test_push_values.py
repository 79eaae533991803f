"""What a push plugin is given and what it answers."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

import madang
from madang.client.objects import User


def test_notifications_are_values_that_show_neither_text_nor_keys() -> None:
    alice, bob = User("1", "alice"), User("2", "bob")
    one = madang.Notification("n", bob, "3", {"auth": "a-key"}, "77", "direct", None, 4, "5", alice, "between us", 6, datetime.now(UTC))
    assert (one.collapse_key, one.attempt) == ("77", 1)
    assert "a-key" not in repr(one)
    assert "between us" not in repr(one)
    assert dataclasses.replace(one) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.badge = 7  # type: ignore[misc]


def test_deliveries_are_made_by_name() -> None:
    assert (madang.Delivery.sent().kind, madang.Delivery.gone().kind) == ("sent", "gone")
    assert madang.Delivery.retry() == madang.Delivery("retry", None, "")
    assert madang.Delivery.retry(2.5, "busy") == madang.Delivery("retry", 2.5, "busy")
