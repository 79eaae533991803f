"""From the configuration, or from objects, to plugins that are ready to be set up."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from madang.errors import ConfigError
from madang.plugins.faults import text_of
from madang.plugins.hooks import HOOKS, HookOptions, HookSpec, hook_options
from madang.plugins.importing import Unusable, plugin_class, where_it_failed
from madang.plugins.isolation import IsolatedPlugin
from madang.plugins.plugin import Plugin
from madang.plugins.worker_process import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What the core says of [[plugins]]: use, settings as JSON, {hook: (timeout in ms, on_error, mode)}, place, isolation (empty = as the class
# says), memory in bytes (0 = as much as it likes).
Entry = tuple[str, str, "dict[str, tuple[int | None, str, str]]", str, str, int]
# What the core is told: name, how each hook is used, and the providers whose registrations it serves.
Spec = tuple[str, dict[str, HookSpec], list[str]]
PLACE = 3
PROVIDER_CHARS = 32
ISOLATIONS = ("none", "process")


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin with the hooks that it defines."""

    plugin: Plugin
    name: str
    place: str
    hooks: Mapping[str, HookOptions] = field(default_factory=dict)
    entry: Entry | None = None  # None = it was given as an object

    def method(self, hook: str) -> Callable[..., Any]:
        """The method of a hook that the plugin has: of `check` the batch form, where there is one."""
        name = HOOKS[hook].method_of(self.plugin)
        assert name is not None
        return getattr(self.plugin, name)  # type: ignore[no-any-return]

    @property
    def spec(self) -> Spec:
        """How the core sees it."""
        return self.name, {hook: options.spec for hook, options in self.hooks.items()}, list(self.plugin.providers)


def load_plugins(entries: Sequence[Entry], objects: Sequence[Plugin] = ()) -> list[LoadedPlugin]:
    """Those of the configuration, in order, then the objects.

    Raises:
        madang.ConfigError: with one line for each plugin that can't be used.
    """
    loaded: list[LoadedPlugin] = []
    errors: list[str] = []
    for entry in entries:
        try:
            loaded.append(load(entry, [each.name for each in loaded]))
        except Unusable as error:
            errors.append(f"{entry[PLACE]}: plugins.use: {error}")
    for plugin in objects:
        try:
            loaded.append(load_object(plugin, [each.name for each in loaded]))
        except Unusable as error:
            errors.append(f"plugins=: {error}")
    authenticators = [each.name for each in loaded if "authenticate" in each.hooks]
    if len(authenticators) > 1:
        errors.append(f"plugins: {' and '.join(authenticators)} both authenticate (one plugin may)")
    if errors:
        for each in loaded:
            discard(each)
        raise ConfigError(errors)
    return loaded


def load(entry: Entry, taken: Sequence[str]) -> LoadedPlugin:
    """In this process or in a worker. Blocks. Unusable."""
    use, settings, hooks, place, isolation, memory = entry
    given = {hook: options_given(options) for hook, options in hooks.items()}
    if (isolation or plugin_class(use, folder_of(place)).isolation) == "process":
        return replace(load_isolated(IsolatedPlugin(use, settings, given, place, taken, memory), place), entry=entry)
    return replace(load_here(use, settings, given, place, taken), entry=entry)


def load_object(plugin: Plugin, taken: Sequence[str]) -> LoadedPlugin:
    if not isinstance(plugin, Plugin) or plugin.isolation != "process":
        return prepare(plugin, "plugins=", {}, taken)
    return load_isolated(IsolatedPlugin(use_of(type(plugin)), json.dumps(dict(plugin.settings)), {}, "plugins=", taken), "plugins=")


def load_isolated(plugin: IsolatedPlugin, place: str) -> LoadedPlugin:
    try:
        plugin.launch()
    except WorkerFailed as error:
        raise Unusable(str(error)) from None
    plugin.log = logging.getLogger(f"madang.plugins.{plugin.own_name}")
    return LoadedPlugin(plugin, plugin.own_name, place, plugin.own_hooks)


