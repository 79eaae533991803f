"""A bridge between two conversations: what is said in one is said in the other, once, and changes there when it changes here.

MADANG_URL=… MADANG_USERNAME=bridge MADANG_PASSWORD=… python examples/bridge.py ID-OF-ONE ID-OF-THE-OTHER

The bot has to be a member of both. It passes its own messages over, so nothing goes round in a circle. It may be killed at any time: what
it was doing then comes again, and is done once.
"""

from __future__ import annotations

import contextlib
import sys

import madang
from madang.bot import Incoming
from madang.client import Event, Message

PLACES_KEPT = 5_000  # so many of the newest messages follow their originals

left, right = sys.argv[1:3]
bot = madang.Bot.from_env()


def other_side(conversation_id: str) -> str:
    return right if conversation_id == left else left


@bot.on_message(lambda msg: msg.conversation_id in (left, right))
async def carry(msg: Incoming) -> None:
    bot.store.setdefault(name_of(msg.message), 0)  # 0 = we may have said it, and don't know where it stands
    copy = await copy_of(msg.message)
    bot.store[name_of(msg.message)] = copy.seq
    if len(bot.store) > PLACES_KEPT:
        del bot.store[min(bot.store)]
    await make_alike(copy, msg.message)


@bot.on_event("message.edited", "message.deleted")
async def follow(event: Event) -> None:
    original = event.message
    if original is None or original.sender == bot.client.user or (seq := bot.store.get(name_of(original))) is None:
        return
    there = other_side(original.conversation_id)
    if (copy := await bot.client.message(there, seq) if seq else await find(there, id_of(original))) is not None:
        await make_alike(copy, original)


async def make_alike(copy: Message, original: Message) -> None:
    with contextlib.suppress(madang.NotFound):  # somebody over there has deleted the copy
        if original.deleted:
            await bot.client.delete(copy)
        elif copy.text != words_of(original):
            await bot.client.edit(copy, words_of(original))


@bot.on_event("member.joined", "member.left")
async def tell(event: Event) -> None:
    if event.conversation_id in (left, right) and event.member is not None and event.member.user != bot.client.user:
        text = f"{event.member.user.name} {'has come' if event.type == 'member.joined' else 'has gone'}"
        with contextlib.suppress(madang.ClientIdReused):  # told before, when they had another name
            await bot.client.send(other_side(event.conversation_id), text, client_id=f"bridge-{event.conversation_id}-{event.seq}")


async def copy_of(original: Message) -> Message:
    """Said now, or as it was said before: the same message has the same client id whenever it is handled."""
    there = other_side(original.conversation_id)
    try:
        return await bot.client.send(there, words_of(original), client_id=id_of(original))
    except madang.ClientIdReused:  # said before, with other words
        if (copy := await find(there, id_of(original))) is None:
            raise
        return copy


async def find(there: str, client_id: str) -> Message | None:
    async for message in bot.client.history(there):
        if message.client_id == client_id and message.sender == bot.client.user:
            return message
    return None


def id_of(message: Message) -> str:
    return f"bridge-{message.message_id}"


def words_of(message: Message) -> str:
    return f"{message.sender.name}: {message.text}"


def name_of(message: Message) -> str:
    return f"{int(message.message_id):020}"  # the oldest has the smallest name


if __name__ == "__main__":
    bot.run()
