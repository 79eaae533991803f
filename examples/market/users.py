"""The site's own users and their things, in SQLite; it was there before the chat and knows nothing of it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, salt BLOB NOT NULL, password BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (sha256 BLOB PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, title TEXT NOT NULL, seller TEXT NOT NULL);
"""


class NameTaken(Exception):
    """Somebody has that name."""


class Users:
    """Threads: any; each call has a connection of its own."""

    def __init__(self, path: Path, reserved: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._reserved = reserved
        with self._open() as database:
            database.executescript(TABLES)

    def add(self, name: str, password: str) -> None:
        salt = secrets.token_bytes(16)
        try:
            if name in self._reserved:
                raise NameTaken(name)
            with self._open() as database:
                database.execute("INSERT INTO users VALUES (?, ?, ?)", (name, salt, hashed(password, salt)))
        except sqlite3.IntegrityError:
            raise NameTaken(name) from None

    async def log_in(self, name: str, password: str) -> str | None:
        """A session, if that is the password. In a thread: hashing takes its time."""
        return await asyncio.to_thread(self._log_in, name, password)

    def _log_in(self, name: str, password: str) -> str | None:
        with self._open() as database:
            found = database.execute("SELECT salt, password FROM users WHERE name = ?", (name,)).fetchone()
            if found is None or not secrets.compare_digest(hashed(password, found["salt"]), found["password"]):
                return None
            session = secrets.token_urlsafe()
            database.execute("INSERT INTO sessions VALUES (?, ?)", (digest(session), name))
            return session

    def of_session(self, session: str) -> str | None:
        with self._open() as database:
            found = database.execute("SELECT name FROM sessions WHERE sha256 = ?", (digest(session),)).fetchone()
        return None if found is None else str(found["name"])

    def offer(self, title: str, seller: str) -> int:
        with self._open() as database:
            return int(database.execute("INSERT INTO items (title, seller) VALUES (?, ?)", (title, seller)).lastrowid or 0)

    def items(self) -> list[dict[str, Any]]:
        with self._open() as database:
            return [dict(row) for row in database.execute("SELECT * FROM items ORDER BY id")]

    def item(self, item_id: int) -> dict[str, Any] | None:
        return next((each for each in self.items() if each["id"] == item_id), None)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            database.row_factory = sqlite3.Row
            yield database


def hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def digest(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()
