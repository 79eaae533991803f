"""Joining a group by a link."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json, Problem, refused
from harness.device import Device
from harness.server import MakeServer


def make(actor: Device, cid: str, **body: Json) -> Json:
    answer = actor.call("POST", f"/conversations/{cid}/invites", body)
    assert answer.status == 201
    return answer.json()


def accept(user: Device, code: Json) -> Json:
    answer = user.call("POST", "/invites/accept", {"code": code})
    assert answer.status == 200
    return answer.json()


def listed(actor: Device, cid: str, limit: int | None = None) -> list[Json]:
    return actor.pages(f"/conversations/{cid}/invites", "invites", limit)


def revoke(actor: Device, cid: str, code: str) -> None:
    assert actor.call("DELETE", f"/conversations/{cid}/invites/{code}").status == 204


def head(actor: Device, cid: str) -> int:
    return int(actor.get(f"/conversations/{cid}")["head_seq"])


def outcome(user: Device, code: str) -> str:
    try:
        accept(user, code)
    except Problem as problem:
        return problem.code
    return "in"


def test_who_has_the_code_joins_and_all_are_told(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, title="the yard")
    alice.send(cid, "before")
    invite = make(bob, cid)
    assert set(invite) == {"code", "creator_id", "created_at", "uses"}
    assert (invite["creator_id"], invite["uses"]) == (bob.id, 0)
    listener, joining = alice.connect(), carol.connect()
    view = accept(carol, invite["code"])
    assert (view["id"], view["title"], view["my_role"], view["members_count"]) == (cid, "the yard", "member", 3)
    event = listener.expect_type("member.joined")
    assert event["member"]["user"]["id"] == carol.id
    assert joining.expect_type("member.joined")["conversation"]["id"] == cid
    assert carol.all_messages(cid) == []
    carol.send(cid, "hello")
    assert listener.expect_text("hello")


def test_codes_are_long_and_all_different(alice: Device) -> None:
    cid = alice.group()
    codes = [make(alice, cid)["code"] for _ in range(20)]
    assert len(set(codes)) == 20
    assert {len(code) for code in codes} == {32}
    assert len({code[-21:] for code in codes}) == 20  # beside the conversation, 128 bits


def test_accepting_again_counts_no_second_use(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group()
    code = make(alice, cid, max_uses=2)["code"]
    accept(bob, code)
    at = head(alice, cid)
    assert accept(bob, code)["id"] == cid
    assert head(alice, cid) == at
    assert [invite["uses"] for invite in listed(alice, cid)] == [1]
    accept(carol, code)
    assert accept(carol, code)["id"] == cid  # used up meanwhile; a resend is answered all the same


def test_resends_that_race_join_once_and_count_once(alice: Device, bob: Device) -> None:
    cid = alice.group()
    code = make(alice, cid, max_uses=5)["code"]
    with ThreadPoolExecutor(4) as pool:
        assert {view["id"] for view in pool.map(lambda _: accept(bob, code), range(4))} == {cid}
    assert [invite["uses"] for invite in listed(alice, cid)] == [1]
    assert len(alice.members(cid)) == 2


def test_racing_accepts_never_pass_max_uses(alice: Device, crowd: list[Device]) -> None:
    cid = alice.group()
    code = make(alice, cid, max_uses=3)["code"]
    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(lambda user: outcome(user, code), crowd[:8]))
    assert outcomes == ["in"] * 3 + ["not_found"] * 5
    assert len(alice.members(cid)) == 4
    assert listed(alice, cid) == []


def test_racing_accepts_never_pass_the_groups_limit(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ngroup_members = 4\n").api
    people = [Device.sign_up(api, f"user-{n}") for n in range(8)]
    cid = people[0].group()
    code = make(people[0], cid)["code"]
    with ThreadPoolExecutor(7) as pool:
        outcomes = sorted(pool.map(lambda user: outcome(user, code), people[1:]))
    assert outcomes == ["group_full"] * 4 + ["in"] * 3
    assert [invite["uses"] for invite in listed(people[0], cid)] == [3]


def test_a_revoked_invite_lets_nobody_in(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    code = make(alice, cid)["code"]
    revoke(bob, cid, code)
    with refused("not_found"):
        accept(carol, code)
    with refused("not_found"):
        revoke(alice, cid, code)


def test_an_invite_ends_with_its_time(make_server: MakeServer) -> None:
    server = make_server(clock="movable")
    owner, early, late = (Device.sign_up(server.api, name) for name in ("owner", "early", "late"))
    cid = owner.group()
    invite = make(owner, cid, expires_in=3_600)
    assert invite["expires_at"] > invite["created_at"]
    server.advance(3_590)
    accept(early, invite["code"])
    server.advance(11)
    with refused("not_found"):
        accept(late, invite["code"])
    assert listed(owner, cid) == []


@pytest.mark.parametrize(
    "body",
    [{"expires_in": 0}, {"expires_in": "1h"}, {"expires_in": 10**9}, {"max_uses": 0}, {"max_uses": -1}, {"max_uses": 10**6}],
    ids=str,
)
def test_what_an_invite_cannot_be_is_refused(alice: Device, body: Json) -> None:
    cid = alice.group()
    with refused("bad_request"):
        make(alice, cid, **body)
    assert listed(alice, cid) == []


def test_who_may_invite_makes_lists_and_revokes(alice: Device, bob: Device, mallory: Device) -> None:
    cid = alice.group(bob)
    code = make(alice, cid)["code"]
    alice.call("PATCH", f"/conversations/{cid}", {"settings": {"invite": "admins"}})
    for actor, refusal in [(bob, "forbidden"), (mallory, "not_found")]:
        for call in (lambda a: make(a, cid), lambda a: listed(a, cid), lambda a: revoke(a, cid, code)):
            with refused(refusal):
                call(actor)
    assert [invite["code"] for invite in listed(alice, cid)] == [code]


def test_a_code_of_another_conversation_is_none_here(alice: Device, bob: Device) -> None:
    one, other = alice.group(), alice.group()
    code = make(alice, one)["code"]
    with refused("not_found"):
        revoke(alice, other, code)
    accept(bob, code)


@pytest.mark.parametrize("code", ["", "x", "A" * 32, "_" * 32, "B" * 31, "B" * 33, "B" * 31 + "="])
def test_a_code_that_nobody_made_is_not_found(bob: Device, code: str) -> None:
    with refused("not_found"):
        accept(bob, code)


@pytest.mark.parametrize("body", [{}, {"code": 5}, {"code": None}, []], ids=str)
def test_a_body_without_a_code_is_refused(bob: Device, body: Json) -> None:
    with refused("bad_request"):
        bob.call("POST", "/invites/accept", body)


def test_at_most_a_hundred_live_ones_listed_by_page(alice: Device) -> None:
    cid = alice.group()
    codes = {make(alice, cid)["code"] for _ in range(100)}
    with refused("group_full"):
        make(alice, cid)
    pages = listed(alice, cid, limit=30)
    assert len(pages) == 100
    assert {invite["code"] for invite in pages} == codes
    revoke(alice, cid, pages[0]["code"])
    make(alice, cid)


def test_a_direct_conversation_has_no_invites(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for call in (lambda: make(alice, cid), lambda: listed(alice, cid), lambda: revoke(alice, cid, "A" * 32)):
        with refused("forbidden"):
            call()


def test_who_was_kicked_comes_back_by_link_and_begins_anew(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    code = make(alice, cid)["code"]
    alice.send(cid, "one")
    alice.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    alice.send(cid, "two")
    view = accept(bob, code)
    assert "last_message" not in view
    alice.send(cid, "three")
    assert [message["text"] for message in bob.all_messages(cid)] == ["three"]


def test_with_the_last_member_the_links_end(alice: Device, bob: Device) -> None:
    """Nobody would own the group that they lead into."""
    cid = alice.group()
    code = make(alice, cid)["code"]
    alice.call("DELETE", f"/conversations/{cid}/members/{alice.id}")
    for user in (alice, bob):
        with refused("not_found"):
            accept(user, code)


def test_invites_and_their_uses_survive_a_kill(make_server: MakeServer) -> None:
    own = make_server()
    owner, *guests = (Device.sign_up(own.api, name) for name in ("owner", "one", "two", "three"))
    cid = owner.group()
    code = make(owner, cid, max_uses=2)["code"]
    accept(guests[0], code)
    own.restart(kill=True)
    assert [invite["uses"] for invite in listed(owner, cid)] == [1]
    assert [outcome(guest, code) for guest in guests] == ["in", "in", "not_found"]
