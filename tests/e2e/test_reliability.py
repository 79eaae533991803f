"""Nothing that was acked is ever lost: not by kill -9, a full disk, a slow reader or a stop."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import random
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.api import Json, Problem, refused
from harness.device import Device
from harness.ledger import Ledger, audit_history, audit_inbox
from harness.server import MakeServer
from harness.websocket import Closed
from harness.writer import Follower, Writer, stop_followers, stop_writers

KILLS = 6
SLOW_CONSUMER, NO_CLOSE_FRAME = 4002, 1006


def audit(ledger: Ledger, histories: dict[str, list[Json]], members: dict[str, list[Device]]) -> list[str]:
    """All that is wrong: between acks and histories, and in every member's inbox."""
    faults = audit_history(ledger.acks(), histories)
    everybody = {device.id: device for devices in members.values() for device in devices}
    for device in everybody.values():
        own = {cid: histories[cid] for cid, devices in members.items() if device in devices}
        device.caught_up(*own)
        faults += [f"{device.username}: {fault}" for fault in audit_inbox(device.inbox(), own)]
    return faults


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_doubles_and_reorders_nothing(make_server: MakeServer) -> None:
    server = make_server()
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(8)]
    alice, bob, carol = people[:3]
    direct, group = alice.direct(bob), carol.group(*(each for each in people if each is not carol))
    members = {direct: [alice, bob], group: people}
    ledger = Ledger()
    writers = [
        Writer(server, alice, direct, ledger, "alice"),
        Writer(server, bob, direct, ledger, "bob", window=1),
        Writer(server, alice, group, ledger, "alice in the group"),
        Writer(server, people[5], group, ledger, "five"),
        Writer(server, people[6], group, ledger, "six", window=32),
    ]
    followers = [Follower(server, device) for device in [*people[:4], alice.another(), bob.another()]]
    for thread in (*writers, *followers):
        thread.start()
    restarts = []
    for _ in range(KILLS):
        ledger.wait_for(len(ledger) + random.randrange(1, 150), within=60)
        restarts.append(server.restart(kill=True))
    ledger.wait_for(len(ledger) + 50, within=60)
    stop_writers(writers)
    stop_followers(followers, lambda device: device.caught_up(*([direct, group] if device.id in (alice.id, bob.id) else [group])))
    histories = {cid: devices[0].all_messages(cid) for cid, devices in members.items()}
    assert audit(ledger, histories, members) == []
    for follower in followers:
        assert follower.events == follower.device.inbox()
    assert sum(writer.reconnects for writer in writers) >= KILLS
    assert sum(map(len, histories.values())) >= len(ledger)
    assert max(restarts) < 5, restarts


