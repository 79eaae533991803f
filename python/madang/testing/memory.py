"""Where the data of test servers lies: in memory where there is enough of it, since a new store waits for the disk two dozen times.

A process that is killed loses nothing by that; only a machine that goes down would. MADANG_TEST_ON_DISK=1 leaves it on the disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is its user's alone
FREE_BYTES_MIN = 1 << 30
PREFIX = "madang-test-"


def data_folder(beside: Path) -> Path:
    """A folder for a store, not there yet or empty; `beside` is where it stands, or a link to it."""
    if os.environ.get("MADANG_TEST_ON_DISK") or not has_room():
        return beside
    sweep()
    beside.symlink_to(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=SHARED_MEMORY))
    return beside


def has_room() -> bool:
    try:
        facts = os.statvfs(SHARED_MEMORY)
    except OSError:
        return False
    return os.access(SHARED_MEMORY, os.W_OK) and facts.f_bavail * facts.f_frsize >= FREE_BYTES_MIN


def give_back(folder: Path) -> None:
    """Frees the memory; what lies on the disk stays for whoever looks for what went wrong."""
    if folder.is_symlink():
        shutil.rmtree(folder.readlink(), ignore_errors=True)


def sweep() -> None:
    """Takes away what test processes left behind that were killed."""
    for left in SHARED_MEMORY.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdigit() and not Path(f"/proc/{pid}").exists() and left.stat().st_uid == os.getuid():
                shutil.rmtree(left, ignore_errors=True)
