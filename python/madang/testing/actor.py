"""A user in a test."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any, overload

from madang.client.asynchronous import AsyncClient
from madang.client.blocking import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.client.blocking import Where
    from madang.client.objects import Event, Message, User
    from madang.testing.world import World

    Text = str | re.Pattern[str] | Callable[[str], object]

WITHIN_S = 5.0
FRAMES_KEPT = 200


class Actor(Client):
    """A `Client` that can wait for what should happen. Equal to its `User`.

    Threads: one at a time.

    Attributes:
        name: in the test's world.
        frames: the last FRAMES_KEPT frames, each with "<" (in) or ">" (out) before it.
    """

    def __init__(self, world: World, name: str, token: str, url: str) -> None:
        self.name = name
        self.frames: deque[str] = deque(maxlen=FRAMES_KEPT)
        self._world = world
        self._unmatched: list[Event] = []
        super().__init__(url, token=token, cursor=0, trace=lambda direction, frame: self.frames.append(f"{direction} {frame}"))
        world.clients.add(self._core)

    @property
    def id(self) -> str:
        """Of the user."""
        return self.user.id

    @property
    def username(self) -> str:
        """As it is on the server."""
        return self.user.username

    @property
    def aio(self) -> AsyncClient:
        """The same device for asyncio, from the same place of the inbox on: `async with alice.aio as alice`."""
        client = AsyncClient(self.url, token=self.token, cursor=self.cursor)
        self._world.clients.add(client._core)
        return client

    def send(self, where: Where, text: str, *, client_id: str | None = None) -> Message:
        """As `Client.send`; "@bob" is this world's bob if there is one."""
        if isinstance(where, str) and where.startswith("@"):
            where = self._world.actors.get(where[1:], where)
        return super().send(where, text, client_id=client_id)

    # ---- waiting -----------------------------------------------------------------------------------------------------------------------

    @overload
    def expect(
        self, *, text: Text | None = None, sender: Actor | User | None = None, conversation: Any = None, within: float = WITHIN_S
    ) -> Message: ...
    @overload
    def expect(
        self, *, type: str, text: Text | None = None, sender: Actor | User | None = None, conversation: Any = None, within: float = WITHIN_S
    ) -> Event: ...
    def expect(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the event's own word
        text: Text | None = None,
        sender: Actor | User | None = None,
        conversation: Any = None,
        within: float = WITHIN_S,
    ) -> Message | Event:
        """Waits for an event that is like this, and takes it; those before it can still be expected.

        Args:
            type: of the event, such as "member.joined"; None = a new message.
            text: of the message: all of it, a compiled pattern that is found in it, or a function that says yes.
            sender: of the message.
            conversation: or its id.
            within: seconds.

        Returns:
            The message, or, when a type was asked for, the event.

        Raises:
            AssertionError: nothing of the kind came in time; the message says what came.
        """
        __tracebackhide__ = True
        wanted = {"type": type or "message.created", "text": text, "sender": sender, "conversation": conversation}
        event = self._find(wanted, within)
        if event is None:
            asked = ", ".join(f"{key}={value!r}" for key, value in wanted.items() if value is not None)
            came = "\n".join(f"  {short(each)}" for each in self._unmatched) or "  nothing"
            raise AssertionError(f"{self.name} didn't get {asked} within {within:g} s, but:\n{came}")
        if type is None and event.message is not None:
            return event.message
        return event

    def expect_none(
        self,
        *,
        type: str | None = None,  # noqa: A002
        text: Text | None = None,
        sender: Actor | User | None = None,
        conversation: Any = None,
        within: float = 0.3,
    ) -> None:
        """Fails when something like this comes within so many seconds. Args: those of `expect`.

        Raises:
            AssertionError: it came.
        """
        __tracebackhide__ = True
        event = self._find({"type": type or "message.created", "text": text, "sender": sender, "conversation": conversation}, within)
        if event is not None:
            raise AssertionError(f"{self.name} got {short(event)}")

    def _find(self, wanted: dict[str, Any], within: float) -> Event | None:
        for n, event in enumerate(self._unmatched):
            if is_like(event, **wanted):
                return self._unmatched.pop(n)
        deadline = time.monotonic() + within
        while (event := self.next_event("*", timeout=max(0.0, deadline - time.monotonic()))) is not None:  # type: ignore[assignment]
            if is_like(event, **wanted):
                self._acknowledge()  # at once, for receipts and pushes: what is expected is received
                return event
            self._unmatched.append(event)
        return None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Actor):
            return self.id == other.id
        return self.user == other

    def __hash__(self) -> int:
        return hash(self.user)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def is_like(event: Event, *, type: str, text: Text | None, sender: Actor | User | None, conversation: Any) -> bool:  # noqa: A002
    if event.type != type:
        return False
    if conversation is not None and event.conversation_id != getattr(conversation, "id", conversation):
        return False
    said = event.message
    if sender is not None and (said is None or sender != said.sender):
        return False
    return text is None or (said is not None and fits(said.text, text))


def fits(said: str, text: Text) -> bool:
    if isinstance(text, str):
        return said == text
    if isinstance(text, re.Pattern):
        return text.search(said) is not None
    return bool(text(said))


def short(event: Event) -> str:
    """For a person who looks for what went wrong."""
    said = event.message
    return f"{event.cursor}: {event.type}" + (f" {said.text[:80]!r} from {said.sender.username}" if said is not None else "")
