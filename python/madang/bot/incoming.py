"""A message as a handler gets it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from madang.errors import ClientIdReused

if TYPE_CHECKING:
    from madang.client import AsyncClient, Conversation, Message, User


class Incoming:
    """See the module. Belongs to the bot's loop.

    Attributes:
        message: as the client knows it.
        client: the bot's, for everything else.
    """

    def __init__(self, message: Message, client: AsyncClient) -> None:
        self.message = message
        self.client = client
        self._replies = 0

    @property
    def text(self) -> str:
        """What was said."""
        return self.message.text

    @property
    def sender(self) -> User:
        """Who said it."""
        return self.message.sender

    @property
    def conversation_id(self) -> str:
        """Where."""
        return self.message.conversation_id

    @property
    def seq(self) -> int:
        """At which place of the conversation."""
        return self.message.seq

    @property
    def mentions_me(self) -> bool:
        """Whether it mentions the bot by name."""
        return self.client.user.id in self.message.mentions

    async def conversation(self) -> Conversation:
        """Where, as it is now. Errors: `Client.conversation`."""
        return await self.client.conversation(self.message)

    async def reply(self, text: str) -> Message:
        """Says something in the same conversation.

        The n-th reply to a message has one client id, whichever process makes it, so a message that is handled again after a crash is
        answered once: a reply that was sent before is returned as it was, also when the text would be another one now.

        Raises:
            madang.Error: as `Client.send`.
        """
        self._replies += 1
        client_id = reply_id(self.conversation_id, self.seq, self._replies)
        try:
            return await self.client.send(self.message, text, client_id=client_id)
        except ClientIdReused:
            async for message in self.client.history(self.message, after=self.seq):
                if message.client_id == client_id and message.sender == self.client.user:
                    return message
            raise


def reply_id(conversation_id: str, seq: int, n: int) -> str:
    """The client id of the n-th reply, from 1, to a message."""
    return hashlib.sha256(f"{conversation_id}:{seq}:{n}".encode()).hexdigest()[:40]
