"""The harness checks every answer and frame of every test against the documents that the server serves; here, that this check bites."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.api import Api
from harness.contract import Broken, Contract
from harness.device import Device


@pytest.fixture(scope="module")
def contract(server: Any) -> Contract:
    openapi, asyncapi = (server.api.exchange("GET", f"/{name}.json").json() for name in ("openapi", "asyncapi"))
    return Contract(openapi, asyncapi)


def test_both_documents_are_served(api: Api) -> None:
    assert api.exchange("GET", "/openapi.json").json()["openapi"].startswith("3.1")
    assert api.exchange("GET", "/asyncapi.json").json()["asyncapi"].startswith("3.")


def check(contract: Contract, status: int, answer: Any, *, media_type: str = "application/json", sent: Any = None) -> None:
    body = b"" if answer is None else json.dumps(answer).encode()
    contract.check_answer("GET" if sent is None else "PATCH", "/v1/users/me", sent and json.dumps(sent).encode(), status, media_type, body)


def test_an_answer_that_is_not_as_described_is_found(contract: Contract, alice: Device) -> None:
    me = alice.get("/users/me")
    check(contract, 200, me)
    for wrong in ({**me, "password_hash": "x"}, {**me, "id": int(me["id"])}, {"id": me["id"]}, {**me, "created_at": "yesterday"}):
        with pytest.raises(Broken):
            check(contract, 200, wrong)
    with pytest.raises(Broken, match="isn't described"):
        check(contract, 418, me)
    with pytest.raises(Broken, match="text/html"):
        check(contract, 200, me, media_type="text/html")


def test_a_code_that_this_call_does_not_have_is_found(contract: Contract) -> None:
    problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "no", "code": "unauthenticated"}
    check(contract, 401, problem, media_type="application/problem+json")
    with pytest.raises(Broken):
        check(contract, 401, {**problem, "code": "group_full"}, media_type="application/problem+json")


def test_a_request_that_was_taken_though_it_is_not_as_described_is_found(contract: Contract, alice: Device) -> None:
    me = alice.get("/users/me")
    check(contract, 200, me, sent={"display_name": "A", "whatever": 1})
    with pytest.raises(Broken):
        check(contract, 200, me, sent={"display_name": 1})


@pytest.mark.parametrize(
    "frame",
    [
        {"op": "pong", "more": 1},
        {"op": "goaway"},
        {"op": "hello"},
        {"op": "events", "events": []},
        {"op": "events", "events": [{"cursor": 1, "type": "message.created", "conversation_id": "1", "seq": 1}]},
        {"op": "reply", "error": {"code": "because", "message": "no"}},
        {"op": "signal", "type": "presence", "user_id": "1", "status": "asleep"},
    ],
)
def test_a_frame_that_is_not_as_described_is_found(contract: Contract, frame: Any) -> None:
    with pytest.raises(Broken):
        contract.check_frame(frame)


def test_frames_that_are_as_described_pass(contract: Contract) -> None:
    contract.check_frame({"op": "pong"})
    contract.check_frame({"op": "reply", "ref": 1, "error": {"code": "not_found", "message": "no"}})
