"""A plugin that keeps a full-text index of all messages, in SQLite, from the feed of what was stored.

    [[plugins]]
    use = "search_index:SearchIndex"
    settings = { database = "search.db" }

It is fed from the first message there ever was, so it may be added at any time. What it does with an entry does no harm when done twice,
as it may be after a crash: a message's row is replaced by the message as it is now. So edits and deletions need no thought of their own.

In a group that the server's own account is in, `/find words` is answered with what was said there. Only there: the index knows nothing of
who may read what, so a search stays within the conversation it was asked in.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import madang

if TYPE_CHECKING:
    from madang.client.objects import Message

FOUND_MAX = 5
COMMAND = "/find "


class SearchIndex(madang.Plugin):
    """Indexes, and answers `/find`."""

    def setup(self) -> None:
        self.database = sqlite3.connect(self.settings.get("database", "search.db"), check_same_thread=False)
        self.database.execute("create virtual table if not exists messages using fts5(text, conversation unindexed, seq unindexed)")

    def committed(self, entries: list[madang.Entry]) -> None:
        with self.database:  # one transaction a batch: what raises in here changes nothing, and the batch comes again
            for entry in entries:
                if entry.message is not None and not entry.by_system and not entry.shadowed:  # its own answers are no finds
                    self.index(entry.message)
        for entry in entries:
            if entry.type == "message.created" and entry.message is not None and entry.message.text.startswith(COMMAND):
                self.answer(entry, entry.message.text.removeprefix(COMMAND))

    def index(self, message: Message) -> None:
        row = int(message.message_id)
        self.database.execute("delete from messages where rowid = ?", (row,))
        if not message.deleted and not message.text.startswith(COMMAND):
            self.database.execute(
                "insert into messages (rowid, text, conversation, seq) values (?, ?, ?, ?)",
                (row, message.text, message.conversation_id, message.seq),
            )

    def search(self, words: str, conversation: str) -> list[tuple[int, str]]:
        """The best (seq, text); each word must be in it."""
        wanted = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        if not wanted:
            return []
        found = self.database.execute(
            "select seq, text from messages where messages match ? and conversation = ? order by rank limit ?",
            (wanted, conversation, FOUND_MAX),
        )
        return found.fetchall()

    def answer(self, entry: madang.Entry, words: str) -> None:
        found = self.search(words, entry.conversation_id)
        text = "\n".join(f"{seq}: {text}" for seq, text in found) or "Nothing."
        try:
            # The same client_id each time: an entry that comes again is answered once.
            self.server.send(entry.conversation_id, text, client_id=f"find-{entry.seq}")
        except (madang.NotFound, madang.NotAMember):
            pass  # nobody has invited it here
        except madang.ClientIdReused:
            pass  # answered before a crash, when the index knew less

    def close(self) -> None:
        self.database.close()
