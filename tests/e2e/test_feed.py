"""The committed feed, what plugins keep, and what they write: through crashes, stops and failures."""

from __future__ import annotations

import json
import re
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from harness.api import Problem
from harness.device import Device
from harness.server import MakeServer, Server

WITHIN_S = 20.0

EAR = """
    import asyncio, json, pathlib, time
    import madang

    class Ear(madang.Plugin):
        heard = "heard.jsonl"

        def setup(self):
            self.lives = self.store.change("lives", lambda n: n + 1, 0)

        def committed(self, entries):
            if pathlib.Path("fail").exists(): raise RuntimeError("the index is down")
            if pathlib.Path("odd").exists(): return len(entries)
            lines = ""
            for e in entries:
                row = [e.position, e.type, e.conversation_id, e.seq, e.actor.username, self.lives]
                if e.message is not None: row.append({"text": e.message.text, "client_id": e.message.client_id,
                    "deleted": e.message.deleted, "edited": e.message.edited_at is not None, "mentions": list(e.message.mentions)})
                if e.member is not None: row.append(e.member.user.username)
                if e.conversation is not None: row.append(e.conversation.title)
                lines += json.dumps(row) + "\\n"
            with open(self.heard, "ab", buffering=0) as out:  # one write: a kill leaves no half line
                out.write(lines.encode())
            time.sleep(float(self.settings.get("pause", 0)))

    class Other(Ear):
        heard = "other.jsonl"

        async def committed(self, entries):
            await asyncio.sleep(0.001)
            super().committed(entries)

    class Greeter(madang.Plugin):
        async def committed(self, entries):
            for e in entries:
                if e.type == "member.joined" and e.seq > 3:
                    where = e.conversation_id
                    await self.server.aio.send(where, f"Welcome, {e.member.user.username}!", client_id=f"welcome-{e.seq}")
                if e.type == "message.created" and e.message.text == "greet me":
                    await self.server.aio.send("@" + e.actor.username, "Hello!", client_id=f"hello-{e.conversation_id}-{e.seq}")

        def check(self, message):
            if message.text.startswith("echo "):
                self.server.send("@" + message.sender.username, message.text, client_id=message.client_id)
            if message.text.startswith("who "):
                return madang.Verdict.modify(self.server.user(message.text[4:]).username + "!")
            return madang.Verdict.deny("no") if "Welcome" in message.text else madang.Verdict.allow()
"""

EARS = '[[plugins]]\nuse = "ears:Ear"\n'
MakeEars = Callable[..., Server]
Row = list[Any]


@pytest.fixture
def make_ears(make_server: MakeServer) -> MakeEars:
    def make(config: str = EARS, **options: Any) -> Server:
        server = make_server(start=False, config=config, **options)
        (server.folder / "ears.py").write_text(textwrap.dedent(EAR), encoding="utf-8")
        server.start()
        return server

    return make


def heard(server: Server, name: str = "heard.jsonl") -> list[Row]:
    path = server.folder / name
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("]")]


def eventually(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.01)
    return found


def until_heard(server: Server, conversation: str, seq: int, name: str = "heard.jsonl") -> list[Row]:
    """All rows, once that entry is among them."""
    return eventually(  # type: ignore[no-any-return]
        lambda: (rows := heard(server, name)) and any(row[2:4] == [conversation, seq] for row in rows) and rows, f"seq {seq} is fed"
    )


def until_more_than(server: Server, rows: int) -> None:
    eventually(lambda: len(heard(server)) > rows, "it is being fed")


def seqs(rows: list[Row], conversation: str) -> list[int]:
    return [row[3] for row in rows if row[2] == conversation]


def figure(server: Server, name: str, plugin: str = "Ear") -> float:
    page = server.api.exchange("GET", "/metrics").body.decode()
    found = re.search(rf'^{name}{{plugin="{plugin}"}} (\S+)$', page, re.MULTILINE)
    assert found, f"no figure {name}"
    return float(found[1])


def people(server: Server) -> tuple[Device, Device, str]:
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    return alice, bob, alice.group(bob, title="yard")


