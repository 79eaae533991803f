"""Presence, typing and the signals by which they are told, through both faces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import madang
from madang.client import Presence, Typing
from madang.testing import Proxy

if TYPE_CHECKING:
    from madang.testing import World


def test_presence_is_asked_for_and_watched(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "hi")
    bob.expect(text="hi")
    [found] = bob.presence(alice)
    assert found.user_id == alice.id
    assert found.online
    assert found.last_active_at is not None
    bob.watch("@" + alice.username)
    assert bob.next_signal(timeout=5) == found
    with madang.Client(chat.url, token=alice.token) as second:
        second.log_out()
    told = bob.next_signal(timeout=5)
    assert isinstance(told, Presence)
    assert not told.online
    bob.watch()
    assert [each.online for each in bob.presence(alice, bob)] == [False, True]


def test_a_watch_outlives_its_connection(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    with Proxy(chat.url) as line, madang.Client(line.url, token=bob.token) as far:
        far.watch(alice)
        assert far.next_signal(timeout=5) == Presence(alice.id, online=False)
        line.cut()
        assert far.next_signal(timeout=5) == Presence(alice.id, online=False)


def test_typing_is_told_to_the_others(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("two", [bob])
    bob.expect(type="conversation.created")
    alice.typing(group)
    told = bob.next_signal(timeout=5)
    assert isinstance(told, Typing)
    assert (told.conversation_id, told.user_id) == (group.id, alice.id)
    assert next(alice.signals(timeout=0.1), None) is None
    assert {each.user_id for each in bob.members_presence(group)} == {alice.id, bob.id}


def test_the_same_for_asyncio(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("two", [bob])
    bob.expect(type="conversation.created")

    async def talk() -> None:
        async with bob.aio as reader:
            [found] = await reader.presence(alice)
            assert found.online
            await reader.watch(alice)
            assert await reader.next_signal(timeout=5) == found
            alice.typing(group)
            assert isinstance(await reader.next_signal(timeout=5), Typing)
            await reader.typing(group)
            assert [each async for each in reader.signals(timeout=0.1)] == []
            assert len([each async for each in reader.members_presence(group)]) == 2

    asyncio.run(talk())
    assert isinstance(alice.next_signal(timeout=5), Typing)
