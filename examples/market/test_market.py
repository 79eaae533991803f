"""What the market promises its users, end to end: a request to the site, and what happens in the chat then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from market import make_app
from visitors import Visitor

import madang
from madang.testing import RunningServer, World

MakeVisitor = Callable[[str], Visitor]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_app(tmp_path)) as running:
        yield running


@pytest.fixture
def chat_server(site: TestClient) -> RunningServer:
    """In the place of the kit's own fixture: its `chat` is a world on the server that the site has started."""
    return RunningServer(chat_url(site))


@pytest.fixture
def visitor(site: TestClient, chat: World) -> MakeVisitor:
    return lambda name: Visitor(site, chat, name)


def chat_url(site: TestClient) -> str:
    return str(site.app.state.market.server.url)  # type: ignore[attr-defined]


def test_a_question_reaches_the_seller_and_the_answer_the_buyer(visitor: MakeVisitor) -> None:
    alice, bob = visitor("alice"), visitor("bob")
    item = alice.post("/items", title="A red bicycle").json()["id"]
    where = bob.post(f"/items/{item}/questions", text="Is it fast?").json()["conversation_id"]
    assert alice.chat.expect(text="bob asks: Is it fast?").conversation_id == where
    alice.chat.send(where, "Very!")
    bob.chat.expect(text="Very!", sender=alice.chat)
    assert bob.chat.conversation(where).title == "A red bicycle"


def test_two_questions_of_one_buyer_are_asked_in_one_place(visitor: MakeVisitor) -> None:
    alice, bob, carol = visitor("alice"), visitor("bob"), visitor("carol")
    item = alice.post("/items", title="A lamp").json()["id"]
    first, second = (bob.post(f"/items/{item}/questions", text=text).json() for text in ("Does it work?", "And the bulb?"))
    assert first == second
    assert carol.post(f"/items/{item}/questions", text="How much?").json() != first
    with pytest.raises(madang.NotFound):
        carol.chat.conversation(first["conversation_id"])


def test_a_ticket_is_good_once(visitor: MakeVisitor) -> None:
    ticket = visitor("alice").post("/chat-tickets").json()
    madang.Client(ticket["url"], credentials=ticket["credentials"]).close()
    for stale in (ticket["credentials"], {"ticket": "guessed"}, {}):
        with pytest.raises(madang.Unauthenticated):
            madang.Client(ticket["url"], credentials=stale)


def test_only_who_has_logged_in_gets_one(site: TestClient) -> None:
    assert site.post("/chat-tickets").status_code == 401
    assert site.post("/chat-tickets", headers={"Authorization": "Bearer guessed"}).status_code == 401
    assert site.post("/users", json={"name": "market", "password": "long enough"}).status_code == 409


def test_a_password_of_the_chat_itself_opens_nothing(site: TestClient) -> None:
    with pytest.raises(madang.Forbidden):
        madang.Client.sign_up(chat_url(site), "mallory", "long enough")


@contextmanager
def opened(folder: Path) -> Iterator[MakeVisitor]:
    """The site, from a start to an end."""
    with TestClient(make_app(folder)) as site, closing(World(RunningServer(chat_url(site)))) as world:
        yield lambda name: Visitor(site, world, name)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as visitor:
        alice, bob = visitor("alice"), visitor("bob")
        item = alice.post("/items", title="A chair").json()["id"]
        alice.chat.close()  # she goes away, and is asked then
        where = bob.post(f"/items/{item}/questions", text="Is it old?").json()["conversation_id"]
    with opened(tmp_path) as visitor:
        alice = visitor("alice")
        assert alice.chat.conversation(where).unread == 1
        alice.chat.expect(text="bob asks: Is it old?")
