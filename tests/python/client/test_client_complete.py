"""Everything that the protocol has can be done with both faces of the client, and both faces are one."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import pytest

import madang
from madang.client import link
from madang.client.exchange import Call, Exchange
from madang.protocol.frames import OPERATIONS
from madang.testing import RunningServer

PASSWORD = "correct horse"
WITHIN_S = 10.0
FACES = [madang.Client, madang.AsyncClient]

# What no method makes, and why. Anything else of the served documents must be made in `tour`.
NO_METHOD = {
    "GET /healthz": "for who watches the server, not for its users",
    "GET /readyz": "likewise",
    "GET /metrics": "likewise",
    "GET /openapi.json": "a document; the package has it as madang.protocol.openapi()",
    "GET /asyncapi.json": "likewise",
    "GET /v1/connect": "each open client is one; it goes through no `Exchange`",
    "GET /v1/admin/held": "for operators, who have `madang held`",
    "POST /v1/admin/held/{held_id}": "likewise",
    "GET /v1/admin/audit": "for operators, who have `madang user audit`",
    "GET /v1/admin/push/dead": "for operators, who have `madang push dead`",
    "POST /v1/conversations/{id}/messages": "`send` goes over the socket",
    "PATCH /v1/conversations/{id}/messages/{seq}": "so does `edit`",
    "DELETE /v1/conversations/{id}/messages/{seq}": "so does `delete`",
    "SOCKET ping": "WebSocket pings are the client's heartbeat",
    "SOCKET read": "`mark_read` is a call over HTTP, whose answer says what is unread",
}

HOW_TO_ADD = """
has no method of madang.Client. Write it once in python/madang/client/operations.py, give it to blocking.py (with its errors) and to
asynchronous.py, and use it in `tour` of this file; or say in NO_METHOD here why it has none."""


async def got(outcome: Any) -> Any:
    """Of a method of either face: a value, or the items of an iterator."""
    if inspect.isawaitable(outcome):
        return await outcome
    if hasattr(outcome, "__aiter__"):
        return [item async for item in outcome]
    return list(outcome) if isinstance(outcome, Iterator) else outcome


async def tour(face: Any, url: str, frames: list[str]) -> None:
    """Does everything once."""
    name = f"user-{secrets.token_hex(6)}"

    def trace(way: str, frame: str) -> None:
        if way == ">":
            frames.append(json.loads(frame)["op"])

    alice, bob, carol = [await got(face.sign_up(url, f"{name}-{each}", PASSWORD, trace=trace)) for each in "abc"]
    phone = face(url, token=carol.token, trace=trace)
    async with phone if face is madang.AsyncClient else contextlib.nullcontext():
        assert phone.user == carol.user
    await got(phone.close())
    await tour_of_people(alice, bob)
    await tour_of_conversations(alice, bob, carol)
    await tour_of_events(alice, bob)
    await got(alice.register_push("fcm", token="t"))
    await got(alice.unregister_push())
    await got(alice.change_password(PASSWORD, PASSWORD + "!"))
    assert "user" in (await got(alice.export()))[0]
    [session] = await got(carol.sessions())
    await got(bob.log_out())
    with pytest.raises(madang.NotFound):
        await got(alice.revoke(session))
    await got(carol.delete_account())
    await got(alice.close())


async def tour_of_people(alice: Any, bob: Any) -> None:
    assert (await got(alice.update_me(settings={"theme": "dark"}))).settings == {"theme": "dark"}
    assert (await got(alice.find(f"@{bob.user.username}"))) == await got(alice.find(bob.user.id)) == bob.user
    assert [each.url for each in await got(alice.servers(region="here"))]
    assert (await got(alice.add_friend(bob))).state == "requested"
    assert [(each.user, each.state) for each in await got(bob.friends())] == [(alice.user, "asked")]
    assert (await got(bob.add_friend(alice))).state == "friends"
    assert [each.online for each in await got(alice.presence(bob))] == [True]
    await got(alice.watch(bob))
    assert (await got(alice.remove_friend(bob))).state == "none"
    await got(bob.block(alice))
    assert await got(bob.blocks()) == [alice.user]
    with pytest.raises(madang.Blocked):
        await got(alice.send(bob, "hi"))
    await got(bob.unblock(alice))
    assert await got(bob.blocks()) == []


async def tour_of_conversations(alice: Any, bob: Any, carol: Any) -> None:
    direct = await got(alice.direct(bob))
    await got(bob.typing(direct))
    group = await got(alice.create_group("yard", [bob]))
    assert (await got(alice.update(group, title="garden"))).title == "garden"
    said = await got(alice.send(group, f"hi @{bob.user.username}"))
    assert await got(bob.mentions()) == [said]
    assert (await got(bob.mark_read(said))).unread == 0
    assert (await got(bob.update_view(group, pinned=True))).pinned
    assert await got(bob.unread_total()) == 0
    assert (await got(alice.edit(said, "hello"))).text == "hello"
    assert [each.text for each in await got(bob.history(group))] == ["hello"]
    assert (await got(bob.message(group, said.seq))).text == "hello"
    for nowhere in (said.seq - 1, said.seq + 1):
        with pytest.raises(madang.NotFound):
            await got(bob.message(group, nowhere))
    assert (await got(alice.delete(said))).deleted
    assert (await got(bob.conversations())) == [group]
    assert (await got(bob.conversation(group.id))) == group
    assert (await got(alice.mute(group, bob, timedelta(hours=1)))).muted_until is not None
    await got(alice.invite(group, carol))
    assert {each.user for each in await got(alice.members(group))} == {alice.user, bob.user, carol.user}
    assert len(await got(alice.members_presence(group))) == 3
    await got(alice.ban(group, carol))
    assert [each.user for each in await got(alice.bans(group))] == [carol.user]
    await got(alice.unban(group, carol))
    link_in = await got(alice.create_invite(group))
    assert await got(alice.invites(group)) == [link_in]
    assert await got(carol.accept_invite(link_in)) == group
    await got(alice.revoke_invite(group, link_in))
    await got(alice.kick(group, carol))
    await got(bob.leave(group))


async def tour_of_events(alice: Any, bob: Any) -> None:
    said = await got(alice.send(bob, "the last"))
    page = await got(bob.sync(0, limit=100))
    assert [event.cursor for event in page.events] == list(range(1, len(page.events) + 1))
    assert page.events[-1].message == said
    assert (page.cursor, page.more) == (len(page.events), False)
    assert (await got(bob.sync(page.cursor, wait=0.01))).events == ()
    for too_long in (-1, 26):
        with pytest.raises(madang.BadRequest):
            await got(bob.sync(page.cursor, wait=too_long))
    seen = [await got(bob.next_event("*", timeout=WITHIN_S)) for _ in page.events]
    assert seen == list(page.events)
    friends = [event.friend.state for event in seen if event.friend is not None]
    assert friends == ["asked", "friends", "none"]
    [read] = [event.read for event in seen if event.read is not None]
    assert (read.unread, read.unread_mentions) == (0, 0)


def routes_of(url: str) -> dict[str, re.Pattern[str]]:
    """Of the document that the server serves: each call, and what its requests look like."""
    with urlopen(f"{url}/openapi.json") as answer:
        paths = json.load(answer)["paths"]
    return {
        f"{method.upper()} {path}": re.compile(f"{method.upper()} " + re.sub(r"\{\w+\}", "[^/]+", path))
        for path, methods in paths.items()
        for method in methods
        if method in ("get", "put", "post", "patch", "delete")
    }


@pytest.mark.parametrize("face", FACES)
def test_every_call_of_the_served_document_is_made_by_a_method(
    face: Any, chat_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    frames: list[str] = []
    call_of = Exchange.__call__

    def recording(self: Exchange, call: Call, *rest: Any) -> Any:
        made.append(f"{call.method} {call.target.partition('?')[0]}")
        return call_of(self, call, *rest)

    monkeypatch.setattr(Exchange, "__call__", recording)
    monkeypatch.setattr(link, "ACK_EVERY_S", 0.0)
    asyncio.run(tour(face, chat_server.url, frames))
    routes = routes_of(chat_server.url)
    # The narrowest route is the one meant: /users/me isn't somebody whose id is "me".
    found = {min((r for r, fits in routes.items() if fits.fullmatch(each)), key=lambda route: route.count("{")) for each in made}
    found |= {f"SOCKET {op}" for op in frames}
    offered = routes.keys() | {f"SOCKET {each.op}" for each in OPERATIONS}
    missing = offered - found - NO_METHOD.keys()
    assert not missing, f"{', '.join(sorted(missing))} {HOW_TO_ADD}"
    assert not found & NO_METHOD.keys(), f"has a method after all: {found & NO_METHOD.keys()}"
    assert not NO_METHOD.keys() - offered, "no longer in the documents"


def methods_of(face: type) -> dict[str, Callable[..., Any]]:
    return {name: member for name, member in inspect.getmembers(face) if not name.startswith("_") and callable(member)}


def test_both_faces_have_the_same_methods_with_the_same_arguments() -> None:
    blocking, awaiting = (methods_of(face) for face in FACES)
    assert blocking.keys() == awaiting.keys() - {"open"}
    for name, method in blocking.items():
        assert str(inspect.signature(method).replace(return_annotation=None)) == str(
            inspect.signature(awaiting[name]).replace(return_annotation=None)
        ), name


@pytest.mark.parametrize("face", FACES)
def test_every_method_says_what_it_does(face: type) -> None:
    for name, member in inspect.getmembers(face, lambda each: callable(each) or isinstance(each, property)):
        if not name.startswith("_"):
            about = inspect.getdoc(member)
            assert about, name
            assert about.partition("\n")[0].endswith("."), name


def test_every_refusal_that_a_method_names_is_an_exception() -> None:
    for name, method in methods_of(madang.Client).items():
        for error in re.findall(r"^    +(\w+): ", (inspect.getdoc(method) or "").partition("Raises:")[2], re.MULTILINE):
            assert issubclass(getattr(madang, error), madang.Error), f"{name} raises {error}"
