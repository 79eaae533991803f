"""Who is in a group and what that allows: inviting, roles, kicking, leaving and coming back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json, Problem, refused
from harness.device import Device, MakePerson
from harness.server import MakeServer

NOBODY = "4611686018427387904"


def put(actor: Device, cid: str, user: Device, **body: Json) -> Json:
    return actor.call("PUT", f"/conversations/{cid}/members/{user.id}", body).json()


def remove(actor: Device, cid: str, user: Device) -> None:
    actor.call("DELETE", f"/conversations/{cid}/members/{user.id}")


def roles(actor: Device, cid: str) -> dict[str, str]:
    return {member["user"]["id"]: member["role"] for member in actor.members(cid)}


def test_any_member_invites(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    listener = alice.connect()
    member = put(bob, cid, carol)
    assert (member["user"]["id"], member["role"]) == (carol.id, "member")
    event = listener.expect_type("member.joined")
    assert event["member"]["user"]["id"] == carol.id
    assert event["seq"] == member["joined_seq"] == 4
    assert alice.get(f"/conversations/{cid}")["members_count"] == 3


def test_who_joins_gets_the_conversation_with_the_event_and_then_all_that_comes(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, title="the yard")
    alice.send(cid, "before")
    listener = carol.connect()
    put(alice, cid, carol)
    joined = listener.expect_type("member.joined")
    assert joined["cursor"] == 1
    assert joined["conversation"]["id"] == cid
    assert joined["conversation"]["title"] == "the yard"
    alice.send(cid, "after")
    listener.expect_text("after")
    assert [event["type"] for event in carol.inbox()] == ["member.joined", "message.created"]
    assert carol.conversations()[0]["id"] == cid


def test_inviting_a_member_again_changes_nothing(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    assert put(alice, cid, bob)["joined_seq"] == 1
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


def test_inviting_nobody_is_not_found(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    with refused("not_found"):
        alice.call("PUT", f"/conversations/{cid}/members/{NOBODY}", {})
    assert len(alice.members(cid)) == 2


def test_invitations_can_be_left_to_admins(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    alice.call("PATCH", f"/conversations/{cid}", {"settings": {"invite": "admins"}})
    with refused("forbidden"):
        put(bob, cid, carol)
    put(alice, cid, bob, role="admin")
    put(bob, cid, carol)
    assert carol.id in roles(alice, cid)


def test_the_owner_gives_and_takes_roles_and_all_are_told(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    listener = bob.connect()
    assert put(alice, cid, bob, role="admin")["role"] == "admin"
    event = listener.expect_type("member.updated")
    assert (event["member"]["user"]["id"], event["member"]["role"]) == (bob.id, "admin")
    assert bob.get(f"/conversations/{cid}")["my_role"] == "admin"
    assert put(alice, cid, bob, role="member")["role"] == "member"
    assert roles(bob, cid) == {alice.id: "owner", bob.id: "member"}


def test_a_member_gives_no_roles(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    for user, role in [(bob, "admin"), (carol, "admin"), (alice, "member")]:
        with refused("forbidden"):
            put(bob, cid, user, role=role)
    assert roles(alice, cid) == {alice.id: "owner", bob.id: "member", carol.id: "member"}


@pytest.mark.parametrize("role", ["king", "", 5, []], ids=range(4))
def test_an_unknown_role_is_refused(alice: Device, bob: Device, role: Json) -> None:
    cid = alice.group(bob)
    with refused("bad_request"):
        put(alice, cid, bob, role=role)
    assert roles(alice, cid)[bob.id] == "member"


def test_who_may_kick_whom(alice: Device, bob: Device, carol: Device, person: MakePerson) -> None:
    dave = person("dave")
    cid = alice.group(bob, carol, dave)
    put(alice, cid, bob, role="admin")
    for actor, user in [(carol, dave), (carol, bob), (carol, alice), (bob, alice)]:
        with refused("forbidden"):
            remove(actor, cid, user)
    remove(bob, cid, carol)
    remove(alice, cid, bob)
    assert roles(alice, cid) == {alice.id: "owner", dave.id: "member"}


def test_kicking_who_is_not_there_is_not_found(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    with refused("not_found"):
        remove(alice, cid, carol)


@pytest.mark.parametrize("kicked", [False, True], ids=["leaves", "kicked"])
def test_who_goes_gets_conversation_left_and_then_nothing(alice: Device, bob: Device, carol: Device, kicked: bool) -> None:
    cid = alice.group(bob, carol)
    staying, going = carol.connect(), bob.connect()
    remove(alice if kicked else bob, cid, bob)
    assert staying.expect_type("member.left")["member"]["user"]["id"] == bob.id
    left = going.expect_type("conversation.left")
    assert left["conversation"]["id"] == cid
    alice.send(cid, "without you")
    staying.expect_text("without you")
    going.expect_silence()
    assert bob.inbox()[-1]["type"] == "conversation.left"
    assert bob.conversations() == []
    assert carol.get(f"/conversations/{cid}")["members_count"] == 2


def calls_on(cid: str, other: Device) -> list[tuple[str, str, Json]]:
    """Every call that a conversation knows."""
    return [
        ("GET", f"/conversations/{cid}", None),
        ("PATCH", f"/conversations/{cid}", {"title": "mine now"}),
        ("GET", f"/conversations/{cid}/members", None),
        ("PUT", f"/conversations/{cid}/members/{other.id}", {}),
        ("DELETE", f"/conversations/{cid}/members/{other.id}", None),
        ("POST", f"/conversations/{cid}/messages", {"client_id": "x", "text": "x"}),
        ("GET", f"/conversations/{cid}/messages", None),
        ("GET", f"/conversations/{cid}/messages?before=3", None),
        ("GET", f"/conversations/{cid}/messages?after=1", None),
        ("GET", f"/conversations/{cid}/messages?around=2", None),
    ]


def test_who_has_left_is_not_a_member_in_every_call(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    alice.send(cid, "a secret")
    remove(bob, cid, bob)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    for method, path, body in calls_on(cid, carol):
        with refused("not_a_member"):
            bob.call(method, path, body)
    with refused("not_a_member"):
        bob.connect().send(cid, "x", "x")
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


@pytest.mark.parametrize("kind", ["direct", "group"])
def test_a_stranger_finds_nothing_in_every_call(alice: Device, bob: Device, mallory: Device, kind: str) -> None:
    cid = alice.direct(bob) if kind == "direct" else alice.group(bob)
    alice.send(cid, "a secret")
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    for method, path, body in calls_on(cid, bob):
        with pytest.raises(Problem) as caught:
            mallory.call(method, path, body)
        assert (caught.value.status, caught.value.code) == (404, "not_found"), f"{method} {path}"
    with refused("not_found"):
        mallory.connect().send(cid, "x", "x")
    assert mallory.inbox() == []
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


def test_a_conversation_that_isnt_there_looks_like_one_of_strangers(alice: Device, bob: Device) -> None:
    for method, path, body in calls_on(NOBODY, bob):
        with refused("not_found"):
            alice.call(method, path, body)


def test_who_leaves_a_group_cant_leave_again(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    remove(bob, cid, bob)
    with refused("not_a_member"):
        remove(bob, cid, bob)


@pytest.mark.parametrize("access", ["joined", "all"])
def test_what_a_later_member_may_read(alice: Device, bob: Device, carol: Device, access: str) -> None:
    cid = alice.group(bob)
    if access == "all":
        alice.call("PATCH", f"/conversations/{cid}", {"settings": {"history": "all"}})
    alice.send(cid, "before")
    joined = put(alice, cid, carol)["joined_seq"]
    alice.send(cid, "after")
    seen = [message["text"] for message in carol.all_messages(cid)]
    assert seen == (["before", "after"] if access == "all" else ["after"])
    page = carol.history(cid, before=joined)
    assert [message["text"] for message in page["messages"]] == (["before"] if access == "all" else [])
    assert page["has_more_before"] is False


def test_who_comes_back_goes_on_from_there(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    alice.send(cid, "one")
    remove(bob, cid, bob)
    alice.send(cid, "two")
    put(alice, cid, bob)
    alice.send(cid, "three")
    bob.caught_up(cid)
    texts = [event["message"]["text"] for event in bob.inbox() if event["type"] == "message.created"]
    assert texts == ["one", "three"]
    assert [message["text"] for message in bob.all_messages(cid)] == ["three"]
    assert [message["text"] for message in carol.all_messages(cid)] == ["one", "two", "three"]
    assert [event["type"] for event in bob.inbox()][-3:] == ["conversation.left", "member.joined", "message.created"]


@pytest.mark.parametrize("with_admin", [False, True], ids=["oldest member", "oldest admin"])
def test_when_the_owner_leaves_somebody_follows(alice: Device, bob: Device, carol: Device, with_admin: bool) -> None:
    cid = alice.group()
    put(alice, cid, bob)
    put(alice, cid, carol)
    if with_admin:
        put(alice, cid, carol, role="admin")
    heir = carol if with_admin else bob
    remove(alice, cid, alice)
    assert roles(bob, cid)[heir.id] == "owner"
    assert sorted(roles(bob, cid).values()) == ["member", "owner"]
    heir.call("PATCH", f"/conversations/{cid}", {"title": "under new management"})


def test_a_group_whose_last_member_leaves_is_gone_from_the_list(alice: Device) -> None:
    cid = alice.group()
    alice.caught_up(cid)
    remove(alice, cid, alice)
    alice.await_event(lambda event: event["type"] == "conversation.left")
    assert alice.conversations() == []
    with refused("not_a_member"):
        alice.send(cid, "anybody?")


def test_a_group_takes_no_more_than_its_limit(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ngroup_members = 4\n").api
    people = [Device.sign_up(api, f"user-{n}") for n in range(6)]
    owner = people[0]
    with refused("group_full"):
        owner.group(*people[1:5])
    assert owner.conversations() == []
    cid = owner.group(*people[1:3])
    put(owner, cid, people[3])
    with refused("group_full"):
        put(owner, cid, people[4])
    remove(people[3], cid, people[3])
    put(owner, cid, people[4])


def test_racing_invitations_never_pass_the_limit(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\ngroup_members = 4\n").api
    people = [Device.sign_up(api, f"user-{n}") for n in range(9)]
    cid = people[0].group(people[1])

    def invite(n: int) -> str:
        try:
            put(people[n % 2], cid, people[n])
        except Problem as problem:
            return problem.code
        return "in"

    with ThreadPoolExecutor(7) as pool:
        outcomes = sorted(pool.map(invite, range(2, 9)))
    assert outcomes == ["group_full"] * 5 + ["in"] * 2
    assert len(people[0].members(cid)) == 4
    assert people[0].get(f"/conversations/{cid}")["members_count"] == 4


def test_the_default_limit_is_a_hundred_with_the_owner(alice: Device, crowd: list[Device]) -> None:
    with refused("group_full"):
        alice.group(*crowd)
    cid = alice.group(*crowd[:99])
    assert alice.get(f"/conversations/{cid}")["members_count"] == 100
    assert len(alice.members(cid)) == 100
    with refused("group_full"):
        put(alice, cid, crowd[99])


def test_the_owner_gives_the_role_away_and_is_an_admin_then(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    listener = carol.connect()
    assert put(alice, cid, bob, role="owner")["role"] == "owner"
    events = [listener.expect_type("member.updated") for _ in range(2)]
    assert [(event["member"]["user"]["id"], event["member"]["role"]) for event in events] == [(alice.id, "admin"), (bob.id, "owner")]
    assert [event["seq"] for event in events] == [head + 1, head + 2]
    assert roles(carol, cid) == {alice.id: "admin", bob.id: "owner", carol.id: "member"}
    with refused("forbidden"):
        put(alice, cid, carol, role="owner")
    put(bob, cid, alice, role="member")


def test_nobody_but_the_owner_gives_it_away_and_only_to_a_member(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob)
    put(alice, cid, bob, role="admin")
    for actor, user in [(bob, bob), (alice, carol)]:
        with refused("forbidden"):
            put(actor, cid, user, role="owner")
    put(alice, cid, alice, role="owner")  # as it is
    assert roles(alice, cid) == {alice.id: "owner", bob.id: "admin"}


def test_racing_gifts_of_ownership_leave_one_owner(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)

    def give(to: Device) -> str:
        try:
            put(alice, cid, to, role="owner")
        except Problem as problem:
            return problem.code
        return "given"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(give, [bob, carol])) == ["forbidden", "given"]
    assert sorted(roles(alice, cid).values()) == ["admin", "member", "owner"]
