"""Notifications on their way through a plugin's `push`.

What is answered here ends a row of the core's outbox or puts it off. A batch that fails is not run again at once: some of it may have gone
out already. The core tries again, with back-off; what has failed a few times goes alone, so that one notification that the plugin can't
bear holds up no others."""

from __future__ import annotations

import asyncio
import json
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from madang.client.objects import User
from madang.plugins.faults import WrongReturn
from madang.plugins.lanes import BATCH_TASKS_MAX, LOOP, NUMBER, Call, Lane
from madang.plugins.values import Delivery, Notification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madang.core import _core
    from madang.plugins.loading import LoadedPlugin

BATCH_MAX = 64
ALONE_FROM = 4  # attempts
ATTEMPT = 17
SENT, GONE, RETRY, ERROR = range(4)
KINDS = {"sent": SENT, "gone": GONE, "retry": RETRY}

Outcome = tuple[int, float, str]  # kind, seconds to wait, why


def notification_of(call: Call) -> Notification:
    (user, device, registration, conversation, kind, title, seq, message_id, sender, text, badge, created_ms, attempt) = call[5:]
    return Notification(
        id=".".join(filter(None, (user[0], conversation, str(seq), device))),
        user=User(*user),
        device=device or None,
        registration=json.loads(registration) if registration else None,
        conversation_id=conversation,
        conversation_kind=kind,
        title=title or None,
        seq=seq,
        message_id=message_id,
        sender=User(*sender),
        text=text,
        badge=badge,
        created_at=datetime.fromtimestamp(created_ms / 1000, UTC),
        attempt=attempt,
    )


def outcome_of(delivery: object) -> Outcome:
    """What the core is told. Raises WrongReturn."""
    if type(delivery) is not Delivery or delivery.kind not in KINDS:
        raise WrongReturn(f"returned {delivery!r}, which is no madang.Delivery (sent(), gone() or retry())")
    after: object = delivery.after
    if after is None:
        after = 0.0
    if isinstance(after, bool) or not isinstance(after, (int, float)) or not math.isfinite(after) or after < 0:
        raise WrongReturn(f"returned Delivery.retry({delivery.after!r}), which is no number of seconds")
    return KINDS[delivery.kind], float(after), str(delivery.detail).encode(errors="replace").decode()


def one_for_each(count: int, deliveries: object) -> Sequence[object]:
    """Of so many notifications. Raises WrongReturn."""
    if not isinstance(deliveries, (list, tuple)) or len(deliveries) != count:
        what = f"{len(deliveries)} deliveries" if isinstance(deliveries, (list, tuple)) else repr(deliveries)
        forgotten = ": was `return` forgotten?" if deliveries is None else ""
        raise WrongReturn(f"returned {what} for {count} notifications (a list with one madang.Delivery for each){forgotten}")
    return deliveries


class PushLane(Lane):
    """`push`."""

    hook = "push"

    def __init__(self, core: _core.Plugins, index: int, loaded: LoadedPlugin, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(core, index, loaded, loop, BATCH_TASKS_MAX)

    def take_max(self) -> int:
        return BATCH_MAX

    def work(self) -> bool:
        calls = self.take(BATCH_MAX)
        for batch in batches(calls):
            begun = time.monotonic()
            try:
                outcomes = self._outcomes(batch, self.called([notification_of(call) for call in batch]))
            except Exception as error:
                outcomes = self._failed(batch, error)
            self._answer(batch, outcomes, begun)
        return bool(calls)

    async def run(self, calls: list[Call]) -> None:
        await asyncio.gather(*map(self._run, batches(calls)))

    async def _run(self, batch: list[Call]) -> None:
        begun = time.monotonic()
        limit = asyncio.timeout(max(map(self.left, batch)))
        try:
            async with limit:
                outcomes = self._outcomes(batch, await self.awaited([notification_of(call) for call in batch]))
        except Exception as error:
            outcomes = self._failed(batch, self.late() if limit.expired() else error)
        self._answer(batch, outcomes, begun)

    def _failed(self, batch: Sequence[Call], error: Exception) -> list[Outcome]:
        return [(ERROR, 0.0, self.faults.tell(error))] * len(batch)

    def _outcomes(self, batch: Sequence[Call], deliveries: object) -> list[Outcome]:
        return [self._outcome(delivery) for delivery in one_for_each(len(batch), deliveries)]

    def _outcome(self, delivery: object) -> Outcome:
        try:
            return outcome_of(delivery)
        except Exception as error:  # its own fault alone: the others may have gone out
            return ERROR, 0.0, self.faults.tell(error)

    def _answer(self, batch: Sequence[Call], outcomes: Sequence[Outcome], begun: float) -> None:
        self.core.answer_pushes([(call[LOOP], call[NUMBER], *outcome) for call, outcome in zip(batch, outcomes, strict=True)])
        self.noted(batch, begun, sum(outcome[0] == ERROR for outcome in outcomes))


def batches(calls: Sequence[Call]) -> list[list[Call]]:
    """Together, but for those that have failed a few times."""
    together: list[Call] = [call for call in calls if call[ATTEMPT] < ALONE_FROM]
    alone: list[Any] = [[call] for call in calls if call[ATTEMPT] >= ALONE_FROM]
    return [together, *alone] if together else alone
