"""What a plugin keeps: a dictionary of JSON values, from `setup` on, with limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.plugins.store import KEY_BYTES_MAX, VALUE_BYTES_MAX, PluginStore


class Keeper(madang.Plugin):
    """Counts its lives."""

    def setup(self) -> None:
        self.lives = self.store.change("lives", lambda n: n + 1, 0)

    def check(self, message: madang.Message) -> madang.Verdict:
        return madang.Verdict.allow()


class Asynchronous(Keeper):
    """The same, on the loop."""

    async def setup(self) -> None:  # type: ignore[override]
        super().setup()


def test_it_is_there_in_setup_and_outlives_the_server(tmp_path: Path) -> None:
    for life in (1, 2):
        plugins = [Keeper(), Keeper(), Asynchronous()]
        with madang.Server(data=tmp_path, plugins=plugins):
            assert [plugin.lives for plugin in plugins] == [life] * 3


def test_it_is_a_dictionary_of_json_values(tmp_path: Path) -> None:
    plugin = Keeper()
    with madang.Server(data=tmp_path, plugins=[plugin]):
        store = plugin.store
        store.update({"seen/2": [1, {"나": None}], "seen/1": "x", "other": 1.5})
        assert dict(store) == {"lives": 1, "seen/2": [1, {"나": None}], "seen/1": "x", "other": 1.5}
        assert list(store) == ["lives", "other", "seen/1", "seen/2"]
        assert list(store.scan("seen/")) == [("seen/1", "x"), ("seen/2", [1, {"나": None}])]
        assert len(store) == 4
        del store["seen/1"]
        assert "seen/1" not in store
        assert store.get("seen/1", 7) == 7
        for gone in (lambda: store["seen/1"], lambda: store.__delitem__("seen/1")):
            with pytest.raises(KeyError):
                gone()
        for n in range(450):  # more than a page
            store[f"many/{n:03}"] = n
        assert [value for _, value in store.scan("many/")] == list(range(450))


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    plugin = Keeper()
    with madang.Server(data=tmp_path, plugins=[plugin]):
        plugin.store["k"] = "before"
        for key, value in (("k", "x" * VALUE_BYTES_MAX), ("k" * (KEY_BYTES_MAX + 1), 1), ("", 1)):
            with pytest.raises(ValueError, match="bytes"):
                plugin.store[key] = value
        with pytest.raises(TypeError):
            plugin.store["k"] = {1, 2}
        use: tuple[Callable[[Any], Any], ...] = (plugin.store.get, plugin.store.pop, lambda key: plugin.store.update({key: 1}))
        for call in use:
            with pytest.raises(TypeError, match="a key is a text, not 7"):
                call(7)
            with pytest.raises(UnicodeEncodeError):
                call("\ud800")
        assert plugin.store["k"] == "before"


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(madang.Unavailable, match="setup"):
        PluginStore()["k"]
    plugin = Keeper()
    with madang.Server(data=tmp_path, plugins=[plugin]):
        pass
    with pytest.raises(madang.Unavailable, match="isn't running"):
        plugin.store["k"] = 1


def test_calls_to_the_server_say_where_they_belong(tmp_path: Path) -> None:
    failures: list[Exception] = []

    class Early(Keeper):
        def setup(self) -> None:
            try:
                self.server.send("@bob", "too early")
            except madang.Error as error:
                failures.append(error)

    class Blocking(Keeper):
        async def check(self, message: madang.Message) -> madang.Verdict:  # type: ignore[override]
            try:
                self.server.user("bob")
            except madang.Error as error:
                failures.append(error)
            return madang.Verdict.allow()

    with (
        madang.Server(data=tmp_path, plugins=[Early(), Blocking()]) as server,
        madang.Client.sign_up(server.url, "bob", "long enough"),
        madang.Client.sign_up(server.url, "alice", "long enough") as alice,
    ):
        alice.send("@bob", "hi")
    assert [str(failure) for failure in failures][1].endswith("await self.server.aio.send(…) or .user(…)")
    assert "doesn't serve" in str(failures[0])
