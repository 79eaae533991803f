"""What a client can do at a real server, with either face."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import madang
from madang.client import User
from madang.testing import RunningServer, World

PASSWORD = "correct horse"
WITHIN_S = 10


@pytest.fixture
def name() -> str:
    return f"user-{secrets.token_hex(6)}"


@pytest.fixture
def alice(chat_server: RunningServer) -> Iterator[madang.Client]:
    with madang.Client.sign_up(chat_server.url, f"alice-{secrets.token_hex(4)}", PASSWORD) as client:
        yield client


@pytest.fixture
def bob(chat_server: RunningServer) -> Iterator[madang.Client]:
    with madang.Client.sign_up(chat_server.url, f"bob-{secrets.token_hex(4)}", PASSWORD) as client:
        yield client


def texts(client: madang.Client, count: int) -> list[str]:
    """Of the next messages."""
    got: list[str] = []
    for event in client.events(timeout=WITHIN_S):
        got.append(event.message.text)
        if len(got) == count:
            break
    return got


# ---- accounts --------------------------------------------------------------------------------------------------------------------------


def test_a_new_password_signs_out_the_others(chat_server: RunningServer, alice: madang.Client) -> None:
    other = madang.Client(chat_server.url, username=alice.user.username, password=PASSWORD)
    with pytest.raises(madang.Forbidden):
        alice.change_password("not the one", "battery horse")
    alice.change_password(PASSWORD, "battery horse")
    with pytest.raises(madang.Unauthenticated):
        other.sessions()
    assert len(alice.sessions()) == 1
    with madang.Client(chat_server.url, username=alice.user.username, password="battery horse") as again:
        assert again.user == alice.user


def test_a_deleted_account(chat_server: RunningServer, bob: madang.Client, name: str) -> None:
    alice = madang.Client.sign_up(chat_server.url, name, PASSWORD)
    message = alice.send(f"@{bob.user.username}", "hi")
    alice.delete_account()
    gone = bob.find(alice.user.id)
    assert gone.deleted
    assert gone.username == f"deleted-{alice.user.id}"
    assert [each.text for each in bob.history(message.conversation_id)] == ["hi"]
    with pytest.raises(madang.Blocked):
        bob.send(message.conversation_id, "still there?")
    with pytest.raises(madang.Unauthenticated):
        madang.Client(chat_server.url, username=name, password=PASSWORD)


def test_all_that_an_account_has(alice: madang.Client, bob: madang.Client) -> None:
    alice.send(f"@{bob.user.username}", "mine")
    pages = list(alice.export())
    assert pages[0]["user"]["username"] == alice.user.username
    assert [message["text"] for page in pages for message in page.get("messages", ())] == ["mine"]


def test_account_life_for_asyncio(chat_server: RunningServer, name: str) -> None:
    async def live() -> list[str]:
        client = await madang.AsyncClient.sign_up(chat_server.url, name, PASSWORD)
        await client.change_password(PASSWORD, "battery horse")
        names = [page["user"]["username"] async for page in client.export() if "user" in page]
        await client.delete_account()
        return names

    assert asyncio.run(live()) == [name]
    with pytest.raises(madang.Unauthenticated):
        madang.Client(chat_server.url, username=name, password="battery horse")


def test_the_first_lines_of_the_documents(chat_server: RunningServer, bob: madang.Client, name: str) -> None:
    madang.Client.sign_up(chat_server.url, name, PASSWORD).close()
    with madang.Client(chat_server.url, username=name, password=PASSWORD) as alice:
        alice.send(f"@{bob.user.username}", "hi")
        for event in bob.events(timeout=WITHIN_S):
            assert (event.message.text, event.message.sender) == ("hi", alice.user)
            break


def test_a_wrong_password_or_token_is_unauthenticated(chat_server: RunningServer, alice: madang.Client) -> None:
    with pytest.raises(madang.Unauthenticated):
        madang.Client(chat_server.url, username=alice.user.username, password="not this one")
    with pytest.raises(madang.Unauthenticated):
        madang.Client(chat_server.url, token="nonsense")


def test_nobody_at_the_address_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(madang.Unavailable):
        madang.Client("http://127.0.0.1:9", username="a", password=PASSWORD)
    assert time.monotonic() - began < 5


def test_a_taken_name_can_not_sign_up(chat_server: RunningServer, alice: madang.Client) -> None:
    with pytest.raises(madang.UsernameTaken):
        madang.Client.sign_up(chat_server.url, alice.user.username.upper(), PASSWORD)


def test_an_account_can_be_changed(alice: madang.Client, bob: madang.Client) -> None:
    account = alice.update_me(display_name="Alice", settings={"theme": "dark"})
    assert (account.user.display_name, account.settings) == ("Alice", {"theme": "dark"})
    assert alice.me is account
    assert bob.find(f"@{alice.user.username}").name == "Alice"
    assert bob.find(alice.user.id) == alice.user


def test_a_closed_client_has_signed_its_device_out_unless_somebody_has_the_token(chat_server: RunningServer, alice: madang.Client) -> None:
    second = madang.Client(chat_server.url, token=alice.token, device="kept")
    name = alice.user.username
    for keeps in (True, False):
        with madang.Client.sign_up(chat_server.url, f"{name}-{keeps}", PASSWORD, device="laptop") as client:
            assert [session.name for session in client.sessions()] == ["laptop"]
            token = client.token if keeps else client._core.token
        if keeps:
            madang.Client(chat_server.url, token=token).close()
        else:
            with pytest.raises(madang.Unauthenticated):
                madang.Client(chat_server.url, token=token)
    second.close()


def test_a_revoked_device_ends_its_client(chat_server: RunningServer, alice: madang.Client) -> None:
    phone = madang.Client(chat_server.url, username=alice.user.username, password=PASSWORD, device="phone")
    [session] = [each for each in alice.sessions() if each.name == "phone"]
    alice.revoke(session)
    with pytest.raises(madang.Unauthenticated):
        phone.next_event(timeout=WITHIN_S)
    with pytest.raises(madang.Unauthenticated):
        phone.send(alice, "still here?")
    phone.close()
    assert [each.current for each in alice.sessions()] == [True]


def test_after_logging_out_nothing_goes(alice: madang.Client) -> None:
    alice.log_out()
    with pytest.raises(madang.Error, match="closed"):
        alice.send("@x", "hi")
    alice.close()


FORKING = """
import os, sys, madang
with madang.Client(sys.argv[1], token=sys.argv[2], cursor=0, timeout=5) as parent:
    child = os.fork()
    if child == 0:
        try:
            parent.send("1", "hi")
        except madang.NotFound:
            os._exit(1)
        except madang.Error as error:
            with madang.Client(sys.argv[1], token=sys.argv[2], cursor=0, timeout=5) as own:
                os._exit(0 if "fork" in str(error) and own.next_event(timeout=0) is None else 2)
    assert os.waitpid(child, 0)[1] == 0
    parent.sessions()
