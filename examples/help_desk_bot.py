"""A help desk: customers write to the bot, a group of staff answers them. The bot may be killed at any time; nothing is lost or said twice.

MADANG_URL=… MADANG_USERNAME=desk MADANG_PASSWORD=… python examples/help_desk_bot.py ID-OF-THE-STAFF'S-GROUP
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import madang
from madang.bot import Incoming

staff = sys.argv[1]
bot = madang.Bot.from_env()


@bot.middleware
async def commands_are_for_the_staff(msg: Incoming, call_next: Callable[[], Awaitable[None]]) -> None:
    if msg.text.startswith(bot.prefix) and msg.conversation_id != staff:
        await msg.reply("Just ask, without a command: somebody will answer you here.")
    else:
        await call_next()


@bot.on_message(lambda msg: msg.conversation_id != staff)
async def ask(msg: Incoming) -> None:
    """Whatever a customer says goes to the staff, under the number of the customer's ticket."""
    ticket = bot.store.get(msg.conversation_id)
    if ticket is None:
        number = bot.store.change("last number", lambda last: last + 1, 0)
        ticket = {"number": number, "customer": msg.sender.name, "question": msg.text[:80], "seq": msg.seq}
        bot.store[msg.conversation_id] = ticket
    if ticket["seq"] == msg.seq:
        await msg.reply(f"Your question is number {ticket['number']}. Somebody will answer you here.")
    # The same id when the event is handled a second time after a crash, so the staff see it once.
    await msg.client.send(staff, f"#{ticket['number']} {msg.sender.name}: {msg.text}", client_id=f"ask-{msg.message.message_id}")


@bot.command()
async def answer(msg: Incoming, number: int, *, text: str) -> str | None:
    """Answer a customer: /answer 7 Please turn it off and on again."""
    for conversation, ticket in tickets_open():
        if ticket["number"] == number:
            await msg.client.send(conversation, f"{msg.sender.name}: {text}", client_id=f"answer-{msg.message.message_id}")
            return None
    return f"There is no open ticket {number}."


@bot.command()
async def close(msg: Incoming, number: int) -> str:
    """Close a ticket."""
    for conversation, ticket in tickets_open():
        if ticket["number"] == number:
            await msg.client.send(conversation, "Your question is closed. Write again for another one.", client_id=f"close-{number}")
            del bot.store[conversation]
            return f"#{number} is closed."
    return f"There is no open ticket {number}."


@bot.command()
async def tickets(msg: Incoming) -> str:
    """List what is open."""
    return summary() or "Nothing is open."


@bot.every("30m")
async def remind(client: madang.AsyncClient) -> None:
    """Nobody is forgotten."""
    if open_ones := summary():
        await client.send(staff, f"Still open:\n{open_ones}")


def tickets_open() -> list[tuple[str, Any]]:
    """Each with the customer's conversation."""
    return [(name, ticket) for name, ticket in bot.store.items() if name != "last number"]


def summary() -> str:
    found = sorted((ticket["number"], ticket["customer"], ticket["question"]) for _, ticket in tickets_open())
    return "\n".join(f"#{number} {customer}: {question}" for number, customer, question in found)


if __name__ == "__main__":
    bot.run()
