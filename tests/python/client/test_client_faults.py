"""Servers that die and lines that are cut: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import madang
from madang.client import Presence, Signal, link
from madang.client.buffer import EventBuffer
from madang.client.exchange import Call, Exchange
from madang.testing import Actor, ChatServer, Proxy, World

WITHIN_S = 60

MakeServer = Callable[..., ChatServer]


class Sender(threading.Thread):
    """Sends numbers, one after the other."""

    def __init__(self, client: madang.Client, where: str, count: int) -> None:
        super().__init__(daemon=True)
        self.client, self.where, self.count = client, where, count
        self.seqs: list[int] = []
        self.error: Exception | None = None
        self.at = {count // 3: threading.Event(), 2 * count // 3: threading.Event()}

    def run(self) -> None:
        try:
            for n in range(self.count):
                if n in self.at:
                    self.at[n].set()
                self.seqs.append(self.client.send(self.where, str(n)).seq)
        except Exception as error:
            self.error = error

    def reached(self, third: int) -> None:
        assert self.at[third * self.count // 3].wait(WITHIN_S)

    def finish(self) -> None:
        self.join(60)
        assert self.error is None
        assert len(self.seqs) == self.count


def numbers(client: madang.Client, count: int) -> Iterator[int]:
    """Of the next messages; ends after `count` and what comes right behind."""
    seen = 0
    while (event := client.next_event("message.created", timeout=WITHIN_S if seen < count else 0.3)) is not None:
        assert event.message is not None
        seen += 1
        yield int(event.message.text)


def test_a_server_killed_in_the_middle_of_sends_and_events_loses_and_doubles_nothing(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    group = alice.create_group("yard", [bob])
    sender = Sender(alice, group.id, 60)
    sender.start()
    got: list[int] = []

    def kill_twice() -> None:
        for third in (1, 2):
            sender.reached(third)
            server.kill()
            server.start()

    killer = threading.Thread(target=kill_twice)
    killer.start()
    got += numbers(bob, 60)
    killer.join()
    sender.finish()
    assert got == list(range(60))
    assert sender.seqs == sorted(set(sender.seqs))
    assert [int(message.text) for message in bob.history(group, after=0)] == list(range(60))
    assert list(numbers(alice, 60)) == list(range(60))


def test_a_server_that_is_stopped_and_started_is_gone_on_with(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    sender = Sender(alice, alice.direct(bob).id, 30)
    sender.start()
    sender.reached(1)
    server.restart()
    sender.finish()
    assert list(numbers(bob, 30)) == list(range(30))


def test_an_async_client_goes_on_over_a_killed_server(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")

    async def main() -> list[str]:
        async with alice.aio as sender, bob.aio as listener:
            await sender.send(bob, "0")
            server.kill()
            sends = [asyncio.ensure_future(sender.send(bob, str(n))) for n in (1, 2, 3)]
            await asyncio.to_thread(server.start)
            await asyncio.gather(*sends)
            got: list[str] = []
            async for event in listener.events(timeout=WITHIN_S):
                got.append(event.message.text)
                if len(got) == 4:
                    break
            return got

    assert asyncio.run(main()) == ["0", "1", "2", "3"]


def test_connections_cut_at_random_lose_and_double_nothing(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    group = alice.create_group("yard", [bob])
    rng, lines = random.Random(7), itertools.count()

    def cut_after() -> int:
        # A whole page of events must come through now and then, or nobody could ever go on.
        return 60_000 if next(lines) > 8 and rng.random() < 0.5 else rng.randrange(500, 6_000)

    with Proxy(server.url, cut_after=cut_after) as line:
        with (
            madang.Client(line.url, token=alice.token, cursor=0, timeout=60) as sender,
            madang.Client(line.url, token=bob.token, cursor=0, timeout=60) as listener,
        ):
            sending = Sender(sender, group.id, 60)
            sending.start()
            assert list(numbers(listener, 60)) == list(range(60))
            sending.finish()
        assert line.connections > 8
    assert [int(message.text) for message in bob.history(group, after=0)] == list(range(60))


def test_a_cut_line_is_gone_on_with_by_another_connection(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    with Proxy(server.url) as line, madang.Client(line.url, token=bob.token, cursor=0) as listener:
        for n in range(3):
            alice.send(bob, str(n))
            assert next(numbers(listener, 1)) == n
            line.cut()
        assert line.connections >= 3


def test_a_server_that_stays_away_is_unavailable_and_the_same_client_id_sends_once_later(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    direct = alice.direct(bob)
    with madang.Client(server.url, token=alice.token, timeout=0.5) as hasty:
        server.kill()
        with pytest.raises(madang.Unavailable):
            hasty.send(direct, "hi", client_id="once")
        with pytest.raises(madang.Unavailable):
            hasty.sessions()
    server.start()
    alice.send(direct, "hi", client_id="once")
    assert [message.text for message in bob.history(direct)] == ["hi"]


class Known:
    """Who is online, as signals tell it."""

    def __init__(self) -> None:
        self.online: dict[str, bool] = {}

    def agrees(self, signal: Signal, wanted: dict[str, bool]) -> bool:
        if isinstance(signal, Presence):
            self.online[signal.user_id] = signal.online
        return self.online == wanted

    def follow(self, client: madang.Client, wanted: dict[str, bool]) -> None:
        assert any(self.agrees(signal, wanted) for signal in client.signals(timeout=WITHIN_S)), self.online

    async def follow_aio(self, client: madang.AsyncClient, wanted: dict[str, bool]) -> None:
        async for signal in client.signals(timeout=WITHIN_S):
            if self.agrees(signal, wanted):
                return
        raise AssertionError(self.online)


def test_who_left_while_the_server_was_away_is_told_to_be_offline(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob, carol = (server.user(each) for each in ("alice", "bob", "carol"))
    for friend in (bob, carol):
        friend.add_friend(alice)
        alice.add_friend(friend)

    async def live() -> None:
        async with alice.aio as reader:
            faces = Known(), Known()
            both, one_left = {bob.id: True, carol.id: True}, {bob.id: False, carol.id: True}
            await faces[1].follow_aio(reader, both)
            await asyncio.to_thread(faces[0].follow, alice, both)
            server.kill()
            bob.close()
            await asyncio.to_thread(server.start)
            await faces[1].follow_aio(reader, one_left)
            await asyncio.to_thread(faces[0].follow, alice, one_left)

    asyncio.run(live())


def test_who_is_not_greeted_is_offline_when_it_can_not_be_asked(chat_server_factory: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    bob.add_friend(alice)
    alice.add_friend(bob)
    known, refusals = Known(), [madang.BadRequest("never"), madang.Unavailable("later"), madang.RateLimited("slower", retry_after=0.01)]
    known.follow(alice, {bob.id: True})
    call_of = Exchange.__call__

    def refusing(self: Exchange, call: Call, *rest: Any) -> Any:
        if call.path == ("presence",):
            raise refusals.pop()
        return call_of(self, call, *rest)

    monkeypatch.setattr(Exchange, "__call__", refusing)
    server.kill()
    bob.close()
    server.start()
    known.follow(alice, {bob.id: False})
    assert refusals == []


def test_closing_signs_out_over_another_connection_when_the_kept_one_has_ended(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice = server.user("alice", password="correct horse")
    who: dict[str, Any] = {"username": alice.username, "password": "correct horse"}
    laptop = madang.Client(server.url, **who, device="laptop")

    def end_and_start() -> None:
        server.kill()
        server.start()

    async def open_and_close() -> None:
        async with madang.AsyncClient(server.url, **who, device="phone") as phone:
            assert {each.name for each in await phone.sessions()} > {"laptop", "phone"}
            await asyncio.to_thread(end_and_start)
            laptop.close()
            assert {each.name for each in alice.sessions()} & {"laptop", "phone"} == {"phone"}
            await asyncio.to_thread(end_and_start)

    asyncio.run(open_and_close())
    assert {each.name for each in alice.sessions()} & {"laptop", "phone"} == set()


def test_closing_while_the_server_is_away_neither_hangs_nor_raises(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    client = madang.Client.sign_up(server.url, "alice", "correct horse")
    server.kill()
    client.close()


def test_more_events_than_there_is_room_for_are_had_later(chat_server_factory: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    group = alice.create_group("yard", [bob])
    with monkeypatch.context() as patch:
        patch.setattr(link, "EventBuffer", functools.partial(EventBuffer, events_max=10))
        frames: list[str] = []
        listener = madang.Client(server.url, token=bob.token, cursor=0, trace=lambda _, frame: frames.append(frame))
    with listener:
        for n in range(50):
            alice.send(group, str(n))
        assert list(numbers(listener, 50)) == list(range(50))
    assert len([frame for frame in frames if '"op":"attach"' in frame]) > 1


def test_a_cursor_that_can_not_be_served_is_told_and_events_go_on_after_it(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice, bob = server.user("alice"), server.user("bob")
    with madang.Client(server.url, token=bob.token, cursor=10_000) as ahead:
        with pytest.raises(madang.ResyncRequired) as told:
            next(ahead.events(timeout=WITHIN_S))
        assert (told.value.reason, told.value.cursor) == ("ahead", ahead.sync(0).cursor)
        alice.send(bob, "7")
        assert next(numbers(ahead, 1)) == 7


def test_who_polls_is_told_from_where_to_go_on(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "before")
    bob.expect(text="before")
    with pytest.raises(madang.ResyncRequired) as told:
        bob.sync(10_000)
    assert told.value.reason == "ahead"
    assert told.value.cursor is not None
    alice.send(bob, "after")
    assert [event.message.text for event in bob.sync(told.value.cursor, wait=20).events if event.message] == ["after"]


def test_the_rate_limit_is_waited_for(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory(overrides={"limits.loopback_exempt": False, "limits.sends_per_second": 40})
    alice, bob = server.user("alice"), server.user("bob")
    direct = alice.direct(bob)
    frames: list[str] = []

    async def main() -> None:
        async with madang.AsyncClient(server.url, token=alice.token, trace=lambda _, frame: frames.append(frame)) as client:
            await asyncio.gather(*(client.send(direct, str(n)) for n in range(70)))

    asyncio.run(main())
    assert [frame for frame in frames if '"code":"rate_limited"' in frame]
    assert sorted(numbers(bob, 70)) == list(range(70))


def test_what_goes_over_the_wire_in_a_trace_holds_no_token(chat_server_factory: MakeServer) -> None:
    server = chat_server_factory()
    alice: Actor = server.user("alice")
    alice.send(server.user("bob"), "hi")
    assert alice.frames
    assert not [frame for frame in alice.frames if alice.token in frame]
