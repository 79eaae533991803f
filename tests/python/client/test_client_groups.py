"""What owners and admins of a group can do, with either face, at a real server."""

from __future__ import annotations

import asyncio
import math
import secrets
from datetime import UTC, datetime, timedelta

import pytest

import madang
from madang.testing import RunningServer, World

PASSWORD = "correct horse"
WITHIN_S = 10


def test_who_is_muted_is_told_for_how_long(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("yard", [bob])
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=5_000)
    assert alice.mute(group, bob, until).muted_until == until
    assert {each.user: each.muted_until for each in bob.members(group)} == {alice.user: None, bob.user: until}
    with pytest.raises(madang.Muted) as caught:
        bob.send(group, "but …")
    assert 3_500 < (caught.value.retry_after or 0) <= 3_600
    for_good = alice.mute(group, bob, timedelta.max).muted_until
    assert for_good is not None
    assert for_good.year == 9999
    with pytest.raises(madang.Muted):
        bob.send(group, "but …")
    assert alice.mute(group, bob, None).muted_until is None
    bob.send(group, "thanks")
    with pytest.raises(madang.Forbidden):
        bob.mute(group, alice, timedelta(hours=1))


def test_the_owner_gives_the_role_away(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("yard", [bob])
    assert alice.invite(group, bob, role="owner").role == "owner"
    assert {each.user: each.role for each in bob.members(group)} == {alice.user: "admin", bob.user: "owner"}


def test_who_is_banned_stays_out_until_it_is_lifted(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("yard", [bob])
    invite = alice.create_invite(group)
    assert alice.ban(group, bob).user == bob.user
    bob.expect(type="conversation.left", within=WITHIN_S)
    assert [(each.user, each.actor_id) for each in alice.bans(group)] == [(bob.user, alice.user.id)]
    with pytest.raises(madang.Forbidden):
        alice.invite(group, bob)
    with pytest.raises(madang.Forbidden):
        bob.accept_invite(invite)
    alice.unban(group, bob)
    assert list(alice.bans(group)) == []
    assert bob.accept_invite(invite) == group
    with pytest.raises(madang.NotFound):
        alice.unban(group, bob)


def test_a_group_is_joined_by_link(chat: World) -> None:
    alice, bob, carol = (chat.user(each) for each in ("alice", "bob", "carol"))
    group = alice.create_group("yard")
    invite = alice.create_invite(group, expires_in=timedelta(hours=1), max_uses=1)
    assert (invite.max_uses, invite.uses, invite.creator_id) == (1, 0, alice.user.id)
    assert invite.expires_at == invite.created_at + timedelta(hours=1)
    assert [each.code for each in alice.invites(group)] == [invite.code]
    assert bob.accept_invite(invite.code).my_role == "member"
    assert bob.accept_invite(invite) == group
    with pytest.raises(madang.NotFound):
        carol.accept_invite(invite)
    other = alice.create_invite(group)
    alice.revoke_invite(group, other)
    with pytest.raises(madang.NotFound):
        alice.revoke_invite(group, other.code)
    assert list(alice.invites(group)) == []
    for out_of_range in (0, timedelta.max, math.inf, math.nan):
        with pytest.raises(madang.BadRequest):
            alice.create_invite(group, expires_in=out_of_range)


def test_the_async_face_does_the_same(chat_server: RunningServer) -> None:
    async def main() -> None:
        name = f"user-{secrets.token_hex(6)}"
        alice = await madang.AsyncClient.sign_up(chat_server.url, name, PASSWORD)
        async with alice, await madang.AsyncClient.sign_up(chat_server.url, f"{name}-b", PASSWORD) as bob:
            group = await alice.create_group("yard", [bob])
            assert (await alice.mute(group, bob, timedelta(hours=1))).muted_until is not None
            assert (await alice.mute(group, bob, None)).muted_until is None
            invite = await alice.create_invite(group, max_uses=1)
            assert [each async for each in alice.invites(group)] == [invite]
            assert (await alice.ban(group, bob)).user == bob.user
            assert [each.user async for each in alice.bans(group)] == [bob.user]
            await alice.unban(group, bob)
            assert await bob.accept_invite(invite) == group
            other = await alice.create_invite(group)
            await alice.revoke_invite(group, other.code)
            assert [each async for each in alice.invites(group)] == []

    asyncio.run(main())
