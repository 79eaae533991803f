"""A flea market: a small site with its own users, who talk to each other about what they sell.

    uvicorn market:app

The chat server runs inside of the site's process. Who has logged in here gets a ticket, and with it a log-in to the chat (`tickets.py`);
the site itself is a user of the chat, too, and brings buyers and sellers together.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from tickets import Tickets
from users import NameTaken, Users

import madang

OWN_NAME = "market"  # the site's own, in the chat


class Account(BaseModel):
    name: str = Field(pattern=r"^[a-z0-9_.-]{1,32}$")
    password: str = Field(min_length=8)


class Item(BaseModel):
    title: str = Field(min_length=1, max_length=60)


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=1_000)


@dataclass
class Market:
    """What the site has while it runs: its database, its chat server, and its own account there."""

    users: Users
    tickets: Tickets
    server: madang.Server
    chat: madang.AsyncClient


def make_app(folder: Path) -> FastAPI:
    """A site whose data lies in this folder."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tickets = Tickets()
        async with (
            madang.Server(data=folder / "chat", plugins=[tickets]) as server,
            madang.AsyncClient(server.url, credentials=tickets.issue(OWN_NAME)) as chat,
        ):
            app.state.market = Market(Users(folder / "market.db", reserved=[OWN_NAME]), tickets, server, chat)
            yield

    app = FastAPI(title="Flea market", lifespan=lifespan)
    app.include_router(calls)
    app.add_exception_handler(madang.Unavailable, lambda *_: JSONResponse({"detail": "no answer from the chat; try again"}, 503))
    return app


def the_market(request: Request) -> Market:
    market: Market = request.app.state.market
    return market


TheMarket = Annotated[Market, Depends(the_market)]


def visitor(market: TheMarket, bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    """The name of whoever has this session."""
    if (name := market.users.of_session(bearer.credentials)) is None:
        raise HTTPException(401, "log in first")
    return name


Visitor = Annotated[str, Depends(visitor)]
calls = APIRouter()


@calls.post("/users", status_code=201)
def sign_up(account: Account, market: TheMarket) -> None:
    try:
        market.users.add(account.name, account.password)
    except NameTaken:
        raise HTTPException(409, "somebody is called so") from None


@calls.post("/sessions", status_code=201)
async def log_in(account: Account, market: TheMarket) -> dict[str, str]:
    if (session := await market.users.log_in(account.name, account.password)) is None:
        raise HTTPException(401, "wrong name or password")
    # The first log-in to the chat makes the account there, so that others can write to it before its owner opens the chat.
    async with madang.AsyncClient(market.server.url, credentials=market.tickets.issue(account.name)):
        return {"session": session}


@calls.post("/chat-tickets", status_code=201)
def issue_ticket(name: Visitor, market: TheMarket) -> dict[str, object]:
    """What a page needs to talk: `POST {url}/v1/sessions {"credentials": …}` answers a token for the chat."""
    return {"url": market.server.url, "credentials": market.tickets.issue(name)}


@calls.get("/items")
def list_items(market: TheMarket) -> list[dict[str, object]]:
    return market.users.items()


@calls.post("/items", status_code=201)
def offer(item: Item, name: Visitor, market: TheMarket) -> dict[str, int]:
    return {"id": market.users.offer(item.title, name)}


@calls.post("/items/{item_id}/questions", status_code=201)
async def ask(item_id: int, question: Question, name: Visitor, market: TheMarket) -> dict[str, str]:
    """In a group of the seller, the buyer and the market."""
    if (item := market.users.item(item_id)) is None:
        raise HTTPException(404, "there is no such item")
    # The same client id makes the same group: who asks twice asks twice in one place.
    group = await market.chat.create_group(item["title"], {f"@{item['seller']}", f"@{name}"}, client_id=f"{item_id}-{name}")
    await market.chat.send(group, f"{name} asks: {question.text}")
    return {"conversation_id": group.id}


app = make_app(Path(os.environ.get("MARKET_DATA", "market-data")))
