"""Bots: handlers for what users say, with a place in the inbox that outlives the process.

bot = madang.Bot.from_env()

@bot.command("roll")
async def roll(msg, sides: int = 6):
    \"\"\"Roll a die.\"\"\"
    await msg.reply(str(random.randint(1, sides)))

bot.run()
"""

from madang.bot.bot import Bot
from madang.bot.incoming import Incoming
from madang.bot.router import Router

__all__ = ["Bot", "Incoming", "Router"]
