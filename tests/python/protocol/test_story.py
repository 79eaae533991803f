"""The examples of the documents, played on an empty server from beginning to end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import textwrap
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from madang.protocol.calls import CALLS
from madang.protocol.story import CODE, STORY, Exchange, Spoken
from madang.testing import ChatServer

Json = Any
ROUTES = {call.name: call for call in CALLS}
WITHIN_S = 10.0
ID = re.compile(r"[0-9]{15,20}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


CONFIG = """
[accounts]
sign_up = true
[[plugins]]
use = "story_house:House"
hooks.check.timeout = "10s"
hooks.authenticate.timeout = "10s"
"""
# What the story says of plugins.
HOUSE = """
    import madang

    class House(madang.Plugin):
        async def authenticate(self, credentials):
            return madang.Identity("olga", "Olga", ("operator",)) if credentials == {"badge": "7"} else madang.Deny("no badge")

        async def check(self, message):
            offers = message.text.endswith("anyone?")
            return madang.Verdict.hold("somebody looks at offers first") if offers else madang.Verdict.allow()
"""


class Mismatch(AssertionError):
    """What happened isn't what the example says."""


class Stage:
    """Who is there, and which real value stands for which one of the story."""

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        self.tokens: dict[str, str] = {}
        self.real: dict[str, str] = {}
        self.sockets: dict[str, ClientConnection] = {}
        self.heard: dict[str, list[Json]] = {}
        self._open = contextlib.ExitStack()

    # ---- the story's values and the real ones ----

    def to_real(self, told: Json) -> Json:
        if isinstance(told, dict):
            return {key: self.to_real(value) for key, value in told.items()}
        if isinstance(told, list):
            return [self.to_real(value) for value in told]
        return self.real.get(told, told) if isinstance(told, str) else told

    def compare(self, told: Json, real: Json, at: str = "") -> None:
        if isinstance(told, dict) and isinstance(real, dict):
            if told.keys() != real.keys():
                raise Mismatch(f"{at}: {sorted(told)} are told, {sorted(real)} came")
            for key in told:
                self.compare(told[key], real[key], f"{at}.{key}")
        elif isinstance(told, list) and isinstance(real, list) and len(told) == len(real):
            for n, (one, other) in enumerate(zip(told, real, strict=True)):
                self.compare(one, other, f"{at}[{n}]")
        elif not self.is_same(told, real, at.rpartition(".")[2]):
            raise Mismatch(f"{at}: {told!r} is told, {real!r} came")

    def is_same(self, told: Json, real: Json, key: str) -> bool:
        if isinstance(told, bool) or type(told) is not type(real) or not isinstance(told, str | float):
            return bool(told == real)
        if key == "load":
            return bool(0 <= real <= 1)
        if key == "url" or (key == "message" and isinstance(real, str)):
            return bool(real)
        assert isinstance(told, str)
        if TIME.fullmatch(told):
            return bool(TIME.fullmatch(str(real)))
        if ID.fullmatch(told) or key == "token" or told == CODE:
            return bool(self.real.setdefault(told, real) == real)
        return bool(told == real)

    # ---- the steps ----

    def exchange(self, step: Exchange) -> None:
        call = ROUTES[step.call]
        path = call.path
        for name, value in step.path.items():
            path = path.replace("{" + name + "}", str(self.to_real(value)))
        if step.query:
            path += "?" + urlencode(self.to_real(step.query))
        headers = {"Authorization": f"Bearer {self.tokens[step.who]}"} if step.who in self.tokens else {}
        body = None if step.body is None else json.dumps(self.to_real(step.body))
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=WITHIN_S)
        connection.request(call.method, path, body=body, headers=headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        assert response.status == step.status, f"{call.route}: {response.status} {answer.decode()}"
        if step.answer is not None:
            self.compare(step.answer, json.loads(answer), call.route)
        if step.call == "log_in":
            self.tokens[step.who] = json.loads(answer)["token"]

    def speak(self, step: Spoken) -> None:
        socket = self.socket_of(step.who)
        if step.says is not None:
            socket.send(json.dumps(self.to_real(step.says)))
        for _, told in step.hears:
            for one in single(told):
                self.hear(step.who, one)

    def socket_of(self, who: str) -> ClientConnection:
        if who not in self.sockets:
            headers = {"Authorization": f"Bearer {self.tokens[who]}"}
            url = f"ws://127.0.0.1:{self.server.port}/v1/connect"
            opening = connect(url, subprotocols=[Subprotocol("madang.v1")], additional_headers=headers)
            self.sockets[who] = self._open.enter_context(opening)
            self.heard[who] = []
        return self.sockets[who]

    def hear(self, who: str, told: Json) -> None:
        """Until a frame comes that is the one of the story: replies and events aren't in any order to each other."""
        wrong: list[str] = []
        frames = list(self.heard[who])
        while True:
            for frame in frames:
                try:
                    self.compare(told, frame)
                except Mismatch as mismatch:
                    wrong.append(f"{mismatch} in {frame}")
                    continue
                self.heard[who].remove(frame)
                return
            try:
                came = single(json.loads(self.sockets[who].recv(WITHIN_S)))
            except TimeoutError:
                raise Mismatch("\n".join([f"{who} never heard {told}", *wrong])) from None
            self.heard[who] += came
            frames = came

    def close(self) -> None:
        self._open.close()


def single(frame: Json) -> list[Json]:
    """Events may share a frame or not: one frame for each."""
    if frame["op"] != "events":
        return [frame]
    return [{"op": "events", "events": [event]} for event in frame["events"]]


def operator_token(server: ChatServer) -> str:
    """Operators are made by whoever runs the server."""
    server.admin("user-add", "operator", "", "", "operator")
    return server.admin("token-mint", "operator")[0][0]


def test_the_story_happens_as_it_is_told(chat_server_factory: Callable[..., ChatServer]) -> None:
    server = chat_server_factory(config=CONFIG, start=False)
    (server.folder / "story_house.py").write_text(textwrap.dedent(HOUSE), encoding="utf-8")
    server.environment["PYTHONPATH"] = os.pathsep.join((str(server.folder), os.environ.get("PYTHONPATH", "")))
    server.start()
    stage = Stage(server)
    stage.tokens["operator"] = operator_token(stage.server)
    try:
        for number, step in enumerate(STORY):
            try:
                stage.exchange(step) if isinstance(step, Exchange) else stage.speak(step)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {step}: {error}") from None
    finally:
        stage.close()


@pytest.mark.parametrize(
    ("told", "came"),
    [
        ({"id": "153141000000000001"}, {"id": "153141000000000001", "more": 1}),
        ({"seq": 4}, {"seq": 5}),
        ({"ids": ["153141000000000001", "153141000000000001"]}, {"ids": ["7000000000000000001", "7000000000000000002"]}),
        ({"created_at": "2026-03-01T09:00:00.000Z"}, {"created_at": "2026-03-01T09:00:00Z"}),
        ({"text": "Hi"}, {"text": "hi"}),
    ],
)
def test_a_story_that_is_told_wrong_is_found(told: Json, came: Json, chat_server_factory: Callable[..., ChatServer]) -> None:
    stage = Stage(chat_server_factory(start=False))
    with pytest.raises(Mismatch):
        stage.compare(told, came)
