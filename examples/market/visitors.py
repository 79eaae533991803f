"""People for the tests: users of the site, and of its chat."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi.testclient import TestClient

import madang
from madang.testing import Actor, World


class Visitor:
    """Somebody with a browser: logged in at the site, and in its chat with the ticket that the site gives.

    Attributes:
        chat: an actor of madang's pytest kit.
    """

    def __init__(self, site: TestClient, world: World, name: str, password: str = "correct horse") -> None:
        account = {"name": name, "password": password}
        site.post("/users", json=account)  # a visitor of an earlier run is there already
        session = site.post("/sessions", json=account).raise_for_status().json()["session"]
        self.name = name
        self._site = site
        self._headers = {"Authorization": f"Bearer {session}"}
        ticket = self.post("/chat-tickets").raise_for_status().json()
        with madang.Client(ticket["url"], credentials=ticket["credentials"]) as page:
            self.chat: Actor = world.user(name, token=page.token)

    def post(self, path: str, **body: Any) -> httpx.Response:
        answer: httpx.Response = self._site.post(path, json=body, headers=self._headers)
        return answer
