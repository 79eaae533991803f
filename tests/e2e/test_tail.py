"""`madang tail`: a conversation in the terminal, each message once and in order, over restarts of the server."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.api import Api
from harness.device import Device, unique
from harness.server import MakeServer

WITHIN_S = 30


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> Iterator[None]:
    """What a shell starts in the background ignores it, and so do the children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Tail:
    """The running command and the lines that it has printed."""

    def __init__(self, device: Device, conversation: str, *options: str) -> None:
        address = device.api.address
        command = [
            sys.executable,
            "-m",
            "madang",
            "tail",
            conversation,
            "--url",
            f"http://{address.host}:{address.port}",
            "--token",
            device.token,
        ]
        # Where these tests run in the background of a shell, ctrl-C is ignored, and children inherit that.
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        return self._lines.get(timeout=WITHIN_S)

    def message(self) -> Any:
        return json.loads(self.line())

    def end(self) -> tuple[int, str]:
        """The exit code and what stands on standard error."""
        code = self.process.wait(WITHIN_S)
        self._reading.join(WITHIN_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with self.process.stdout, self.process.stderr as errors:
            return code, errors.read()


@contextmanager
def tailing(device: Device, conversation: str, *options: str) -> Iterator[Tail]:
    """Ends it with ctrl-C, which is no failure."""
    tail = Tail(device, conversation, *options)
    try:
        yield tail
    except BaseException:
        tail.process.kill()
        tail.end()
        raise
    tail.process.send_signal(signal.SIGINT)
    code, errors = tail.end()
    assert code == 0, errors


def test_it_begins_with_the_newest_messages_and_goes_on_live(alice: Device, bob: Device) -> None:
    talk = alice.direct(bob)
    for number in range(5):
        alice.send(talk, f"old {number}")
    with tailing(bob, talk, "-n", "2") as tail:
        assert [tail.line() for _ in range(2)] == [line_of(message, alice) for message in bob.all_messages(talk)[-2:]]
        assert line_of(alice.send(talk, "live"), alice) == tail.line()
        assert line_of(bob.send(talk, "나도"), bob) == tail.line()


def line_of(message: Any, sender: Device) -> str:
    return f"{message['created_at']}  {sender.username}: {message['text']}"


def test_it_shows_only_the_conversation_that_was_asked_for(alice: Device, bob: Device, carol: Device) -> None:
    talk, other = alice.direct(bob), alice.direct(carol)
    alice.send(talk, "here")
    with tailing(alice, talk, "--json") as tail:
        assert tail.message()["text"] == "here"
        alice.send(other, "elsewhere")
        alice.send(talk, "here again")
        assert tail.message()["text"] == "here again"


def test_it_prints_messages_as_the_server_gave_them_when_asked_for_json(alice: Device, bob: Device) -> None:
    talk = alice.direct(bob)
    sent = alice.send(talk, "two\nlines")
    with tailing(bob, talk, "--json") as tail:
        assert tail.message() == sent


def test_no_message_can_write_over_the_terminal(alice: Device, bob: Device) -> None:
    talk = alice.direct(bob)
    alice.send(talk, "\x1b[2Jgone\r")
    with tailing(bob, talk) as tail:
        assert tail.line().endswith(": \ufffd[2Jgone\ufffd")


def test_it_goes_on_without_a_gap_when_the_server_is_killed_and_comes_back(make_server: MakeServer) -> None:
    server = make_server()
    api = Api(server)
    alice, bob = Device.sign_up(api, unique("alice")), Device.sign_up(api, unique("bob"))
    talk = alice.direct(bob)
    alice.send(talk, "0")
    with tailing(bob, talk, "--json") as tail:
        assert tail.message()["text"] == "0"
        for number in range(1, 40):
            if number % 10 == 0:
                server.restart(kill=True)
                api.close_idle()
            alice.send(talk, str(number))
        assert [tail.message()["text"] for _ in range(1, 40)] == [str(number) for number in range(1, 40)]


def test_a_stranger_sees_nothing(alice: Device, bob: Device, mallory: Device) -> None:
    talk = alice.direct(bob)
    alice.send(talk, "secret")
    code, errors = Tail(mallory, talk).end()
    assert code == 1
    assert "secret" not in errors
    assert "Traceback" not in errors


def test_it_ends_when_its_token_is_signed_out(alice: Device, bob: Device) -> None:
    talk = alice.direct(bob)
    alice.send(talk, "hi")
    laptop = bob.another()
    tail = Tail(laptop, talk)
    tail.line()
    laptop.call("DELETE", "/sessions/current")
    code, errors = tail.end()
    assert code == 1
    assert "signed out" in errors or "token" in errors
