"""A new password, the end of an account, and all that it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from harness.admin import ask
from harness.api import Api, Json, refused
from harness.device import PASSWORD, Device, MakePerson, unique
from harness.server import MakeServer, Server

NEW_PASSWORD = "battery horse staple"
WITHIN_S = 20


def change(device: Device, old: str, new: str) -> None:
    answer = device.call("PUT", "/users/me/password", {"old_password": old, "new_password": new})
    assert answer.status == 204


def until(true: Callable[[], bool], what: str) -> None:
    """What goes on in the background after an answer."""
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def delete(device: Device) -> None:
    assert device.call("DELETE", "/users/me").status == 204


def pending(server: Server) -> float:
    """How many are still on their way out."""
    lines = server.api.exchange("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("madang_engine_departures_pending{"))


def rest(server: Server) -> None:
    until(lambda: pending(server) == 0, "somebody does not get away")


# ---- the password ----------------------------------------------------------------------------------------------------------------------


def test_a_new_password_signs_out_the_other_devices(api: Api, alice: Device) -> None:
    other = alice.another()
    socket = other.connect(0)
    mine = alice.connect(0)
    change(alice, PASSWORD, NEW_PASSWORD)
    assert socket.expect_close().code == 4003
    with refused("unauthenticated"):
        other.get("/users/me")
    assert alice.get("/users/me")["id"] == alice.id
    mine.pump_until(mine.post_ping(), WITHIN_S)
    with refused("unauthenticated"):
        Device.log_in(api, alice.username, PASSWORD)
    assert Device.log_in(api, alice.username, NEW_PASSWORD).id == alice.id


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"old_password": "not the one", "new_password": NEW_PASSWORD}, "forbidden"),
        ({"old_password": PASSWORD, "new_password": "short"}, "bad_request"),
        ({"old_password": PASSWORD}, "bad_request"),
        ({"new_password": NEW_PASSWORD}, "bad_request"),
        ({"old_password": 1, "new_password": NEW_PASSWORD}, "bad_request"),
        ({"old_password": PASSWORD, "new_password": "x" * 1025}, "bad_request"),
    ],
)
def test_a_password_that_is_not_changed(api: Api, alice: Device, body: Json, code: str) -> None:
    other = alice.another()
    with refused(code):
        alice.call("PUT", "/users/me/password", body)
    assert other.get("/users/me")["id"] == alice.id
    assert Device.log_in(api, alice.username, PASSWORD).id == alice.id


def test_an_account_without_a_password_has_none_to_change(server: Server, api: Api) -> None:
    name = unique("minted")
    ask(server.data, "user-add", name)
    [[token, *_]] = ask(server.data, "token-mint", name)
    body = {"old_password": "", "new_password": NEW_PASSWORD}
    with refused("forbidden"):
        api.call("PUT", "/users/me/password", body, token=token)


def test_old_passwords_are_not_tried_without_end(make_server: MakeServer) -> None:
    server = make_server(config="[limits]\nloopback_exempt = false\n")
    alice = Device.sign_up(server.api, unique("alice"))
    for _ in range(5):
        with refused("forbidden"):
            change(alice, "not the one", NEW_PASSWORD)
    with refused("rate_limited"):
        change(alice, PASSWORD, NEW_PASSWORD)


def test_passwords_are_not_guessed_without_end(make_server: MakeServer) -> None:
    api = make_server(config="[limits]\nloopback_exempt = false\n").api
    alice, bob = Device.sign_up(api, unique("alice")), Device.sign_up(api, unique("bob"))

    def log_in(username: str, password: str) -> None:
        api.call("POST", "/sessions", {"username": username, "password": password})

    for _ in range(12):
        log_in(alice.username, PASSWORD)  # right ones don't count
    for username in (alice.username, unique("nobody")):  # a name that nobody has tells nothing by it
        for n in range(10):
            with refused("unauthenticated"):
                log_in(username if n % 2 else username.upper(), "not the one")
        with refused("rate_limited"):
            log_in(username, PASSWORD)
    log_in(bob.username, PASSWORD)


# ---- deletion --------------------------------------------------------------------------------------------------------------------------


def test_a_deleted_account_is_gone_at_once(server: Server, api: Api, alice: Device, bob: Device) -> None:
    other = alice.another()
    sockets = [alice.connect(0), other.connect(0)]
    delete(alice)
    assert [socket.expect_close().code for socket in sockets] == [4003, 4003]
    for device in (alice, other):
        with refused("unauthenticated"):
            device.get("/users/me")
    with refused("unauthenticated"):
        Device.log_in(api, alice.username)
    with refused("username_taken"):
        api.sign_up(alice.username, PASSWORD)
    with refused("username_taken"):
        api.sign_up(alice.username.upper(), PASSWORD)
    assert bob.get("/users", username=alice.username) == {"users": []}
    shown = bob.get(f"/users/{alice.id}")
    assert shown == {
        "id": alice.id,
        "username": f"deleted-{alice.id}",
        "display_name": "",
        "created_at": shown["created_at"],
        "deleted": True,
    }
    rest(server)


def test_nobody_signs_up_as_a_deleted_user(api: Api) -> None:
    with refused("bad_request"):
        api.sign_up("Deleted-12345", PASSWORD)
    api.sign_up(unique("deleted-but-no-number"), PASSWORD)


def test_groups_friends_and_direct_conversations_of_a_deleted_user(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob, carol = (Device.sign_up(server.api, unique(name)) for name in ("alice", "bob", "carol"))
    alice.call("PATCH", "/users/me", {"display_name": "Alice Liddell", "settings": {"secret": "of hers"}})
    group, direct = alice.group(bob, carol), alice.direct(bob)
    said = alice.send(group, "hello, all")
    alice.send(direct, "hello, bob")
    for one, other in ((alice, bob), (bob, alice)):
        one.call("PUT", f"/friends/{other.id}")
    alice.call("PUT", f"/blocks/{carol.id}")
    socket = bob.connect(bob.caught_up(group, direct))
    delete(alice)
    rest(server)

    assert [member["user"]["id"] for member in bob.members(group)] == sorted((bob.id, carol.id), key=int)
    assert [member["role"] for member in bob.members(group)].count("owner") == 1
    assert bob.all_messages(group)[0] == said  # messages stay
    left = bob.await_event(lambda event: event["type"] == "member.left" and event["member"]["user"]["id"] == alice.id)
    assert left
    told = bob.await_event(lambda event: event["type"] == "friend.updated" and event["state"] == "none")
    assert told
    assert bob.get("/friends") == {"friends": []}
    assert bob.conversation(direct)["peer"]["deleted"] is True
    assert [message["text"] for message in bob.all_messages(direct)] == ["hello, bob"]
    with refused("blocked"):
        bob.send(direct, "are you there?")
    with refused("not_found"):
        carol.direct(alice)
    with refused("not_found"):
        carol.call("PUT", f"/friends/{alice.id}")
    with refused("not_found"):
        bob.call("PUT", f"/conversations/{group}/members/{alice.id}", {})
    # Nothing that is served says who it was, neither from memory nor from the store, before a restart and after it.
    for again in (False, True):
        if again:
            server.restart(kill=True)
        for device in (bob, carol):
            everything = str([device.inbox(), device.conversations(), device.members(group)])
            assert "Liddell" not in everything
            assert alice.username not in everything
    socket.close()


def test_a_deleted_owner_of_nobody_elses_group(server: Server, alice: Device) -> None:
    alice.group()
    delete(alice)
    rest(server)


@pytest.mark.parametrize("moment", range(3))
def test_a_kill_in_the_middle_of_a_deletion(make_server: MakeServer, moment: int) -> None:
    server = make_server()
    alice, bob, carol = (Device.sign_up(server.api, unique(name)) for name in ("alice", "bob", "carol"))
    groups = [alice.group(bob, carol) for _ in range(12)]
    alice.direct(bob)
    for group in groups:
        bob.send(group, f"@{alice.username} hello")
    delete(alice)
    for _ in range(moment):  # one or two turns more
        server.ready()
    server.restart(kill=True)
    rest(server)
    for group in groups:
        members = carol.members(group)
        assert {member["user"]["id"] for member in members} == {bob.id, carol.id}
        assert [member["role"] for member in members].count("owner") == 1
        assert len(carol.all_messages(group)) == 1
    with refused("unauthenticated"):
        alice.get("/users/me")


# ---- export ----------------------------------------------------------------------------------------------------------------------------


def without_times(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`last_seen_at` moves with every call."""
    return [{key: value for key, value in each.items() if key != "last_seen_at"} for each in sessions]