"""


def test_a_forked_child_needs_a_client_of_its_own(chat: World) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", FORKING, chat.url, chat.user("alice").token], env=environment, check=True, timeout=60)


# ---- messages --------------------------------------------------------------------------------------------------------------------------


def test_places_can_be_named_in_many_ways(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    first = alice.send(bob, "by client")
    for where in (bob.user, bob.id, f"@{bob.username}", first, first.conversation_id, alice.conversation(bob)):
        # An id alone names a conversation.
        if where == bob.id:
            with pytest.raises(madang.NotFound):
                alice.send(where, "x")
        else:
            assert alice.send(where, "again").conversation_id == first.conversation_id


def test_what_can_not_be_sent_says_why(alice: madang.Client, bob: madang.Client) -> None:
    with pytest.raises(madang.NotFound):
        alice.send("@nobody-of-that-name", "hi")
    with pytest.raises(madang.TextTooLong):
        alice.send(bob, "x" * 100_001)
    with pytest.raises(madang.TextTooLong):
        alice.send(bob, "x" * 3_000_000)
    for bad in ("", "\ud800"):
        with pytest.raises(madang.BadRequest):
            alice.send(bob, bad)
    with pytest.raises(madang.BadRequest):
        alice.send(alice, "to myself")
    assert alice.send(bob, "마당\x00\n🏡" * 1000).text == "마당\x00\n🏡" * 1000


def test_a_client_id_sends_once_and_never_another_text(alice: madang.Client, bob: madang.Client) -> None:
    first = alice.send(bob, "hi", client_id="one")
    assert alice.send(bob, "hi", client_id="one") == first
    with pytest.raises(madang.ClientIdReused):
        alice.send(bob, "ho", client_id="one")
    assert [message.text for message in bob.history(alice)] == ["hi"]


def test_events_begin_at_the_log_in_and_go_on_after_the_last_one(
    chat_server: RunningServer, alice: madang.Client, bob: madang.Client
) -> None:
    alice.send(bob, "before")
    with madang.Client(chat_server.url, username=bob.user.username, password=PASSWORD) as later:
        alice.send(bob, "1")
        alice.send(bob, "2")
        alice.send(bob, "3")
        assert texts(later, 1) == ["1"]
        kept = later.cursor
        assert texts(later, 2) == ["2", "3"]
    with madang.Client(chat_server.url, username=bob.user.username, password=PASSWORD, cursor=kept) as again:
        assert texts(again, 2) == ["2", "3"]
        token = again.token
    with madang.Client(chat_server.url, token=token) as from_now:
        assert from_now.cursor == again.cursor
        alice.send(bob, "4")
        assert texts(from_now, 1) == ["4"]


def test_events_end_after_silence(alice: madang.Client) -> None:
    began = time.monotonic()
    assert list(alice.events(timeout=0.2)) == []
    assert 0.2 <= time.monotonic() - began < 5
    assert list(alice.events(timeout=0)) == []


def test_events_of_other_types_are_given_when_asked_for(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    alice.send(bob, "hi")
    kinds = [event.type for event in bob.events("member.*", "message.created", timeout=0.5)]
    assert kinds == ["member.joined", "member.joined", "message.created"]
    assert bob.cursor == 4
    with pytest.raises(TypeError, match="timeout="):
        bob.events(10)  # type: ignore[call-overload]


def test_history_is_read_both_ways_over_many_pages(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = chat.group("long", alice, bob)
    sent = [alice.send(group, str(n)).text for n in range(130)]
    assert [message.text for message in bob.history(group, after=0)] == sent
    assert [message.text for message in bob.history(group)] == sent[::-1]
    page = bob.page(group, limit=10)
    assert ([message.text for message in page.messages], page.has_more_before, page.has_more_after) == (sent[-10:], True, False)
    middle = page.messages[0].seq
    assert [message.text for message in bob.history(group, before=middle)] == sent[-11::-1]
    assert bob.page(group, around=middle, limit=3).messages[1].seq == middle
    with pytest.raises(madang.BadRequest):
        next(bob.history(group, before=9, after=1))


def test_many_threads_share_one_client(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    group = chat.group("threads", alice, bob)
    threads = [threading.Thread(target=lambda n=n: [alice.send(group, f"{n}-{i}") for i in range(20)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = texts(bob, 160)
    assert sorted(got) == sorted(f"{n}-{i}" for n in range(8) for i in range(20))
    assert [text for text in got if text.startswith("3-")] == [f"3-{i}" for i in range(20)]


# ---- groups ----------------------------------------------------------------------------------------------------------------------------


def test_a_group_from_its_beginning_to_its_end(chat: World) -> None:
    alice, bob, carol = (chat.user(each) for each in ("alice", "bob", "carol"))
    group = alice.create_group("yard", [bob])
    assert (group.kind, group.title, group.members_count, group.my_role) == ("group", "yard", 2, "owner")
    bob.expect(type="conversation.created", within=WITHIN_S)
    assert [conversation.title for conversation in bob.conversations()] == ["yard"]
    member = bob.invite(group, carol)
    assert (member.user, member.role) == (carol.user, "member")
    assert carol.expect(type="member.joined", within=WITHIN_S).conversation == group
    assert {each.user for each in carol.members(group)} == {alice.user, bob.user, carol.user}
    assert alice.invite(group, bob, role="admin").role == "admin"
    assert bob.update(group, title="court").title == "court"
    with pytest.raises(madang.Forbidden):
        carol.kick(group, alice)
    bob.kick(group, carol)
    carol.expect(type="conversation.left", within=WITHIN_S)
    with pytest.raises(madang.NotAMember):
        carol.send(group, "hello?")
    bob.leave(group)
    alice.expect(type="member.left", within=WITHIN_S)
    assert [each.user for each in alice.members(group)] == [alice.user]
    with pytest.raises(madang.NotFound):
        chat.user("dave").conversation(group)


def test_a_group_is_made_once_under_one_client_id(chat: World) -> None:
    alice = chat.user("alice")
    assert alice.create_group("x", client_id="g") == alice.create_group("x", client_id="g")


# ---- asyncio ---------------------------------------------------------------------------------------------------------------------------


def test_the_async_face_does_the_same(chat_server: RunningServer, name: str) -> None:
    async def main() -> None:
        alice = await madang.AsyncClient.sign_up(chat_server.url, name, PASSWORD, display_name="Alice")
        async with alice, await madang.AsyncClient.sign_up(chat_server.url, f"{name}-b", PASSWORD) as bob:
            sent = await alice.send(f"@{name}-b", "hi")
            async for event in bob.events(timeout=WITHIN_S):
                assert (event.message, event.message.sender.name) == (sent, "Alice")
                break
            assert [event async for event in bob.events(timeout=0.1)] == []
            group = await alice.create_group("yard", [bob])
            await asyncio.gather(*(alice.send(group, str(n)) for n in range(50)))
            assert sorted([int(message.text) async for message in bob.history(group)]) == list(range(50))
            assert len([message async for message in bob.history(group, after=0)]) == 50
            assert {member.user.username async for member in bob.members(group)} == {name, f"{name}-b"}
            assert [conversation async for conversation in bob.conversations()][0] == group
            with pytest.raises(madang.NotFound):
                await bob.send("@nobody-of-that-name", "hi")
            await bob.leave(group)
            with pytest.raises(madang.NotAMember):
                await bob.send(group, "hi")
            await bob.log_out()
            with pytest.raises(madang.Error, match="closed"):
                await bob.sessions()

    asyncio.run(main())


def test_a_blocked_loop_does_not_hold_the_connection_up(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    received = len(bob.frames)

    async def main() -> None:
        async with madang.AsyncClient(chat.url, token=bob.token, cursor=bob.cursor) as listener:
            alice.send(bob, "hi")  # blocks this loop
            deadline = time.monotonic() + WITHIN_S
            while listener._core.link._protocol.cursor != 4 and time.monotonic() < deadline:
                threading.Event().wait(0.01)  # so does this
            assert listener._core.link._protocol.cursor == 4

    asyncio.run(main())
    assert bob.expect(text="hi").sender == alice
    assert received <= len(bob.frames)


def test_a_cancelled_wait_loses_no_event(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")

    async def main() -> list[str]:
        async with bob.aio as listener:
            for _ in range(20):
                waiting = asyncio.ensure_future(listener.next_event())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            for n in range(5):
                await asyncio.to_thread(alice.send, bob, str(n))
            got: list[str] = []
            async for event in listener.events(timeout=WITHIN_S):
                got.append(event.message.text)
                if len(got) == 5:
                    return got
        return got

    assert asyncio.run(main()) == list("01234")


def test_an_async_client_that_is_not_open_says_so(chat_server: RunningServer) -> None:
    async def main() -> None:
        client = madang.AsyncClient(chat_server.url, token="x")
        with pytest.raises(madang.Error, match="isn't open"):
            await client.next_event(timeout=1)
        with pytest.raises(madang.Unauthenticated):
            await client.open()

    asyncio.run(main())


def test_a_user_of_an_event_is_asked_for_once(chat: World) -> None:
    alice, bob, carol = (chat.user(each) for each in ("alice", "bob", "carol"))
    group = alice.create_group("x", [bob])
    bob.send(group, "hi")
    bob.leave(group)
    alice.invite(group, carol)
    alice.update(group, settings={"history": "all"})
    assert [message.sender for message in carol.history(group)] == [User(bob.id)]
    assert [message.sender.username for message in carol.history(group)] == [bob.username]


def test_messages_are_edited_and_deleted_with_either_face(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    message = alice.send(bob, "helo")
    edited = alice.edit(message, "hello")
    assert (edited, edited.text) == (message, "hello")
    assert edited.edited_at is not None
    [shown] = bob.history(message)
    assert (shown.text, shown.edited_at) == ("hello", edited.edited_at)
    with pytest.raises(madang.Forbidden):
        bob.edit(shown, "mine")

    async def take_back() -> None:
        async with alice.aio as client:
            assert (await client.edit(message, "hello!")).text == "hello!"
            gone = await client.delete(message)
            assert (gone.deleted, gone.text) == (True, "")
            with pytest.raises(madang.NotFound):
                await client.edit(message, "again")

    asyncio.run(take_back())
    assert [(event.type, event.message.deleted) for event in itertools.islice(bob.events(timeout=WITHIN_S), 4)] == [
        ("message.created", False),
        ("message.edited", False),
        ("message.edited", False),
        ("message.deleted", True),
    ]
    assert alice.delete(message).deleted


def test_mentions_are_listed_with_either_face(chat: World) -> None:
    alice, bob = chat.user("alice"), chat.user("bob")
    sent = [alice.send(bob, f"@{bob.user.username} {n}") for n in range(3)]
    assert [message.mentions for message in sent] == [(bob.user.id,)] * 3
    alice.delete(sent[1])
    assert [message.text for message in bob.mentions()] == [sent[2].text, sent[0].text]

    async def listed() -> list[str]:
        async with bob.aio as client:
            return [message.text async for message in client.mentions()]

    assert asyncio.run(listed()) == [sent[2].text, sent[0].text]
    assert list(alice.mentions()) == []


# ---- reading ---------------------------------------------------------------------------------------------------------------------------


def test_marking_read_and_arranging_the_list(alice: madang.Client, bob: madang.Client) -> None:
    group = alice.create_group("read", [bob.user])
    sent = [alice.send(group, str(n)) for n in range(3)]
    assert texts(bob, 3) == ["0", "1", "2"]
    assert bob.conversation(group).unread == 3
    assert bob.unread_total() == 3
    state = bob.mark_read(sent[1])
    assert (state.seq, state.unread, state.unread_mentions) == (sent[1].seq, 1, 0)
    assert bob.mark_read(group, 10_000).unread == 0
    with pytest.raises(madang.BadRequest):
        bob.mark_read(group)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    view = bob.update_view(group, pinned=True, archived=True, muted_until=until)
    assert (view.pinned, view.archived, view.muted_until) == (True, True, until)
    view = bob.update_view(group, archived=False)
    assert (view.pinned, view.archived, view.muted_until) == (True, False, until)
    assert bob.update_view(group, muted_until=None).muted_until is None


def test_marking_read_asynchronously(chat_server: RunningServer, alice: madang.Client, name: str) -> None:
    async def main() -> None:
        async with await madang.AsyncClient.sign_up(chat_server.url, name, PASSWORD) as bob:
            group = alice.create_group("read", [bob.user])
            sent = alice.send(group, "hello")
            assert (await bob.mark_read(sent)).seq == sent.seq
            assert (await bob.update_view(group, pinned=True)).pinned
            assert await bob.unread_total() == 0

    asyncio.run(main())
