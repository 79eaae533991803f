"""Who may do what: every call and every operation of a socket, by every kind of caller.

The list of calls is the server's own, from the documents that it serves: a call without a row in the tables fails. A refusal must also have
changed nothing. To add a call: a row in TABLE (and in DIRECT when it is about a conversation), and in REQUESTS what it is called with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from harness.admin import ask
from harness.api import Api, Json, Problem
from harness.device import PASSWORD, Device, new_client_id, unique
from harness.listener import REPLY_WITHIN_S
from harness.server import Server

# What a mark means; "ok" is any 2xx, or a reply without an error.
MARKS = {"-": "unauthenticated", "?": "not_found", "x": "not_a_member", "!": "forbidden", "m": "muted", "b": "blocked"}

# A group of the owner's. The caller is anonymous · a stranger · a member · a muted member · one who was banned · one who has left · an
# admin · the owner. Behind `#` stands what the call is made for, where that makes a difference.
TABLE = """
    GET    /healthz                                                     ok  ok  ok  ok  ok  ok  ok  ok
    GET    /readyz                                                      ok  ok  ok  ok  ok  ok  ok  ok
    GET    /metrics                                                     ok  ok  ok  ok  ok  ok  ok  ok
    GET    /openapi.json                                                ok  ok  ok  ok  ok  ok  ok  ok
    GET    /asyncapi.json                                               ok  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/servers                                                  ok  ok  ok  ok  ok  ok  ok  ok
    POST   /v1/users                                                    ok  ok  ok  ok  ok  ok  ok  ok
    POST   /v1/sessions                                                 ok  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/sessions                                                  -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/sessions/current                                          -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/sessions/{device_id}  #one's own                          -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/sessions/{device_id}  #another's                          -   ?   ?   ?   ?   ?   ?   ?
    GET    /v1/users                                                     -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/users/me                                                  -  ok  ok  ok  ok  ok  ok  ok
    PATCH  /v1/users/me                                                  -  ok  ok  ok  ok  ok  ok  ok
    PUT    /v1/users/me/password                                         -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/users/me                                                  -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/users/me/export                                           -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/admin/audit                                               -   !   !   !   !   !   !   !
    GET    /v1/users/{id}                                                -  ok  ok  ok  ok  ok  ok  ok
    POST   /v1/conversations  #direct                                    -  ok  ok  ok  ok  ok  ok  ok
    POST   /v1/conversations  #direct with who blocks the caller         -   b   b   b   b   b   b   b
    POST   /v1/conversations  #group                                     -  ok  ok  ok  ok  ok  ok  ok
    POST   /v1/conversations  #group with who blocks the caller          -   b   b   b   b   b   b   b
    GET    /v1/conversations                                             -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/conversations/{id}                                        -   ?  ok  ok   x   x  ok  ok
    PATCH  /v1/conversations/{id}  #title                                -   ?   !   !   x   x  ok  ok
    PATCH  /v1/conversations/{id}  #settings                             -   ?   !   !   x   x  ok  ok
    GET    /v1/conversations/{id}/members                                -   ?  ok  ok   x   x  ok  ok
    PUT    /v1/conversations/{id}/members/{user_id}  #invites            -   ?  ok  ok   x   x  ok  ok
    PUT    /v1/conversations/{id}/members/{user_id}  #invites the banned -   ?   !   !   x   x   !   !
    PUT    /v1/conversations/{id}/members/{user_id}  #invites who blocks -   ?   b   b   x   x   b   b
    PUT    /v1/conversations/{id}/members/{user_id}  #mutes              -   ?   !   !   x   x  ok  ok
    PUT    /v1/conversations/{id}/members/{user_id}  #makes an admin     -   ?   !   !   x   x   !  ok
    PUT    /v1/conversations/{id}/members/{user_id}  #makes an owner     -   ?   !   !   x   x   !  ok
    DELETE /v1/conversations/{id}/members/{user_id}  #kicks              -   ?   !   !   x   x  ok  ok
    DELETE /v1/conversations/{id}/members/{user_id}  #leaves             -   ?  ok  ok   x   x  ok  ok
    GET    /v1/conversations/{id}/bans                                   -   ?   !   !   x   x  ok  ok
    PUT    /v1/conversations/{id}/bans/{user_id}  #a member              -   ?   !   !   x   x  ok  ok
    PUT    /v1/conversations/{id}/bans/{user_id}  #a stranger            -   ?   !   !   x   x  ok  ok
    DELETE /v1/conversations/{id}/bans/{user_id}                         -   ?   !   !   x   x  ok  ok
    POST   /v1/conversations/{id}/invites                                -   ?  ok  ok   x   x  ok  ok
    GET    /v1/conversations/{id}/invites                                -   ?  ok  ok   x   x  ok  ok
    DELETE /v1/conversations/{id}/invites/{code}                         -   ?  ok  ok   x   x  ok  ok
    POST   /v1/invites/accept                                            -  ok  ok  ok   !  ok  ok  ok
    POST   /v1/conversations/{id}/messages                               -   ?  ok   m   x   x  ok  ok
    GET    /v1/conversations/{id}/messages                               -   ?  ok  ok   x   x  ok  ok
    PATCH  /v1/conversations/{id}/messages/{seq}  #one's own             -   ?  ok   m   x   x  ok  ok
    PATCH  /v1/conversations/{id}/messages/{seq}  #another's             -   ?   !   m   x   x   !   !
    DELETE /v1/conversations/{id}/messages/{seq}  #one's own             -   ?  ok  ok   x   x  ok  ok
    DELETE /v1/conversations/{id}/messages/{seq}  #another's             -   ?   !   !   x   x  ok  ok
    PUT    /v1/conversations/{id}/read                                   -   ?  ok  ok   x   x  ok  ok
    PATCH  /v1/conversations/{id}/me                                     -   ?  ok  ok   x   x  ok  ok
    GET    /v1/conversations/{id}/presence                               -   ?  ok  ok   x   x  ok  ok
    GET    /v1/mentions                                                  -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/presence                                                  -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/friends                                                   -  ok  ok  ok  ok  ok  ok  ok
    PUT    /v1/friends/{user_id}                                         -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/friends/{user_id}                                         -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/blocks                                                    -  ok  ok  ok  ok  ok  ok  ok
    PUT    /v1/blocks/{user_id}                                          -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/blocks/{user_id}                                          -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/admin/held                                                -   !   !   !   !   !   !   !
    POST   /v1/admin/held/{held_id}                                      -   !   !   !   !   !   !   !
    PUT    /v1/devices/current/push                                      -  ok  ok  ok  ok  ok  ok  ok
    DELETE /v1/devices/current/push                                      -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/admin/push/dead                                           -   !   !   !   !   !   !   !
    GET    /v1/sync                                                      -  ok  ok  ok  ok  ok  ok  ok
    GET    /v1/connect                                                   -  ok  ok  ok  ok  ok  ok  ok
    SOCKET attach                                                        -  ok  ok  ok  ok  ok  ok  ok
    SOCKET send                                                          -   ?  ok   m   x   x  ok  ok
    SOCKET edit  #one's own                                              -   ?  ok   m   x   x  ok  ok
    SOCKET edit  #another's                                              -   ?   !   m   x   x   !   !
    SOCKET delete  #one's own                                            -   ?  ok  ok   x   x  ok  ok
    SOCKET delete  #another's                                            -   ?   !   !   x   x  ok  ok
    SOCKET read                                                          -   ?  ok  ok   x   x  ok  ok
    SOCKET typing                                                        -   ?  ok   m   x   x  ok  ok
    SOCKET watch                                                         -  ok  ok  ok  ok  ok  ok  ok
    SOCKET ack                                                           -  ok  ok  ok  ok  ok  ok  ok
    SOCKET ping                                                          -  ok  ok  ok  ok  ok  ok  ok
