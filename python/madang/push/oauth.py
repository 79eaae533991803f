"""Access tokens of Google's by a service account (RFC 7523): asked for once, kept until shortly before their end."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from madang.push.answer import in_brief
from madang.push.keys import RsaKey, json_web_token
from madang.push.url import Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from madang.push.answer import Answer, HttpClient

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTED_S = 3_600  # how long an assertion holds: the most that Google takes
RENEWED_BEFORE_S = 300.0  # the end of a token
LIFETIME_S_MAX = 86_400.0  # whatever the answer says


class NoToken(Exception):
    """There is no access token. Its text holds no secret.

    Attributes:
        answer: of the token's endpoint; its status tells whether this server or Google is at fault.
    """

    def __init__(self, detail: str, answer: Answer) -> None:
        super().__init__(detail)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """From the JSON file that Google's console gives."""

    email: str
    project: str
    token_uri: Url
    key_id: str
    key: RsaKey = field(repr=False)


def service_account(values: Mapping[str, Any]) -> ServiceAccount:
    """Raises ValueError: what is wrong."""
    texts = {}
    for name in ("client_email", "project_id", "private_key", "token_uri"):
        texts[name] = values.get(name)
        if not isinstance(texts[name], str) or not texts[name]:
            raise ValueError(f"has no {name} (the JSON file of a service account has)")
    try:
        token_uri = parse_url(texts["token_uri"])
        key = RsaKey(str(texts["private_key"]))
    except ValueError as error:
        raise ValueError(f"has a private_key or a token_uri that {error}") from None
    if re.fullmatch(r"[a-z0-9.:-]+", str(texts["project_id"])) is None:
        raise ValueError("has a project_id that is none")
    if token_uri.scheme != "https":
        raise ValueError("has a token_uri that isn't of https")
    return ServiceAccount(str(texts["client_email"]), str(texts["project_id"]), token_uri, str(values.get("private_key_id", "")), key)


class AccessTokens:
    """Of one account and scope. Its loop only."""

    def __init__(self, account: ServiceAccount, scope: str, now: Callable[[], float] = time.time) -> None:
        self._account = account
        self._scope = scope
        self._now = now
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def get(self, client: HttpClient) -> str:
        """Raises NoToken, Unreachable."""
        async with self._asking:  # who comes meanwhile takes what the first one gets
            if not self._now() < self._until <= self._now() + LIFETIME_S_MAX:
                self._token, lifetime = await self._ask(client)
                self._until = self._now() + lifetime - RENEWED_BEFORE_S
            return self._token

    def drop(self, token: str) -> None:
        """It was refused: the next one is asked for. Nothing happens where that was done already."""
        if token == self._token:
            self._until = 0.0

    async def _ask(self, client: HttpClient) -> tuple[str, float]:
        now = int(self._now())
        account = self._account
        claims = {
            "iss": account.email,
            "scope": self._scope,
            "aud": f"{account.token_uri.origin}{account.token_uri.target}",
            "iat": now,
            "exp": now + ASSERTED_S,
        }
        assertion = json_web_token(account.key, claims, typ="JWT", kid=account.key_id)
        body = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
        answer = await client.post(account.token_uri, {"Content-Type": "application/x-www-form-urlencoded"}, body)
        said = answer.json()
        token, lifetime = said.get("access_token"), said.get("expires_in", ASSERTED_S)
        if answer.status != 200 or not isinstance(token, str) or not is_header(token) or not isinstance(lifetime, (int, float)):
            why = in_brief(json.dumps([said.get("error"), said.get("error_description")]))
            raise NoToken(f"{account.token_uri.host} gives no access token: {answer.status} {why}", answer)
        return token, min(max(float(lifetime), 0.0), LIFETIME_S_MAX)


def is_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
