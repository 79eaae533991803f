"""Five minutes in the yard: people sign up, talk in pairs and in a group, on several devices, offline and through a crash of the server.

Everything goes over the public API, as a client in any language would do it: HTTP with urllib, the WebSocket with `websockets`. A ledger
outside the server notes every message that was acknowledged; at the end each of them must be there, once, in order, on every device.
Started by examples/quickstart.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json = dict[str, Any]
WITHIN_S = 30.0
PASSWORD = "correct horse battery"
RUN = secrets.token_hex(3)  # tells the messages of this run from those of an earlier one in a folder that was kept


def main() -> int:
    parser = argparse.ArgumentParser(description="Plays a conversation through a real server.")
    parser.add_argument("--once", action="store_true", help="stop after it")
    parser.add_argument("--data", metavar="DIR", type=Path, help="keep the data here (default: a folder that is removed at the end)")
    parser.add_argument("--engines", metavar="N", default="1")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        data = arguments.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="madang-")))
        server = Server(data, arguments.engines)
        stack.callback(server.stop)
        server.start()
        people = play(server)
        if not arguments.once:
            keep_running(server, people)
    return 0


# ---- what happens -----------------------------------------------------------------------------------------------------------------


def play(server: Server) -> dict[str, Person]:
    ledger = Ledger()
    scene("Three people sign up, and log in on a device each")
    people = {name: Person(server, name, ledger) for name in ("alice", "bob", "carol")}
    alice, bob, carol = (people[name].log_in("phone") for name in ("alice", "bob", "carol"))

    scene("Alice and Bob talk")
    talk = alice.person.call("POST", "/v1/conversations", {"kind": "direct", "user_id": bob.person.id})["id"]
    ledger.members[talk] = {"alice", "bob"}
    alice.say(talk, "Hi Bob! 안녕!")
    bob.until_has("Hi Bob! 안녕!")
    bob.say(talk, "Hi Alice. Is this thing fast?")
    alice.until_has("Hi Alice. Is this thing fast?")

    scene("Alice opens her laptop: it reads up on what her phone has seen, and goes on live")
    laptop = alice.person.log_in("laptop")
    laptop.until_has("Hi Bob! 안녕!")
    laptop.say(talk, "Sent from my laptop, and my phone has it too.")
    alice.until_has("Sent from my laptop, and my phone has it too.")

    scene("A group for the three of them")
    members = [bob.person.id, carol.person.id]
    group = alice.person.call("POST", "/v1/conversations", {"kind": "group", "title": "Sunday hike", "members": members})["id"]
    ledger.members[group] = {"alice", "bob", "carol"}
    alice.say(group, "Nine o'clock at the station?")
    bob.until_has("Nine o'clock at the station?")
    carol.until_has("Nine o'clock at the station?")
    carol.say(group, "I'll bring kimbap.")

    scene("Carol's train goes into a tunnel")
    carol.go_offline()
    for text in ("Make that ten.", "And the other station.", "Carol will read this later."):
        bob.say(group, text)
    scene("… and comes out again: she gets what she missed, from her cursor on, each once and in order")
    carol.come_back()
    carol.until_has("Carol will read this later.")

    scene("kill -9 of the server while Alice sends 200 messages")
    crash_in_the_middle(server, alice, group, [alice, laptop, bob, carol])

    scene("The ledger is compared")
    ledger.compare(people.values())
    for person in people.values():
        person.close()
    return people


def crash_in_the_middle(server: Server, sender: Device, conversation: str, readers: list[Device], count: int = 200) -> None:
    """Sends without a pause; the server dies in the middle and is started again."""
    half_way = threading.Event()

    def send_all() -> None:
        for number in range(count):
            sender.say(conversation, f"message {number}", quiet=True)
            if number == count // 2:
                half_way.set()

    sending = threading.Thread(target=send_all, daemon=True)
    sending.start()
    require(half_way.wait(WITHIN_S), "half of the messages were sent in time")
    server.kill()
    tell(f"the server is dead; Alice has {len(sender.person.ledger)} acknowledgements")
    took = server.start()
    tell(f"it is back after {took * 1000:.0f} ms")
    sending.join(WITHIN_S)
    require(not sending.is_alive(), "everything was sent in time")
    for device in readers:
        device.until_has(f"message {count - 1}")
    tell(f"all {count} messages are on every device")


def keep_running(server: Server, people: dict[str, Person]) -> None:
    alice = people["alice"]
    session = alice.new_session("yours")
    print(f"""
