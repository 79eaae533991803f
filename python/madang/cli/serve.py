"""`madang serve`: the server in the foreground. Signals are taken by the core: SIGTERM and ctrl-C drain, a second one stops at once,
also while a plugin keeps the interpreter busy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from madang.cli.store import configuration_of, print_json
from madang.core import _core, translated
from madang.server import load_plugins, plugin_entries

if TYPE_CHECKING:
    import argparse

DEMO_USERS = ("alice", "bob", "carol")


def serve(arguments: argparse.Namespace) -> int:
    config, overrides = configuration_of(arguments)
    if plugin_entries(config, overrides):
        return serve_with_plugins(arguments, config, overrides)
    with translated():
        server = _core.Server(config, overrides, handle_signals=True)
        server.start()
    try:
        greet(arguments, server)
        return server.wait()
    finally:
        server.stop()


def serve_with_plugins(arguments: argparse.Namespace, config: str | None, overrides: dict[str, str]) -> int:
    """The plugins' loop has the main thread, until the core says that the server has stopped."""
    import asyncio
    import logging
    import sys

    from madang.plugins.dispatcher import Dispatcher
    from madang.plugins.running import run_until_stopped

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    plugins = load_plugins(config, overrides)
    loop = asyncio.new_event_loop()
    dispatcher = Dispatcher(plugins, loop, lambda: plugin_entries(config, overrides))
    all_ended = False
    with translated():
        server = _core.Server(config, overrides, handle_signals=True, plugins=[plugin.spec for plugin in plugins])
        server.prepare()
    assert server.plugins is not None
    try:
        loop.run_until_complete(dispatcher.set_up(server.plugins))
        with translated():
            server.start()
        dispatcher.serve(server.plugins, server.data, server.url, on_closed=loop.stop)
        greet(arguments, server)
        run_until_stopped(loop)
        code = server.wait()
    finally:
        server.stop()
        all_ended = loop.run_until_complete(dispatcher.close())
        loop.close()
    if not all_ended:  # a thread sits in a hook, and the interpreter would wait for it
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)
    return code


def greet(arguments: argparse.Namespace, server: _core.Server) -> None:
    if arguments.demo:
        seed_demo(server.data, as_json=arguments.json)
    if arguments.json:
        print_json(ready=server.url, pid=os.getpid(), data=server.data)
    else:
        print(f"ready {server.url} (pid {os.getpid()}, data {server.data})", flush=True)


def seed_demo(data: str, *, as_json: bool) -> None:
    with translated():
        if _core.admin(data, "user-list"):
            if not as_json:
                print("demo: the store has users already; `madang token mint NAME` gives a token", flush=True)
            return
        for name in DEMO_USERS:
            _core.admin(data, "user-add", [name, "", name.capitalize()])
            [[token, user_id, *_]] = _core.admin(data, "token-mint", [name, "demo"])
            if as_json:
                print_json(demo=name, user_id=user_id, token=token)
            else:
                print(f"demo: {name}  id {user_id}  token {token}", flush=True)
