"""The plugins of examples/, in a real server inside this process."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.core import _core

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def config(folder: Path, text: str) -> Path:
    path = folder / "madang.toml"
    path.write_text(text, encoding="utf-8")
    return path


def log_in(server: madang.Server, token: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/v1/sessions", json.dumps({"credentials": {"token": token}}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


def test_tokens_of_an_existing_user_table_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    database = tmp_path / "app.db"
    with sqlite3.connect(database) as users:
        users.execute("CREATE TABLE users (name TEXT, full_name TEXT, token_sha256 TEXT, is_active INT, is_staff INT)")
        rows = [("minsu", "Kim Minsu", "good", 1, 0), ("gone", "", "old", 0, 0)]
        users.executemany(
            "INSERT INTO users VALUES (?, ?, ?, ?, ?)", [(n, f, hashlib.sha256(t.encode()).hexdigest(), a, s) for n, f, t, a, s in rows]
        )
    users.close()
    text = f'[[plugins]]\nuse = "token_auth:TokenAuth"\nsettings = {{ database = "{database}" }}\nhooks.authenticate.timeout = "5s"\n'
    with madang.Server(data=tmp_path / "data", port=0, config=config(tmp_path, text)) as server:
        status, session = log_in(server, "good")
        assert (status, session["user"]["username"], session["user"]["display_name"]) == (201, "minsu", "Kim Minsu")
        with madang.Client(server.url, token=session["token"]) as minsu:
            assert minsu.user.username == "minsu"
        assert log_in(server, "old")[0] == 401
        assert log_in(server, "guessed")[1]["code"] == "unauthenticated"


def test_words_are_starred_out_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    text = '[[plugins]]\nuse = "word_list:WordList"\nsettings = { star = ["darn"], refuse = ["idiot"] }\nhooks.check.timeout = "5s"\n'
    with (
        madang.Server(data=tmp_path / "data", port=0, config=config(tmp_path, text)) as server,
        madang.Client.sign_up(server.url, "bob", "long enough"),
        madang.Client.sign_up(server.url, "alice", "long enough") as alice,
    ):
        assert alice.send("@bob", "Darn it, darning").text == "**** it, darning"
        with pytest.raises(madang.DeniedByPolicy, match="idiot"):
            alice.send("@bob", "you idiot")
        assert alice.send("@bob", "you idiotic thing").text == "you idiotic thing"


def test_messages_are_indexed_and_found_by_whom_they_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    text = f'[[plugins]]\nuse = "search_index:SearchIndex"\nsettings = {{ database = "{tmp_path / "search.db"}" }}\n'
    with (
        madang.Server(data=tmp_path / "data", port=0, config=config(tmp_path, text)) as server,
        madang.Client.sign_up(server.url, "bob", "long enough") as bob,
        madang.Client.sign_up(server.url, "alice", "long enough") as alice,
    ):
        yard = alice.create_group("yard", ["@bob"])
        alice.send("@bob", "pizza in secret")
        pizza, wrong = alice.send(yard, "pizza tonight, 피자"), alice.send(yard, "pizza at nien")
        alice.edit(wrong, "pasta at nine")
        answers = (e.message for e in bob.events(timeout=20) if e.message.sender.username == "system")
        bob.send("@alice", "/find pizza")  # nobody can invite the index here: it doesn't answer, and goes on
        wait_for_account(alice, "@system")
        alice.invite(yard, "@system")
        bob.send(yard, "/find pizza")
        assert next(answers).text == f"{pizza.seq}: pizza tonight, 피자"
        bob.send(yard, "/find pasta")
        assert next(answers).text == f"{wrong.seq}: pasta at nine"
        alice.delete(pizza)
        bob.send(yard, "/find 피자")
        assert next(answers).text == "Nothing."


def wait_for_account(client: madang.Client, who: str) -> None:
    """The system account is made at its first use."""
    deadline = time.monotonic() + 20
    found = False
    while not found:
        assert time.monotonic() < deadline
        with contextlib.suppress(madang.NotFound):
            found = client.find(who) is not None


def test_what_the_slow_moderator_is_not_sure_of_waits_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    text = '[[plugins]]\nuse = "slow_moderator:SlowModerator"\nsettings = { patience = 2.0 }\n'
    with (
        madang.Server(data=tmp_path / "data", port=0, config=config(tmp_path, text)) as server,
        madang.Client.sign_up(server.url, "bob", "long enough") as bob,
        madang.Client.sign_up(server.url, "alice", "long enough") as alice,
    ):
        first = alice.send("@bob", "hello")
        with pytest.raises(madang.DeniedByPolicy, match="not welcome"):
            alice.send("@bob", "you idiot")
        with pytest.raises(madang.Held, match="look at it first") as held:
            alice.send("@bob", "you may win", client_id="c1")
        assert held.value.client_id == "c1"
        with pytest.raises(madang.Held, match="the time"):
            alice.send("@bob", "on and on " * 10_000)
        with pytest.raises(madang.DeniedByPolicy, match="look at it first"):
            alice.edit(first, "hello, you win")
        waiting = _core.admin(str(server.data), "held-list")
        assert [row[5] for row in waiting] == ["you may win", "on and on " * 10_000]
        assert waiting[0][0] == held.value.held_id
        _core.admin(str(server.data), "held-release", [held.value.held_id])
        _core.admin(str(server.data), "held-refuse", [waiting[1][0]])
        assert [message.text for message in bob.history(first, after=0)] == ["hello", "you may win"]
        assert alice.send("@bob", "you may win", client_id="c1").text == "you may win"