def test_every_entry_is_fed_as_the_protocol_speaks_of_it(make_ears: MakeEars) -> None:
    server = make_ears()
    alice, bob, yard = people(server)
    seq = alice.send(yard, "hi @bob", "m1")["seq"]
    rows = until_heard(server, yard, seq)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert [row[1] for row in rows] == ["conversation.created", "member.joined", "member.joined", "message.created"]
    assert [row[3] for row in rows] == [1, 2, 3, 4]
    assert rows[0][6] == "yard"
    assert {rows[1][6], rows[2][6]} == {"alice", "bob"}
    assert rows[3][4] == "alice"
    assert rows[3][6] == {"text": "hi @bob", "client_id": "m1", "deleted": False, "edited": False, "mentions": [bob.id]}


def test_a_new_plugin_is_fed_from_the_first_entry_on_with_the_present_texts(make_ears: MakeEars) -> None:
    server = make_ears()
    alice, _, yard = people(server)
    first, second = alice.send(yard, "wrong")["seq"], alice.send(yard, "regretted")["seq"]
    alice.call("PATCH", f"/conversations/{yard}/messages/{first}", {"text": "right"})
    alice.call("DELETE", f"/conversations/{yard}/messages/{second}")
    until_heard(server, yard, second + 2)
    server.stop()
    assert server.config_file is not None
    server.config_file.write_text(EARS + '[[plugins]]\nuse = "ears:Other"\n', encoding="utf-8")
    server.start()
    rows = until_heard(server, yard, second + 2, "other.jsonl")
    assert seqs(rows, yard) == list(range(1, second + 3))
    shown = {row[3]: row[6] for row in rows if row[1].startswith("message.")}
    assert (shown[first]["text"], shown[first]["edited"]) == ("right", True)
    assert (shown[second]["text"], shown[second]["deleted"]) == ("", True)
    assert (shown[second + 1]["text"], shown[second + 2]["deleted"]) == ("right", True)
    assert [row[5] for row in heard(server) if row[5] != 1] == []  # the first plugin has its own mark, and had it all


def test_a_stop_and_a_start_repeat_nothing_whatever_the_number_of_engines(make_ears: MakeEars) -> None:
    server = make_ears()
    alice, bob, yard = people(server)
    street = bob.direct(alice)
    for engines in (2, 1, 3):
        for n in range(20):
            alice.send(yard, f"yard {engines} {n}")
            bob.send(street, f"street {engines} {n}")
        server.restart(engines=engines)
    last, other = alice.send(yard, "last")["seq"], alice.send(street, "last")["seq"]
    until_heard(server, yard, last)
    rows = until_heard(server, street, other)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert seqs(rows, yard) == list(range(1, last + 1))
    assert seqs(rows, street) == list(range(1, other + 1))
    eventually(lambda: figure(server, "madang_feed_lag_entries") == 0, "the lag is gone")
    assert figure(server, "madang_feed_position") == len(rows)


def test_a_kill_while_it_is_fed_loses_nothing_and_repeats_only_around_it(make_ears: MakeEars) -> None:
    server = make_ears('[[plugins]]\nuse = "ears:Ear"\nsettings = { pause = "0.02" }\n')
    alice, bob, yard = people(server)
    acked = 0
    for life in range(3):
        over = threading.Event()

        def write(device: Device, over: threading.Event = over, life: int = life) -> None:
            n = 0
            while not over.is_set():
                try:
                    device.send(yard, f"{device.username} {life} {n}")
                except Exception:
                    return
                n += 1

        writers = [threading.Thread(target=write, args=(device,)) for device in (alice, bob)]
        for writer in writers:
            writer.start()
        until_more_than(server, acked + 60)
        server.kill9()
        over.set()
        for writer in writers:
            writer.join()
        server.start()
        acked = len(heard(server))
    last = alice.send(yard, "last")["seq"]
    rows = until_heard(server, yard, last)
    highest = 0
    for life in range(1, 5):
        in_life = [row[3] for row in rows if row[5] == life]
        assert in_life == list(range(in_life[0], in_life[-1] + 1)), "a life has a hole or a repeat of its own"
        assert in_life[0] <= highest + 1, "an entry is missing"
        highest = max(highest, in_life[-1])
    assert highest == last


