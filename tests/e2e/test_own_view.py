"""Pins, mutes and the archive: a user's own view of a conversation."""

from __future__ import annotations

import pytest
from harness.api import Json, refused
from harness.device import Device
from harness.server import MakeServer


def change(device: Device, cid: str, **members: Json) -> Json:
    return device.call("PATCH", f"/conversations/{cid}/me", members).json()


def ids(device: Device, limit: int | None = None) -> list[str]:
    return [one["id"] for one in device.conversations(limit)]


def test_nothing_is_set_at_first_and_what_is_left_out_stays(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    assert not {"pinned", "archived", "muted_until"} & alice.conversation(cid).keys()
    until = "2100-01-01T00:00:00.000Z"
    assert change(alice, cid, pinned=True)["pinned"] is True
    assert change(alice, cid, muted_until=until)["muted_until"] == until
    view = change(alice, cid, archived=True)
    assert (view["pinned"], view["muted_until"], view["archived"]) == (True, until, True)
    assert alice.conversation(cid) == view
    assert alice.conversations()[0] == view
    assert not {"pinned", "archived", "muted_until"} & change(alice, cid, pinned=False, archived=False, muted_until=None).keys()


def test_nobody_else_sees_or_hears_of_it(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    bob.caught_up(cid)
    alice.caught_up(cid)
    before = bob.inbox(), alice.inbox(), bob.conversation(cid)
    change(alice, cid, pinned=True, archived=True, muted_until="2100-01-01T00:00:00Z")
    assert (bob.inbox(), alice.inbox(), bob.conversation(cid)) == before


def test_pinned_ones_come_first_then_newest_activity_over_pages(alice: Device, bob: Device) -> None:
    made = [alice.group(bob, title=str(n)) for n in range(5)]
    alice.caught_up(*made)
    change(alice, made[1], pinned=True)
    change(alice, made[3], pinned=True)
    wanted = [made[3], made[1], made[4], made[2], made[0]]
    assert ids(alice) == wanted
    for limit in (1, 2, 3):
        assert ids(alice, limit) == wanted
    alice.send(made[1], "to the top of the pinned ones")
    alice.send(made[0], "to the top of the others")
    alice.caught_up(made[0], made[1])
    assert ids(alice) == [made[1], made[3], made[0], made[4], made[2]]


def test_an_archived_conversation_stays_so_and_does_not_count(alice: Device, bob: Device) -> None:
    kept, put_away = alice.group(bob), alice.group(bob)
    bob.caught_up(kept, put_away)
    change(bob, put_away, archived=True)
    for cid in (kept, put_away):
        alice.send(cid, "hello")
    bob.caught_up(kept, put_away)
    assert bob.conversation(put_away)["archived"] is True
    assert bob.conversation(put_away)["unread"] == 1
    assert bob.unread_total() == 1
    change(bob, put_away, archived=False)
    assert bob.unread_total() == 2


def test_a_mute_in_the_past_is_none(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    assert "muted_until" not in change(alice, cid, muted_until="2001-01-01T00:00:00Z")


@pytest.mark.parametrize("body", [{"pinned": 1}, {"archived": "yes"}, {"muted_until": "tomorrow"}, {"muted_until": 5}, []], ids=str)
def test_wrong_members_are_refused(alice: Device, bob: Device, body: Json) -> None:
    cid = alice.group(bob)
    with refused("bad_request"):
        alice.call("PATCH", f"/conversations/{cid}/me", body)
    assert "pinned" not in alice.conversation(cid)


def test_only_members_have_a_view(alice: Device, bob: Device, mallory: Device) -> None:
    cid = alice.group(bob)
    with refused("not_found"):
        change(mallory, cid, pinned=True)
    alice.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    with refused("not_a_member"):
        change(bob, cid, pinned=True)


def test_it_ends_with_the_stay(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    bob.caught_up(cid)
    change(bob, cid, pinned=True, archived=True, muted_until="2100-01-01T00:00:00Z")
    bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    bob.await_event(lambda event: event["type"] == "conversation.left")
    again = alice.call("PUT", f"/conversations/{cid}/members/{bob.id}", {}).json()["joined_seq"]
    bob.await_event(lambda event: event["type"] == "member.joined" and event["seq"] == again)
    assert not {"pinned", "archived", "muted_until"} & bob.conversation(cid).keys()
    assert "pinned" not in change(bob, cid, archived=True)


def test_it_survives_a_kill(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob = (Device.sign_up(server.api, name) for name in ("alice", "bob"))
    cid = alice.direct(bob)
    change(alice, cid, pinned=True)
    server.kill9()
    server.start()
    assert alice.conversation(cid)["pinned"] is True
