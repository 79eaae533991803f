"""Presence, typing and the signals by which they are told, through both faces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

import madang
from madang.client import Presence, Receipt, Typing
from madang.testing import Proxy

if TYPE_CHECKING:
    from madang.testing import Actor, World


S = TypeVar("S", Presence, Receipt, Typing)


def told(actor: Actor, kind: type[S]) -> S:
    """The next signal of that kind."""
    for signal in actor.signals(timeout=5):
        if isinstance(signal, kind):
            return signal
    raise AssertionError(f"no {kind.__name__} came")


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
    assert not told(bob, Presence).online
    bob.watch()
    assert [each.online for each in bob.presence(alice, bob)] == [False, True]


def test_a_watch_outlives_its_connection(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    with Proxy(chat.url) as line, madang.Client(line.url, token=bob.token) as far:
        far.watch(alice)
        assert far.next_signal(timeout=5) == Presence(alice.id, online=False)
        line.cut()
        assert far.next_signal(timeout=5) == Presence(alice.id, online=False)


def test_more_users_than_can_be_watched_are_refused(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    many = [str(1 << 50 | n) for n in range(1_000)]
    with pytest.raises(madang.BadRequest, match="at most 1,000"):
        bob.watch(*many, alice)

    async def watch_too_many() -> None:
        async with bob.aio as reader:
            with pytest.raises(madang.BadRequest, match="at most 1,000"):
                await reader.watch(*many, alice)
            await reader.watch(*many, *many[:10])
            assert isinstance(await reader.next_signal(timeout=5), Presence)

    asyncio.run(watch_too_many())


def test_whoever_is_asked_for_twice_is_answered_once(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    others = [str(1 << 50 | n) for n in range(150)]
    asked: list[Actor | str] = [others[0], bob, *others, "@" + bob.username, others[120], alice]
    assert [each.user_id for each in bob.presence(*asked)] == [others[0], bob.id, *others[1:], alice.id]


def test_typing_is_told_to_the_others(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("two", [bob])
    bob.expect(type="conversation.created")
    alice.typing(group)
    typing = told(bob, Typing)
    assert (typing.conversation_id, typing.user_id) == (group.id, alice.id)
    assert not [each for each in alice.signals(timeout=0.1) if isinstance(each, Typing)]
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
            assert not [each async for each in reader.signals(timeout=0.1) if isinstance(each, Typing)]
            assert len([each async for each in reader.members_presence(group)]) == 2

    asyncio.run(talk())
    assert told(alice, Typing).user_id == bob.id


def test_receipts_are_told_and_listed(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = alice.create_group("two", [bob])
    sent = alice.send(group, "hi")
    bob.expect(text="hi")  # and that is acked
    delivered = Receipt(group.id, bob.id, "delivered", sent.seq)
    while (receipt := told(alice, Receipt)) != delivered:  # that bob is in the group may be told before
        assert receipt.seq < sent.seq
    assert {each.user.id: (each.delivered_seq, each.read_seq) for each in alice.members(group)}[bob.id] == (sent.seq, 0)
    bob.mark_read(sent)
    assert told(alice, Receipt) == Receipt(group.id, bob.id, "read", sent.seq)

    async def listed() -> None:
        async with bob.aio as reader:
            [own] = [each async for each in reader.members(group) if each.user.id == bob.id]
            assert (own.delivered_seq, own.read_seq) == (sent.seq, sent.seq)

    asyncio.run(listed())
