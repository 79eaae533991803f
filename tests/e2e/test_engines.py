"""One or several engines: the same answers, whoever lives where, and any number of them at the next start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json
from harness.device import Device
from harness.ledger import Ledger, audit_history, audit_inbox
from harness.server import MakeServer
from harness.writer import Follower, Writer, stop_followers, stop_writers


def seen_by(device: Device, *conversation_ids: str) -> Json:
    """Everything that a user can read, once all of these conversations has arrived."""
    device.caught_up(*conversation_ids)
    conversations = device.conversations()
    return {
        "me": device.get("/users/me"),
        "inbox": device.inbox(),
        "conversations": conversations,
        "histories": {each["id"]: device.all_messages(each["id"]) for each in conversations},
        "members": {each["id"]: device.members(each["id"]) for each in conversations},
        "devices": sorted(session["device_id"] for session in device.get("/sessions")["sessions"]),
    }


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_restart_with_other_engines_keeps_everything(make_server: MakeServer, kill: bool) -> None:
    server = make_server(engines=1)
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(6)]
    alice = people[0]
    group = alice.group(*people[1:])
    directs = [alice.direct(each) for each in people[1:]]
    sent = 0
    for engines in (3, 2, 4, 1):
        for cid in (group, *directs):
            alice.send(cid, f"before {engines}", f"k{sent}")
            sent += 1
        shared = [[group, *directs], *([group, direct] for direct in directs)]
        before = [seen_by(device, *cids) for device, cids in zip(people, shared, strict=True)]
        server.restart(engines=engines, kill=kill)
        assert [seen_by(device, *cids) for device, cids in zip(people, shared, strict=True)] == before
        for n, cid in enumerate((group, *directs)):
            repeat = alice.post(cid, f"before {engines}", f"k{sent - len(directs) - 1 + n}")
            assert repeat.status == 200
        head = alice.get(f"/conversations/{group}")["head_seq"]
        assert people[1].send(group, f"with {engines}")["seq"] == head + 1


@pytest.mark.parametrize("engines", [2, 3, 5])
def test_a_message_reaches_members_of_every_engine(make_server: MakeServer, engines: int) -> None:
    server = make_server(engines=engines)
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(12)]
    groups = [people[n].group(*(each for each in people if each is not people[n])) for n in range(4)]
    listeners = [device.connect(device.caught_up(*groups)) for device in people]
    for n in range(10):
        for group in groups:
            people[n].send(group, f"text {n}")
    for listener, device in zip(listeners, people, strict=True):
        for group in groups:
            messages = device.all_messages(group)
            listener.read_to(device.caught_up(group))
            got = [event["message"] for event in listener.events if event["conversation_id"] == group]
            assert got == messages
            assert [message["text"] for message in messages] == [f"text {n}" for n in range(10)]


def test_everybody_sees_one_order_under_load(make_server: MakeServer) -> None:
    server = make_server(engines=3)
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(9)]
    group = people[0].group(*people[1:])
    ledger = Ledger()
    writers = [Writer(server, device, group, ledger, device.username, window=16) for device in people]
    followers = [Follower(server, device) for device in people]
    for thread in (*writers, *followers):
        thread.start()
    ledger.wait_for(1_000, within=60)
    stop_writers(writers)
    stop_followers(followers, lambda device: device.caught_up(group))
    history = people[0].all_messages(group)
    assert audit_history(ledger.acks(), {group: history}) == []
    for follower in followers:
        assert audit_inbox(follower.events, {group: history}) == []


@pytest.mark.slow
def test_kills_between_different_numbers_of_engines_lose_nothing(make_server: MakeServer) -> None:
    server = make_server(engines=3)
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(6)]
    group = people[0].group(*people[1:])
    ledger = Ledger()
    writers = [Writer(server, device, group, ledger, device.username) for device in people[:3]]
    followers = [Follower(server, device) for device in people]
    for thread in (*writers, *followers):
        thread.start()
    for engines in (1, 3, 2, 3, 1):
        ledger.wait_for(len(ledger) + 60, within=60)
        server.restart(engines=engines, kill=True)
    stop_writers(writers)
    stop_followers(followers, lambda device: device.caught_up(group))
    history = people[0].all_messages(group)
    assert audit_history(ledger.acks(), {group: history}) == []
    for follower in followers:
        assert audit_inbox(follower.events, {group: history}) == []
        assert follower.events == follower.device.inbox()


def test_what_was_acked_before_a_kill_reaches_everybody_though_nothing_follows(make_server: MakeServer) -> None:
    server = make_server(engines=3, config="[limits]\ngroup_commit_rows = 100\n")
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(30)]
    for _ in range(5):
        groups = [people[n].group(*(each for each in people if each is not people[n])) for n in range(3)]
        senders = [people[n].connect(attach=False) for n in range(3)]
        refs = [
            [sender.post("send", conversation_id=group, client_id=f"k{n}", text="x") for n in range(30)]
            for sender, group in zip(senders, groups, strict=True)
        ]
        acked = [sender.reply(own[-1])["message"] for sender, own in zip(senders, refs, strict=True)]
        server.restart(kill=True)  # the fan-out of the last ones is still under way
        for device in people:
            device.caught_up(*groups)
        for message in acked:
            assert people[0].all_messages(message["conversation_id"])[-1]["seq"] >= message["seq"]
    histories = {each["id"]: people[0].all_messages(each["id"]) for each in people[0].conversations()}
    for device in people:
        assert audit_inbox(device.inbox(), histories) == []


def test_racing_first_messages_across_engines_meet_in_one_conversation(make_server: MakeServer) -> None:
    server = make_server(engines=3)
    people = [Device.sign_up(server.api, f"user-{n}") for n in range(8)]
    pairs = [(a, b) for n, a in enumerate(people) for b in people[n + 1 :]]

    def open_both(pair: tuple[Device, Device]) -> set[str]:
        with ThreadPoolExecutor(2) as racing:
            return set(racing.map(lambda n: pair[n].direct(pair[1 - n]), range(2)))

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_both, pairs))
    assert [len(ids) for ids in opened] == [1] * len(pairs)
    assert len(set().union(*opened)) == len(pairs)
