"""Log-in with the tokens of an existing application: its users and their tokens stand in a SQLite table.

    [[plugins]]
    use = "token_auth:TokenAuth"
    settings = { database = "app.db" }

A client then logs in with `POST /v1/sessions {"credentials": {"token": "…"}}`. The first log-in makes the account.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import madang
from madang import Deny, Identity


class TokenAuth(madang.Plugin):
    """Expects a table `users(name, full_name, token_sha256, is_active, is_staff)`."""

    def setup(self) -> None:
        self.database = Path(self.settings["database"])
        if not self.database.exists():
            raise FileNotFoundError(f"settings.database: {self.database} doesn't exist")

    def authenticate(self, credentials: dict[str, object]) -> Identity | Deny:
        """A `def` hook runs in a thread, so it may wait for the database. A connection each: SQLite's belong to one thread."""
        token = credentials.get("token")
        if not isinstance(token, str):
            return Deny('give {"token": "…"}')
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            row = connection.execute(
                "SELECT name, full_name, is_staff FROM users WHERE token_sha256 = ? AND is_active",
                (hashlib.sha256(token.encode()).hexdigest(),),
            ).fetchone()
        finally:
            connection.close()
        if row is None:
            return Deny("the token is not good")
        name, full_name, is_staff = row
        return Identity(name, full_name, roles=("operator",) if is_staff else ())