"""
CALLERS = ("anonymous", "stranger", "member", "muted", "banned", "left", "admin", "owner")

# The direct conversation of two others, by one who is anonymous · a stranger · one of the two · one of the two, whom the other blocks.
DIRECT = """
    GET    /v1/conversations/{id}                                        -   ?  ok  ok
    PATCH  /v1/conversations/{id}  #title                                -   ?   !   !
    GET    /v1/conversations/{id}/members                                -   ?  ok  ok
    PUT    /v1/conversations/{id}/members/{user_id}  #invites            -   ?   !   !
    PUT    /v1/conversations/{id}/members/{user_id}  #mutes              -   ?   !   !
    DELETE /v1/conversations/{id}/members/{user_id}  #kicks              -   ?   !   !
    DELETE /v1/conversations/{id}/members/{user_id}  #leaves             -   ?   !   !
    GET    /v1/conversations/{id}/bans                                   -   ?   !   !
    PUT    /v1/conversations/{id}/bans/{user_id}  #a member              -   ?   !   !
    DELETE /v1/conversations/{id}/bans/{user_id}                         -   ?   !   !
    POST   /v1/conversations/{id}/invites                                -   ?   !   !
    GET    /v1/conversations/{id}/invites                                -   ?   !   !
    DELETE /v1/conversations/{id}/invites/{code}                         -   ?   !   !
    POST   /v1/conversations/{id}/messages                               -   ?  ok   b
    GET    /v1/conversations/{id}/messages                               -   ?  ok  ok
    PATCH  /v1/conversations/{id}/messages/{seq}  #one's own             -   ?  ok   b
    PATCH  /v1/conversations/{id}/messages/{seq}  #another's             -   ?   !   b
    DELETE /v1/conversations/{id}/messages/{seq}  #one's own             -   ?  ok  ok
    DELETE /v1/conversations/{id}/messages/{seq}  #another's             -   ?   !   !
    PUT    /v1/conversations/{id}/read                                   -   ?  ok  ok
    PATCH  /v1/conversations/{id}/me                                     -   ?  ok  ok
    GET    /v1/conversations/{id}/presence                               -   ?  ok  ok
    SOCKET read                                                          -   ?  ok  ok
    SOCKET typing                                                        -   ?  ok  ok
    SOCKET send                                                          -   ?  ok   b
    SOCKET edit  #one's own                                              -   ?  ok   b
    SOCKET edit  #another's                                              -   ?   !   b
    SOCKET delete  #one's own                                            -   ?  ok  ok
    SOCKET delete  #another's                                            -   ?   !   !
