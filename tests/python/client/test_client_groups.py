"""What owners and admins of a group can do, with either face, at a real server."""

from __future__ import annotations

import asyncio
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
    assert alice.mute(group, bob, None).muted_until is None
    bob.send(group, "thanks")
    with pytest.raises(madang.Forbidden):
        bob.mute(group, alice, timedelta(hours=1))


def test_the_owner_gives_the_role_away(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("yard", [bob])
    assert alice.invite(group, bob, role="owner").role == "owner"
    assert {each.user: each.role for each in bob.members(group)} == {alice.user: "admin", bob.user: "owner"}


def test_the_async_face_does_the_same(chat_server: RunningServer) -> None:
    async def main() -> None:
        name = f"user-{secrets.token_hex(6)}"
        alice = await madang.AsyncClient.sign_up(chat_server.url, name, PASSWORD)
        async with alice, await madang.AsyncClient.sign_up(chat_server.url, f"{name}-b", PASSWORD) as bob:
            group = await alice.create_group("yard", [bob])
            assert (await alice.mute(group, bob, timedelta(hours=1))).muted_until is not None
            assert (await alice.mute(group, bob, None)).muted_until is None

    asyncio.run(main())
