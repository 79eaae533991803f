"""Who is writing: told to the others, kept nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta

from harness.api import refused
from harness.device import Device
from harness.server import MakeServer


def test_the_other_members_are_told_and_for_how_long(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    for device in (bob, carol):
        device.caught_up(cid)
    typist, other, readers = alice.connect(), alice.another().connect(), [bob.connect(), carol.connect()]
    before = datetime.fromisoformat(alice.send(cid, "now")["created_at"])
    typist.request("typing", conversation_id=cid)
    for reader in readers:
        told = reader.expect_signal("typing", conversation_id=cid, user_id=alice.id)
        lasts = datetime.fromisoformat(told["expires_at"]) - before
        assert timedelta(seconds=5) < lasts < timedelta(seconds=10)
    assert typist.new_signals("typing") == other.new_signals("typing") == []


def test_it_is_told_once_in_two_seconds(make_server: MakeServer) -> None:
    server = make_server(clock="movable")
    anna, bert = Device.sign_up(server.api, "anna"), Device.sign_up(server.api, "bert")
    cid = anna.direct(bert)
    bert.caught_up(cid)
    typist, reader = anna.connect(), bert.connect()
    for _ in range(5):
        typist.request("typing", conversation_id=cid)
    reader.expect_signal("typing", user_id=anna.id)
    assert reader.new_signals("typing") == []
    server.advance(2.1)
    typist.request("typing", conversation_id=cid)
    reader.expect_signal("typing", user_id=anna.id)


def test_only_members_may_and_only_a_ref_is_answered(alice: Device, bob: Device, mallory: Device) -> None:
    cid = alice.direct(bob)
    reader = bob.connect()
    stranger = mallory.connect()
    with refused("not_found"):
        stranger.request("typing", conversation_id=cid)
    for wrong in (None, 1, "x", cid + "0"):
        with refused("bad_request", "not_found"):
            stranger.request("typing", conversation_id=wrong)
    stranger.send_json({"op": "typing", "conversation_id": cid})
    stranger.send_json({"op": "typing"})
    stranger.ping()
    assert stranger.replies == {}
    assert reader.new_signals("typing") == []


def test_who_was_removed_is_not_told_of(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    bob.caught_up(cid)
    reader, typist = alice.connect(), bob.connect()
    alice.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    with refused("not_a_member"):
        typist.request("typing", conversation_id=cid)
    assert reader.new_signals("typing") == []


def test_large_conversations_tell_nobody(make_server: MakeServer) -> None:
    server = make_server(config="[presence]\nfan_out_members_max = 2\n")
    anna, bert, carl = (Device.sign_up(server.api, name) for name in ("anna", "bert", "carl"))
    small, large = anna.group(bert), anna.group(bert, carl)
    bert.caught_up(small, large)
    typist, reader = anna.connect(), bert.connect()
    typist.request("typing", conversation_id=large)
    typist.request("typing", conversation_id=small)
    reader.expect_signal("typing", conversation_id=small)
    assert [told["conversation_id"] for told in reader.signals] == [small]
