"""Plugins: policy of a server, written in Python."""

from madang.plugins.plugin import Plugin
from madang.plugins.values import Delivery, Deny, Entry, Identity, Message, Notification, Verdict

__all__ = ["Delivery", "Deny", "Entry", "Identity", "Message", "Notification", "Plugin", "Verdict"]