"""
IN_DIRECT = ("anonymous", "stranger", "peer", "blocked")

# What only an operator of the server may do; to all others it is forbidden, which stands above.
OPERATOR = """
    GET    /v1/admin/audit                                              ok
    GET    /v1/admin/held                                               ok
    POST   /v1/admin/held/{held_id}                                      ?
    GET    /v1/admin/push/dead                                          ok
"""

NO_CODE = "A" * 32
LATER = "2100-01-01T00:00:00Z"


@dataclass(frozen=True)
class Scene:
    """Where a call is made.

    Attributes:
        caller: who makes it; somebody of no matter when it is made without a token.
        other: a plain member, or the other one of a direct conversation.
        guest: belongs to nothing here.
        banned: of a group; of a direct conversation the guest.
        code: of an invite.
        own: the place of a message of the caller's, who wrote it when that was still allowed; the other one's, if there is none.
        others: the place of a message of the other one.
    """

    caller: Device
    owner: Device
    other: Device
    guest: Device
    banned: Device
    cid: str
    code: str
    own: int
    others: int


@dataclass(frozen=True)
class Made:
    """What a call is made with: for the `{…}` of its path, its query, its body."""

    path: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Json = None


def about(user_id: str, body: Json = None) -> Made:
    return Made({"user_id": user_id}, body=body)


def about_somebody_new(scene: Scene) -> Made:
    """What two are to each other stays: so it is made with somebody whom no other row meets."""
    return about(Device.sign_up(scene.owner.api, unique("new")).id)


def somebody_who_blocks(scene: Scene) -> str:
    other = Device.sign_up(scene.owner.api, unique("blocks"))
    other.call("PUT", f"/blocks/{scene.caller.id}")
    return other.id


def with_nothing(_: Scene) -> Made:
    return Made()


# What a row's call is made with; what isn't named takes nothing.
REQUESTS: dict[str, Callable[[Scene], Made]] = {
    "POST /v1/users": lambda s: Made(body={"username": unique("new"), "password": "correct horse"}),
    "POST /v1/sessions": lambda s: Made(body={"username": s.other.username, "password": s.other.password}),
    "DELETE /v1/sessions/{device_id} #one's own": lambda s: Made({"device_id": s.caller.device_id}),
    "DELETE /v1/sessions/{device_id} #another's": lambda s: Made({"device_id": s.other.device_id}),
    "GET /v1/users": lambda s: Made(query=f"username={s.other.username}"),
    "PUT /v1/users/me/password": lambda _: Made(body={"old_password": PASSWORD, "new_password": "battery horse staple"}),
    "GET /v1/admin/audit": lambda s: Made(query=f"username={s.other.username}"),
    "PATCH /v1/users/me": lambda s: Made(body={"display_name": "somebody"}),
    "GET /v1/users/{id}": lambda s: Made({"id": s.other.id}),
    "POST /v1/conversations #direct": lambda s: Made(body={"kind": "direct", "user_id": s.guest.id}),
    "POST /v1/conversations #direct with who blocks the caller": lambda s: Made(body={"kind": "direct", "user_id": somebody_who_blocks(s)}),
    "POST /v1/conversations #group with who blocks the caller": lambda s: Made(
        body={"kind": "group", "title": "x", "members": [somebody_who_blocks(s)]}
    ),
    "POST /v1/conversations #group": lambda s: Made(body={"kind": "group", "title": "x", "members": [s.guest.id]}),
    "PATCH /v1/conversations/{id} #title": lambda s: Made(body={"title": "another"}),
    "PATCH /v1/conversations/{id} #settings": lambda s: Made(body={"settings": {"history": "all"}}),
    "PUT /v1/conversations/{id}/members/{user_id} #invites": lambda s: about(s.guest.id, {}),
    "PUT /v1/conversations/{id}/members/{user_id} #invites the banned": lambda s: about(s.banned.id, {}),
    "PUT /v1/conversations/{id}/members/{user_id} #invites who blocks": lambda s: about(somebody_who_blocks(s), {}),
    "PUT /v1/conversations/{id}/members/{user_id} #mutes": lambda s: about(s.other.id, {"muted_until": LATER}),
    "PUT /v1/conversations/{id}/members/{user_id} #makes an admin": lambda s: about(s.other.id, {"role": "admin"}),
    "PUT /v1/conversations/{id}/members/{user_id} #makes an owner": lambda s: about(s.other.id, {"role": "owner"}),
    "DELETE /v1/conversations/{id}/members/{user_id} #kicks": lambda s: about(s.other.id),
    "DELETE /v1/conversations/{id}/members/{user_id} #leaves": lambda s: about(s.caller.id),
    "PUT /v1/conversations/{id}/bans/{user_id} #a member": lambda s: about(s.other.id),
    "PUT /v1/conversations/{id}/bans/{user_id} #a stranger": lambda s: about(s.guest.id),
    "DELETE /v1/conversations/{id}/bans/{user_id}": lambda s: about(s.banned.id),
    "POST /v1/conversations/{id}/invites": lambda s: Made(body={"max_uses": 1}),
    "DELETE /v1/conversations/{id}/invites/{code}": lambda s: Made({"code": s.code}),
    "POST /v1/invites/accept": lambda s: Made(body={"code": s.code}),
    "POST /v1/conversations/{id}/messages": lambda s: Made(body={"client_id": new_client_id(), "text": "hello"}),
    "PATCH /v1/conversations/{id}/messages/{seq} #one's own": lambda s: Made({"seq": str(s.own)}, body={"text": "changed"}),
    "PATCH /v1/conversations/{id}/messages/{seq} #another's": lambda s: Made({"seq": str(s.others)}, body={"text": "changed"}),
    "DELETE /v1/conversations/{id}/messages/{seq} #one's own": lambda s: Made({"seq": str(s.own)}),
    "DELETE /v1/conversations/{id}/messages/{seq} #another's": lambda s: Made({"seq": str(s.others)}),
    "PUT /v1/conversations/{id}/read": lambda s: Made(body={"seq": s.own}),
    "PATCH /v1/conversations/{id}/me": lambda s: Made(body={"pinned": True}),
    "GET /v1/presence": lambda s: Made(query=f"users={s.other.id}"),
    "PUT /v1/friends/{user_id}": about_somebody_new,
    "DELETE /v1/friends/{user_id}": about_somebody_new,
    "PUT /v1/blocks/{user_id}": about_somebody_new,
    "DELETE /v1/blocks/{user_id}": about_somebody_new,
    "POST /v1/admin/held/{held_id}": lambda s: Made({"held_id": "1"}, body={"action": "release"}),
    "PUT /v1/devices/current/push": lambda s: Made(body={"provider": "fcm", "token": "t"}),
    "SOCKET read": lambda s: Made(body={"conversation_id": s.cid, "seq": s.own}),
    "SOCKET typing": lambda s: Made(body={"conversation_id": s.cid}),
    "SOCKET watch": lambda s: Made(body={"users": [s.other.id]}),
    "GET /v1/sync": lambda s: Made(query="cursor=0"),
    "SOCKET send": lambda s: Made(body={"conversation_id": s.cid, "client_id": new_client_id(), "text": "hello"}),
    "SOCKET edit #one's own": lambda s: Made(body={"conversation_id": s.cid, "seq": s.own, "text": "changed"}),
    "SOCKET edit #another's": lambda s: Made(body={"conversation_id": s.cid, "seq": s.others, "text": "changed"}),
    "SOCKET delete #one's own": lambda s: Made(body={"conversation_id": s.cid, "seq": s.own}),
    "SOCKET delete #another's": lambda s: Made(body={"conversation_id": s.cid, "seq": s.others}),
    "SOCKET ack": lambda s: Made(body={"cursor": 0}),
}
# They end the device that makes them: made by one of the caller's own for this.
ENDS_THE_DEVICE = ("DELETE /v1/sessions/current", "DELETE /v1/sessions/{device_id} #one's own")

# They change an account for good: made by somebody new.
ENDS_AN_ACCOUNT = ("DELETE /v1/users/me", "PUT /v1/users/me/password")

# Besides those whose path names it.
OF_A_CONVERSATION = ("/v1/invites/accept", "send", "edit", "delete", "read", "typing")


@dataclass(frozen=True)
class Row:
    name: str  # "METHOD path #variant", one space between
    marks: tuple[str, ...]

    @property
    def call(self) -> str:
        return self.name.partition(" #")[0]

    @property
    def method(self) -> str:
        return self.call.split()[0]

    @property
    def path(self) -> str:
        return self.call.split()[1]


def rows(table: str, width: int) -> list[Row]:
    marks = "|".join(("ok", *map(re.escape, MARKS)))
    made = []
    for line in table.strip().splitlines():
        fits = re.fullmatch(rf"\s*(\w+ .*?)((?:\s+(?:{marks})){{{width}}})", line)
        assert fits, line
        made.append(Row(" ".join(fits[1].split()), tuple(fits[2].split())))
    return made


GROUP_ROWS = rows(TABLE, len(CALLERS))
DIRECT_ROWS = rows(DIRECT, len(IN_DIRECT))
OPERATOR_ROWS = rows(OPERATOR, 1)


class People:
    """One of each kind, and the conversations that make them so."""

    def __init__(self, api: Api) -> None:
        kinds = ("stranger", "member", "muted", "banned", "left", "admin", "owner", "other", "guest", "peer", "blocked")
        self.all = {kind: Device.sign_up(api, unique(kind)) for kind in kinds}

    def group(self, caller: str) -> Scene:
        owner, everybody = self.all["owner"], self.all
        cid = owner.group(*(everybody[kind] for kind in ("member", "muted", "banned", "left", "admin", "other")))
        seqs = {kind: everybody[kind].send(cid, "hello")["seq"] for kind in (*CALLERS[2:], "other")}
        members = f"/conversations/{cid}/members"
        owner.call("PUT", f"{members}/{everybody['admin'].id}", {"role": "admin"})
        owner.call("PUT", f"{members}/{everybody['muted'].id}", {"muted_until": LATER})
        owner.call("PUT", f"/conversations/{cid}/bans/{everybody['banned'].id}")
        everybody["left"].call("DELETE", f"{members}/{everybody['left'].id}")
        code = owner.call("POST", f"/conversations/{cid}/invites", {}).json()["code"]
        return self.scene(caller, cid, "other", "banned", code, seqs)

    def direct(self, caller: str) -> Scene:
        owner, peer = self.all["owner"], "blocked" if caller == "blocked" else "peer"
        cid = owner.direct(self.all[peer])
        if peer == "blocked":  # by an earlier row
            owner.call("DELETE", f"/blocks/{self.all[peer].id}")
        seqs = {kind: self.all[kind].send(cid, "hello")["seq"] for kind in ("owner", peer)}
        if peer == "blocked":
            owner.call("PUT", f"/blocks/{self.all[peer].id}")
        return self.scene(caller, cid, "owner", "guest", NO_CODE, seqs)

    def nowhere(self, caller: str) -> Scene:
        return self.scene(caller, "", "other", "banned", NO_CODE, {"other": 0})

    def scene(self, caller: str, cid: str, other: str, banned: str, code: str, seqs: dict[str, int]) -> Scene:
        everybody = self.all
        who = everybody["guest" if caller == "anonymous" else caller]
        own, others = seqs.get(caller, seqs[other]), seqs[other]
        return Scene(who, everybody["owner"], everybody[other], everybody["guest"], everybody[banned], cid, code, own, others)


@pytest.fixture(scope="module")
def people(server: Server) -> People:
    return People(server.api)


def outcome(api: Api, row: Row, scene: Scene, *, anonymous: bool) -> str:
    """ "ok", or the code of the refusal."""
    made = REQUESTS.get(row.name, with_nothing)(scene)
    device = scene.caller.another() if row.name in ENDS_THE_DEVICE and not anonymous else scene.caller
    if row.name in ENDS_AN_ACCOUNT and not anonymous:
        device = Device.sign_up(api, unique("somebody"))
    if row.name == "DELETE /v1/sessions/{device_id} #one's own":
        made = Made({"device_id": device.device_id})
    try:
        if (row.method == "SOCKET" or row.path == "/v1/connect") and not anonymous:
            over_socket(device, row, made)
            return "ok"
        method, path = ("GET", "/v1/connect") if row.method == "SOCKET" else (row.method, row.path)
        path = path.format(**{"id": scene.cid, **made.path}) + (f"?{made.query}" if made.query else "")
        headers = {} if anonymous else {"Authorization": f"Bearer {device.token}"}
        answer = api.exchange(method, path, body=None if made.body is None else json.dumps(made.body).encode(), headers=headers)
        if not 200 <= answer.status < 300:
            raise answer.problem()
    except Problem as problem:
        return problem.code
    return "ok"


def over_socket(device: Device, row: Row, made: Made) -> None:
    listener = device.connect(attach=False)
    if row.path == "attach":
        listener.attach(0)
    elif row.path == "ping":
        listener.pump_until(listener.post_ping(), REPLY_WITHIN_S)
    elif row.method == "SOCKET":
        listener.request(row.path, **made.body)


def must_be(mark: str, got: str, row: Row, caller: str) -> None:
    expected = "ok" if mark == "ok" else MARKS[mark]
    assert got == expected, f"{row.name} by {caller}: {got}, expected {expected}"


def cells(table: list[Row], callers: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(row, caller, mark, id=f"{row.name} by {caller}")
        for row in table
        for caller, mark in zip(callers, row.marks, strict=True)
    ]


@pytest.mark.parametrize(("row", "caller", "mark"), cells(GROUP_ROWS, CALLERS))
def test_in_a_group(api: Api, people: People, row: Row, caller: str, mark: str) -> None:
    of_group = "{id}" in row.path.replace("/users/{id}", "") or row.path in OF_A_CONVERSATION
    scene = people.group(caller) if of_group else people.nowhere(caller)
    check(api, row, scene, caller, mark)


@pytest.mark.parametrize(("row", "caller", "mark"), cells(DIRECT_ROWS, IN_DIRECT))
def test_in_a_direct_conversation(api: Api, people: People, row: Row, caller: str, mark: str) -> None:
    check(api, row, people.direct(caller), caller, mark)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in OPERATOR_ROWS])
def test_by_an_operator(server: Server, api: Api, people: People, row: Row) -> None:
    name = unique("operator")
    [[user_id, _]] = ask(server.data, "user-add", name, PASSWORD, "", "operator")
    scene = replace(people.nowhere("stranger"), caller=Device.log_in(api, name))
    assert scene.caller.id == user_id
    must_be(row.marks[0], outcome(api, row, scene, anonymous=False), row, "an operator")


def check(api: Api, row: Row, scene: Scene, caller: str, mark: str) -> None:
    before = None
    if scene.cid and mark != "ok":
        scene.owner.caught_up(scene.cid)  # what an earlier call has written may be on its way to the inbox
        before = scene.owner.get(f"/conversations/{scene.cid}")
    must_be(mark, outcome(api, row, scene, anonymous=caller == "anonymous"), row, caller)
    if before is not None:
        assert scene.owner.get(f"/conversations/{scene.cid}") == before, f"{row.name} was refused, and has changed something"


def test_every_call_and_every_operation_has_a_row(api: Api) -> None:
    openapi, asyncapi = (api.exchange("GET", f"/{name}.json").json() for name in ("openapi", "asyncapi"))
    calls = {f"{method.upper()} {path}" for path, methods in openapi["paths"].items() for method in methods}
    operations = {
        f"SOCKET {asyncapi['components']['messages'][name]['payload']['properties']['op']['const']}"
        for name, operation in asyncapi["operations"].items()
        if operation["action"] == "receive"
    }
    assert len(calls) > 25
    assert len(operations) > 3
    assert {row.call for row in GROUP_ROWS} == calls | operations
    assert {call for call in calls if call.split()[1].startswith("/v1/conversations/{id}")} <= {row.call for row in DIRECT_ROWS}
    assert {row.call for row in OPERATOR_ROWS} == {call for call in calls if call.split()[1].startswith("/v1/admin/")}
    assert not REQUESTS.keys() - {row.name for row in GROUP_ROWS}, "requests that no row makes"