def test_a_plugin_that_fails_for_half_an_hour_misses_nothing(make_ears: MakeEars) -> None:
    server = make_ears(EARS + 'hooks.committed = { timeout = "10m" }\n', clock="movable")  # or moving the clock makes it late
    alice, _, yard = people(server)
    until_heard(server, yard, 3)
    fail = server.folder / "fail"
    fail.touch()
    last = 0
    for n in range(5):
        last = alice.send(yard, f"meanwhile {n}")["seq"]
        server.advance(360)
    eventually(lambda: figure(server, "madang_feed_failures_total") >= 5, "it fails again and again")
    assert figure(server, "madang_feed_lag_entries") == 5
    assert figure(server, "madang_feed_lag_seconds") >= 1_440
    assert re.search(r"plugin Ear, hook committed, .*ears\.py:\d+: RuntimeError: the index is down", server.log_text())
    assert "a batch of the committed feed was not taken" in server.log_text()
    fail.unlink()
    server.advance(120)  # one more failure may have been under way
    rows = until_heard(server, yard, last)
    assert seqs(rows, yard) == list(range(1, last + 1))
    eventually(lambda: figure(server, "madang_feed_lag_entries") == 0, "the lag is gone")
    assert figure(server, "madang_feed_lag_seconds") == 0


def test_a_return_is_the_plugins_error(make_ears: MakeEars) -> None:
    server = make_ears()
    (server.folder / "odd").touch()
    _, _, yard = people(server)
    eventually(
        lambda: re.search(r"hook committed, .*ears\.py:\d+: returned \d+, which is not None", server.log_text()), "the error is told"
    )
    (server.folder / "odd").unlink()
    until_heard(server, yard, 3)


def test_what_plugins_keep_outlives_a_crash(make_ears: MakeEars) -> None:
    server = make_ears()
    alice, _, yard = people(server)
    until_heard(server, yard, 3)
    server.restart(kill=True)
    seq = alice.send(yard, "second life")["seq"]
    assert until_heard(server, yard, seq)[-1][5] == 2


def test_a_plugin_writes_as_the_system_and_no_plugin_judges_it(make_ears: MakeEars) -> None:
    server = make_ears('[[plugins]]\nuse = "ears:Greeter"\nhooks.check.timeout = "10s"\n')
    alice, _, yard = people(server)
    alice.send(yard, "greet me")
    sync = eventually(
        lambda: next((c for c in alice.get("/conversations")["conversations"] if c["kind"] == "direct"), None), "the system writes to alice"
    )
    assert sync["peer"]["username"] == "system"
    assert sync["last_message"]["text"] == "Hello!"
    # A member invites it; from then on it may write there, and its text passes a check that would have denied it.
    system = alice.get("/users", username="system")["users"][0]["id"]
    alice.call("PUT", f"/conversations/{yard}/members/{system}", {})
    carol = Device.sign_up(server.api, "carol")
    alice.call("PUT", f"/conversations/{yard}/members/{carol.id}", {})
    eventually(lambda: any(m["text"] == "Welcome, carol!" for m in alice.history(yard)["messages"]), "the system writes into the group")
    with pytest.raises(Problem, match="no"):
        alice.send(yard, "Welcome!")
    assert alice.send(yard, "who bob")["text"] == "bob!"
    # From inside of check: what it writes is not checked again, without end.
    alice.send(yard, "echo this")
    assert eventually(lambda: [m for m in alice.history(sync["id"])["messages"] if m["text"] == "echo this"], "the echo comes")


def test_nobody_signs_up_by_the_systems_name(make_ears: MakeEars) -> None:
    server = make_ears()
    with pytest.raises(Problem) as taken:
        Device.sign_up(server.api, "System")
    assert taken.value.code == "username_taken"
