"""The configuration reaches what it configures, and a wrong one ends the start with a word about it."""

from __future__ import annotations

import time

import pytest
from harness.api import refused
from harness.device import Device, unique
from harness.server import MakeServer

SMALL = """
[limits]
text_chars = 10
title_chars = 5
display_name_chars = 5
settings_bytes = 50
page_items = 7
frame_bytes = "16KiB"
long_poll_max = "1s"
"""


@pytest.fixture
def alice_of_small(make_server: MakeServer) -> Device:
    return Device.sign_up(make_server(config=SMALL).api, "alice")


def test_limits_are_honoured(alice_of_small: Device) -> None:
    alice = alice_of_small
    bob = Device.sign_up(alice.api, "bob")
    cid = alice.group(bob, title="방방방방방")
    with refused("bad_request"):
        alice.group(bob, title="방방방방방방")
    alice.send(cid, "열글자입니다아아아아"[:10])
    with refused("text_too_long"):
        alice.send(cid, "x" * 11)
    alice.call("PATCH", "/users/me", {"display_name": "다섯글자네"})
    with refused("bad_request"):
        alice.call("PATCH", "/users/me", {"display_name": "여섯글자네요"})
    with refused("too_large"):
        alice.call("PATCH", "/users/me", {"settings": {"k": "v" * 50}})
    with refused("too_large"):
        alice.call("POST", f"/conversations/{cid}/messages", {"client_id": "k", "text": "x", "more": "x" * 20_000})
    for n in range(10):
        alice.send(cid, f"text {n}")
    alice.caught_up(cid)
    assert len(alice.history(cid, limit=100)["messages"]) == 7
    assert len(alice.sync(0, limit=100)["events"]) == 7
    assert len(alice.all_messages(cid)) == 11


def test_frames_are_limited_as_configured(alice_of_small: Device) -> None:
    socket = alice_of_small.connect().socket
    socket.send(b'{"op":"ping","x":"' + b"x" * 20_000 + b'"}')
    assert socket.expect_close().code == 1009


def test_a_wait_is_cut_to_the_longest(alice_of_small: Device) -> None:
    began = time.monotonic()
    assert alice_of_small.sync(0, wait="50s")["events"] == []
    assert time.monotonic() - began < 10


def test_a_token_ends_with_its_lifetime(make_server: MakeServer) -> None:
    alice = Device.sign_up(make_server(config='[accounts]\ntoken_lifetime = "2s"\n').api, "alice")
    socket = alice.connect().socket
    assert socket.expect_close(within=10).code == 4001
    with refused("unauthenticated"):
        alice.get("/users/me")
    alice.another().connect().ping()


def test_sign_up_can_be_closed(make_server: MakeServer) -> None:
    api = make_server(config="[accounts]\nsign_up = false\n").api
    with refused("forbidden"):
        api.sign_up(unique("anybody"), "long enough")


def test_a_silent_socket_is_closed_and_a_pinging_one_lives(make_server: MakeServer) -> None:
    server = make_server(config='[presence]\nheartbeat = "200ms"\noffline_after = "1s"\n')
    alice = Device.sign_up(server.api, "alice")
    pinging = alice.connect()
    answering = alice.connect()
    silent = alice.socket()
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        pinging.ping()
        with pytest.raises(TimeoutError):
            answering.pump_until(lambda: False, 0.1)  # answers the server's pings
    pinging.ping()
    answering.ping()
    # An endpoint that answers no ping is gone: reading it now shows the close, behind the pings it let pass.
    silent.answers_pings = False
    assert silent.expect_close().code == 4008


def test_with_a_committer_thread_everything_works(make_server: MakeServer) -> None:
    server = make_server(config='[store]\ncommit = "thread"\n')
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.group(bob)
    listener, sender = bob.connect(), alice.connect()
    refs = [sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}") for n in range(200)]
    for ref in refs:
        sender.reply(ref)
    listener.expect_text("text 199")
    server.restart(kill=True)
    assert [message["text"] for message in bob.all_messages(cid)] == [f"text {n}" for n in range(200)]


def test_a_rate_limit_says_when_to_come_back(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\nsends_per_second = 5\nloopback_exempt = false\n").api
    alice, bob = Device.sign_up(api, "alice"), Device.sign_up(api, "bob")
    cid = alice.direct(bob)
    with refused("rate_limited"):
        for n in range(100):
            alice.send(cid, f"text {n}")
    bob.send(cid, "another user is free to write")


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("[limits]\ngroup_members = 2000\n", "group_members"),
        ("[limits]\ngroup_membrs = 20\n", "group_members"),
        ("[limits]\ntext_chars = 'many'\n", "text_chars"),
        ("[nonsense]\n", "nonsense"),
        ("[limits\n", "madang.toml:1:"),
        ("[presence]\nheartbeat = 5\n", "heartbeat"),
    ],
    ids=["too large", "unknown key", "type", "unknown section", "syntax", "duration"],
)
def test_a_wrong_configuration_ends_the_start_and_says_why(make_server: MakeServer, config: str, word: str) -> None:
    server = make_server(config=config, start=False)
    assert server.run_to_end(within=15) != 0
    assert "madang.toml" in server.log_text()
    assert word in server.log_text()


def test_a_movable_clock_moves_tokens_and_silence(make_server: MakeServer) -> None:
    server = make_server(clock="movable", config='[accounts]\ntoken_lifetime = "1h"\n')
    alice = Device.sign_up(server.api, "alice")
    pinging, silent = alice.connect(), alice.connect()
    silent.keeps_silent, silent.socket.answers_pings = True, False
    server.advance(31)
    assert silent.expect_close().code == 4008
    pinging.ping()
    server.advance(3_600)
    assert pinging.expect_close().code == 4001
    with refused("unauthenticated"):
        alice.get("/users/me")
