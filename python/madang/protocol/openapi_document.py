"""The OpenAPI 3.1 document, put together. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from madang.protocol.calls import CALLS, TAGS, Call
from madang.protocol.schemas import ERRORS, ID, SEQ, Schema, all_schemas, ref
from madang.protocol.story import examples_of

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "1"
IN_PATH: Final = {"seq": SEQ}  # the others are ids
ABOUT = """\
JSON in UTF-8. Ids are 64-bit numbers sent as decimal strings; `seq` and `cursor` are JSON numbers. Optional members are absent, not null;
unknown members are ignored. Lists page by `limit` and `next`. Every 2xx means that it is on disk. The examples are one conversation from
beginning to end. The WebSocket is described in `/asyncapi.json`."""


def document() -> dict[str, Any]:
    """The whole of it."""
    paths: dict[str, Any] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "madang", "version": VERSION, "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": all_schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Of a log-in."}},
        },
    }


def operation(call: Call) -> dict[str, Any]:
    summary, _, rest = call.about.partition(". ")
    made: dict[str, Any] = {"operationId": call.name, "tags": [call.tag], "summary": summary.rstrip(".")}
    if rest:
        made["description"] = rest
    made["security"] = [] if call.access == "anyone" else [{"token": []}]
    examples = examples_of(call.name)
    if parameters := list(parameters_of(call, examples[0].path if examples else {})):
        made["parameters"] = parameters
    if call.body is not None:
        content: dict[str, Any] = {"schema": call.body}
        if bodies := {step.title: {"value": step.body} for step in examples if step.body is not None}:
            content["examples"] = bodies
        made["requestBody"] = {"required": not call.is_body_optional, "content": {"application/json": content}}
    made["responses"] = {**{str(status): answer(call, status) for status in call.answers}, **refusals_of(call)}
    return made


def parameters_of(call: Call, values: dict[str, str]) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", call.path):
        parameter: dict[str, Any] = {"name": name, "in": "path", "required": True, "schema": IN_PATH.get(name, ID)}
        if name in values:
            parameter["example"] = values[name]
        yield parameter
    for each in call.query:
        made: dict[str, Any] = {"name": each.name, "in": "query", "required": each.is_required, "schema": each.schema}
        if each.about:
            made["description"] = each.about
        yield made


def answer(call: Call, status: int) -> dict[str, Any]:
    schema = call.answers[status]
    made: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(schema, str):
        made["content"] = {schema: {"schema": {"type": "string"}}}
    elif schema is not None:
        content: dict[str, Any] = {"schema": schema}
        told = {step.title: {"value": step.answer} for step in examples_of(call.name) if step.status == status and step.answer is not None}
        if told:
            content["examples"] = told
        made["content"] = {"application/json": content}
    return made


def refusals_of(call: Call) -> dict[str, Any]:
    """The codes that it may answer, by status."""
    by_status: dict[int, list[str]] = {}
    for code in ERRORS:
        if code in call.codes:
            by_status.setdefault(ERRORS[code][0], []).append(code)
    made = {str(status): problem(codes) for status, codes in sorted(by_status.items())}
    if call.access == "handshake":
        made["426"] = problem(["bad_request"])
    return made


def problem(codes: list[str]) -> dict[str, Any]:
    schema: Schema = {"allOf": [ref("Problem"), {"properties": {"code": {"enum": codes}}}]}
    about = " · ".join(f"`{code}`: {ERRORS[code][1]}" for code in codes)
    return {"description": about, "content": {"application/problem+json": {"schema": schema}}}
