"""The signature of webhooks: HMAC-SHA256 over id, time and body, in the form of Standard Webhooks (standardwebhooks.com).

For who receives them, without any other package:

    from madang.push.signature import BadSignature, verify

    try:
        notification = verify(secret, request.headers, body)   # the bytes as they came
    except BadSignature:
        …                                                      # 401"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
SECRET_BYTES_MIN = 24
TOLERANCE_S = 300.0


class BadSignature(Exception):
    """It isn't from who has the secret, or it is old, or it was changed on its way."""


def key_of(secret: str) -> bytes:
    """The bytes behind `whsec_…`, which is base64; of another text its own bytes.

    Raises:
        ValueError: they are fewer than SECRET_BYTES_MIN, or no base64.
    """
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"is no base64 after {PREFIX}") from None
    else:
        key = secret.encode()
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"has {len(key)} bytes, at least {SECRET_BYTES_MIN} are needed")
    return key


def sign(key: bytes, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002  # as the header calls it
    """The header's value."""
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(
    secret: str | Sequence[str], headers: Mapping[str, str], body: bytes, *, tolerance: float = TOLERANCE_S, now: float | None = None
) -> dict[str, Any]:
    """What a webhook tells, after its signature is found good. Tell repeats apart by `id`: it is delivered at least once.

    Args:
        secret: as in the plugin's settings; several while it is changed for another.
        headers: of the request; their case doesn't matter.
        body: as it came, byte by byte.
        tolerance: how many seconds the sender's time may be off: who has listened can't send it again later.
        now: seconds since 1970; by default the clock's.

    Raises:
        BadSignature: don't believe it.
        ValueError: the secret is no secret.
    """
    keys = [key_of(each) for each in ([secret] if isinstance(secret, str) else secret)]
    given = {name.lower(): value for name, value in headers.items()}
    id, sent, signatures = (given.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))  # noqa: A001
    if not (id and id.isascii() and sent.isascii() and sent.isdigit() and len(sent) <= 12 and signatures):
        raise BadSignature("there is no signature")
    expected = [sign(key, id, int(sent), body).encode() for key in keys]
    if not any(hmac.compare_digest(good, found.encode(errors="replace")) for found in signatures.split(" ") for good in expected):
        raise BadSignature("the signature is not good")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance:
        raise BadSignature("it is too old, or a clock is wrong")
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise BadSignature("the body is no object")
    return told
