"""Holds the server to the documents that it serves itself: every answer and every frame that the harness gets is checked against them.

Stricter than clients may be: a member that no schema names is a fault, too. Requests that were accepted must have been such as the
document allows. Thread: any.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

import jsonschema_rs

Json = Any
Validator = Any
REFERENCE = "#/components/messages/"


class Address(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class Broken(AssertionError):
    """What came isn't what the server's documents say."""


@dataclass
class Operation:
    """One method of one path, with the schemas of what goes in and comes out, and whether it ever succeeded in this run."""

    name: str
    pattern: re.Pattern[str]
    body: Validator | None
    answers: dict[int, dict[str, Validator | None]] = field(default_factory=dict)  # by status and media type
    has_succeeded: bool = False


class Contract:
    """The two documents, ready to check with."""

    def __init__(self, openapi: Json, asyncapi: Json) -> None:
        self._operations: dict[str, list[Operation]] = {}
        components = openapi["components"]
        for path, methods in openapi["paths"].items():
            for method, described in methods.items():
                self._operations.setdefault(method.upper(), []).append(operation_of(path, described, components))
        for those in self._operations.values():  # `/me` before `/{id}`
            those.sort(key=lambda each: each.pattern.pattern.count("["))
        self._requests: dict[str, Validator] = {}
        self._frames: dict[str, list[Validator]] = {}
        components = asyncapi["components"]
        for name, message in components["messages"].items():
            op = message["payload"]["properties"]["op"]["const"]
            if asyncapi["operations"].get(name, {}).get("action") == "receive":
                self._requests[op] = validator(message["payload"], components)
            else:
                self._frames.setdefault(op, []).append(validator(strict(message["payload"]), strict(components)))

    def check_answer(self, method: str, target: str, sent: bytes | None, status: int, media_type: str, body: bytes) -> None:
        """Raises Broken."""
        path = target.partition("?")[0]
        operation = next((each for each in self._operations.get(method, ()) if each.pattern.fullmatch(path)), None)
        if operation is None:
            return  # no call of the protocol: what becomes of it, tests say themselves
        where = f"{method} {path} answered {status}"
        operation.has_succeeded |= status < 300
        if status not in operation.answers:
            raise Broken(f"{where}, which isn't described: {body!r}")
        schemas = operation.answers[status]
        if not schemas:
            if body:
                raise Broken(f"{where} with a body: {body!r}")
            return
        if media_type not in schemas:
            raise Broken(f"{where} as {media_type}")
        if (schema := schemas[media_type]) is not None:
            must_be_valid(schema, json.loads(body), where)
        if status < 300 and sent and operation.body is not None:
            must_be_valid(operation.body, json.loads(sent), f"{where} to this body, which isn't as described")

    def never_made(self) -> list[str]:
        """Calls that no test has made with success; the WebSocket's own is seen elsewhere."""
        return sorted(
            each.name for those in self._operations.values() for each in those if not each.has_succeeded and each.name != "connect"
        )

    def check_frame(self, frame: Json) -> None:
        """One that the server said. Raises Broken."""
        schemas = self._frames.get(frame["op"], [])
        if not any(schema.is_valid(frame) for schema in schemas):
            raise Broken(f"a frame that isn't described: {frame}")


def operation_of(path: str, described: Json, components: Json) -> Operation:
    body = described.get("requestBody")
    pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
    operation = Operation(
        described["operationId"], pattern, validator(body["content"]["application/json"]["schema"], components) if body else None
    )
    for status, answer in described["responses"].items():
        operation.answers[int(status)] = {
            media_type: validator(strict(content["schema"]), strict(components)) if "json" in media_type else None
            for media_type, content in answer.get("content", {}).items()
        }
    return operation


def validator(schema: Json, components: Json) -> Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": components}, validate_formats=True)


def strict(node: Json) -> Json:
    """The same schemas, in which objects have no members but those that are named."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: strict(value) for key, value in node.items() if key not in ("example", "examples")}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def must_be_valid(schema: Validator, value: Json, where: str) -> None:
    try:
        schema.validate(value)
    except jsonschema_rs.ValidationError as error:
        raise Broken(f"{where}: {error.message} at /{'/'.join(map(str, error.instance_path))}: {value}") from None


_contract: Contract | None = None
_lock = threading.Lock()


def contract_of(address: Address) -> Contract | None:
    """That of the first server of this run; None as long as none could be asked."""
    global _contract
    with _lock:
        if _contract is None:
            try:
                _contract = Contract(fetch(address, "/openapi.json"), fetch(address, "/asyncapi.json"))
            except (OSError, http.client.HTTPException):
                return None
    return _contract


def known_contract() -> Contract | None:
    """As `contract_of`, when a server has been asked by now."""
    return _contract


def fetch(address: Address, path: str) -> Json:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()
