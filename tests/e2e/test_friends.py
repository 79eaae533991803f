"""Asking, accepting, refusing and ending friendships; both sides are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Json, refused
from harness.device import Device, MakePerson
from harness.server import MakeServer

NOBODY = "4611686018427387904"


def ask(actor: Device, other: Device) -> str:
    answer = actor.call("PUT", f"/friends/{other.id}").json()
    assert answer["user"]["id"] == other.id
    return str(answer["state"])


def end(actor: Device, other: Device) -> str:
    return str(actor.call("DELETE", f"/friends/{other.id}").json()["state"])


def friends(actor: Device, limit: int | None = None) -> dict[str, str]:
    return {each["user"]["id"]: each["state"] for each in actor.pages("/friends", "friends", limit)}


def told(actor: Device, other: Device, count: int) -> list[str]:
    """The first `count` states of that friendship in the inbox; waits until they are there."""
    states: list[str] = []

    def is_last(event: Json) -> bool:
        if event["type"] == "friend.updated" and event["user"]["id"] == other.id:
            states.append(event["state"])
        return len(states) == count

    actor.await_event(is_last)
    return states


def test_a_request_is_shown_to_both_sides(alice: Device, bob: Device) -> None:
    assert ask(alice, bob) == "requested"
    assert told(alice, bob, 1) == ["requested"]
    assert told(bob, alice, 1) == ["asked"]
    assert friends(alice) == {bob.id: "requested"}
    assert friends(bob) == {alice.id: "asked"}


def test_who_was_asked_accepts_by_asking(alice: Device, bob: Device) -> None:
    ask(alice, bob)
    assert ask(bob, alice) == "friends"
    assert told(alice, bob, 2) == ["requested", "friends"]
    assert told(bob, alice, 2) == ["asked", "friends"]
    assert friends(alice) == {bob.id: "friends"}
    assert friends(bob) == {alice.id: "friends"}


def test_asking_again_changes_nothing_and_tells_nobody(alice: Device, bob: Device) -> None:
    assert [ask(alice, bob), ask(alice, bob)] == ["requested", "requested"]
    ask(bob, alice)
    assert ask(alice, bob) == "friends"
    end(alice, bob)
    assert told(bob, alice, 3) == ["asked", "friends", "none"]
    assert told(alice, bob, 3) == ["requested", "friends", "none"]


@pytest.mark.parametrize("by_asker", [True, False], ids=["withdrawn", "refused"])
def test_a_request_can_be_withdrawn_and_refused(alice: Device, bob: Device, by_asker: bool) -> None:
    ask(alice, bob)
    assert (end(alice, bob) if by_asker else end(bob, alice)) == "none"
    assert told(alice, bob, 2) == ["requested", "none"]
    assert told(bob, alice, 2) == ["asked", "none"]
    assert friends(alice) == friends(bob) == {}


def test_ending_what_there_is_not_answers_none(alice: Device, bob: Device) -> None:
    assert end(alice, bob) == "none"


def test_the_event_bears_the_other_users_profile(alice: Device, bob: Device) -> None:
    bob.call("PATCH", "/users/me", {"display_name": "Bob"})
    listener = alice.connect()
    ask(alice, bob)
    event = listener.expect_type("friend.updated")
    assert event["user"] == alice.get(f"/users/{bob.id}")
    assert event["user"]["display_name"] == "Bob"
    assert "seq" not in event
    assert "conversation_id" not in event


def test_a_list_of_friends_comes_in_pages(alice: Device, person: MakePerson) -> None:
    others = [person(f"other-{n}") for n in range(5)]
    for other in others:
        ask(other, alice)
        told(alice, other, 1)
    assert friends(alice, limit=2) == {other.id: "asked" for other in others}


def test_both_asking_at_once_makes_them_friends(alice: Device, bob: Device) -> None:
    with ThreadPoolExecutor(2) as pool:
        states = set(pool.map(lambda pair: ask(*pair), [(alice, bob), (bob, alice)]))
    assert "friends" in states
    assert told(alice, bob, 2)[-1] == told(bob, alice, 2)[-1] == "friends"


def test_oneself_and_nobody_are_refused(alice: Device) -> None:
    for path in ("friends", "blocks"):
        with refused("bad_request"):
            alice.call("PUT", f"/{path}/{alice.id}")
        for method in ("PUT", "DELETE"):
            with refused("not_found"):
                alice.call(method, f"/{path}/{NOBODY}")
            with refused("not_found"):
                alice.call(method, f"/{path}/nobody")


def test_more_friends_than_allowed_are_refused_on_either_side(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\nfriends = 2\nblocks = 1\n").api
    one, two, three, four = (Device.sign_up(api, name) for name in ("one", "two", "three", "four"))
    for other in (two, three):
        ask(one, other)
        told(one, other, 1)
    with refused("bad_request"):
        ask(one, four)
    with refused("bad_request"):
        ask(four, one)
    assert ask(two, one) == "friends", "what is there already may go on"
    one.call("PUT", f"/blocks/{four.id}")
    while not one.get("/blocks")["blocks"]:
        pass
    with refused("bad_request"):
        one.call("PUT", f"/blocks/{three.id}")


def test_friends_and_blocks_survive_a_restart(make_server: MakeServer) -> None:
    server = make_server()
    one, two, three = (Device.sign_up(server.api, name) for name in ("one", "two", "three"))
    ask(one, two)
    ask(two, one)
    one.call("PUT", f"/blocks/{three.id}")
    server.kill9()
    server.start()
    told(one, two, 2)
    assert friends(one) == {two.id: "friends"}
    assert [user["id"] for user in one.pages("/blocks", "blocks")] == [three.id]
    assert told(two, one, 2) == ["asked", "friends"]
