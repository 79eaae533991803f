"""The AsyncAPI 3 document, put together. Pure."""

from __future__ import annotations

from typing import Any

from madang.protocol.frames import CLOSE_CODES, OPERATIONS, SERVER_FRAMES, Operation
from madang.protocol.openapi_document import VERSION
from madang.protocol.schemas import all_schemas
from madang.protocol.story import frames_of

CHANNEL = "#/channels/connect"
ABOUT = """\
One JSON object a text frame. A request may bear `ref`; its reply repeats it, and replies may come in any order. The token goes into the
header `Authorization: Bearer …` of the handshake or, from a browser, into the subprotocols `madang.v1, bearer.<token>`. HTTP is described
in `/openapi.json`.

| close code | meaning | connect again? |
| --- | --- | --- |
"""


def document() -> dict[str, Any]:
    """The whole of it."""
    messages = {each.op: message(each.op, each.about, each.schema, from_client=True) for each in OPERATIONS}
    for name, schema in SERVER_FRAMES.items():
        messages[answer_key(name)] = message(name, schema["description"], schema, from_client=False)
    unasked = [name for name in SERVER_FRAMES if not any(name in each.answers for each in OPERATIONS)]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "madang", "version": VERSION, "description": ABOUT + close_codes(), "license": {"name": "MIT"}},
        "servers": {"here": {"host": "127.0.0.1:8080", "protocol": "ws", "security": [{"type": "http", "scheme": "bearer"}]}},
        "channels": {
            "connect": {
                "address": "/v1/connect",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            **{each.op: operation(each) for each in OPERATIONS},
            **{
                answer_key(name): {"action": "send", "channel": {"$ref": CHANNEL}, "messages": [in_channel(answer_key(name))]}
                for name in unasked
            },
        },
        "components": {"messages": messages, "schemas": all_schemas()},
    }


def close_codes() -> str:
    return "\n".join(f"| {code} | {meaning} | {again} |" for code, meaning, again in CLOSE_CODES)


def answer_key(name: str) -> str:
    """A server's frame may be called as a client's, such as `typing`."""
    return f"{name}_signal" if any(each.op == name for each in OPERATIONS) else name


def in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"{CHANNEL}/messages/{name}"}


def operation(each: Operation) -> dict[str, Any]:
    """What the server takes; `receive`, because the document is the server's."""
    made: dict[str, Any] = {
        "action": "receive",
        "channel": {"$ref": CHANNEL},
        "summary": each.about.partition(". ")[0].rstrip("."),
        "messages": [in_channel(each.op)],
    }
    if each.answers:
        made["reply"] = {"channel": {"$ref": CHANNEL}, "messages": [in_channel(answer_key(name)) for name in each.answers]}
    return made


def message(name: str, about: str, schema: dict[str, Any], *, from_client: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "summary": about, "contentType": "application/json", "payload": schema}
    if told := frames_of(name, from_client=from_client):
        made["examples"] = [{"payload": frame} for frame in told]
    return made
