"""Plugins: policy of a server, written in Python."""

from madang.plugins.plugin import Plugin
from madang.plugins.values import Deny, Identity, Message, Verdict

__all__ = ["Deny", "Identity", "Message", "Plugin", "Verdict"]
