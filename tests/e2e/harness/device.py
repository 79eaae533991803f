"""One log-in of one user, with the calls that the tests make often. Thread: any."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from harness.api import Answer, Api, Json
from harness.listener import Listener
from harness.websocket import WebSocket

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def unique(name: str) -> str:
    """A username that nobody has, however often the tests run against one server."""
    return f"{name}-{next(_numbers)}-{secrets.token_hex(3)}"


def new_client_id() -> str:
    return f"c-{next(_numbers)}"


class Device:
    """A logged-in device. `session` is the answer of its log-in."""

    def __init__(self, api: Api, username: str, session: Json, password: str = PASSWORD) -> None:
        self.api = api
        self.username = username
        self.password = password
        self.session = session
        self.token: str = session["token"]
        self.device_id: str = session["device_id"]
        self.id: str = session["user"]["id"]

    @classmethod
    def log_in(cls, api: Api, username: str, password: str = PASSWORD, name: str = "phone") -> Device:
        body = {"username": username, "password": password, "device": {"name": name, "platform": "test"}}
        answer = api.call("POST", "/sessions", body)
        assert answer.status == 201
        return cls(api, username, answer.json(), password)

    @classmethod
    def sign_up(cls, api: Api, username: str, password: str = PASSWORD) -> Device:
        api.sign_up(username, password)
        return cls.log_in(api, username, password)

    def another(self, name: str = "laptop") -> Device:
        """A second device of the same user."""
        return Device.log_in(self.api, self.username, self.password, name)

    # ---- HTTP -------------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Json = None, **options: Any) -> Answer:
        return self.api.call(method, path, body, token=self.token, **options)

    def get(self, path: str, **query: Any) -> Json:
        return self.call("GET", path, query=query).json()

    def direct(self, peer: Device | str) -> str:
        user_id = peer if isinstance(peer, str) else peer.id
        return str(self.call("POST", "/conversations", {"kind": "direct", "user_id": user_id}).json()["id"])

    def group(self, *members: Device, title: str = "a group", client_id: str | None = None) -> str:
        body: Json = {"kind": "group", "title": title, "members": [member.id for member in members]}
        if client_id is not None:
            body["client_id"] = client_id
        return str(self.call("POST", "/conversations", body).json()["id"])

    def post(self, conversation_id: str, text: str, client_id: str | None = None) -> Answer:
        """Sends over HTTP; the answer tells 201 (new) from 200 (a repeat)."""
        body = {"client_id": client_id or new_client_id(), "text": text}
        return self.call("POST", f"/conversations/{conversation_id}/messages", body)

    def send(self, conversation_id: str, text: str, client_id: str | None = None) -> Json:
        return self.post(conversation_id, text, client_id).json()

    def history(self, conversation_id: str, **query: int) -> Json:
        return self.get(f"/conversations/{conversation_id}/messages", **query)

    def all_messages(self, conversation_id: str) -> list[Json]:
        """The whole history, oldest first, read page by page."""
        messages: list[Json] = []
        after = 0
        while True:
            page = self.history(conversation_id, after=after)
            messages += page["messages"]
            if not page["has_more_after"]:
                return messages
            after = messages[-1]["seq"]

    def sync(self, cursor: int, limit: int | None = None, wait: str | None = None, within: float = 60) -> Json:
        query = {"cursor": cursor, "limit": limit, "wait": wait}
        return self.call("GET", "/sync", query=query, within=within).json()

    def inbox(self, cursor: int = 0) -> list[Json]:
        """Every event after the cursor, by polling; checks that no cursor is missing."""
        events: list[Json] = []
        while True:
            page = self.sync(cursor)
            for event in page["events"]:
                assert event["cursor"] == cursor + 1, f"hole: {event['cursor']} after {cursor}"
                cursor = event["cursor"]
                events.append(event)
            assert page["cursor"] == cursor
            if not page["more"]:
                return events

    def await_event(self, wanted: Callable[[Json], bool], within: float = 20) -> int:
        """Waits by long polls until an event that is wanted stands in the inbox; the inbox's tail."""
        deadline = time.monotonic() + within
        cursor: int = 0
        found = False
        while True:
            page = self.sync(cursor, wait="5s")
            found = found or any(wanted(event) for event in page["events"])
            cursor = page["cursor"]
            if found and not page["more"]:
                return cursor
            if time.monotonic() > deadline:
                raise TimeoutError(f"not in the inbox of {self.username} within {within} s")

    def caught_up(self, *conversation_ids: str) -> int:
        """Waits until all entries of these conversations stand in the inbox, for a call's answer may overtake them; the inbox's tail."""
        tail = 0
        for conversation_id in conversation_ids:
            head = self.get(f"/conversations/{conversation_id}")["head_seq"]
            tail = self.await_event(partial(_reaches, conversation_id, head))
        return tail

    def read(self, conversation_id: str, seq: int) -> Json:
        return self.call("PUT", f"/conversations/{conversation_id}/read", {"seq": seq}).json()

    def conversation(self, conversation_id: str) -> Json:
        return self.get(f"/conversations/{conversation_id}")

    def unread_total(self) -> int:
        return int(self.get("/conversations")["unread_total"])

    def members(self, conversation_id: str) -> list[Json]:
        return self.pages(f"/conversations/{conversation_id}/members", "members")

    def conversations(self, limit: int | None = None) -> list[Json]:
        return self.pages("/conversations", "conversations", limit)

    def pages(self, path: str, name: str, limit: int | None = None) -> list[Json]:
        """All of a list, through its `next`."""
        items: list[Json] = []
        page = self.get(path, limit=limit)
        items += page[name]
        while "next" in page:
            page = self.get(path, limit=limit, next=page["next"])
            assert page[name], "an empty page announced as more"
            items += page[name]
        return items

    # ---- WebSocket --------------------------------------------------------------------------------------------------

    def socket(self, **options: Any) -> WebSocket:
        address = self.api.address
        return WebSocket(address.host, address.port, token=self.token, **options)

    def connect(self, cursor: int | None = None, *, attach: bool = True, **options: Any) -> Listener:
        """An open socket, attached unless told otherwise."""
        listener = Listener(self.socket(**options))
        if attach:
            listener.attach(cursor)
        return listener


def _reaches(conversation_id: str, seq: int, event: Json) -> bool:
    return event.get("conversation_id") == conversation_id and bool(event["seq"] >= seq)


MakePerson = Callable[..., Device]