def export(device: Device, limit: int | None = None) -> Json:
    """All pages, put end to end."""
    whole: Json = {"friends": [], "blocks": [], "conversations": [], "messages": []}
    query: Json = {"limit": limit}
    while True:
        page = device.get("/users/me/export", **query)
        assert limit is None or sum(len(page.get(name, ())) for name in ("friends", "blocks", "conversations", "messages")) <= limit
        for name, part in page.items():
            if name in ("friends", "blocks", "conversations", "messages"):
                whole[name] += part
            elif name != "next":
                assert name not in whole
                whole[name] = part
        if "next" not in page:
            return whole
        query["next"] = page["next"]


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_an_export_has_all_that_is_the_accounts_own(person: MakePerson, limit: int | None) -> None:
    alice, bob, carol, dave = (person(name) for name in ("alice", "bob", "carol", "dave"))
    alice.call("PATCH", "/users/me", {"settings": {"theme": "dark"}})
    left, stays, direct = bob.group(alice), alice.group(bob, carol), alice.direct(bob)
    for conversation in (left, stays, direct):
        for n in range(3):
            alice.send(conversation, f"mine {n}")
        bob.send(conversation, "not mine")
    deleted = alice.send(stays, "a slip")
    alice.call("DELETE", f"/conversations/{stays}/messages/{deleted['seq']}")
    alice.call("DELETE", f"/conversations/{left}/members/{alice.id}")
    for who in (bob, carol):
        alice.call("PUT", f"/friends/{who.id}")
    alice.call("PUT", f"/blocks/{dave.id}")
    registration = {"provider": "house", "endpoint": "of alice's telephone"}
    alice.call("PUT", "/devices/current/push", registration)
    alice.caught_up(stays, direct)
    until(lambda: len(alice.get("/friends")["friends"]) == 2 and bool(alice.get("/blocks")["blocks"]), "relations are on their way")

    whole = export(alice, limit)
    assert whole["user"] == alice.get("/users/me")
    assert [each.pop("push", None) for each in whole["sessions"]] == [registration]
    assert without_times(whole["sessions"]) == without_times(alice.get("/sessions")["sessions"])
    assert whole["friends"] == alice.get("/friends")["friends"]
    assert whole["blocks"] == alice.get("/blocks")["blocks"]
    assert whole["conversations"] == sorted(alice.conversations(), key=lambda each: int(each["id"]))
    mine = [message for conversation in (stays, direct) for message in alice.all_messages(conversation) if message["sender_id"] == alice.id]
    also = [message for message in bob.all_messages(left) if message["sender_id"] == alice.id]
    place = lambda message: (int(message["conversation_id"]), message["seq"])  # noqa: E731
    assert whole["messages"] == sorted(mine + also, key=place)
    text = str(whole)
    assert alice.token not in text
    assert "not mine" not in str(whole["messages"])


def test_an_export_from_a_place_that_there_is_not(alice: Device) -> None:
    for place in ("", "1", "friends", "friends-1", "secrets-1-1", "messages-1-1-1", "messages--1", "messages-99999999999999999999-1"):
        with refused("bad_request"):
            alice.get("/users/me/export", next=place)
    assert "next" not in alice.get("/users/me/export", next="messages-18446744073709551615-18446744073709551615")


def test_exports_are_not_read_without_end(make_server: MakeServer) -> None:
    server = make_server(config="[limits]\nloopback_exempt = false\n")
    alice = Device.sign_up(server.api, unique("alice"))
    with refused("rate_limited"):
        for _ in range(200):
            alice.get("/users/me/export")
