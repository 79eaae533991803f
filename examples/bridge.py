"""A bridge between two conversations: what is said in one is said in the other, once, also when the bridge is killed in between.

MADANG_URL=… MADANG_USERNAME=bridge MADANG_PASSWORD=… python examples/bridge.py ID-OF-ONE ID-OF-THE-OTHER

The bot has to be a member of both. It passes its own messages over, so nothing goes round in a circle.
"""

from __future__ import annotations

import contextlib
import sys

import madang
from madang.bot import Incoming
from madang.client import AsyncClient, Event

left, right = sys.argv[1:3]
bot = madang.Bot.from_env()


def other_side(conversation_id: str) -> str:
    return right if conversation_id == left else left


@bot.on_message(lambda msg: msg.conversation_id in (left, right))
async def carry(msg: Incoming) -> None:
    # The same id whenever this message is handled: the server answers a repeat with what is there already.
    await say(msg.client, msg.conversation_id, f"{msg.sender.name}: {msg.text}", f"bridge-{msg.message.message_id}")


@bot.on_event("member.joined", "member.left")
async def tell(event: Event) -> None:
    if event.conversation_id in (left, right) and event.member is not None and event.member.user != bot.client.user:
        word = "has come" if event.type == "member.joined" else "has gone"
        await say(bot.client, event.conversation_id, f"{event.member.user.name} {word}", f"bridge-{event.conversation_id}-{event.seq}")


async def say(client: AsyncClient, origin: str, text: str, client_id: str) -> None:
    with contextlib.suppress(madang.ClientIdReused):  # carried before, when its sender had another name
        await client.send(other_side(origin), text, client_id=client_id)


if __name__ == "__main__":
    bot.run()
