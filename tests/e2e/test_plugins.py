"""Plugins in the process: what they decide, and that nothing they do takes the chat down."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable

import pytest
from harness.api import Problem
from harness.device import Device
from harness.server import MakeServer, Server

SLACK_S = 0.6  # a machine that is busy with other tests
GIL_HELD_S = 2.0

HOUSE = """
    import asyncio, ctypes, time
    import madang
    from madang import Deny, Identity, Verdict

    class House(madang.Plugin):
        async def authenticate(self, credentials):
            if credentials.get("raise"): raise ValueError("broken")
            if credentials.get("hang"): await asyncio.sleep(60)
            if credentials.get("odd"): return credentials["odd"]
            if "name" not in credentials: return Deny("who are you?")
            return Identity(credentials["name"], "Shown", tuple(credentials.get("roles", ())))

        def check(self, message):
            word, _, rest = message.text.partition(" ")
            match word:
                case "deny": return Verdict.deny(rest)
                case "modify": return Verdict.modify(rest)
                case "hold": return Verdict.hold(rest)
                case "raise": raise ValueError(rest)
                case "nothing": return None
                case "yes": return True
                case "hang": time.sleep(60)
                case "gil": ctypes.PyDLL(None).usleep(2_000_000)
                case "who": return Verdict.modify(f"{message.sender.username} {message.conversation_kind} {message.client_id}")
                case "whom": return Verdict.modify(" ".join((message.sender.username, message.peer_id or "-", *message.mentions)))
            return Verdict.allow()

    class Batch(madang.Plugin):
        async def check_batch(self, messages):
            if any(message.text == "poison" for message in messages): raise ValueError("poison")
            if any(message.text == "short" for message in messages): return []
            return [Verdict.modify(m.text.replace("darn", "****")) if "darn" in m.text else Verdict.allow() for m in messages]
