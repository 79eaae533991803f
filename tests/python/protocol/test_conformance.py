"""schemathesis over the OpenAPI document against a real server: whatever fits the document is answered as the document says.

Stateless, with a fixed seed; EXAMPLES of each call.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

import madang.protocol
from madang.protocol.calls import CALLS
from madang.testing import Actor, World

EXAMPLES = 15
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# These end what the calls are made with, so each of theirs is made by somebody new.
ENDS_A_LOG_IN = {"log_out"}
ENDS_AN_ACCOUNT = {"delete_me", "change_password"}

SCHEMA = schemathesis.openapi.from_dict(madang.protocol.openapi())
OPERATIONS: dict[str, Any] = {each.definition.raw["operationId"]: each for each in (result.ok() for result in SCHEMA.get_all_operations())}  # type: ignore[union-attr]


@pytest.fixture
def caller(chat: World) -> Actor:
    """Somebody with a conversation and a message."""
    someone, other = chat.user("someone"), chat.user("other")
    someone.send(other, "hi")
    return someone


@pytest.mark.parametrize("name", [call.name for call in CALLS if call.name != "connect"])
def test_what_fits_the_document_is_answered_as_it_says(name: str, chat: World, caller: Actor) -> None:
    names = iter(range(EXAMPLES * 10))

    def token() -> str:
        if name in ENDS_A_LOG_IN | ENDS_AN_ACCOUNT:
            return chat.user(f"caller-{next(names)}").token
        return caller.token

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[name].as_strategy())
    def conforms(case: schemathesis.Case[Any]) -> None:
        if name == "sync":
            case.query.pop("wait", None)  # or it waits
        response = case.call(base_url=chat.url, headers={"Authorization": f"Bearer {token()}"})
        case.validate_response(response, checks=CHECKS)

    conforms()
