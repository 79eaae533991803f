"""examples/webhook_receiver.py, as its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from driver import Driver, notification
from receiver import EXAMPLE, SECRET, receiver

import madang
from madang import Delivery
from madang.push.webhook import Webhook


def test_it_prints_what_is_signed_once(tmp_path: Path) -> None:
    with receiver(tmp_path) as running:
        settings = {"url": running.url, "allow_private": True}
        first, again = notification(), notification(attempt=2)
        group = notification(id="2", title="Team", conversation_kind="group", badge=4)
        with Driver(Webhook(), secret="x" * 24, **settings) as stranger:
            delivery = stranger.one(notification(id="0", text="believe me"))
            assert (delivery.kind, delivery.detail) == ("retry", "127.0.0.1 answers 401: are url and secret right?")
        with Driver(Webhook(), secret=SECRET, **settings) as plugin:
            for each in (first, again, group):
                assert plugin.one(each) == Delivery.sent()
        assert running.line() == "to bob (3 unread): alice: Hi Bob! 안녕!"
        assert running.line() == "to bob (4 unread): alice in Team: Hi Bob! 안녕!"
        with Driver(Webhook(), secret=SECRET, body_bytes=2_000_000, **settings) as plugin:
            assert plugin.one(notification(text="x" * 1_500_000)).kind == "retry"
            assert plugin.one(notification(id="3", text="still here")) == Delivery.sent()
        assert running.line() == "to bob (3 unread): alice: still here"


@pytest.mark.parametrize("secret", ["", "short"])
def test_it_doesnt_begin_without_a_secret(tmp_path: Path, secret: str) -> None:
    (tmp_path / "secret").write_text(secret)
    command = [sys.executable, str(EXAMPLE), "--port", "0", "--secret-file", str(tmp_path / "secret")]
    ended = subprocess.run(command, env={"PYTHONPATH": str(Path(madang.__file__).parents[1])}, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    assert "at least 24" in ended.stderr
