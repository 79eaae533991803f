"""From the configuration, or from objects, to plugins that are ready to be set up."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from madang.errors import ConfigError
from madang.plugins.dispatcher import LANES
from madang.plugins.hooks import HOOKS, HookOptions, HookSpec, hook_options
from madang.plugins.plugin import Plugin
from madang.push import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ENTRY_POINTS = "madang.plugins"

# What the core says of [[plugins]]: use, settings as JSON, {hook: (timeout in ms, on_error, mode)}, place.
Entry = tuple[str, str, "dict[str, tuple[int | None, str, str]]", str]
# What the core is told: name, and how each hook is used.
Spec = tuple[str, dict[str, HookSpec]]


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin with the hooks that it defines."""

    plugin: Plugin
    name: str
    place: str
    hooks: Mapping[str, HookOptions] = field(default_factory=dict)

    def method(self, hook: str) -> Callable[..., Any]:
        """The method of a hook that the plugin has: of `check` the batch form, where there is one."""
        name = HOOKS[hook].method_of(self.plugin)
        assert name is not None
        return getattr(self.plugin, name)  # type: ignore[no-any-return]

    @property
    def spec(self) -> Spec:
        """How the core sees it."""
        return self.name, {hook: options.spec for hook, options in self.hooks.items()}


def load_plugins(entries: Sequence[Entry], objects: Sequence[Plugin] = ()) -> list[LoadedPlugin]:
    """Those of the configuration, in order, then the objects.

    Raises:
        madang.ConfigError: with one line for each plugin that can't be used.
    """
    loaded: list[LoadedPlugin] = []
    errors: list[str] = []
    for use, settings, hooks, place in entries:
        try:
            plugin = plugin_class(use)()
            plugin.settings = MappingProxyType(json.loads(settings))
            given = {hook: options_given(options) for hook, options in hooks.items()}
            loaded.append(prepare(plugin, place, given, loaded))
        except Unusable as error:
            errors.append(f"{place}: plugins.use: {error}")
        except Exception as error:
            errors.append(f"{place}: plugins.use: {use} can't be made: {type(error).__name__}: {error} (its __init__ takes no arguments)")
    for plugin in objects:
        try:
            loaded.append(prepare(plugin, "plugins=", {}, loaded))
        except Unusable as error:
            errors.append(f"plugins=: {error}")
    authenticators = [each.name for each in loaded if "authenticate" in each.hooks]
    if len(authenticators) > 1:
        errors.append(f"plugins: {' and '.join(authenticators)} both authenticate (one plugin may)")
    if errors:
        raise ConfigError(errors)
    return loaded


class Unusable(Exception):
    """Why a plugin can't be used, for a person."""


def plugin_class(use: str) -> type[Plugin]:
    """The class that `module:Class`, or the name of an entry point, stands for. The working folder is on the path."""
    try:
        found = imported(use) if ":" in use else installed(use)
    except Unusable:
        raise
    except Exception as error:
        raise Unusable(
            f"{use} can't be imported: {type(error).__name__}: {error} (from {Path.cwd()} and the installed packages)"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise Unusable(f"{use} is no subclass of madang.Plugin (class {use.rpartition(':')[2]}(madang.Plugin): …)")
    return found


def imported(use: str) -> object:
    module_name, _, class_name = use.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found = getattr(importlib.import_module(module_name), class_name, None)
    if found is None:
        raise Unusable(f"{module_name} has no {class_name} (is it spelled so in the module?)")
    return found


def installed(use: str) -> object:
    points = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    if use in SHIPPED and use not in points:
        return imported(SHIPPED[use])
    if use not in points:
        known = ", ".join(sorted({*points, *SHIPPED}))
        raise Unusable(f'no installed plugin is named "{use}" ("module:Class", or one of: {known})')
    return points[use].load()


def options_given(options: tuple[int | None, str, str]) -> dict[str, Any]:
    timeout, on_error, mode = options
    given = {"timeout": None if timeout is None else timeout / 1000, "on_error": on_error, "mode": mode}
    return {key: value for key, value in given.items() if value}


def prepare(plugin: Plugin, place: str, given: Mapping[str, Mapping[str, Any]], others: Sequence[LoadedPlugin]) -> LoadedPlugin:
    if not isinstance(plugin, Plugin):
        raise Unusable(f"{plugin!r} is no madang.Plugin")
    name = unique_name(plugin.name or type(plugin).__name__, [each.name for each in others])
    if name == "password":
        raise Unusable('a plugin may not be named "password": accounts made with a password are of that origin')
    has = [hook for hook, kind in HOOKS.items() if kind.method_of(plugin)]
    for hook in (*given, *plugin.hooks):
        if hook not in has:
            raise Unusable(f"{name} has no hook {hook}, so hooks.{hook} says nothing (its hooks: {', '.join(has) or 'none'})")
    if not has:
        raise Unusable(f"{name} has no hook (it defines none of {', '.join(m for kind in HOOKS.values() for m in kind.methods)})")
    for hook in has:
        if hook not in LANES:
            raise Unusable(f"{name} has the hook {hook}, which this version doesn't call yet (it calls {', '.join(LANES)})")
    plugin.log = logging.getLogger(f"madang.plugins.{name}")
    try:
        hooks = {hook: hook_options(name, hook, {**plugin.hooks.get(hook, {}), **given.get(hook, {})}) for hook in has}
    except ValueError as error:
        raise Unusable(str(error)) from None
    return LoadedPlugin(plugin, name, place, hooks)


def unique_name(wanted: str, taken: Sequence[str]) -> str:
    name, n = wanted, 1
    while name in taken:
        n += 1
        name = f"{wanted}-{n}"
    return name
