"""What people are served of unread, mentions and markers is what the logs say: the operator's audit, by its two doors."""

from __future__ import annotations

import pytest
from harness.admin import Refused, ask
from harness.api import Api, Json, refused
from harness.device import Device, MakePerson, unique
from harness.server import MakeServer, Server

COLUMNS = ("user_id", "username", "conversations", "unread", "unread_mentions", "mentions", "entries")


def audit(server: Server, *who: Device) -> dict[str, Json]:
    """By user id; there must be no difference."""
    rows = [row for one in who for row in ask(server.data, "user-audit", one.username)] if who else ask(server.data, "user-audit")
    assert not [row for row in rows if row[0] != "user"]
    return {row[1]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}


def must_be_as_served(server: Server, *who: Device) -> None:
    counted = audit(server, *who)
    for one in who:
        served = one.conversations()
        assert int(counted[one.id]["unread"]) == sum(each["unread"] for each in served)
        assert int(counted[one.id]["unread_mentions"]) == sum(each["unread_mentions"] for each in served)
        assert int(counted[one.id]["mentions"]) == len(one.pages("/mentions", "mentions"))


def test_the_audit_agrees_after_reads_edits_deletions_and_kills(make_server: MakeServer) -> None:
    server = make_server()
    alice, bob, carol = (Device.sign_up(server.api, unique(name)) for name in ("alice", "bob", "carol"))
    everybody = (alice, bob, carol)
    group, direct = alice.group(bob, carol), alice.direct(bob)
    sent = [alice.send(group, f"@{bob.username} number {n}") for n in range(6)] + [carol.send(group, "hello") for _ in range(3)]
    alice.send(direct, f"@{bob.username} hi")
    for one in everybody:
        one.caught_up(group)
    must_be_as_served(server, *everybody)

    message = f"/conversations/{group}/messages"
    alice.call("PATCH", f"{message}/{sent[0]['seq']}", {"text": "nobody is named any more"})
    alice.call("PATCH", f"{message}/{sent[1]['seq']}", {"text": f"@{carol.username} instead"})
    alice.call("DELETE", f"{message}/{sent[2]['seq']}")
    carol.call("PATCH", f"{message}/{sent[6]['seq']}", {"text": f"@{bob.username} late"})
    bob.read(group, sent[3]["seq"])
    for one in everybody:
        one.caught_up(group)
    assert int(audit(server, bob)[bob.id]["unread"]) > 0
    must_be_as_served(server, *everybody)

    server.restart(kill=True)
    must_be_as_served(server, *everybody)
    carol.call("DELETE", f"/conversations/{group}/members/{carol.id}")
    alice.send(group, f"@{carol.username} are you gone?")
    bob.read(group, 10**6)
    for one in (alice, bob):
        one.caught_up(group)
    must_be_as_served(server, alice, bob)
    audit(server)
    server.restart(engines=1 if server.engines > 1 else 2, kill=True)
    assert len(audit(server)) == 3


def test_the_audit_agrees_while_people_write(server: Server, person: MakePerson) -> None:
    alice, bob = person("alice"), person("bob")
    group = alice.group(bob)
    for n in range(20):
        sent = alice.send(group, f"@{bob.username} number {n}")
        if n % 3 == 0:
            alice.call("DELETE", f"/conversations/{group}/messages/{sent['seq']}")
        if n % 5 == 0:
            bob.read(group, sent["seq"])
        audit(server, alice, bob)


def test_the_audit_over_http_is_for_operators(server: Server, api: Api, alice: Device, bob: Device) -> None:
    group = alice.group(bob)
    alice.send(group, f"@{bob.username} hi")
    bob.caught_up(group)
    name = unique("operator")
    ask(server.data, "user-add", name, "", "", "operator")
    [[token, *_]] = ask(server.data, "token-mint", name)
    found = api.call("GET", "/admin/audit", token=token, query={"username": bob.username}).json()
    assert found == {
        "user": bob.get("/users", username=bob.username)["users"][0],
        "conversations": 1,
        "unread": 1,
        "unread_mentions": 1,
        "mentions": 1,
        "differences": [],
    }
    with refused("forbidden"):
        alice.get("/admin/audit", username=bob.username)
    with refused("unauthenticated"):
        api.call("GET", "/admin/audit", query={"username": bob.username})
    with refused("not_found"):
        api.call("GET", "/admin/audit", token=token, query={"username": unique("nobody")})
    with refused("bad_request"):
        api.call("GET", "/admin/audit", token=token)


def test_nobody_can_not_be_audited(server: Server) -> None:
    with pytest.raises(Refused):
        ask(server.data, "user-audit", unique("nobody"))
