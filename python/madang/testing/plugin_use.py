"""Plugins of a test's server: how they are named, and what stands of them in its configuration."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class PluginUse:
    """A plugin of `chat_server_factory(plugins=[…])` with all that a configuration may say of it.

    Attributes:
        plugin: `"module:Class"`, `"path.py:Class"`, or a class that stands in a module or in the test's file.
        settings: given to the plugin.
        hooks: such as `{"check": {"timeout": 0.5, "on_error": "allow"}}`, timeouts in seconds.
        isolation: `"none"` or `"process"`; None = as the class says.
        memory: that its process may have, such as `"512MiB"`.
    """

    plugin: object
    settings: Mapping[str, Any] = field(default_factory=dict)
    hooks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    isolation: str | None = None
    memory: str | None = None


def toml_of_plugins(plugins: Sequence[object]) -> str:
    """`[[plugins]]`, one for each: a PluginUse, what may stand for its `plugin`, or a pair of that and its settings. TypeError."""
    return "".join(toml_of(use_of(each)) for each in plugins)


def use_of(given: object) -> PluginUse:
    if isinstance(given, PluginUse):
        return given
    if isinstance(given, tuple):
        plugin, settings = given
        return PluginUse(plugin, settings)
    return PluginUse(given)


def toml_of(use: PluginUse) -> str:
    lines = ["\n[[plugins]]", f"use = {toml_value(name_of(use.plugin))}"]
    lines += [f"{key} = {toml_value(value)}" for key, value in (("isolation", use.isolation), ("memory", use.memory)) if value is not None]
    if use.settings:
        lines.append(f"settings = {toml_value(use.settings)}")
    for hook, options in use.hooks.items():
        texts = {
            key: f"{round(value * 1000)}ms" if key == "timeout" and not isinstance(value, str) else value for key, value in options.items()
        }
        lines.append(f"hooks.{hook} = {toml_value(texts)}")
    return "\n".join(lines) + "\n"


def name_of(plugin: object) -> str:
    """How a server, which is another process, finds it."""
    if isinstance(plugin, str):
        module, separator, name = plugin.rpartition(":")
        return f"{Path(module).resolve()}{separator}{name}" if module.endswith(".py") else plugin
    if not isinstance(plugin, type):
        raise TypeError(f"{plugin!r}: a server of its own process takes a class or its name, not an object")
    if "<locals>" in plugin.__qualname__:
        raise TypeError(
            f"{plugin.__qualname__} stands inside a function, where another process doesn't find it: put it at the top of the file"
        )
    file = getattr(sys.modules.get(plugin.__module__), "__file__", None)
    if file is None:
        raise TypeError(f"{plugin.__qualname__} has no file from which another process could import it")
    top = sys.modules.get(plugin.__module__.partition(".")[0])
    if plugin.__module__ != "__main__" and hasattr(top, "__path__"):
        return f"{plugin.__module__}:{plugin.__qualname__}"
    return f"{Path(file).resolve()}:{plugin.__qualname__}"


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(str(key), ensure_ascii=False)} = {toml_value(each)}' for key, each in value.items())} }}"
    raise TypeError(f"{value!r}: a configuration has texts, numbers, truth values, lists and tables")