def load_here(use: str, settings: str, given: Mapping[str, Mapping[str, Any]], place: str, taken: Sequence[str]) -> LoadedPlugin:
    """In this process. Unusable."""
    found = plugin_class(use, folder_of(place))
    try:
        plugin = found()
    except (Exception, SystemExit) as error:
        what = f"{where_it_failed(error)}{text_of(error)}"
        raise Unusable(f"{use} can't be made: {what} (its __init__ takes no arguments)") from error
    plugin.settings = MappingProxyType(json.loads(settings))
    return prepare(plugin, place, given, taken)


def discard(loaded: LoadedPlugin) -> None:
    """One that was never set up."""
    if isinstance(loaded.plugin, IsolatedPlugin):
        loaded.plugin.discard()


def has_selftest(plugin: Plugin) -> bool:
    return plugin.own_selftest if isinstance(plugin, IsolatedPlugin) else type(plugin).selftest is not Plugin.selftest


def folder_of(place: str) -> Path | None:
    """Of the configuration's file, as `madang.toml:3` tells it."""
    file = Path(place.rpartition(":")[0])
    return file.resolve().parent if file.is_file() else None


def use_of(plugin: type[Plugin]) -> str:
    """How another process finds this class."""
    found: object = sys.modules.get(plugin.__module__) if plugin.__module__ != "__main__" else None
    for part in plugin.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not plugin:
        raise Unusable(
            f'{plugin.__qualname__} can\'t be imported by another process, which isolation = "process" needs (put it into a module)'
        )
    return f"{plugin.__module__}:{plugin.__qualname__}"


def options_given(options: tuple[int | None, str, str]) -> dict[str, Any]:
    timeout, on_error, mode = options
    given = {"timeout": None if timeout is None else timeout / 1000, "on_error": on_error, "mode": mode}
    return {key: value for key, value in given.items() if value}


def prepare(plugin: Plugin, place: str, given: Mapping[str, Mapping[str, Any]], taken: Sequence[str]) -> LoadedPlugin:
    if not isinstance(plugin, Plugin):
        raise Unusable(f"{plugin!r} is no madang.Plugin")
    name = unique_name(plugin.name or type(plugin).__name__, taken)
    if name == "password":
        raise Unusable('a plugin may not be named "password": accounts made with a password are of that origin')
    has = [hook for hook, kind in HOOKS.items() if kind.method_of(plugin)]
    for hook in (*given, *plugin.hooks):
        if hook not in has:
            raise Unusable(f"{name} has no hook {hook}, so hooks.{hook} says nothing (its hooks: {', '.join(has) or 'none'})")
    if not has:
        raise Unusable(f"{name} has no hook (it defines none of {', '.join(m for kind in HOOKS.values() for m in kind.methods)})")
    if not name.isprintable():
        raise Unusable(f"{name!r} is no name for a plugin: it is written in logs and figures")
    check_providers(name, plugin.providers)
    if plugin.isolation not in ISOLATIONS:
        raise Unusable(f"{name}: isolation is {' or '.join(map(repr, ISOLATIONS))}, not {plugin.isolation!r}")
    plugin.log = logging.getLogger(f"madang.plugins.{name}")
    try:
        hooks = {hook: hook_options(name, hook, {**plugin.hooks.get(hook, {}), **given.get(hook, {})}) for hook in has}
    except ValueError as error:
        raise Unusable(str(error)) from None
    return LoadedPlugin(plugin, name, place, hooks)


def check_providers(name: str, providers: object) -> None:
    are_names = isinstance(providers, (tuple, list)) and all(
        isinstance(each, str) and 1 <= len(each) <= PROVIDER_CHARS for each in providers
    )
    if not are_names:
        raise Unusable(f'{name}: providers is a tuple of names such as ("fcm",), not {providers!r}')


def unique_name(wanted: str, taken: Sequence[str]) -> str:
    name, n = wanted, 1
    while name in taken:
        n += 1
        name = f"{wanted}-{n}"
    return name
