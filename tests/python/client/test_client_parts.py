"""The parts of the client that need no server: waits, retries, the buffer, values, addresses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import madang
from madang.client import MessageEvent, User, decode
from madang.client.backoff import Backoff
from madang.client.buffer import EventBuffer
from madang.client.core import is_reachable
from madang.client.exchange import Call, Exchange, Unreachable, parsed
from madang.client.operations import Ask, Operations, Pause, Steps, TimedOut
from madang.client.people import People

PYTHON = Path(madang.__file__).parents[1]
MESSAGE: dict[str, Any] = {
    "conversation_id": "7",
    "seq": 4,
    "message_id": "70",
    "sender_id": "1",
    "client_id": "c",
    "created_at": "2026-01-02T03:04:05.678Z",
    "text": "hi",
    "mentions": ["2", "all"],
}
ALICE = {"id": "1", "username": "alice", "display_name": "", "created_at": "2026-01-02T03:04:05.678Z"}


# ---- waiting and trying again ------------------------------------------------------------------------------------------------------------


def test_waits_grow_to_their_bound_and_are_spread_over_all_of_it() -> None:
    waits: dict[int, list[float]] = {}
    for _ in range(300):
        backoff = Backoff(first=1.0, most=8.0)
        for n in range(6):
            waits.setdefault(n, []).append(backoff.next())
    for n, bound in enumerate((1, 2, 4, 8, 8, 8)):
        assert 0 <= min(waits[n]) < bound * 0.2
        assert bound * 0.8 < max(waits[n]) <= bound


def drive(steps: Steps[Any], *outcomes: object) -> tuple[list[object], object]:
    """The steps that an operation asked for while it was given these outcomes, and its result or error."""
    asked: list[object] = []
    given = iter(outcomes)
    try:
        step = next(steps)
        while True:
            asked.append(step)
            if isinstance(step, Pause):
                step = steps.send(None)
                continue
            outcome = next(given)
            step = steps.throw(outcome) if isinstance(outcome, Exception) else steps.send(outcome)
    except StopIteration as done:
        return asked, done.value
    except madang.Error as error:
        return asked, error


def operations(timeout: float = 30.0) -> Operations:
    people = People()
    people.learn(decode.user(ALICE))
    return Operations(people, timeout)


def test_a_refused_send_is_tried_again_under_the_same_client_id_after_the_time_that_was_named() -> None:
    refusals = (madang.RateLimited("slower", retry_after=2.0), madang.Unavailable("later", retry_after=1.0))
    asked, message = drive(operations().send("7", "hi", None), *refusals, {"message": MESSAGE})
    sends = [step for step in asked if isinstance(step, Ask)]
    pauses = [step.seconds for step in asked if isinstance(step, Pause)]
    assert len(sends) == 3
    assert len({step.members["client_id"] for step in sends}) == 1
    assert 2.0 <= pauses[0] < 2.2
    assert 1.0 <= pauses[1] < 1.3
    assert message.sender.username == "alice"  # type: ignore[attr-defined]


def test_two_sends_have_two_client_ids() -> None:
    ids = [drive(operations().send("7", "hi", None), {"message": MESSAGE})[0][0].members["client_id"] for _ in range(2)]  # type: ignore[attr-defined]
    assert ids[0] != ids[1]


def test_a_wait_beyond_the_deadline_is_not_waited_for() -> None:
    asked, error = drive(operations(timeout=5).send("7", "hi", None), madang.RateLimited("slower", retry_after=60.0))
    assert isinstance(error, madang.RateLimited)
    assert len(asked) == 1


def test_no_answer_in_time_is_the_end_of_it() -> None:
    asked, error = drive(operations().send("7", "hi", None), TimedOut("nothing"))
    assert isinstance(error, madang.Unavailable)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [madang.NotAMember(), madang.Muted(retry_after=1), madang.PluginUnavailable(retry_after=1)])
def test_what_a_wait_does_not_cure_is_raised_at_once(error: madang.Error) -> None:
    asked, raised = drive(operations().send("7", "hi", None), error)
    assert raised is error
    assert len(asked) == 1


def test_a_text_beyond_any_frame_is_too_long() -> None:
    assert isinstance(drive(operations().send("7", "x", None), madang.TooLarge())[1], madang.TextTooLong)


def test_leaving_twice_because_the_first_answer_was_lost_is_well() -> None:
    lost = Unreachable("cut", maybe_done=True)
    assert drive(operations().remove_member("7", "1"), lost, madang.NotAMember())[1] is None
    assert isinstance(drive(operations().remove_member("7", "1"), madang.NotAMember())[1], madang.NotAMember)


def test_a_connection_that_idled_too_long_costs_no_wait() -> None:
    asked, _ = drive(operations().sessions(), Unreachable("stale", maybe_done=True, was_idle=True), {"sessions": []})
    assert not [step for step in asked if isinstance(step, Pause)]


def test_a_good_bye_goes_over_another_connection_when_the_kept_one_has_ended_and_waits_for_nobody() -> None:
    stale, refused = Unreachable("stale", maybe_done=True, was_idle=True), Unreachable("refused", maybe_done=False)
    asked, error = drive(operations().good_bye(), stale, stale, {})
    assert (len(asked), error) == (3, None)
    for away in (refused, madang.Unavailable("later", retry_after=1.0)):
        asked, error = drive(operations().good_bye(), stale, away)
        assert (len(asked), error) == (2, away)


def test_a_first_contact_with_nobody_fails_at_once() -> None:
    asked, error = drive(operations().log_in({"username": "a", "password": "b"}, "c"), Unreachable("refused", maybe_done=False))
    assert isinstance(error, madang.Unavailable)
    assert len(asked) == 1


def test_signing_up_twice_because_the_first_answer_was_lost_is_for_the_log_in_to_tell() -> None:
    lost = Unreachable("cut", maybe_done=True)
    assert drive(operations().sign_up("a", "b", ""), lost, madang.UsernameTaken())[1] is False
    assert isinstance(drive(operations().sign_up("a", "b", ""), madang.UsernameTaken())[1], madang.UsernameTaken)


@pytest.mark.parametrize("where", ["bob", "", "12x", "١٢", 7, None])
def test_what_names_no_place_is_refused(where: object) -> None:
    assert isinstance(drive(operations().send(where, "hi", None))[1], madang.BadRequest)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (timedelta.max, "9999-12-31T23:59:59.999Z"),
        (timedelta.min, "0001-01-01T00:00:00.000Z"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))), "9999-12-31T23:59:59.999Z"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=5))), "0001-01-01T00:00:00.000Z"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), "2026-01-02T02:00:00.000Z"),
    ],
)
def test_a_time_is_told_in_utc_and_what_no_calendar_has_is_its_end(when: datetime | timedelta, told: str) -> None:
    asked, _ = drive(operations().mute("7", "1", when), madang.Forbidden())
    assert asked == [Call("PUT", ("conversations", "7", "members", "1"), {}, {"muted_until": told})]
    if isinstance(when, datetime):
        asked, _ = drive(operations().update_view("7", None, None, when), madang.NotFound())
        assert asked == [Call("PATCH", ("conversations", "7", "me"), {}, {"muted_until": told})]


@pytest.mark.parametrize("when", ["2026-01-02", 60, date(2026, 1, 2)])
def test_what_is_no_time_is_refused(when: Any) -> None:
    with pytest.raises(TypeError, match="neither a datetime nor a timedelta"):
        drive(operations().mute("7", "1", when))
    with pytest.raises(TypeError, match="is a datetime or None"):
        drive(operations().update_view("7", None, None, when))
    with pytest.raises(TypeError, match="is a datetime or None"):
        drive(operations().update_view("7", None, None, timedelta(hours=1)))  # type: ignore[arg-type]


def test_somebody_who_is_gone_still_has_an_id() -> None:
    _, message = drive(operations().send("7", "x", None), {"message": {**MESSAGE, "sender_id": "9"}}, madang.NotFound())
    assert message.sender == User("9")  # type: ignore[attr-defined]


# ---- the buffer --------------------------------------------------------------------------------------------------------------------------


def numbered(*cursors: int) -> list[dict[str, Any]]:
    return [{"cursor": cursor} for cursor in cursors]


def test_a_full_buffer_says_so_and_calls_when_half_is_taken() -> None:
    calls: list[str] = []
    buffer = EventBuffer(lambda: calls.append("room"), events_max=4)
    assert buffer.put(numbered(1, 2, 3), 30)
    assert not buffer.put(numbered(4), 10)
    assert [buffer.pop(print)["cursor"] for _ in range(2)] == [1, 2]  # type: ignore[index]
    assert calls == ["room"]
    buffer.pop(print)
    assert calls == ["room"]


def test_a_buffer_is_full_of_long_events_too() -> None:
    assert not EventBuffer(print, chars_max=100).put(numbered(1), 100)


def test_who_waits_is_woken_once() -> None:
    woken: list[int] = []
    buffer = EventBuffer(print)
    assert buffer.pop(lambda: woken.append(1)) is None
    buffer.put(numbered(1), 1)
    buffer.put(numbered(2), 1)
    assert woken == [1]


def test_an_error_comes_in_its_place_and_the_end_for_ever() -> None:
    buffer = EventBuffer(print)
    buffer.put(numbered(1), 1)
    buffer.put_error(madang.ResyncRequired())
    buffer.put(numbered(2), 1)
    buffer.end(madang.Unauthenticated())
    assert buffer.pop(print) == {"cursor": 1}
    with pytest.raises(madang.ResyncRequired):
        buffer.pop(print)
    assert buffer.pop(print) == {"cursor": 2}
    for _ in range(2):
        with pytest.raises(madang.Unauthenticated):
            buffer.pop(print)


def test_what_is_given_back_comes_next() -> None:
    buffer = EventBuffer(print)
    buffer.put(numbered(1, 2), 2)
    first = buffer.pop(print)
    assert first is not None
    buffer.give_back(first)
    assert buffer.pop(print) is first


# ---- values and addresses ----------------------------------------------------------------------------------------------------------------


def test_a_message_event_has_its_message_and_its_sender() -> None:
    event = decode.event(
        {"cursor": 3, "type": "message.created", "seq": 4, "conversation_id": "7", "message": MESSAGE}, {"1": decode.user(ALICE)}
    )
    assert isinstance(event, MessageEvent)
    assert (event.message.text, event.message.sender.name, event.message.mentions) == ("hi", "alice", ("2", "all"))
    assert event.message.created_at.isoformat() == "2026-01-02T03:04:05.678000+00:00"


def test_an_event_of_a_later_version_is_kept_as_it_came() -> None:
    raw = {"cursor": 3, "type": "moon.full", "state": "friends"}
    assert decode.event(raw, {}).raw == raw


def test_values_are_equal_by_id_and_can_not_be_changed() -> None:
    user = User("1", "alice")
    assert user == User("1", "other")
    assert user != User("2", "alice")
    with pytest.raises(AttributeError):
        user.username = "x"  # type: ignore[misc]


def test_nobody_is_learnt_from_what_applications_keep_in_settings() -> None:
    people = People()
    people.learn_from({"settings": {"id": "5", "username": "mallory"}, "peer": ALICE})
    assert people.table(["1", "5"]) == {"1": User("1")}


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x:port", "http://x/path", "http://x?q=1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(madang.BadRequest):
        Exchange(url)


def test_a_path_is_quoted() -> None:
    call = Call("GET", ("users", "a/b c"), {"username": "é&", "next": None})
    assert call.target == "/v1/users/a%2Fb%20c?username=%C3%A9%26"


def test_an_answer_that_is_no_madang_servers_says_so() -> None:
    with pytest.raises(madang.Unavailable, match="is this a madang server"):
        parsed(502, b"<html>")
    with pytest.raises(madang.Error, match="is this a madang server"):
        parsed(200, b"<html>")
    assert parsed(204, b"") == {}


def test_a_server_that_knows_itself_by_a_local_address_is_only_for_this_machine() -> None:
    assert is_reachable("http://chat.example.org", "http://10.0.0.1")
    assert is_reachable("http://127.0.0.1:8081", "http://localhost:8080")
    assert not is_reachable("http://127.0.0.1:8080", "http://chat.example.org")
    assert not is_reachable("http://0.0.0.0:8080", "http://chat.example.org")


def test_either_a_token_or_a_password() -> None:
    for wrong in ({}, {"username": "a"}, {"token": "t", "username": "a", "password": "p"}, {"password": "p"}):
        with pytest.raises(TypeError):
            madang.Client("http://127.0.0.1:9", **wrong)  # type: ignore[arg-type]


PROGRAM = """
import sys, time
sys.modules["madang._core"] = None  # whoever imports it fails
before = set(sys.modules)
began = time.process_time()
import madang.client
took = {"import madang.client": time.process_time() - began}
package = set(sys.modules) - before
assert madang.Client and madang.AsyncClient
took["with both faces"] = time.process_time() - began
import json
print(json.dumps([took, sorted(package), sorted(set(sys.modules) - before)]))
"""
# What costs tens of milliseconds, or belongs to the server part.
HEAVY = {
    "websockets",
    "rich",
    "sqlite3",
    "tomllib",
    "pytest",
    "madang._core",
    "madang.core",
    "madang.server",
    "madang.plugins",
    "madang.cli",
}


def test_importing_the_client_is_quick_and_needs_neither_core_nor_network_library(record_property: Callable[[str, object], None]) -> None:
    """Its time is told; held is what it depends on: which modules it imports."""
    environment = {"PYTHONPATH": str(PYTHON)}
    seconds: dict[str, list[float]] = {}
    for _ in range(5):
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
        took, of_the_package, with_both_faces = json.loads(run.stdout)
        for what, second in took.items():
            seconds.setdefault(what, []).append(second)
    for what, each in seconds.items():
        record_property(f"{what}, ms of the processor", round(min(each) * 1_000))
    assert not [name for name in of_the_package if name.startswith(("asyncio", "http", "ssl", "dataclasses", "madang.client."))]
    assert not HEAVY & set(with_both_faces)
    assert not [name for name in with_both_faces if name.startswith("madang.") and not name.startswith(("madang.client", "madang.errors"))]
