"""`madang tail`: a conversation as it goes on, from its newest messages, without a gap over lost connections and restarts of the server."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from madang.cli.api import Api, Json, no_answer
from madang.errors import BadRequest, Error, Unauthenticated, Unavailable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

DEFAULT_URL = "http://127.0.0.1:8080"
RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # the last one for ever
SIGNED_OUT = (4001, 4003)  # the server says that this token is over
FRAME_BYTES = 2 << 20


def tail(arguments: argparse.Namespace) -> int:
    token = arguments.token or os.environ.get("MADANG_TOKEN")
    if not token:
        raise Unauthenticated("no token: give --token or set MADANG_TOKEN (`madang token mint NAME` prints one)")
    if not (arguments.conversation.isascii() and arguments.conversation.isdigit()):
        raise BadRequest(f"{arguments.conversation!r} is not a conversation's id (`madang chat` talks with @username)")
    api = Api(arguments.url or os.environ.get("MADANG_URL") or DEFAULT_URL, token)
    shown = Shown(api, arguments.conversation, as_json=arguments.json)
    try:
        for event in events(api, lambda: shown.newest(arguments.last)):
            if event["type"] == "message.created" and event["conversation_id"] == arguments.conversation:
                shown.show(event["message"])
    except KeyboardInterrupt:
        pass
    return 0


class Shown:
    """What has been printed: each message once, in order, though history and live events overlap."""

    def __init__(self, api: Api, conversation: str, *, as_json: bool) -> None:
        self._api = api
        self._path = f"/v1/conversations/{conversation}"
        self._as_json = as_json
        self._names: dict[str, str] = {}
        self._last_seq = 0

    def newest(self, count: int) -> None:
        """Prints the last `count` messages; also the proof that the caller may read here."""
        self._api.get(self._path)
        if count:
            for message in self._api.get(f"{self._path}/messages", limit=count)["messages"]:
                self.show(message)

    def show(self, message: Json) -> None:
        if message["seq"] <= self._last_seq:
            return
        self._last_seq = message["seq"]
        if self._as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        else:
            text = "(deleted)" if message.get("deleted") else message["text"]
            print(f"{message['created_at']}  {self._name(message['sender_id'])}: {printable(text)}", flush=True)

    def _name(self, user_id: str) -> str:
        if user_id not in self._names:
            self._names[user_id] = self._api.get(f"/v1/users/{user_id}")["username"]
        return self._names[user_id]


def printable(text: str) -> str:
    """Without the control characters by which a message could write over other lines of the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text).replace("\n", "\n    ")


def events(api: Api, on_first: Callable[[], None]) -> Iterator[Json]:
    """Every event of the user's inbox from now on; reconnects by itself and goes on after the last one given.

    Args:
        api: server and user.
        on_first: called once, when the inbox is subscribed, before the first event.

    Raises:
        madang.Error: the token isn't, or is no longer, good; the server can't be reached at the start.
    """
    cursor: int | None = None
    failures = 0
    while True:
        try:
            for frame in frames(api, cursor):
                failures = 0
                if frame["op"] == "resync":
                    raise Error(f"the server can't go on after event {cursor} ({frame['reason']})")
                if frame["op"] == "attached" and cursor is None:
                    cursor = frame["cursor"]
                    on_first()
                for event in frame.get("events", ()):
                    cursor = event["cursor"]
                    yield event
        except Unavailable:
            if cursor is None:
                raise
        if failures == 0:
            print("connection lost; trying again", file=sys.stderr)
        time.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
        failures += 1


def frames(api: Api, cursor: int | None) -> Iterator[Json]:
    """The frames of one connection, attached after `cursor`, until it closes.

    Raises:
        Unauthenticated: the server doesn't take the token, or has signed it out.
        Unavailable: no connection.
    """
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    version = Subprotocol("madang.v1")
    attach = {"op": "attach"} if cursor is None else {"op": "attach", "cursor": cursor}
    try:
        with connect(
            api.socket_url, subprotocols=[version], additional_headers=api.authorization, max_size=FRAME_BYTES, compression=None
        ) as socket:
            socket.send(json.dumps(attach))
            for frame in socket:
                yield json.loads(frame)
    except InvalidStatus as error:
        if error.response.status_code == 401:
            raise Unauthenticated("the server doesn't take this token") from None
        raise Unavailable(f"{api.url}: HTTP {error.response.status_code} instead of a WebSocket") from None
    except ConnectionClosed as closed:
        if closed.rcvd is not None and closed.rcvd.code in SIGNED_OUT:
            raise Unauthenticated(f"signed out: {closed.rcvd.reason or closed.rcvd.code}") from None
    except (OSError, InvalidHandshake) as error:
        raise no_answer(api.url, error) from None
