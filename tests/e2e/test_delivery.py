"""Every member's devices get every message once, in order: also those that were away or come back in the middle of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from harness.api import Json
from harness.device import Device
from harness.listener import Listener


def messages_of(events: list[Json], cid: str) -> list[Json]:
    return [event["message"] for event in events if event["type"] == "message.created" and event["conversation_id"] == cid]


def test_a_direct_conversation_reaches_all_devices_however_they_are_connected(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    laptop, tablet = bob.another("laptop"), bob.another("tablet")
    attached, flapping = bob.connect(start), laptop.connect(start)
    sender = alice.connect()
    for n in range(100):
        sender.send(cid, f"text {n}", f"k{n}")
        if n % 10 == 5:  # in the middle, with what is already on its way lost
            flapping.expect_text(f"text {n - 3}")
            seen, cursor = flapping.events, flapping.cursor
            flapping.socket.abort()
            flapping = laptop.connect(cursor)
            flapping.events[:0] = seen
    last = attached.expect_text("text 99")["cursor"]
    flapping.read_to(last)
    expected = alice.all_messages(cid)
    assert [message["text"] for message in expected] == [f"text {n}" for n in range(100)]
    assert messages_of(attached.events, cid) == expected
    assert messages_of(flapping.events, cid) == expected
    assert messages_of(tablet.inbox(), cid) == expected  # was away all the time
    assert flapping.events == attached.events


def test_a_group_of_100_reaches_everybody_once_in_order(alice: Device, crowd: list[Device]) -> None:
    others = crowd[:99]
    cursors = {device.id: len(device.inbox()) for device in others}
    cid = alice.group(*others, title="everybody")
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    assert head == 101
    online = {device.id: device.connect(cursors[device.id]) for device in others[:60]}
    offline = others[60:80]
    flapping = others[80:]
    senders = [alice.connect(), *(device.connect() for device in crowd[:3])]
    partial: dict[str, Listener] = {device.id: device.connect(cursors[device.id]) for device in flapping}
    for n in range(20):
        refs = [(sender, sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}")) for sender in senders]
        for sender, ref in refs:
            sender.reply(ref)
        if n == 10:
            for device in flapping:
                old = partial[device.id]
                old.read_to(cursors[device.id] + head + 30)
                old.socket.abort()
                partial[device.id] = device.connect(old.cursor)
                partial[device.id].events[:0] = old.events
    expected = alice.all_messages(cid)
    assert len(expected) == 80
    for device in offline:
        device.caught_up(cid)
    for device in others:
        final = cursors[device.id] + head + 80
        listener = online.get(device.id) or partial.get(device.id)
        events = listener.read_to(final) if listener else device.inbox(cursors[device.id])
        assert [event["seq"] for event in events] == list(range(1, head + 81))
        assert [event["cursor"] for event in events] == list(range(cursors[device.id] + 1, final + 1))
        assert messages_of(events, cid) == expected


def test_what_was_missed_comes_at_once_after_a_long_absence(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    cursor = bob.caught_up(cid)
    sender = alice.connect()
    refs = [sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}") for n in range(1500)]
    for ref in refs:
        sender.reply(ref)
    back = bob.connect(cursor)
    back.expect_text("text 1499")
    assert [message["text"] for message in messages_of(back.events, cid)] == [f"text {n}" for n in range(1500)]


def test_devices_that_attach_while_messages_come_miss_none(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    start = bob.caught_up(cid)
    sender = alice.connect()
    laptop = bob.another()

    def join(n: int) -> list[Json]:
        listener = (bob, laptop)[n % 2].connect(start)
        listener.expect_text("text 199")
        return messages_of(listener.events, cid)

    with ThreadPoolExecutor(8) as pool:
        refs = [sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}") for n in range(100)]
        joining = [pool.submit(join, n) for n in range(8)]
        refs += [sender.post("send", conversation_id=cid, client_id=f"k{n}", text=f"text {n}") for n in range(100, 200)]
        for ref in refs:
            sender.reply(ref)
        expected = alice.all_messages(cid)
        for each in joining:
            assert each.result() == expected
