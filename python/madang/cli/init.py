"""`madang init`: a folder to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from madang.cli.store import DEFAULT_FILE, print_json
from madang.core import _core
from madang.errors import Error

if TYPE_CHECKING:
    import argparse

HEAD = """\
# Configuration of madang. Change what you need, delete what you don't.
# `madang config check` says what is wrong with it, `madang config show` what is in effect.
#
"""

TAIL = """
# Your own rules, in Python: the class House of house.py, in the folder where the server is started.
# [[plugins]]
# use = "house:House"
# hooks.check = { timeout = "200ms", on_error = "deny" }
"""

PLUGIN = '''\
"""What may be said here. The end of madang.toml says how the server comes to use it."""

import madang
from madang import Verdict


class House(madang.Plugin):
    async def check(self, message: madang.Message) -> Verdict:
        """Each message before it is stored, and each edit."""
        if "http://" in message.text:
            return Verdict.deny("no links without https, please")
        return Verdict.allow()
'''

BOT = '''\
"""A bot: `madang user add robot --password`, then MADANG_USERNAME=robot MADANG_PASSWORD=… python bot.py, and say /roll to it."""

import random

import madang

bot = madang.Bot.from_env()


@bot.command("roll")
async def roll(msg, sides: int = 6):
    """Roll a die."""
    await msg.reply(str(random.randint(1, sides)))


if __name__ == "__main__":
    bot.run()
'''


def init(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.dir)
    files = {
        DEFAULT_FILE: HEAD + _core.config_doc().rstrip("\n") + "\n" + TAIL,
        "house.py": PLUGIN,
        "bot.py": BOT,
    }
    folder.mkdir(parents=True, exist_ok=True)
    if there := [name for name in files if (folder / name).exists()]:
        raise Error(f"{' and '.join(str(folder / name) for name in there)}: there already; nothing was written")
    for name, text in files.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    if arguments.json:
        print_json(path=str(folder / DEFAULT_FILE), plugin=str(folder / "house.py"), bot=str(folder / "bot.py"))
        return
    where = "" if folder == Path() else f"cd {folder} && "
    print(f"{', '.join(str(folder / name) for name in files)} written. Next:")
    print(f"  {where}madang serve                      run the server")
    print(f"  {where}madang user add NAME --password   make an account")
