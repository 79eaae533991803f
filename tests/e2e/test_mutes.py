"""A moderator keeps a member from writing for a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from harness.api import Json, Problem, refused
from harness.device import Device
from harness.server import MakeServer


def in_future(**duration: float) -> str:
    return (datetime.now(UTC) + timedelta(**duration)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mute(actor: Device, cid: str, user: Device, until: str | None) -> Json:
    return actor.call("PUT", f"/conversations/{cid}/members/{user.id}", {"muted_until": until}).json()


def mute_of(actor: Device, cid: str, user: Device) -> str | None:
    found = [member for member in actor.members(cid) if member["user"]["id"] == user.id]
    until: str | None = found[0].get("muted_until")
    return until


def test_who_is_muted_reads_and_cannot_write_and_is_told_for_how_long(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    until = in_future(minutes=10)
    assert mute(alice, cid, bob, until)["muted_until"] == until
    assert mute_of(bob, cid, bob) == until
    sends: list[Callable[[], Json]] = [lambda: bob.send(cid, "but …"), lambda: bob.connect().send(cid, "but …", "socket")]
    for send in sends:
        with pytest.raises(Problem) as caught:
            send()
        assert caught.value.code == "muted"
        assert caught.value.status in (None, 403)
        assert 590_000 < (caught.value.retry_after_ms or 0) <= 600_000
    alice.send(cid, "you can hear me")
    assert [message["text"] for message in bob.all_messages(cid)] == ["you can hear me"]


def test_a_mute_and_its_end_are_told_to_all(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    listener = carol.connect()
    until = in_future(hours=1)
    mute(alice, cid, bob, until)
    event = listener.expect_type("member.updated")
    assert (event["member"]["user"]["id"], event["member"]["muted_until"]) == (bob.id, until)
    assert "muted_until" not in mute(alice, cid, bob, None)
    assert "muted_until" not in listener.expect_type("member.updated")["member"]
    bob.send(cid, "thank you")


def test_a_mute_ends_by_itself(make_server: MakeServer) -> None:
    server = make_server(clock="movable")
    owner, guest = (Device.sign_up(server.api, name) for name in ("owner", "guest"))
    cid = owner.group(guest)
    mute(owner, cid, guest, in_future(minutes=10))
    with pytest.raises(Problem) as caught:
        guest.send(cid, "am I?", "a")
    wait_ms = caught.value.retry_after_ms or 0
    assert 590_000 < wait_ms <= 600_000
    server.advance(300)
    with pytest.raises(Problem, match="muted"):
        guest.send(cid, "am I?", "a")
    # Who waits as long as told gets through.
    server.advance(wait_ms / 1_000 - 300 + 0.005)
    assert guest.post(cid, "am I?", "a").status == 201
    assert mute_of(owner, cid, guest) is None


def test_null_and_a_past_time_lift_a_mute_and_without_one_change_nothing(alice: Device, bob: Device) -> None:
    cid = alice.group(bob)
    for lift in (None, "2020-01-01T00:00:00Z"):
        mute(alice, cid, bob, in_future(hours=1))
        mute(alice, cid, bob, lift)
        assert mute_of(alice, cid, bob) is None
    head = alice.get(f"/conversations/{cid}")["head_seq"]
    for lift in (None, "2020-01-01T00:00:00Z"):
        mute(alice, cid, bob, lift)
    assert alice.get(f"/conversations/{cid}")["head_seq"] == head


def test_only_a_higher_role_mutes(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    alice.call("PUT", f"/conversations/{cid}/members/{bob.id}", {"role": "admin"})
    for actor, user in [(carol, bob), (carol, alice), (carol, carol), (bob, alice), (bob, bob), (alice, alice)]:
        with refused("forbidden"):
            mute(actor, cid, user, in_future(hours=1))
    mute(bob, cid, carol, in_future(hours=1))
    mute(alice, cid, bob, in_future(hours=1))
    with refused("forbidden"):
        mute(carol, cid, carol, None)


def test_leaving_and_coming_back_lifts_no_mute(alice: Device, bob: Device, carol: Device) -> None:
    cid = alice.group(bob, carol)
    until = in_future(hours=1)
    mute(alice, cid, bob, until)
    bob.call("DELETE", f"/conversations/{cid}/members/{bob.id}")
    assert carol.call("PUT", f"/conversations/{cid}/members/{bob.id}", {}).json()["muted_until"] == until
    with pytest.raises(Problem, match="muted"):
        bob.send(cid, "I'm back")


def test_a_muted_user_keeps_what_was_sent_before(alice: Device, bob: Device) -> None:
    """A resend is answered with the first message: nothing new is written."""
    cid = alice.group(bob)
    first = bob.post(cid, "once", "the-key").json()
    mute(alice, cid, bob, in_future(hours=1))
    again = bob.post(cid, "once", "the-key")
    assert (again.status, again.json()) == (200, first)


@pytest.mark.parametrize("wrong", ["tomorrow", "", 60, {}, "2026-02-30T00:00:00Z"], ids=range(5))
def test_what_is_no_time_is_refused(alice: Device, bob: Device, wrong: Json) -> None:
    cid = alice.group(bob)
    with refused("bad_request"):
        alice.call("PUT", f"/conversations/{cid}/members/{bob.id}", {"muted_until": wrong})
    assert mute_of(alice, cid, bob) is None


def test_nobody_is_muted_in_a_direct_conversation(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    with refused("forbidden"):
        mute(alice, cid, bob, in_future(hours=1))
    bob.send(cid, "still here")


def test_a_mute_survives_a_restart_of_the_server(make_server: MakeServer) -> None:
    own = make_server()
    owner, guest = (Device.sign_up(own.api, name) for name in ("owner", "guest"))
    cid = owner.group(guest)
    until = in_future(hours=1)
    mute(owner, cid, guest, until)
    own.restart()
    assert mute_of(owner, cid, guest) == until
    with pytest.raises(Problem, match="muted"):
        guest.send(cid, "hello?")