def test_a_kill_loses_no_change_of_accounts_and_memberships(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    expected: dict[str, list[str]] = {}
    for n in range(5):
        carol = Device.sign_up(server.api, f"carol-{n}")
        cid = alice.group(bob, title=f"group {n}")
        alice.call("PUT", f"/conversations/{cid}/members/{carol.id}", {"role": "admin"})
        bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
        alice.call("PATCH", "/users/me", {"display_name": f"Alice {n}", "settings": {"n": n}})
        server.restart(kill=True)
        expected[cid] = [alice.id, carol.id]
        bob.await_event(lambda event, cid=cid: event["type"] == "conversation.left" and event["conversation_id"] == cid)  # type: ignore[misc]
        assert alice.get("/users/me")["display_name"] == f"Alice {n}"
        assert alice.get("/users/me")["settings"] == {"n": n}
        assert carol.get("/users/me")["id"] == carol.id
        for each, ids in expected.items():
            assert sorted(member["user"]["id"] for member in alice.members(each)) == sorted(ids)
        assert carol.get(f"/conversations/{cid}")["my_role"] == "admin"
    assert bob.conversations() == []


def test_a_slow_reader_is_cut_off_slows_nobody_and_loses_nothing(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob, carol = (Device.sign_up(server.api, name) for name in ("alice", "bob", "carol"))
    cid = alice.group(bob, carol)
    start = bob.caught_up(cid)
    slow = bob.connect(start, receive_buffer=4096)
    healthy, sender = carol.connect(), alice.connect()
    text = "가" * 30_000  # 90 kB
    slowest = 0.0
    for n in range(150):
        began = time.monotonic()
        sender.send(cid, f"{n} {text}", f"k{n}")
        healthy.expect_type("message.created")
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 3
    assert slow.expect_close(within=20).code == SLOW_CONSUMER
    assert len(slow.events) < 150
    resumed = bob.connect(slow.cursor)
    resumed.read_to(start + 150, within=30)
    got = [event["message"]["text"] for event in slow.events + resumed.events]
    assert got == [f"{n} {text}" for n in range(150)]
    assert slow.events + resumed.events == bob.inbox(start)


def test_a_slow_catch_up_is_paced_and_never_cut_off(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    sender = alice.connect()
    for n in range(100):
        sender.send(cid, f"{n} " + "가" * 30_000, f"k{n}")
    slow = bob.connect(start, receive_buffer=4096)
    alice.connect().ping()
    for n in range(100):
        slow.expect(lambda event, n=n: event["message"]["text"].startswith(f"{n} "))  # type: ignore[misc]
        if n % 10 == 0:
            alice.connect().ping()  # time passes
    assert slow.events == bob.inbox(start)


def test_an_event_larger_than_the_queue_still_arrives(make_server: MakeServer) -> None:
    server = make_server(config='[limits]\nsend_queue_bytes = "64KiB"\n')
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.direct(bob)
    listener, sender = bob.connect(), alice.connect()
    for n in range(5):
        text = f"{n}" + "가" * 90_000  # 270 kB
        sender.send(cid, text, f"k{n}")
        assert listener.expect_type("message.created")["message"]["text"] == text


def test_a_stop_acks_and_stores_everything_it_has_accepted(make_server: MakeServer) -> None:
    server = make_server()
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(4)]
    cid = people[0].group(*people[1:])
    ledger = Ledger()
    for number in range(3):
        with ThreadPoolExecutor(len(people)) as pool:
            sending = [pool.submit(send_until_closed, device, cid, f"{number}-{device.username}", ledger) for device in people]
            ledger.wait_for(len(ledger) + 200, within=60)
            began = time.monotonic()
            server.signal_stop()
            assert server.wait_stopped() == 0
            assert time.monotonic() - began < 30
            codes = {each.result(timeout=30) for each in sending}
        assert codes <= {1001, 1012}
        server.start()
        stored = people[0].all_messages(cid)
        assert audit_history(ledger.acks(), {cid: stored}) == []
        assert len(stored) == len(ledger), "stored, but its sender was never told"


def send_until_closed(device: Device, cid: str, name: str, ledger: Ledger) -> int:
    """Sends as fast as it is answered, sixteen at a time; takes every reply that comes before the close, and returns its code."""
    listener = device.connect(attach=False)
    refs: deque[int] = deque()
    numbers = itertools.count()

    def take_replies() -> None:
        while refs and refs[0] in listener.replies:
            reply = listener.replies.pop(refs.popleft())
            if "message" in reply:
                ledger.record(reply["message"])
            else:
                assert reply["error"]["code"] == "unavailable"  # a drain may say so

    try:
        while True:
            while len(refs) < 16:
                n = next(numbers)
                refs.append(listener.post("send", conversation_id=cid, client_id=f"{name}-{n}", text=f"{name} says {n}"))
            listener.pump_until(lambda: refs[0] in listener.replies, 30)
            take_replies()
    except Closed as closed:
        code = closed.code
    if code == NO_CLOSE_FRAME:  # sending failed first: what the server had said still lies in the socket
        code = listener.expect_close(within=30).code
    take_replies()
    return code


def test_a_stop_tells_sockets_to_go_elsewhere_and_answers_waiting_polls(make_server: MakeServer) -> None:
    server = make_server()
    alice = Device.sign_up(server.api, "alice")
    listener = alice.connect()
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(alice.sync, 0, wait="25s")
        alice.get("/users/me")
        server.signal_stop()
        began = time.monotonic()
        assert listener.expect_close(within=20).code in (1001, 1012)
        assert server.wait_stopped() == 0
        assert time.monotonic() - began < 20
        with contextlib.suppress(Problem, OSError):
            assert poll.result(timeout=5)["events"] == []
    assert any(other["op"] == "goaway" for other in listener.others)


def test_an_idle_server_stops_at_once(make_server: MakeServer) -> None:
    server = make_server()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_a_restart_with_many_messages_is_quick(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.direct(bob)
    sender = alice.connect(attach=False)
    for start in range(0, 20_000, 500):
        refs = [sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text number {n}") for n in range(start, start + 500)]
        for ref in refs:
            sender.reply(ref)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    assert server.restart(kill=True) < 4
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head
    assert bob.history(cid, limit=1)["messages"][0]["text"] == "text number 19999"
    assert bob.caught_up(cid) == head


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """A file that leaves this many bytes free."""
    filler = folder / "filler"
    libc = ctypes.CDLL(None, use_errno=True)
    state = os.statvfs(folder)
    with filler.open("wb") as file:
        size = state.f_bavail * state.f_frsize - leave
        code = libc.posix_fallocate(file.fileno(), ctypes.c_long(0), ctypes.c_long(size))
    assert code == 0, os.strerror(code)
    return filler


def wait_for_outcome(device: Device, cid: str, code: str | None, within: float) -> None:
    """Sends until the outcome is the one wanted (None = stored)."""
    deadline = time.monotonic() + within
    n = 0
    while time.monotonic() < deadline:
        n += 1
        try:
            device.send(cid, "is there room?")
            outcome = None
        except Problem as problem:
            outcome = problem.code
        if outcome == code:
            return
        assert outcome in (None, "storage_full"), outcome
    raise TimeoutError(f"no {code or 'success'} within {within} s and {n} sends")


def test_a_full_disk_refuses_sends_reads_on_and_recovers(make_server: MakeServer, small_disk: Path) -> None:
    server = make_server(folder=small_disk, config='[store]\nfree_space_floor = "64MiB"\n')
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    cid = alice.direct(bob)
    acked = [alice.send(cid, f"text {n}") for n in range(50)]
    listener = bob.connect()
    filler = fill(small_disk, leave=32 << 20)
    wait_for_outcome(alice, cid, "storage_full", within=10)
    with refused("storage_full"):
        listener.send(cid, "no room", "k")
    assert alice.all_messages(cid)[:50] == acked
    assert bob.inbox()
    assert alice.get("/users/me")["id"] == alice.id
    filler.unlink()
    wait_for_outcome(alice, cid, None, within=5)
    assert listener.send(cid, "room again", "k")["client_id"] == "k"
    listener.expect_text("room again")
    stored = alice.all_messages(cid)
    server.restart(kill=True)
    assert alice.all_messages(cid) == stored