The server goes on at {server.url} until ctrl-C. The data is in {server.data}.
Alice, Bob and Carol have the password "{PASSWORD}". Try it as Alice:

  TOKEN={session["token"]}
  curl -s -H "Authorization: Bearer $TOKEN" {server.url}/v1/conversations
  curl -s -H "Authorization: Bearer $TOKEN" "{server.url}/v1/sync?cursor=0&limit=3"

or in a browser: open {server.url}/healthz, then in its console (F12):

  socket = new WebSocket("{server.url.replace("http", "ws", 1)}/v1/connect", ["madang.v1", "bearer.{session["token"]}"])
  socket.onmessage = frame => console.log(frame.data)
  socket.onopen = () => socket.send('{{"op":"attach","cursor":0}}')
""")
    with contextlib.suppress(KeyboardInterrupt):
        server.wait()
    print()


# ---- the server process -------------------------------------------------------------------------------------------------------------


class Server:
    """`madang serve` as a process of its own."""

    def __init__(self, data: Path, engines: str) -> None:
        self.data = data.resolve()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "madang", "serve", "--data", str(self.data), "--port", str(self.port), "--engines", engines]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Starts it and returns, when it is ready, how many seconds that took."""
        began = time.monotonic()
        quiet = {**os.environ, "MADANG_SERVER__LOG_LEVEL": "warn"}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, env=quiet, text=True, start_new_session=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        require(ready.startswith("ready "), f"the server starts (it said {ready!r})")
        tell(ready.strip())
        return time.monotonic() - began

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            require(self._process.wait(WITHIN_S) == 0, "the server stops cleanly")


def free_port() -> int:
    for wanted in (8080, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
    raise AssertionError("no free port")


# ---- people and their devices -------------------------------------------------------------------------------------------------------


class Person:
    """An account, with the token of its first device for what is asked over HTTP."""

    def __init__(self, server: Server, username: str, ledger: Ledger) -> None:
        self.server = server
        self.username = username
        self.ledger = ledger
        self.id = ""
        self.token = ""
        self.devices: list[Device] = []
        try:
            self.call("POST", "/v1/users", {"username": username, "password": PASSWORD, "display_name": username.capitalize()})
            tell(f"{username} has signed up")
        except Refused as refused:
            if refused.code != "username_taken":  # a data folder that was kept
                raise

    def log_in(self, device: str) -> Device:
        session = self.new_session(device)
        self.id = session["user"]["id"]
        self.token = self.token or session["token"]
        self.devices.append(Device(self, f"{self.username}'s {device}", session["token"]))
        tell(f"{self.devices[-1].name} is logged in")
        return self.devices[-1]

    def new_session(self, device: str) -> Json:
        credentials = {"username": self.username, "password": PASSWORD}
        return self.call("POST", "/v1/sessions", {**credentials, "device": {"name": device, "platform": "example"}})

    def call(self, method: str, path: str, body: Json | None = None, token: str | None = None) -> Json:
        """One HTTP request. Raises OSError when there is no answer, Refused when the answer is no."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.url + path, data, {"Content-Type": "application/json"}, method=method)
        if token or self.token:
            request.add_header("Authorization", f"Bearer {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)) from None

    def close(self) -> None:
        for device in self.devices:
            device.go_offline()


class Refused(Exception):
    def __init__(self, problem: Json) -> None:
        super().__init__(f"{problem['code']}: {problem.get('detail', '')}")
        self.code = str(problem["code"])


class Device:
    """A device that follows its user's inbox over a WebSocket. It reconnects by itself and goes on after the last event it has stored."""

    def __init__(self, person: Person, name: str, token: str) -> None:
        self.person = person
        self.name = name
        self.events: list[Json] = []  # what a real one would keep on its disk
        self._token = token
        self._client_ids = (f"{RUN} {name} {number}" for number in itertools.count(1))
        self._changed = threading.Condition()
        self._socket: ClientConnection | None = None
        self._online = False
        self._following: threading.Thread | None = None
        self.come_back()

    @property
    def cursor(self) -> int:
        return int(self.events[-1]["cursor"]) if self.events else 0

    def come_back(self) -> None:
        self._online = True
        self._following = threading.Thread(target=self._follow, daemon=True)
        self._following.start()

    def go_offline(self) -> None:
        with self._changed:
            self._online = False
            current = self._socket
        if current is not None:
            current.close()
        if self._following is not None:
            self._following.join(WITHIN_S)

    def say(self, conversation: str, text: str, *, quiet: bool = False) -> None:
        """Sends until it is acknowledged, always with the same client id: so it is stored once, however often it was sent."""
        message = {"client_id": next(self._client_ids), "text": text}
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                stored = self.person.call("POST", f"/v1/conversations/{conversation}/messages", message, self._token)
                break
            except (OSError, http.client.HTTPException, Refused) as error:  # no answer, half an answer, "not now"
                if isinstance(error, Refused) and error.code not in ("unavailable", "rate_limited"):
                    raise
                require(time.monotonic() < deadline, f"{self.name} can send ({error})")
                time.sleep(0.02)
        self.person.ledger.note(stored)
        if not quiet:
            tell(f"{self.name}: {text}")

    def until_has(self, text: str) -> None:
        """Waits until a message with this text is in the inbox."""
        with self._changed:
            came = self._changed.wait_for(lambda: any(message["text"] == text for message in self.messages()), WITHIN_S)
        require(came, f"{self.name} receives {text!r}")
        tell(f"    {self.name} has it" if text.startswith("message ") else f"    {self.name} has: {text}")

    def messages(self) -> Iterator[Json]:
        return (event["message"] for event in list(self.events) if event["type"] == "message.created")

    def _follow(self) -> None:
        while self._online:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake):
                self._follow_one_connection()
            if self._online:
                time.sleep(0.05)

    def _follow_one_connection(self) -> None:
        address = self.person.server.url.replace("http", "ws", 1) + "/v1/connect"
        with connect(address, subprotocols=[Subprotocol("madang.v1"), Subprotocol(f"bearer.{self._token}")]) as connection:
            with self._changed:
                self._socket = connection
                if not self._online:
                    return
            connection.send(json.dumps({"op": "attach", "cursor": self.cursor}))
            for raw in connection:
                frame = json.loads(raw)
                with self._changed:
                    self.events += frame.get("events", ())
                    self._changed.notify_all()