"""

MakeHouse = Callable[..., Server]


@pytest.fixture
def make_house(make_server: MakeServer) -> MakeHouse:
    def make(config: str) -> Server:
        server = make_server(start=False, config=config)
        (server.folder / "house.py").write_text(textwrap.dedent(HOUSE), encoding="utf-8")
        server.start()
        return server

    return make


def by_credentials(server: Server, **credentials: object) -> Device:
    answer = server.api.call("POST", "/sessions", {"credentials": credentials, "device": {"name": "phone", "platform": "test"}})
    assert answer.status == 201
    return Device(server.api, str(credentials.get("name")), answer.json())


def refused(call: Callable[[], object]) -> tuple[str, float]:
    """The code, and the seconds until it came."""
    began = time.monotonic()
    with pytest.raises(Problem) as problem:
        call()
    return problem.value.code, time.monotonic() - began


def pair(server: Server) -> tuple[Device, Device, str]:
    alice, bob = by_credentials(server, name="alice"), by_credentials(server, name="bob")
    return alice, bob, alice.group(bob)


def say(device: Device, conversation: str, text: str, client_id: str | None = None) -> str:
    return str(device.send(conversation, text, client_id)["text"])


def history(device: Device, conversation: str) -> list[str]:
    return [message["text"] for message in device.history(conversation)["messages"]]


def test_an_identity_opens_the_account_made_at_its_first_log_in(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    first = by_credentials(server, name="alice")
    assert first.session["user"]["display_name"] == "Shown"
    assert by_credentials(server, name="alice").id == first.id
    assert first.call("GET", "/users/me").json()["username"] == "alice"


def test_authentication_never_fails_open(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    with pytest.raises(Problem, match="who are you") as denied:
        by_credentials(server)
    assert denied.value.code == "unauthenticated"
    for credentials in ({"raise": 1}, {"odd": True}, {"odd": {"name": "x"}}, {"name": "no good name"}):
        assert refused(lambda given=credentials: by_credentials(server, **given))[0] == "plugin_unavailable"  # type: ignore[misc]
    code, seconds = refused(lambda: by_credentials(server, hang=1))
    assert code == "plugin_unavailable"
    assert 0.15 < seconds < 0.2 + SLACK_S


def test_an_identity_never_opens_an_account_of_another_origin(make_house: MakeHouse) -> None:
    server = make_house('[accounts]\nsign_up = true\n[[plugins]]\nuse = "house:House"\n')
    Device.sign_up(server.api, "minsu")
    assert refused(lambda: by_credentials(server, name="Minsu"))[0] == "username_taken"
    by_credentials(server, name="jiwoo")
    assert refused(lambda: Device.log_in(server.api, "jiwoo"))[0] == "unauthenticated"


def test_who_brings_accounts_closes_sign_up_unless_told_otherwise(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    assert refused(lambda: server.api.sign_up("minsu", "long enough"))[0] == "forbidden"


def test_credentials_without_a_plugin_are_a_bad_request(server: Server) -> None:
    assert refused(lambda: by_credentials(server, name="x"))[0] == "bad_request"


def test_verdicts_allow_deny_and_modify(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n[[plugins]]\nuse = "house:Batch"\n')
    alice, bob, group = pair(server)
    assert say(alice, group, "hello") == "hello"
    with pytest.raises(Problem, match="be nice") as denied:
        say(alice, group, "deny be nice", "c1")
    assert denied.value.code == "denied_by_policy"
    assert say(alice, group, "after all", "c1") == "after all"  # a refused send leaves no key
    assert say(alice, group, "modify oh darn", "c2") == "oh ****"  # the next plugin gets what the first one made
    assert say(alice, group, "modify oh darn", "c2") == "oh ****"  # the key's digest is that of the text as sent
    assert refused(lambda: say(alice, group, "oh ****", "c2"))[0] == "client_id_reused"
    assert say(bob, group, "who", "c3") == "bob group c3"
    assert history(bob, group) == ["hello", "after all", "oh ****", "bob group c3"]


def test_a_denied_first_message_makes_no_conversation(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    alice, bob = by_credentials(server, name="alice"), by_credentials(server, name="bob")
    socket = alice.connect()
    assert refused(lambda: socket.request("send", user_id=bob.id, client_id="c1", text="deny spam"))[0] == "denied_by_policy"
    assert bob.conversations() == []
    assert bob.inbox() == []
    whom = socket.request("send", user_id=bob.id, client_id="c2", text="whom @bob @nobody")["message"]
    assert whom["text"] == f"alice {bob.id} {bob.id}", "what a plugin is told of a message that makes its conversation"
    assert len(bob.conversations()) == 1


@pytest.mark.parametrize("text", ["raise it", "nothing", "yes"])
def test_a_wrong_return_is_the_plugins_error_and_named_in_the_log(make_house: MakeHouse, text: str) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    alice, bob, group = pair(server)
    assert refused(lambda: say(alice, group, text))[0] == "plugin_unavailable"
    assert say(bob, group, "goes on") == "goes on"
    assert "plugin House, hook check, " in server.log_text()
    assert "house.py:" in server.log_text()


def test_a_hook_that_hangs_is_decided_at_its_deadline_and_others_go_on(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\nhooks.check = { timeout = "300ms", on_error = "allow" }\n')
    alice, bob, group = pair(server)
    for _ in range(6):  # more than there are threads
        began = time.monotonic()
        assert say(alice, group, "hang on") == "hang on"
        assert 0.25 < time.monotonic() - began < 0.3 + SLACK_S
        assert say(bob, group, "hello") == "hello"
    assert server.stop(within=10) == 0


def test_a_plugin_that_keeps_the_gil_stops_neither_verdicts_nor_the_server(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\nhooks.check.timeout = "200ms"\n')
    alice, bob, group = pair(server)
    code, seconds = refused(lambda: say(alice, group, "gil"))
    assert code == "plugin_unavailable"
    assert seconds < 0.2 + SLACK_S
    assert bob.call("GET", "/users/me").status == 200  # what needs no plugin is as quick as ever
    began = time.monotonic()
    assert server.stop(within=10) == 0
    assert time.monotonic() - began < GIL_HELD_S + 3


def test_one_bad_message_of_a_batch_fails_alone(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\nhooks.check.mode = "observe"\n[[plugins]]\nuse = "house:Batch"\n')
    alice, _, group = pair(server)
    socket = alice.connect()
    texts = ["one", "poison", "two", "short", "three"]
    refs = [socket.post("send", conversation_id=group, client_id=f"b{n}", text=text) for n, text in enumerate(texts)]
    for text, ref in zip(texts, refs, strict=True):
        if text in ("poison", "short"):
            assert refused(lambda ref=ref: socket.reply(ref))[0] == "plugin_unavailable"  # type: ignore[misc]
        else:
            assert socket.reply(ref)["message"]["text"] == text
    assert history(alice, group) == ["one", "two", "three"]


def test_messages_of_one_sender_keep_their_order_whatever_the_verdicts_take(make_server: MakeServer) -> None:
    server = make_server(start=False, config='[[plugins]]\nuse = "slow:Slow"\nhooks.check.timeout = "2s"\n', engines=1)
    code = """
        import asyncio, madang
        class Slow(madang.Plugin):
            async def check(self, message):
                await asyncio.sleep(0.2 if int(message.text) % 5 == 0 else 0)
                return madang.Verdict.allow()
    """
    (server.folder / "slow.py").write_text(textwrap.dedent(code), encoding="utf-8")
    server.start()
    alice, bob = Device.sign_up(server.api, "alice"), Device.sign_up(server.api, "bob")
    group = alice.group(bob)
    socket = alice.connect()
    refs = [socket.post("send", conversation_id=group, client_id=f"n{n}", text=str(n)) for n in range(30)]
    for ref in refs:
        socket.reply(ref)
    assert history(alice, group) == [str(n) for n in range(30)]


def test_an_observer_is_counted_and_changes_nothing(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\nhooks.check = { mode = "observe" }\n')
    alice, _, group = pair(server)
    assert say(alice, group, "deny this") == "deny this"
    deadline = time.monotonic() + 5
    while 'madang_hook_would_deny_total{plugin="House",hook="check"} 1' not in metrics(server):
        assert time.monotonic() < deadline


def test_a_plugin_that_keeps_failing_is_not_asked_for_a_while(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\n')
    alice, _, group = pair(server)
    for _ in range(20):
        assert refused(lambda: say(alice, group, "raise it"))[0] == "plugin_unavailable"
    assert refused(lambda: say(alice, group, "would be fine"))[0] == "plugin_unavailable"
    deadline = time.monotonic() + 5
    while 'madang_check_breaker_open{plugin="House"} 1' not in metrics(server):
        assert time.monotonic() < deadline
    assert 'madang_check_outcomes_total{plugin="House",outcome="breaker_open"} 1' in metrics(server)


def metrics(server: Server) -> str:
    return server.api.exchange("GET", "/metrics").body.decode()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('[[plugins]]\nuse = "nowhere:X"\n', ("madang.toml:1", "plugins.use", "nowhere")),
        ('[[plugins]]\nuse = "house:Nobody"\n', ("house has no Nobody",)),
        ('\n[[plugins]]\nuse = "house:House"\nhooks.check.timeout = "fast"\n', ("madang.toml:4", "such as")),
        ('[[plugins]]\nuse = "house:Batch"\nhooks.authenticate.timeout = "1s"\n', ("has no hook authenticate",)),
        ('[[plugins]]\nuse = "house:House"\n[[plugins]]\nuse = "house:House"\n', ("both authenticate",)),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_at_start(make_server: MakeServer, config: str, words: tuple[str, ...]) -> None:
    server = make_server(start=False, config=config)
    (server.folder / "house.py").write_text(textwrap.dedent(HOUSE), encoding="utf-8")
    assert server.run_to_end(within=20) == 1
    for word in words:
        assert word in server.log_text()


def test_what_was_acked_outlives_a_kill_while_others_wait_for_a_verdict(make_house: MakeHouse) -> None:
    server = make_house('[[plugins]]\nuse = "house:House"\nhooks.check.timeout = "5s"\n')
    alice, bob, group = pair(server)
    assert say(alice, group, "kept") == "kept"
    bob.connect().post("send", conversation_id=group, client_id="c9", text="hang on")
    server.restart(kill=True)
    assert history(alice, group) == ["kept"]
    assert say(bob, group, "hello", "c9") == "hello"  # nothing had happened: the client id is free
