"""`madang plugin new | check | list | reload`."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from madang.cli.scaffold import class_of, module_of, plugin_files, write_all
from madang.cli.store import configuration_of, print_json, print_rows
from madang.core import _core, translated
from madang.errors import Error

if TYPE_CHECKING:
    import argparse

    from madang.plugins.loading import Entry, LoadedPlugin

LIST_COLUMNS = (
    "plugin",
    "hook",
    "isolation",
    "pid",
    "restarts",
    "waiting",
    "reloads",
    "calls",
    "errors",
    "late",
    "breaker",
    "queue_ms",
    "run_ms",
)
TEXTS = ("plugin", "hook", "isolation", "breaker")
NO_PLACE = "the command line"


def new(arguments: argparse.Namespace) -> None:
    module = module_of(arguments.name)
    folder = Path(arguments.dir)
    plugin, test = write_all(folder, plugin_files(module))
    use = f"{module}:{class_of(module)}"
    if arguments.json:
        print_json(plugin=str(plugin), test=str(test), use=use)
        return
    print(f"{plugin} and {test} written. Next:")
    print(f"  pytest {test}")
    print(f"  madang plugin check {plugin}:{class_of(module)}")
    print(f'  [[plugins]] with use = "{use}" in madang.toml, beside it')


def check(arguments: argparse.Namespace) -> int:
    """Imports, settings, self-test: of one plugin, or of all that the configuration names."""
    if arguments.use is not None:
        entries: list[Entry] = [(arguments.use, settings_of(arguments.settings), {}, NO_PLACE, "", 0)]
    else:
        config, overrides = configuration_of(arguments)
        with translated():
            entries = _core.plugins_of_config(config, overrides)
    if not entries and not arguments.json:
        print("no plugins")
    taken: list[str] = []
    failed = 0
    for entry in entries:
        try:
            loaded = asyncio.run(checked(entry, taken))
        except CheckFailed as failure:
            failed = 1
            if arguments.json:
                print_json(use=entry[0], error=str(failure))
            else:
                print(failure, file=sys.stderr)
            continue
        taken.append(loaded.name)
        tell_good(loaded, entry[0], as_json=arguments.json)
    return failed


class CheckFailed(Error):
    """What is wrong with a plugin, with the file and line of it."""


async def checked(entry: Entry, taken: list[str]) -> LoadedPlugin:
    from madang.plugins.aside import finished
    from madang.plugins.faults import text_of
    from madang.plugins.importing import Unusable
    from madang.plugins.loading import load
    from madang.plugins.reloading import ReloadFailed, set_up
    from madang.plugins.store import MemoryBacking, PluginStore

    use, place = entry[0], entry[3]
    try:
        loaded = load(entry, taken)
    except Unusable as error:
        raise CheckFailed(f"{place}: plugins.use: {error}" if place != NO_PLACE else str(error)) from None
    loaded.plugin.store = PluginStore(MemoryBacking())
    is_good = False
    try:
        await set_up(loaded, lambda: finished(loaded.plugin.setup))
        is_good = True
    except ReloadFailed as error:
        raise CheckFailed(error.message.removeprefix(f"{NO_PLACE}: ")) from None
    finally:
        try:
            await finished(loaded.plugin.close)
        except Exception as error:
            if is_good:  # or it only misses what setup hasn't made
                print(f"{use}: close: {text_of(error)}", file=sys.stderr)
    return loaded


def settings_of(text: str) -> str:
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise CheckFailed(f"--settings: no JSON: {error}") from None
    if not isinstance(settings, dict):
        raise CheckFailed("--settings: no JSON object")
    return text


def tell_good(loaded: LoadedPlugin, use: str, *, as_json: bool) -> None:
    from madang.plugins.loading import has_selftest

    has = has_selftest(loaded.plugin)
    if as_json:
        hooks = {hook: {"timeout": each.timeout, "on_error": each.on_error, "mode": each.mode} for hook, each in loaded.hooks.items()}
        print_json(use=use, name=loaded.name, hooks=hooks, selftest=has)
    else:
        tested = "self-test passed" if has else "no self-test"
        print(f"{use}: good: {loaded.name}, {', '.join(loaded.hooks)}, {tested}")


def list_plugins(arguments: argparse.Namespace) -> None:
    rows = ask_running(arguments, "plugin-list")
    if arguments.json:
        for row in rows:
            values = dict(zip(LIST_COLUMNS, row, strict=True))
            print_json(**{key: value if key in TEXTS else number(value) for key, value in values.items()})
    else:
        print_rows(rows, LIST_COLUMNS, as_json=False)


def number(text: str) -> float | int | None:
    return None if not text else float(text) if "." in text else int(text)


def reload(arguments: argparse.Namespace) -> None:
    for (name,) in ask_running(arguments, "plugin-reload", *([arguments.name] if arguments.name else [])):
        if arguments.json:
            print_json(reloaded=name)
        else:
            print(f"{name} reloaded")


def ask_running(arguments: argparse.Namespace, command: str, *values: str) -> list[list[str]]:
    """Of the running server alone. NotRunning."""
    config, overrides = configuration_of(arguments)
    with translated():
        data = tomllib.loads(_core.show_config(config, overrides))["server"]["data"]
        return _core.admin(data, command, list(values))