# ---- the proof ----------------------------------------------------------------------------------------------------------------------


class Ledger:
    """Every message that the server has acknowledged, kept where no crash of the server reaches it. Thread: any."""

    def __init__(self) -> None:
        self.members: dict[str, set[str]] = {}  # conversation -> usernames
        self._acked: dict[tuple[str, int], Json] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._acked)

    def note(self, message: Json) -> None:
        place = (message["conversation_id"], message["seq"])
        with self._lock:
            require(place not in self._acked, f"nothing else stands at {place}")
            self._acked[place] = message

    def compare(self, people: Iterable[Person]) -> None:
        for person in people:
            for device in person.devices:
                self._compare_device(device)
        tell(f"{len(self)} messages were acknowledged; each is there once, in order, on every device. Nothing was lost.")

    def _compare_device(self, device: Device) -> None:
        cursors = [event["cursor"] for event in device.events]
        require(cursors == list(range(1, len(cursors) + 1)), f"{device.name}: the cursors have no hole and no repeat")
        seen = [row(message) for message in device.messages() if message["client_id"].startswith(RUN)]
        mine = {conversation for conversation, names in self.members.items() if device.person.username in names}
        wanted = [row(message) for at, message in sorted(self._acked.items()) if at[0] in mine]
        require(sorted(seen) == wanted, f"{device.name}: what it has is what was acknowledged")
        for conversation in mine:
            seqs = [seq for place, seq, *_ in seen if place == conversation]
            require(seqs == sorted(seqs), f"{device.name}: the order is the conversation's")


def row(message: Json) -> tuple[str, int, str, str]:
    return message["conversation_id"], message["seq"], message["message_id"], message["text"]


def require(holds: bool, what: str) -> None:
    if not holds:
        print(f"\nFAILED: {what}", file=sys.stderr)
        sys.stdout.flush()
        raise SystemExit(1)


def scene(text: str) -> None:
    print(f"\n== {text}", flush=True)


_print_lock = threading.Lock()


def tell(text: str) -> None:
    with _print_lock:
        print(f"   {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
