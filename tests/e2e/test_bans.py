"""Owner and admins keep somebody out of a group for good."""

from __future__ import annotations

import pytest
from harness.api import Json, refused
from harness.device import Device, MakePerson
from harness.server import MakeServer

NOBODY = "4611686018427387904"


def ban(actor: Device, cid: str, user: Device) -> Json:
    return actor.call("PUT", f"/conversations/{cid}/bans/{user.id}").json()


def lift(actor: Device, cid: str, user: Device) -> None:
    assert actor.call("DELETE", f"/conversations/{cid}/bans/{user.id}").status == 204


def bans(actor: Device, cid: str, limit: int | None = None) -> list[str]:
    return [each["user"]["id"] for each in actor.pages(f"/conversations/{cid}/bans", "bans", limit)]


def invite(actor: Device, cid: str, user: Device, **body: str) -> Json:
    return actor.call("PUT", f"/conversations/{cid}/members/{user.id}", body).json()


def link(actor: Device, cid: str) -> str:
    return str(actor.call("POST", f"/conversations/{cid}/invites", {}).json()["code"])


def test_a_ban_removes_a_member_and_everybody_sees_them_leave(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    staying, going = carol.connect(), bob.connect()
    made = ban(alice, cid, bob)
    assert made["user"]["id"] == bob.id
    assert made["actor_id"] == alice.id
    assert staying.expect_type("member.left")["member"]["user"]["id"] == bob.id
    assert going.expect_type("conversation.left")["conversation"]["id"] == cid
    with refused("not_a_member"):
        bob.get(f"/conversations/{cid}")
    assert {member["user"]["id"] for member in carol.members(cid)} == {alice.id, carol.id}


@pytest.mark.parametrize("was_member", [True, False], ids=["a member", "one who never was"])
def test_who_is_banned_comes_in_by_no_door_until_it_is_lifted(alice: Device, bob: Device, carol: Device, was_member: bool) -> None:
    cid = alice.group(bob, *([carol] if was_member else []))
    code = link(alice, cid)
    ban(alice, cid, carol)
    for actor in (alice, bob):
        with refused("forbidden"):
            invite(actor, cid, carol)
    with refused("forbidden"):
        carol.call("POST", "/invites/accept", {"code": code})
    with refused("not_a_member" if was_member else "not_found"):
        carol.get(f"/conversations/{cid}")
    lift(alice, cid, carol)
    assert carol.call("POST", "/invites/accept", {"code": code}).json()["id"] == cid


def test_a_second_ban_changes_nothing(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    first = ban(alice, cid, bob)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    assert ban(alice, cid, bob) == first
    assert bans(alice, cid) == [bob.id]
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


def test_a_ban_of_one_who_is_not_in_is_no_entry(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    ban(alice, cid, carol)
    lift(alice, cid, carol)
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


def test_admins_ban_whom_they_outrank(alice: Device, bob: Device, carol: Device, person: MakePerson) -> None:
    dave = person("dave")
    cid = alice.group(bob, carol, dave)
    for admin in (bob, dave):
        invite(alice, cid, admin, role="admin")
    for actor, user in [(carol, bob), (carol, carol), (bob, dave), (bob, alice), (bob, bob), (alice, alice)]:
        with refused("forbidden"):
            ban(actor, cid, user)
    ban(bob, cid, carol)
    ban(alice, cid, dave)
    assert sorted(bans(bob, cid), key=int) == sorted([carol.id, dave.id], key=int)


def test_members_neither_see_nor_lift_bans(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    ban(alice, cid, carol)
    with refused("forbidden"):
        bans(bob, cid)
    with refused("forbidden"):
        lift(bob, cid, carol)
    with refused("not_a_member"):
        lift(carol, cid, carol)


def test_what_is_not_there_is_not_found(alice: Device, bob: Device, mallory: Device) -> None:
    cid = alice.group(bob)
    with refused("not_found"):
        alice.call("PUT", f"/conversations/{cid}/bans/{NOBODY}")
    with refused("not_found"):
        lift(alice, cid, bob)
    with refused("not_found"):
        ban(mallory, cid, bob)
    assert bans(alice, cid) == []


def test_bans_are_listed_by_page(alice: Device, crowd: list[Device]) -> None:
    cid = alice.group()
    for user in crowd[:7]:
        ban(alice, cid, user)
    expected = sorted((user.id for user in crowd[:7]), key=int)
    assert bans(alice, cid, limit=3) == expected
    assert bans(alice, cid) == expected


def test_nobody_is_banned_from_a_direct_conversation(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for call in (lambda: ban(alice, cid, bob), lambda: lift(alice, cid, bob), lambda: bans(alice, cid)):
        with refused("forbidden"):
            call()


def test_bans_survive_a_kill(make_server: MakeServer) -> None:
    own = make_server()
    owner, guest, other = (Device.sign_up(own.api, name) for name in ("owner", "guest", "other"))
    cid = owner.group(guest)
    ban(owner, cid, guest)
    ban(owner, cid, other)
    own.restart(kill=True)
    assert len(bans(owner, cid)) == 2
    for user in (guest, other):
        with refused("forbidden"):
            invite(owner, cid, user)
