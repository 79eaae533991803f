"""Which plugins are taken, under what names, with which options; and what is said of the others."""

from __future__ import annotations

import pytest

import madang
from madang.plugins.lanes import DENY, HOLD, MODIFY, SHADOW, outcome_of
from madang.plugins.loading import load_plugins


class House(madang.Plugin):
    """Both hooks, and rules of its own."""

    hooks = {"check": {"timeout": 1.5, "on_error": "allow"}}  # noqa: RUF012

    def authenticate(self, credentials: dict[str, object]) -> madang.Identity:
        return madang.Identity("x")

    async def check_batch(self, messages: list[madang.Message]) -> list[madang.Verdict]:
        return [madang.Verdict.allow() for _ in messages]


class Nothing(madang.Plugin):
    """No hook."""


class Checker(madang.Plugin):
    """The plain hook."""

    def check(self, message: madang.Message) -> madang.Verdict:
        return madang.Verdict.allow()


def test_the_configuration_wins_over_the_class() -> None:
    use = f"{__name__}:House"
    [loaded] = load_plugins([(use, '{"n": 1}', {"check": (50, "", "observe")}, "madang.toml:3", "", 0)])
    assert loaded.spec == ("House", {"authenticate": (200, "deny", False), "check": (50, "allow", True)}, [])
    assert dict(loaded.plugin.settings) == {"n": 1}
    assert loaded.plugin.log.name == "madang.plugins.House"


def test_two_of_a_kind_have_names_of_their_own() -> None:
    assert [each.name for each in load_plugins([], [Checker(), Checker()])] == ["Checker", "Checker-2"]


@pytest.mark.parametrize(
    ("plugins", "words"),
    [
        ([Nothing()], "has no hook"),
        ([type("Bad", (Checker,), {"hooks": {"push": {"timeout": 1}}})()], "says nothing"),
        ([House(), House()], "both authenticate"),
        ([type("Bad", (Checker,), {"hooks": {"check": {"timeout": "200ms"}}})()], "must be seconds"),
        ([type("Open", (House,), {"hooks": {"authenticate": {"on_error": "allow"}}})()], "never fails open"),
        ([type("Named", (Checker,), {"name": "password"})()], "may not be named"),
        ([type("Alone", (Checker,), {"isolation": "proces"})()], "isolation is 'none' or 'process', not 'proces'"),
        ([object()], "is no madang.Plugin"),
    ],
)
def test_what_cannot_be_used_is_said(plugins: list[madang.Plugin], words: str) -> None:
    with pytest.raises(madang.ConfigError, match=words):
        load_plugins([], plugins)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("nowhere_at_all:X", "can't be imported: ModuleNotFoundError"),
        (f"{__name__}:Nobody", "has no Nobody"),
        (f"{__name__}:pytest", "is no subclass of madang.Plugin"),
        ("never-installed", "no installed plugin is named"),
    ],
)
def test_what_cannot_be_found_is_named_with_its_line(use: str, words: str) -> None:
    with pytest.raises(madang.ConfigError, match=rf"madang\.toml:7: plugins\.use: .*{words}"):
        load_plugins([(use, "{}", {}, "madang.toml:7", "", 0)])


def test_verdicts_are_what_the_core_knows() -> None:
    assert outcome_of(madang.Verdict.deny("no")) == (DENY, "no")
    assert outcome_of(madang.Verdict.modify("x")) == (MODIFY, "x")
    assert outcome_of(madang.Verdict.hold("later")) == (HOLD, "later")
    assert outcome_of(madang.Verdict.shadow()) == (SHADOW, "")
    assert outcome_of(madang.Verdict.hold("x" * 1_001)) == (HOLD, "x" * 1_000)
    assert outcome_of(madang.Verdict.modify("x" * 1_001)) == (MODIFY, "x" * 1_001)
    for wrong in (
        None,
        True,
        "allow",
        madang.Verdict.modify(""),
        madang.Verdict.modify("\ud800"),
    ):
        with pytest.raises(Exception, match="returned"):
            outcome_of(wrong)
