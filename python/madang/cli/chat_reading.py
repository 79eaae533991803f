"""What one has read in `madang chat`: markers that follow what is shown, and how much is unread after that.

A thread of its own makes the calls, one at a time: of many messages that are shown meanwhile only the last one's place is told.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from madang.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from madang.client.blocking import Client

END_WITHIN_S = 2.0


class Reading:
    """See the module. Threads: any. What can't be told to the server is told with the next message.

    Args:
        client: whose markers.
        on_total: called with the number of unread messages, on the thread of this.
    """

    def __init__(self, client: Client, on_total: Callable[[int], None]) -> None:
        self._client = client
        self._on_total = on_total
        self._changed = threading.Condition()
        self._shown: dict[str, int] = {}  # conversations and places that the server doesn't know of yet
        self._is_stale = True
        self._is_busy = False
        self._ended = False

    def shown(self, conversation_id: str, seq: int) -> None:
        """Everything of this conversation up to there has been seen."""
        with self._changed:
            self._shown[conversation_id] = max(seq, self._shown.get(conversation_id, 0))
            self._changed.notify_all()

    def happened(self) -> None:
        """There may be more unread, or less."""
        with self._changed:
            self._is_stale = True
            self._changed.notify_all()

    def finish(self) -> None:
        """Waits until everything is told, END_WITHIN_S at most, and ends `run`."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._shown or self._is_busy), END_WITHIN_S)
            self._ended = True
            self._changed.notify_all()

    def run(self) -> None:
        """Until `finish`."""
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._shown or self._is_stale or self._ended)
                if self._ended:
                    return
                shown, self._shown, self._is_stale, self._is_busy = self._shown, {}, False, True
            with contextlib.suppress(Error):
                for conversation_id, seq in shown.items():
                    self._client.mark_read(conversation_id, seq)
                self._on_total(self._client.unread_total())
