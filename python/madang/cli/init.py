"""`madang init`: a folder to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from madang.cli.store import DEFAULT_FILE, print_json
from madang.core import _core

if TYPE_CHECKING:
    import argparse

HEAD = """\
# Configuration of madang. Change what you need, delete what you don't.
# `madang config check` says what is wrong with it, `madang config show` what is in effect.
#
"""


def init(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DEFAULT_FILE
    with path.open("x", encoding="utf-8") as file:  # never over a file that is there
        file.write(HEAD + _core.config_doc().rstrip("\n") + "\n")
    if arguments.json:
        print_json(path=str(path))
        return
    where = "" if folder == Path() else f"cd {folder} && "
    print(f"{path} written. Next:")
    print(f"  {where}madang serve                      run the server")
    print(f"  {where}madang user add NAME --password   make an account")
