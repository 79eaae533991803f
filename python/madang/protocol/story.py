"""The examples: one conversation from beginning to end, each step with its answer.

A test plays the story on an empty server, so what stands here is what happens. Ids, times, tokens and addresses are made up: the test binds
each one to the real one when it first comes back, and puts the real one in where the story uses it again. Immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Json = Any

AT: Final = "2026-03-01T09:00:00.000Z"
ALICE_ID: Final = "153141000000000001"
BOB_ID: Final = "153141000000000002"
CAROL_ID: Final = "153141000000000003"
OLGA_ID: Final = "153141000000000004"
DIRECT_ID: Final = "153141000000000010"
GROUP_ID: Final = "153141000000000020"
HELD_ID: Final = "153141000000000030"
REFUSED_ID: Final = "153141000000000031"
SERVER: Final = {"url": "http://127.0.0.1:8080", "region": "", "load": 0.01}
SETTINGS: Final = {"history": "joined", "invite": "members", "mention_all": "admins"}
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of nobody


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A call and its answer.

    Attributes:
        who: makes it; their token is that of their last log-in.
        call: its name.
        path: what stands in for the `{…}`.
        answer: None = no body, or one that isn't told here.
    """

    who: str
    call: str
    title: str = "example"
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Json] = field(default_factory=dict)
    body: Json = None
    status: int = 200
    answer: Json = None


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What somebody says over their socket, and what it brings.

    Attributes:
        who: says it; the socket is opened at the first time.
        says: a frame; None = only hears.
        hears: the frames that arrive, each with the name of its message.
    """

    who: str
    says: Json = None
    hears: tuple[tuple[str, Json], ...] = ()


def user(user_id: str, name: str) -> Json:
    return {"id": user_id, "username": name, "display_name": name.capitalize(), "created_at": AT}


ALICE: Final = user(ALICE_ID, "alice")
BOB: Final = user(BOB_ID, "bob")
CAROL: Final = user(CAROL_ID, "carol")
OLGA: Final = user(OLGA_ID, "olga")


def session(who: Json, number: int) -> Json:
    return {
        "token": f"token-of-{who['username']}-{number}",
        "expires_at": "2026-05-30T09:00:00.000Z",
        "user": {**who, "settings": {}},
        "device_id": f"15314100000000010{number}",
        "cursor": 0,
        "servers": [SERVER],
    }


def message(conversation_id: str, seq: int, sender: Json, client_id: str, text: str, *mentions: str) -> Json:
    return {
        "conversation_id": conversation_id,
        "seq": seq,
        "message_id": f"1531410000{conversation_id[-2:]}00{seq:04}",
        "sender_id": sender["id"],
        "client_id": client_id,
        "created_at": AT,
        "text": text,
        "mentions": list(mentions),
    }


def deleted(one: Json) -> Json:
    return {**{name: value for name, value in one.items() if name not in ("text", "mentions")}, "deleted": True}


READ_NOTHING: Final = {"read_seq": 0, "unread": 0, "unread_mentions": 0}


def direct(head_seq: int, peer: Json, role: str = "member", **more: Json) -> Json:
    seen = {"id": DIRECT_ID, "kind": "direct", "members_count": 2, "created_at": AT, "head_seq": head_seq, "my_role": role, "peer": peer}
    return {**seen, **READ_NOTHING, **more}


def group(head_seq: int, role: str, *, title: str = "Garden", members: int = 2, **more: Json) -> Json:
    return {
        "id": GROUP_ID,
        "kind": "group",
        "title": title,
        "members_count": members,
        "created_at": AT,
        "head_seq": head_seq,
        "my_role": role,
        "settings": SETTINGS,
        **READ_NOTHING,
        **more,
    }


def member(who: Json, role: str, joined_seq: int) -> Json:
    return {"user": who, "role": role, "joined_seq": joined_seq, "read_seq": 0, "delivered_seq": 0}


def online(user_id: str) -> Json:
    return {"user_id": user_id, "status": "online", "last_active_at": AT}


def invite(uses: int) -> Json:
    return {"code": CODE, "creator_id": ALICE_ID, "created_at": AT, "max_uses": 5, "uses": uses}


def in_log(cursor: int, kind: str, conversation_id: str, seq: int, **more: Json) -> Json:
    return {"cursor": cursor, "type": kind, "conversation_id": conversation_id, "seq": seq, **more}


CODE: Final = "a-code-that-is-32-characters-lon"
BAN: Final = {"user": CAROL, "actor_id": ALICE_ID, "created_at": AT}
HI: Final = message(DIRECT_ID, 4, ALICE, "m1", "Hi Bob! 안녕!")
HELLO: Final = message(DIRECT_ID, 5, BOB, "b1", "Hello Alice")
COME: Final = message(DIRECT_ID, 6, ALICE, "m2", "@bob come at six", BOB_ID)
CAROLS_DEVICE: Final = {
    "device_id": session(CAROL, 3)["device_id"],
    "name": "laptop",
    "platform": "linux",
    "created_at": AT,
    "last_seen_at": AT,
    "current": True,
}

SEEDS: Final = message(DIRECT_ID, 11, BOB, "b2", "Cheap seeds, anyone?")
IN_DIRECT: Final = {"id": DIRECT_ID}
IN_GROUP: Final = {"id": GROUP_ID}


def held(held_id: str, client_id: str) -> Json:
    return {"held_id": held_id, "client_id": client_id, "reason": "somebody looks at offers first"}


def waiting(held_id: str, client_id: str, text: str) -> Json:
    where = {"conversation_id": DIRECT_ID, "sender_id": BOB_ID, "sender_username": "bob"}
    return {**held(held_id, client_id), **where, "text": text, "created_at": AT}


def arrival(who: Json, number: int) -> tuple[Exchange, Exchange]:
    name = who["username"]
    signing_up = {"username": name, "password": PASSWORD, "display_name": who["display_name"]}
    logging_in = {"username": name, "password": PASSWORD, "device": {"name": "laptop", "platform": "linux"}}
    return (
        Exchange(who=name, call="sign_up", title=name, body=signing_up, status=201, answer={**who, "settings": {}}),
        Exchange(who=name, call="log_in", title=name, body=logging_in, status=201, answer=session(who, number)),
    )


STORY: Final[tuple[Exchange | Spoken, ...]] = (
    *(Exchange(who="", call=name) for name in ("healthz", "readyz", "metrics", "openapi", "asyncapi")),
    Exchange(who="", call="list_servers", answer={"servers": [SERVER]}),
    *arrival(ALICE, 1),
    *arrival(BOB, 2),
    *arrival(CAROL, 3),
    Exchange(who="alice", call="get_me", answer={**ALICE, "settings": {}}),
    Exchange(who="alice", call="update_me", body={"settings": {"theme": "dark"}}, answer={**ALICE, "settings": {"theme": "dark"}}),
    Exchange(who="alice", call="find_users", query={"username": "bob"}, answer={"users": [BOB]}),
    Exchange(who="alice", call="get_user", path={"id": BOB_ID}, answer=BOB),
    # ---- the two of them ----
    Exchange(
        who="alice",
        call="create_conversation",
        title="direct",
        body={"kind": "direct", "user_id": BOB_ID},
        status=201,
        answer=direct(3, BOB),
    ),
    Exchange(
        who="alice",
        call="send_message",
        title="new",
        path=IN_DIRECT,
        body={"client_id": "m1", "text": HI["text"]},
        status=201,
        answer=HI,
    ),
    Exchange(who="alice", call="send_message", title="again", path=IN_DIRECT, body={"client_id": "m1", "text": HI["text"]}, answer=HI),
    Exchange(
        who="bob",
        call="sync",
        query={"cursor": 3, "wait": "5s"},
        answer={"events": [in_log(4, "message.created", DIRECT_ID, 4, message=HI)], "cursor": 4, "more": False},
    ),
    Exchange(
        who="bob",
        call="list_conversations",
        answer={"conversations": [direct(4, ALICE, last_message=HI, unread=1)], "unread_total": 1},
    ),
    Exchange(
        who="bob",
        call="update_view",
        path=IN_DIRECT,
        body={"pinned": True},
        answer=direct(4, ALICE, last_message=HI, unread=1, pinned=True),
    ),
    Exchange(
        who="bob",
        call="update_view",
        title="back",
        path=IN_DIRECT,
        body={"pinned": False},
        answer=direct(4, ALICE, last_message=HI, unread=1),
    ),
    Exchange(who="bob", call="mark_read", path=IN_DIRECT, body={"seq": 4}, answer={"seq": 4, "unread": 0, "unread_mentions": 0}),
    Exchange(who="bob", call="get_conversation", path=IN_DIRECT, answer=direct(4, ALICE, last_message=HI, read_seq=4)),
    Exchange(
        who="bob",
        call="get_history",
        path=IN_DIRECT,
        query={"after": 0, "limit": 50},
        answer={"messages": [HI], "has_more_before": False, "has_more_after": False},
    ),
    # ---- over sockets ----
    Spoken(
        who="alice",
        says={"op": "attach", "ref": 1, "cursor": 3},
        hears=(
            ("attached", {"op": "attached", "ref": 1, "cursor": 4}),
            ("events", {"op": "events", "events": [in_log(4, "message.created", DIRECT_ID, 4, message=HI)]}),
        ),
    ),
    Spoken(
        who="bob",
        says={"op": "send", "ref": "r1", "conversation_id": DIRECT_ID, "client_id": "b1", "text": HELLO["text"]},
        hears=(("message_reply", {"op": "reply", "ref": "r1", "message": HELLO}),),
    ),
    Spoken(
        who="alice",
        hears=(("events", {"op": "events", "events": [in_log(5, "message.created", DIRECT_ID, 5, message=HELLO)]}),),
    ),
    Spoken(
        who="alice",
        says={"op": "read", "ref": 5, "conversation_id": DIRECT_ID, "seq": 5},
        hears=(
            ("read_reply", {"op": "reply", "ref": 5, "seq": 5, "unread": 0, "unread_mentions": 0}),
            ("events", {"op": "events", "events": [in_log(6, "read.updated", DIRECT_ID, 5, unread=0, unread_mentions=0)]}),
        ),
    ),
    Spoken(who="alice", says={"op": "ack", "ref": 2, "cursor": 5}, hears=(("reply", {"op": "reply", "ref": 2}),)),
    Spoken(who="bob", says={"op": "ack", "cursor": 6}),
    Spoken(
        who="alice",
        hears=(
            (
                "receipt",
                {"op": "signal", "type": "receipt", "conversation_id": DIRECT_ID, "user_id": BOB_ID, "kind": "delivered", "seq": 5},
            ),
        ),
    ),
    Spoken(
        who="alice",
        says={"op": "send", "ref": 3, "conversation_id": DIRECT_ID, "client_id": "m1", "text": "something else"},
        hears=(
            (
                "error",
                {
                    "op": "reply",
                    "ref": 3,
                    "error": {"code": "client_id_reused", "message": "this client_id was used for another text"},
                },
            ),
        ),
    ),
    Spoken(who="alice", says={"op": "ping"}, hears=(("pong", {"op": "pong"}),)),
    # ---- who is here, and who is writing ----
    Spoken(
        who="alice",
        says={"op": "watch", "ref": 5, "users": [BOB_ID]},
        hears=(
            ("reply", {"op": "reply", "ref": 5}),
            ("presence", {"op": "signal", "type": "presence", **online(BOB_ID)}),
        ),
    ),
    Spoken(who="bob", says={"op": "typing", "ref": "t1", "conversation_id": DIRECT_ID}, hears=(("reply", {"op": "reply", "ref": "t1"}),)),
    Spoken(
        who="alice",
        hears=(("typing", {"op": "signal", "type": "typing", "conversation_id": DIRECT_ID, "user_id": BOB_ID, "expires_at": AT}),),
    ),
    Exchange(who="bob", call="get_presence", query={"users": ALICE_ID}, answer={"presence": [online(ALICE_ID)]}),
    Exchange(who="bob", call="list_presence", path=IN_DIRECT, answer={"presence": [online(ALICE_ID), online(BOB_ID)]}),
    Spoken(
        who="alice",
        says={"op": "attach", "ref": 4, "cursor": 1000},
        hears=(("resync", {"op": "resync", "reason": "ahead", "cursor": 6}),),
    ),
    # ---- a group ----
    Exchange(
        who="alice",
        call="create_conversation",
        title="group",
        body={"kind": "group", "title": "Garden", "members": [BOB_ID], "client_id": "g1"},
        status=201,
        answer=group(3, "owner"),
    ),
    Exchange(
        who="alice",
        call="update_conversation",
        path=IN_GROUP,
        body={"title": "Our garden"},
        answer=group(4, "owner", title="Our garden"),
    ),
    Exchange(
        who="alice",
        call="put_member",
        path={**IN_GROUP, "user_id": CAROL_ID},
        body={"role": "member"},
        answer=member(CAROL, "member", 5),
    ),
    Exchange(
        who="bob",
        call="list_members",
        path=IN_GROUP,
        answer={"members": [member(ALICE, "owner", 1), member(BOB, "member", 1), member(CAROL, "member", 5)]},
    ),
    Exchange(who="alice", call="remove_member", path={**IN_GROUP, "user_id": CAROL_ID}, status=204),
    # ---- who may come in ----
    Exchange(who="alice", call="create_invite", path=IN_GROUP, body={"max_uses": 5}, status=201, answer=invite(0)),
    Exchange(who="carol", call="accept_invite", body={"code": CODE}, answer=group(7, "member", title="Our garden", members=3)),
    Exchange(who="bob", call="list_invites", path=IN_GROUP, answer={"invites": [invite(1)]}),
    Exchange(who="alice", call="put_ban", path={**IN_GROUP, "user_id": CAROL_ID}, answer=BAN),
    Exchange(who="alice", call="list_bans", path=IN_GROUP, answer={"bans": [BAN]}),
    Exchange(who="alice", call="remove_ban", path={**IN_GROUP, "user_id": CAROL_ID}, status=204),
    Exchange(who="alice", call="revoke_invite", path={**IN_GROUP, "code": CODE}, status=204),
    # ---- devices ----
    Exchange(
        who="bob",
        call="list_sessions",
        answer={
            "sessions": [
                {
                    "device_id": session(BOB, 2)["device_id"],
                    "name": "laptop",
                    "platform": "linux",
                    "created_at": AT,
                    "last_seen_at": AT,
                    "current": True,
                }
            ]
        },
    ),
    # ---- notifications ----
    Exchange(who="bob", call="put_push", body={"provider": "fcm", "token": "of-the-app"}, status=204),
    Exchange(who="bob", call="delete_push", status=204),
    Exchange(who="operator", call="list_dead_pushes", answer={"dead": []}),
    # ---- second thoughts ----
    Exchange(
        who="alice",
        call="send_message",
        title="mention",
        path=IN_DIRECT,
        body={"client_id": "m2", "text": COME["text"]},
        status=201,
        answer=COME,
    ),
    Exchange(
        who="bob",
        call="list_mentions",
        answer={"mentions": [{"conversation_id": DIRECT_ID, "seq": 6, "message": COME}]},
    ),
    Exchange(
        who="alice",
        call="edit_message",
        path={**IN_DIRECT, "seq": "6"},
        body={"text": "@bob come at seven"},
        answer={**COME, "text": "@bob come at seven", "edited_at": AT},
    ),
    Exchange(who="alice", call="delete_message", path={**IN_DIRECT, "seq": "6"}, answer=deleted(COME)),
    Spoken(
        who="bob",
        says={"op": "edit", "ref": "r2", "conversation_id": DIRECT_ID, "seq": 5, "text": "Hello Alice!"},
        hears=(("message_reply", {"op": "reply", "ref": "r2", "message": {**HELLO, "text": "Hello Alice!", "edited_at": AT}}),),
    ),
    Spoken(
        who="bob",
        says={"op": "delete", "ref": "r3", "conversation_id": DIRECT_ID, "seq": 5},
        hears=(("message_reply", {"op": "reply", "ref": "r3", "message": deleted(HELLO)}),),
    ),
    # ---- friends and blocks ----
    Exchange(who="alice", call="put_friend", path={"user_id": CAROL_ID}, answer={"user": CAROL, "state": "requested"}),
    Exchange(who="carol", call="put_friend", path={"user_id": ALICE_ID}, answer={"user": ALICE, "state": "friends"}),
    Exchange(who="alice", call="list_friends", answer={"friends": [{"user": CAROL, "state": "friends"}]}),
    Exchange(who="carol", call="remove_friend", path={"user_id": ALICE_ID}, answer={"user": ALICE, "state": "none"}),
    Exchange(who="carol", call="put_block", path={"user_id": BOB_ID}, status=204),
    Exchange(who="carol", call="list_blocks", answer={"blocks": [BOB]}),
    Exchange(who="carol", call="remove_block", path={"user_id": BOB_ID}, status=204),
    # ---- what becomes of accounts ----
    Exchange(who="bob", call="change_password", body={"old_password": PASSWORD, "new_password": "battery horse staple"}, status=204),
    Exchange(who="carol", call="export_me", query={"limit": 50}, answer={"user": {**CAROL, "settings": {}}, "sessions": [CAROLS_DEVICE]}),
    Exchange(who="carol", call="audit_user", title="by no operator", query={"username": "bob"}, status=403),
    # ---- a plugin wants offers reviewed; an operator is known by a badge ----
    Exchange(
        who="bob",
        call="send_message",
        title="held for review",
        path=IN_DIRECT,
        body={"client_id": "b2", "text": SEEDS["text"]},
        status=202,
        answer={"held": held(HELD_ID, "b2")},
    ),
    Spoken(
        who="bob",
        says={"op": "send", "ref": "r4", "conversation_id": DIRECT_ID, "client_id": "b3", "text": "Cheaper seeds, anyone?"},
        hears=(("held_reply", {"op": "reply", "ref": "r4", "held": held(REFUSED_ID, "b3")}),),
    ),
    Exchange(
        who="olga",
        call="log_in",
        title="credentials",
        body={"credentials": {"badge": "7"}, "device": {"name": "desk", "platform": "linux"}},
        status=201,
        answer=session(OLGA, 4),
    ),
    Exchange(
        who="olga",
        call="list_held",
        answer={"held": [waiting(HELD_ID, "b2", SEEDS["text"]), waiting(REFUSED_ID, "b3", "Cheaper seeds, anyone?")]},
    ),
    Exchange(
        who="olga",
        call="review_held",
        title="release",
        path={"held_id": HELD_ID},
        body={"action": "release"},
        answer={"held_id": HELD_ID, "state": "released", "message": SEEDS},
    ),
    Exchange(
        who="olga",
        call="review_held",
        title="refuse",
        path={"held_id": REFUSED_ID},
        body={"action": "refuse"},
        answer={"held_id": REFUSED_ID, "state": "refused"},
    ),
    Exchange(
        who="bob", call="send_message", title="released", path=IN_DIRECT, body={"client_id": "b2", "text": SEEDS["text"]}, answer=SEEDS
    ),
    # ---- the end ----
    Exchange(who="alice", call="delete_me", status=204),
    Exchange(who="carol", call="revoke_session", path={"device_id": session(CAROL, 3)["device_id"]}, status=204),
    Exchange(who="bob", call="log_out", status=204),
)


def examples_of(call: str) -> list[Exchange]:
    """The steps that make this call; of several with one title, the first."""
    found: dict[tuple[str, int], Exchange] = {}
    for step in STORY:
        if isinstance(step, Exchange) and step.call == call:
            found.setdefault((step.title, step.status), step)
    return list(found.values())


def frames_of(name: str, *, from_client: bool) -> list[Json]:
    """The frames that are said, or heard, under this name."""
    spoken = [step for step in STORY if isinstance(step, Spoken)]
    if from_client:
        return [step.says for step in spoken if step.says is not None and step.says["op"] == name]
    return [frame for step in spoken for heard, frame in step.hears if heard == name]
