"""The kit's fixtures, also where the package isn't installed and pytest therefore doesn't know its plugin."""

from madang.testing.plugin import chat, chat_server, chat_server_factory, plugin_harness, push_sink, pytest_runtest_makereport

__all__ = ["chat", "chat_server", "chat_server_factory", "plugin_harness", "push_sink", "pytest_runtest_makereport"]
