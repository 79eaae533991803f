"""Messages that a plugin keeps back: what senders and reviewers are told, and that each is stored once, when it is released, or never."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from harness.admin import Refused, ask
from harness.api import Json, Problem
from harness.device import Device
from harness.house import BOTH, come_in, keeper
from harness.server import MakeServer, Server


@pytest.fixture
def yard(make_server: MakeServer) -> Server:
    return keeper(make_server)


def people(server: Server) -> tuple[Device, Device, Device]:
    return come_in(server, "alice"), come_in(server, "bob"), come_in(server, "olga", "operator")


def hold(device: Device, conversation: str, text: str, client_id: str | None = None) -> Json:
    answer = device.post(conversation, text, client_id)
    assert answer.status == 202
    return answer.json()["held"]


def waiting(operator: Device) -> list[Json]:
    return list(operator.get("/admin/held")["held"])


def review(operator: Device, held_id: str, action: str) -> Json:
    return operator.call("POST", f"/admin/held/{held_id}", {"action": action}).json()


def texts(device: Device, conversation: str) -> list[str]:
    return [message["text"] for message in device.history(conversation)["messages"]]


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(Problem) as problem:
        call(*arguments)
    return problem.value.code


def test_a_held_message_is_nowhere_until_it_is_released(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    alice.caught_up(group), bob.caught_up(group)
    head, tails = alice.get(f"/conversations/{group}")["head_seq"], (len(alice.inbox()), len(bob.inbox()))
    held = hold(alice, group, "hold me", "c1")
    assert held == {"held_id": held["held_id"], "client_id": "c1", "reason": "me"}
    assert texts(alice, group) == texts(bob, group) == []
    assert (len(alice.inbox()), len(bob.inbox())) == tails
    assert alice.get(f"/conversations/{group}")["head_seq"] == head
    alice.send(group, "later")  # it holds up nothing of its sender's
    [listed] = waiting(olga)
    assert {**listed, "created_at": ""} == {
        "held_id": held["held_id"],
        "conversation_id": group,
        "sender_id": alice.id,
        "sender_username": "alice",
        "client_id": "c1",
        "text": "hold me",
        "reason": "me",
        "created_at": "",
    }
    released = review(olga, held["held_id"], "release")
    assert (released["state"], released["message"]["text"], released["message"]["seq"]) == ("released", "hold me", head + 2)
    assert released["message"]["created_at"] >= listed["created_at"]
    assert texts(bob, group) == ["later", "hold me"]
    bob.caught_up(group)
    assert [event["message"] for event in bob.inbox() if event["type"] == "message.created"][-1] == released["message"]
    assert bob.get(f"/conversations/{group}")["unread"] == 2
    assert waiting(olga) == []


def test_a_repeat_is_answered_the_same_and_with_the_message_once_it_is_released(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    socket = alice.connect()
    held = socket.request("send", conversation_id=group, client_id="c1", text="hold me")["held"]
    assert hold(alice, group, "hold me", "c1") == held
    assert code_of(alice.send, group, "hold another", "c1") == "client_id_reused"
    message = review(olga, held["held_id"], "release")["message"]
    again = alice.post(group, "hold me", "c1")
    assert (again.status, again.json()) == (200, message)
    assert code_of(alice.send, group, "hold another", "c1") == "client_id_reused"


def test_a_refused_message_leaves_nothing_and_frees_its_client_id(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    held = hold(alice, group, "hold me", "c1")
    assert review(olga, held["held_id"], "refuse") == {"held_id": held["held_id"], "state": "refused"}
    assert waiting(olga) == []
    assert texts(bob, group) == []
    assert hold(alice, group, "hold me", "c1")["held_id"] != held["held_id"]
    assert alice.send(group, "hello", "c2")["text"] == "hello"


def test_a_decision_stands_and_is_answered_again(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    one, other = hold(alice, group, "hold one")["held_id"], hold(alice, group, "hold other")["held_id"]
    first = review(olga, one, "release")
    assert review(olga, one, "release") == first
    review(olga, other, "refuse")
    assert review(olga, other, "refuse")["state"] == "refused"
    assert code_of(review, olga, one, "refuse") == "not_found"
    assert code_of(review, olga, other, "release") == "not_found"
    assert texts(bob, group) == ["hold one"]
    for nothing in ("1", "18446744073709551615", "what"):
        assert code_of(review, olga, nothing, "release") == "not_found"
    assert code_of(review, olga, one, "keep") == "bad_request"
    assert code_of(olga.call, "POST", f"/admin/held/{one}", {}) == "bad_request"


def test_only_operators_review(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    held = hold(alice, group, "hold me")["held_id"]
    assert code_of(alice.get, "/admin/held") == "forbidden"
    assert code_of(review, alice, held, "release") == "forbidden"
    assert code_of(review, alice, "1", "release") == "forbidden"
    assert len(waiting(olga)) == 1


def test_the_first_message_of_a_pair_is_held_in_a_conversation_the_other_one_does_not_see(yard: Server) -> None:
    alice, bob, olga = people(yard)
    socket = alice.connect()
    held = socket.request("send", user_id=bob.id, client_id="c1", text="hold hello")["held"]
    assert socket.request("send", user_id=bob.id, client_id="c1", text="hold hello")["held"] == held
    assert bob.conversations() == []
    assert [each.get("last_message") for each in alice.conversations()] == [None]
    message = review(olga, held["held_id"], "release")["message"]
    bob.await_event(lambda event: event.get("message") == message)
    [seen] = bob.conversations()
    assert (seen["last_message"]["text"], seen["unread"]) == ("hold hello", 1)


def test_who_may_no_longer_write_is_not_released_into_the_conversation(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = bob.group(alice)
    held = hold(alice, group, "hold me")["held_id"]
    bob.call("PUT", f"/conversations/{group}/members/{alice.id}", {"muted_until": "2100-01-01T00:00:00Z"})
    assert code_of(review, olga, held, "release") == "muted"
    bob.call("PUT", f"/conversations/{group}/members/{alice.id}", {"muted_until": "2001-01-01T00:00:00Z"})
    bob.call("DELETE", f"/conversations/{group}/members/{alice.id}")
    assert code_of(review, olga, held, "release") == "not_a_member"
    assert len(waiting(olga)) == 1
    bob.call("PUT", f"/conversations/{group}/members/{alice.id}", {})
    assert review(olga, held, "release")["message"]["sender_id"] == alice.id
    direct = alice.direct(bob)
    held = hold(alice, direct, "hold me")["held_id"]
    bob.call("PUT", f"/blocks/{alice.id}")
    assert code_of(review, olga, held, "release") == "blocked"
    assert texts(bob, direct) == []


def test_what_waits_survives_a_kill_and_so_do_decisions(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    held = [hold(alice, group, f"hold {n}", f"c{n}")["held_id"] for n in range(3)]
    released = review(olga, held[0], "release")
    review(olga, held[1], "refuse")
    yard.restart(kill=True, engines=2)
    assert [each["held_id"] for each in waiting(olga)] == held[2:]
    assert review(olga, held[0], "release") == released
    assert review(olga, held[1], "refuse")["state"] == "refused"
    assert hold(alice, group, "hold 2", "c2")["held_id"] == held[2]
    assert review(olga, held[2], "release")["message"]["client_id"] == "c2"
    assert texts(bob, group) == ["hold 0", "hold 2"]


def test_the_queue_is_bounded_and_listed_by_page(make_server: MakeServer) -> None:
    server = keeper(make_server, f"[limits]\nheld_messages = 3\n{BOTH}", engines=1)
    alice, bob, olga = people(server)
    group = alice.group(bob)
    held = [hold(alice, group, f"hold {n}")["held_id"] for n in range(3)]
    assert code_of(alice.send, group, "hold 3", "c3") == "denied_by_policy"
    first = olga.get("/admin/held", limit=2)
    assert [each["held_id"] for each in first["held"]] == held[:2]
    rest = olga.get("/admin/held", limit=2, next=first["next"])
    assert [each["held_id"] for each in rest["held"]] == held[2:]
    assert "next" not in rest
    review(olga, held[0], "refuse")
    assert hold(alice, group, "hold 3", "c3")["client_id"] == "c3"


def test_a_later_plugin_may_deny_or_change_what_an_earlier_one_holds(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    assert code_of(alice.send, group, "hold it really") == "denied_by_policy"
    held = hold(alice, group, "hold it better", "c1")
    assert waiting(olga)[0]["text"] == "much better"
    assert hold(alice, group, "hold it better", "c1") == held
    assert review(olga, hold(alice, group, "hold it hidden")["held_id"], "release")["message"]["text"] == "hold it hidden"
    assert texts(bob, group) == ["hold it hidden"]


def test_a_plugin_that_is_late_may_have_its_messages_held(make_server: MakeServer) -> None:
    server = keeper(make_server, '[[plugins]]\nuse = "keeper:House"\nhooks.check = { timeout = "100ms", on_error = "hold" }\n')
    alice, bob, olga = people(server)
    group = alice.group(bob)
    hold(alice, group, "hang on")
    assert [each["text"] for each in waiting(olga)] == ["hang on"]
    message = alice.send(group, "hello")
    path = f"/conversations/{group}/messages/{message['seq']}"
    assert code_of(alice.call, "PATCH", path, {"text": "hang on"}) == "plugin_unavailable"
    assert code_of(alice.call, "PATCH", path, {"text": "hold on"}) == "denied_by_policy"


def test_plugins_see_whom_a_message_mentions_and_only_edits_that_could_be_stored(yard: Server) -> None:
    alice, bob, _ = people(yard)
    group = alice.group(bob)
    assert alice.send(group, "mentions @bob and @nobody and @bob")["text"] == f"of {bob.id}"
    message = bob.send(group, "hello")
    alice.send(group, "something else")
    path = f"/conversations/{group}/messages/{message['seq']}"
    assert code_of(alice.call, "PATCH", path, {"text": "edit of another's"}) == "forbidden"
    assert code_of(bob.call, "PATCH", f"/conversations/{group}/messages/1", {"text": "edit of nothing"}) == "not_found"
    assert bob.call("PATCH", path, {"text": "edit of mine"}).json()["text"] == "edit of mine"
    assert re.findall("asked about (.*)", yard.log_text()) == ["edit of mine"]


def figures(server: Server) -> dict[str, float]:
    """Summed over engines."""
    sums: dict[str, float] = {}
    for line in server.api.exchange("GET", "/metrics").body.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = re.sub(r'\{engine="\d+"\}', "", name)
            sums[name] = sums.get(name, 0) + float(value)
    return sums


def await_figures(server: Server, device: Device, **wanted: int) -> None:
    """They are gathered now and then."""
    socket = device.connect()
    deadline = time.monotonic() + 20
    while True:
        seen = figures(server)
        found = {name: sum(value for each, value in seen.items() if each.partition("{")[0] == name) for name in wanted}
        if found == wanted:
            return
        assert time.monotonic() < deadline, found
        socket.pump_until(socket.post_ping(), 20)


def test_reviews_are_counted(yard: Server) -> None:
    alice, bob, olga = people(yard)
    group = alice.group(bob)
    held = [hold(alice, group, f"hold {n}")["held_id"] for n in range(3)]
    review(olga, held[0], "release")
    review(olga, held[1], "refuse")
    alice.send(group, "shadow me")
    await_figures(
        yard,
        bob,
        madang_held_total=3,
        madang_held_released_total=1,
        madang_held_refused_total=1,
        madang_held_messages=1,
        madang_engine_shadowed_total=1,
    )


def test_a_plugin_on_trial_sets_nothing_aside(make_server: MakeServer) -> None:
    server = keeper(make_server, '[[plugins]]\nuse = "keeper:House"\nhooks.check = { timeout = "5s", mode = "observe" }\n')
    alice, bob, olga = people(server)
    group = alice.group(bob)
    for text in ("hold me", "shadow me"):
        assert alice.send(group, text)["text"] == text
    assert texts(bob, group) == ["hold me", "shadow me"]
    assert waiting(olga) == []
    await_figures(server, bob, madang_hook_would_hold_total=1, madang_hook_would_shadow_total=1)


def test_the_command_line_reviews_what_waits(yard: Server) -> None:
    alice, bob, _ = people(yard)
    group = alice.group(bob)
    one, other = hold(alice, group, "hold one")["held_id"], hold(alice, group, "hold other")["held_id"]

    def madang(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "madang", "held", *arguments, "--data", str(yard.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    listed = [json.loads(line) for line in madang("list", "--json").stdout.splitlines()]
    assert [(each["held_id"], each["sender_username"], each["text"]) for each in listed] == [
        (one, "alice", "hold one"),
        (other, "alice", "hold other"),
    ]
    released = madang("release", one, "--json")
    [message] = bob.history(group)["messages"]
    assert json.loads(released.stdout) == {"held_id": one, "state": "released", "conversation_id": group, "seq": message["seq"]}
    assert madang("release", one, "--json").stdout == released.stdout
    assert "refused" in madang("refuse", other).stdout
    assert madang("list").stdout == ""
    wrong = madang("refuse", "1")
    assert (wrong.returncode, "not_found" in wrong.stderr or "no such" in wrong.stderr) == (1, True)
    with pytest.raises(Refused, match="bad_request"):
        ask(yard.data, "held-release", "what")


def test_nothing_of_a_deleted_account_waits_for_review(yard: Server) -> None:
    alice, bob, olga = people(yard)
    held = hold(alice, alice.group(bob), "hold what alice said")
    alice.call("DELETE", "/users/me")
    deadline = time.monotonic() + 20
    while waiting(olga):
        assert time.monotonic() < deadline
    assert code_of(review, olga, held["held_id"], "release") == "not_found"
    for page in (json.dumps(ask(yard.data, "held-list")), json.dumps(olga.get("/admin/held"))):
        assert "alice" not in page
