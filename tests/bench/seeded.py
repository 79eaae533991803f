"""A store of people made by `madang seed` (or MADANG_SEED_COMMAND). The server must not run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from load import Account


def seed(folder: Path, users: int, group: int) -> list[Account]:
    """People with a direct conversation each and a group of so many."""
    out = folder / "users.tsv"
    command = shlex.split(os.environ.get("MADANG_SEED_COMMAND", f"{sys.executable} -m madang seed"))
    options = ["--users", str(users), "--group-size", str(group), "--data", str(folder / "data"), "--out", str(out)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    rows = [line.split("\t") for line in out.read_text().splitlines() if line and line[0].isdigit()]
    return [Account(*row[1:5]) for row in rows]
