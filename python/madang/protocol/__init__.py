"""The published protocol: OpenAPI 3.1 for HTTP and AsyncAPI 3 for the WebSocket, both from one source.

The source is this package: `schemas` (objects), `calls` (HTTP), `frames` (WebSocket) and `story` (the examples, which are one conversation
from beginning to end). `python -m madang.protocol` writes `openapi.json` and `asyncapi.json` beside it; the server serves these files as
they are, compiled in, at `/openapi.json` and `/asyncapi.json`. tests/python/protocol holds source, files and server together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def openapi() -> dict[str, Any]:
    """The OpenAPI document that this version ships."""
    return read("openapi.json")


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document that this version ships."""
    return read("asyncapi.json")


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document
