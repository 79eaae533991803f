"""The socket: handshake, attaching and replies."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets
from harness.api import Json, refused
from harness.device import Device
from harness.listener import Listener, Resync
from harness.server import MakeServer, Server
from harness.websocket import Refused, WebSocket

# ---- handshake ----------------------------------------------------------------------------------------------------------


def test_a_browser_brings_its_token_as_a_subprotocol(server: Server, alice: Device) -> None:
    socket = WebSocket(server.host, server.port, subprotocols=("madang.v1", f"bearer.{alice.token}"))
    assert socket.subprotocol == "madang.v1"
    assert Listener(socket).attach() == 0


def test_the_subprotocol_is_answered(alice: Device) -> None:
    assert alice.socket().subprotocol == "madang.v1"


@pytest.mark.parametrize("token", [None, "", "nonsense", "AAAA" * 16, "x" * 5000])
def test_without_a_good_token_the_handshake_is_refused(server: Server, token: str | None) -> None:
    with pytest.raises(Refused) as caught:
        WebSocket(server.host, server.port, token=token)
    assert caught.value.status == 401
    assert json.loads(caught.value.body)["code"] == "unauthenticated"


def test_a_token_in_the_address_is_no_token(server: Server, alice: Device) -> None:
    with pytest.raises(Refused) as caught:
        WebSocket(server.host, server.port, f"/v1/connect?token={alice.token}&access_token={alice.token}")
    assert caught.value.status == 401


def test_a_foreign_origin_is_refused(server: Server, alice: Device) -> None:
    with pytest.raises(Refused) as caught:
        alice.socket(headers={"Origin": "https://evil.example"})
    assert caught.value.status == 403


def test_the_own_origin_is_taken(server: Server, alice: Device) -> None:
    Listener(alice.socket(headers={"Origin": server.url})).attach()


def test_a_configured_origin_is_taken(make_server: MakeServer) -> None:
    server = make_server(config='[server]\norigins = ["https://chat.example"]\n')
    alice = Device.sign_up(server.api, "alice")
    Listener(alice.socket(headers={"Origin": "https://chat.example"})).attach()
    with pytest.raises(Refused):
        alice.socket(headers={"Origin": "https://evil.example"})


def test_a_plain_get_of_the_sockets_address_is_refused(alice: Device) -> None:
    answer = alice.api.exchange("GET", "/v1/connect", headers={"Authorization": f"Bearer {alice.token}"})
    assert 400 <= answer.status < 500


def test_an_unknown_version_is_refused(alice: Device) -> None:
    with pytest.raises(Refused) as caught:
        alice.socket(headers={"Sec-WebSocket-Version": "99"})
    assert 400 <= caught.value.status < 500


def test_a_client_of_the_field_can_talk(server: Server, alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)

    async def talk() -> Json:
        url = f"ws://{server.host}:{server.port}/v1/connect"
        headers = {"Authorization": f"Bearer {alice.token}"}
        async with websockets.connect(url, subprotocols=[websockets.Subprotocol("madang.v1")], additional_headers=headers) as socket:
            await socket.send(json.dumps({"op": "send", "ref": 1, "conversation_id": cid, "client_id": "k", "text": "hello"}))
            await (await socket.ping())
            return json.loads(await socket.recv())

    reply = asyncio.run(talk())
    assert reply["message"] == bob.history(cid)["messages"][0]


# ---- attach -------------------------------------------------------------------------------------------------------------


def test_attaching_without_a_cursor_begins_now(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    alice.send(cid, "before")
    listener = bob.connect(attach=False)
    tail = bob.caught_up(cid)
    assert listener.attach() == tail
    alice.send(cid, "after")
    assert listener.expect_type("message.created")["message"]["text"] == "after"


def test_attaching_with_a_cursor_gives_everything_after_it(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for n in range(5):
        alice.send(cid, f"text {n}")
    bob.caught_up(cid)
    everything = bob.inbox()
    for cursor in (0, 1, len(everything) - 1, len(everything)):
        listener = bob.connect(attach=False)
        assert listener.attach(cursor) == len(everything)
        listener.read_to(len(everything))
        assert listener.events == everything[cursor:]


def test_no_event_comes_before_attaching(alice: Device, bob: Device) -> None:
    listener = bob.connect(attach=False)
    alice.send(alice.direct(bob), "hello")
    listener.expect_silence()


def test_a_second_attach_starts_over(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    for n in range(5):
        alice.send(cid, f"text {n}")
    bob.caught_up(cid)
    everything = bob.inbox()
    listener = bob.connect(0)
    listener.read_to(len(everything))
    listener.events.clear()
    listener.attach(1)
    listener.read_to(len(everything))
    assert listener.events == everything[1:]
    alice.send(cid, "last")
    listener.read_to(len(everything) + 1)
    listener.expect_silence()


def test_attaching_ahead_of_the_inbox_asks_for_a_resync(alice: Device, bob: Device) -> None:
    cid = alice.direct(bob)
    tail = bob.caught_up(cid)
    listener = bob.connect(attach=False)
    with pytest.raises(Resync) as caught:
        listener.attach(tail + 1)
    assert (caught.value.reason, caught.value.cursor) == ("ahead", tail)
    alice.send(cid, "not for you yet")
    listener.expect_silence()
    listener.attach(tail)
    assert listener.expect_type("message.created")["message"]["text"] == "not for you yet"


@pytest.mark.parametrize("cursor", [-1, 1.5, "1", True, [], 10**30], ids=str)
def test_a_cursor_that_is_none_is_an_error_and_the_connection_lives(alice: Device, cursor: Json) -> None:
    listener = alice.connect(attach=False)
    with refused("bad_request"):
        listener.request("attach", cursor=cursor)
    assert listener.attach() == 0


# ---- requests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", [0, 1, -5, 2**53, "a", "참조", "", "1"], ids=str)
def test_a_ref_comes_back_as_it_was(alice: Device, bob: Device, ref: Json) -> None:
    cid = alice.direct(bob)
    listener = alice.connect()
    listener.send_json({"op": "send", "ref": ref, "conversation_id": cid, "client_id": "k", "text": "hello"})
    reply = listener.reply(ref)
    assert reply["ref"] == ref
    assert type(reply["ref"]) is type(ref)


@pytest.mark.parametrize("op", ["edit", "delete", "typing", "watch", "join", "leave"])
def test_operations_of_later_are_errors_and_the_connection_lives(alice: Device, op: str) -> None:
    listener = alice.connect()
    with refused("bad_request", "not_found"):
        listener.request(op)
    listener.expect_silence()


def test_a_ping_is_answered_with_a_pong(alice: Device) -> None:
    listener = alice.connect()
    listener.ping()
    assert [other["op"] for other in listener.others] == ["pong"]


def test_an_ack_is_answered_when_it_bears_a_ref(alice: Device, bob: Device) -> None:
    tail = bob.caught_up(alice.group(bob))
    listener = bob.connect(0)
    assert "error" not in listener.request("ack", cursor=tail)
    assert "error" not in listener.request("ack", cursor=1)
    for cursor in (tail + 1, -1, "x", None):
        with refused("bad_request"):
            listener.request("ack", cursor=cursor)
    before = len(listener.replies)
    listener.send_json({"op": "ack", "cursor": tail})
    listener.ping()
    assert len(listener.replies) == before
