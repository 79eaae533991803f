"""A plugin to start from, with its test; both are run by the tests as they are written."""

from __future__ import annotations

import keyword
import re
import sys
from typing import TYPE_CHECKING

from madang.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = '''\
"""{class_name}: policy of a madang server. In madang.toml:

    [[plugins]]
    use = "{module}:{class_name}"
    settings = {{ words = ["darn"] }}
"""

from __future__ import annotations

import madang
from madang import Message, Verdict


class {class_name}(madang.Plugin):
    """Keeps words out of the chat."""

    def setup(self) -> None:
        """What it raises keeps the server from starting."""
        if unknown := set(self.settings) - {{"words"}}:
            raise ValueError(f"settings: unknown {{', '.join(sorted(unknown))}} (words)")
        self.words = [str(word).casefold() for word in self.settings.get("words", ())]

    async def check_batch(self, messages: list[Message]) -> list[Verdict]:
        """Before a message is stored. One verdict for each: allow(), deny(reason), modify(text)."""
        return [self.verdict(message.text) for message in messages]

    def verdict(self, text: str) -> Verdict:
        folded = text.casefold()
        if found := next((word for word in self.words if word in folded), None):
            return Verdict.deny(f"please write it without “{{found}}”")
        return Verdict.allow()

    def selftest(self) -> None:
        """`madang plugin check`, and before new code takes over at `madang plugin reload`."""
        if self.words and self.verdict(self.words[0]).kind != "deny":
            raise RuntimeError("the first word of the list is let through")
'''

TEST = '''\
"""Tests of {module}.py: pytest has what they need as soon as madang is installed."""

import madang
import pytest
from {module} import {class_name}

WORDS = {{"words": ["darn"]}}


def test_a_word_of_the_list_is_refused(plugin_harness):
    """Without a server: the hooks are called as a server calls them."""
    plugin = plugin_harness({class_name}, settings=WORDS)
    assert plugin.check("hello").kind == "allow"
    assert plugin.check("oh Darn").kind == "deny"
    plugin.selftest()


def test_a_setting_that_is_misspelt_is_named(plugin_harness):
    with pytest.raises(madang.StartError, match="wrods"):
        plugin_harness({class_name}, settings={{"wrods": []}})


def test_the_sender_is_told(chat_server_factory):
    """In a real server."""
    server = chat_server_factory(plugins=[({class_name}, WORDS)])
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(bob, "hello")
    bob.expect(text="hello")
    with pytest.raises(madang.DeniedByPolicy, match="without"):
        alice.send(bob, "oh darn")
'''


def module_of(name: str) -> str:
    """The module of a plugin that somebody calls `word-filter`. BadRequest."""
    module = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    if not module.isidentifier() or keyword.iskeyword(module):
        raise BadRequest(f"{name!r} gives no name of a module (letters, digits and -, such as word-filter)")
    if module in sys.stdlib_module_names or module in ("madang", "pytest"):
        raise BadRequest(f"there is a module {module} already; choose another name")
    return module


def class_of(module: str) -> str:
    return "".join(part.capitalize() for part in module.split("_"))


def plugin_files(module: str) -> dict[str, str]:
    """Name → text."""
    names = {"module": module, "class_name": class_of(module)}
    return {f"{module}.py": PLUGIN.format(**names), f"test_{module}.py": TEST.format(**names)}


def write_all(folder: Path, files: dict[str, str]) -> list[Path]:
    """All of them, or none: never over a file that is there. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        if (folder / name).exists():
            raise FileExistsError(17, "it exists already", str(folder / name))
    written = []
    for name, text in files.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
        written.append(folder / name)
    return written
