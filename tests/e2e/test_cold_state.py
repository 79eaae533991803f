"""With room for next to nothing in memory everything is dropped and read again all the time, and nobody can tell."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.device import Device
from harness.ledger import Ledger, audit_history, audit_inbox
from harness.server import MakeServer, Server

TINY = """
[limits]
users_in_memory = 10
conversations_in_memory = 10
inbox_tail_items = 1
inbox_tail_bytes = "1KiB"
group_commit_rows = 100
"""
PEOPLE, GROUPS = 60, 60


@pytest.fixture
def tiny(make_server: MakeServer) -> Server:
    return make_server(config=TINY)


def test_what_is_cold_is_the_same_as_what_is_warm(tiny: Server) -> None:
    people = [Device.sign_up(tiny.api, f"user-{n}") for n in range(PEOPLE)]
    dice = random.Random(7)
    members = {}
    for n in range(GROUPS):
        inside = dice.sample(people, 6)
        members[inside[0].group(*inside[1:], title=f"group {n}")] = inside
    ledger = Ledger()

    def talk(number: int) -> None:
        own = random.Random(number)
        for n in range(40):
            cid = own.choice(list(members))
            ledger.record(own.choice(members[cid]).send(cid, f"text {n}", f"{number}-{n}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(talk, range(6)))
    histories = {cid: inside[0].all_messages(cid) for cid, inside in members.items()}
    # Over HTTP each answer stands for itself: two threads may share a sender, so the order of the ledger is nobody's.
    acks = sorted(ledger.acks(), key=lambda ack: ack.seq)
    assert audit_history(acks, histories) == []
    for device in people:
        own = {cid: histories[cid] for cid, inside in members.items() if device in inside}
        device.caught_up(*own)
        assert audit_inbox(device.inbox(), own) == []
        assert {each["id"] for each in device.conversations()} == own.keys()
    figures = tiny.api.exchange("GET", "/metrics").body.decode()
    evictions = [float(line.split()[-1]) for line in figures.splitlines() if line.startswith("madang_engine_evictions_total")]
    assert sum(evictions) > 50, "nothing was ever dropped: the test proved nothing"


def test_sockets_of_people_who_are_cold_get_their_events(tiny: Server) -> None:
    people = [Device.sign_up(tiny.api, f"user-{n}") for n in range(PEOPLE)]
    cid = people[0].group(*people[1:])
    starts = {device.id: device.caught_up(cid) for device in people}
    listeners = [device.connect(starts[device.id]) for device in people]
    for n in range(60):
        people[n % PEOPLE].send(cid, f"text {n}")
    expected = people[0].all_messages(cid)
    for device, listener in zip(people, listeners, strict=True):
        listener.read_to(starts[device.id] + 60)
        assert [event["message"] for event in listener.events] == expected


def test_repeats_are_known_when_everything_about_them_is_cold(tiny: Server) -> None:
    people = [Device.sign_up(tiny.api, f"user-{n}") for n in range(PEOPLE)]
    firsts = []
    for n, device in enumerate(people):
        cid = device.direct(people[(n + 1) % PEOPLE])
        firsts.append((device, cid, device.send(cid, "once", "k")))
    for device, cid, first in firsts:
        repeat = device.post(cid, "once", "k")
        assert (repeat.status, repeat.json()) == (200, first)
        assert device.all_messages(cid) == [first]
