"""Source, documents and server say the same: routes, codes, operations, events."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema_rs
import pytest

import madang.protocol
from madang.core import _core
from madang.protocol.__main__ import generated
from madang.protocol.calls import CALLS
from madang.protocol.frames import OPERATIONS, SERVER_FRAMES
from madang.protocol.schemas import ERRORS, EVENTS
from madang.protocol.story import STORY, Exchange, Spoken
from madang.testing import RunningServer

ROOT = Path(__file__).resolve().parents[3]
CPP = ROOT / "cpp"


def source(path: str) -> str:
    return (CPP / path).read_text(encoding="utf-8")


def test_the_files_are_what_the_source_makes() -> None:
    old = [name for name, text in generated().items() if (madang.protocol.FOLDER / name).read_text(encoding="utf-8") != text]
    assert not old, "python -m madang.protocol"


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_the_server_serves_the_files(chat_server: RunningServer, name: str) -> None:
    with urlopen(f"{chat_server.url}/{name}.json") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert json.load(answer) == getattr(madang.protocol, name)()


def test_every_route_is_described_and_nothing_else_with_the_token_it_needs() -> None:
    table = re.findall(r'Route\{"(\w+)",\s*"([^"]+)",\s*Access::(\w+)', source("net/routes.cpp"))
    assert len(table) > 20
    assert {f"{method} {path}": access for method, path, access in table} == {call.route: call.access for call in CALLS}


def test_every_code_is_described_with_its_status() -> None:
    assert {code: status for code, (status, _) in ERRORS.items()} == dict(_core.error_codes)
    assert madang.protocol.openapi()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(ERRORS)


def test_every_operation_of_a_client_is_described_and_nothing_else() -> None:
    parser = source("wire/client_frame.cpp")
    offered = set(re.findall(r'if \(op == "(\w+)"\) return', parser))
    assert len(offered) > 3
    assert {each.op for each in OPERATIONS} == offered


def test_every_frame_of_the_server_is_described_and_nothing_else() -> None:
    said = set(re.findall(r'begin\(out, "(\w+)"', source("wire/answers.cpp"))) | set(
        re.findall(r'\{"op":"(\w+)"', source("wire/answers.cpp"))
    )
    said |= set(re.findall(r'\{"op":"(\w+)"', source("wire/answers.hpp")))
    assert len(said) > 5
    assert {schema["properties"]["op"]["const"] for schema in SERVER_FRAMES.values()} == said


def test_every_signal_is_described_and_nothing_else() -> None:
    said = set(re.findall(r'R"\("(\w+)",', source("wire/answers.cpp")))
    described = {schema["properties"]["type"]["const"] for schema in SERVER_FRAMES.values() if "type" in schema["properties"]}
    assert described == said


def test_every_type_of_event_is_described_and_nothing_else() -> None:
    said = set(re.findall(r'"(\w+\.\w+)"', source("wire/events.cpp")))
    assert {kind for kind in said if not kind.endswith("hpp")} == set(EVENTS)


def test_every_call_and_every_operation_has_an_example() -> None:
    calls = {step.call for step in STORY if isinstance(step, Exchange)}
    said = {step.says["op"] for step in STORY if isinstance(step, Spoken) and step.says is not None}
    assert {call.name for call in CALLS} - calls == {"connect"}  # that one is the sockets' own
    assert {each.op for each in OPERATIONS} == said


def schemas_in(node: Any, inside: str = "") -> Any:
    """Every schema of a document, wherever it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("schema", "payload"):
                yield value
            elif key == "schemas":
                yield from value.values()
            elif key not in ("example", "examples"):
                yield from schemas_in(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_in(value, inside)


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_every_schema_is_one_and_every_reference_leads_somewhere(name: str) -> None:
    document = getattr(madang.protocol, name)()
    schemas = list(schemas_in(document))
    assert len(schemas) > 20
    for schema in schemas:
        jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)
    text = json.dumps(document)
    for pointer in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        node = document
        for part in pointer.split("/"):
            node = node[part]


def test_every_example_fits_its_schema() -> None:
    document = madang.protocol.openapi()
    seen = 0
    for path in document["paths"].values():
        for operation in path.values():
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (each.get("content", {}).get("application/json", {}) for each in contents):
                for example in content.get("examples", {}).values():
                    check = jsonschema_rs.Draft202012Validator(
                        {**content["schema"], "components": document["components"]}, validate_formats=True
                    )
                    check.validate(example["value"])
                    seen += 1
    assert seen > 20
