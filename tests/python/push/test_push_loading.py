"""The push plugins are found by their names."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from madang.plugins import importing as loading
from madang.push import SHIPPED

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def test_the_names_are_those_of_the_package() -> None:
    points = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]["madang.plugins"]
    assert points == SHIPPED


@pytest.mark.parametrize(("name", "providers"), [("webhook", ()), ("webpush", ("webpush",)), ("fcm", ("fcm",)), ("apns", ("apns",))])
def test_a_name_stands_for_the_plugin_also_where_nothing_is_installed(name: str, providers: tuple[str, ...]) -> None:
    found = loading.plugin_class(name)
    assert found is loading.plugin_class(SHIPPED[name])
    assert (found.name, getattr(found, "providers", None)) == (name, providers)
    assert found.hooks["push"]["timeout"] == 30.0
