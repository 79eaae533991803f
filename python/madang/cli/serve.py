"""`madang serve`: the server in the foreground. Signals are taken by the core: SIGTERM and ctrl-C drain, a second one stops at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from madang.cli.store import configuration_of, print_json
from madang.core import _core, translated

if TYPE_CHECKING:
    import argparse

DEMO_USERS = ("alice", "bob", "carol")


def serve(arguments: argparse.Namespace) -> int:
    config, overrides = configuration_of(arguments)
    with translated():
        server = _core.Server(config, overrides, handle_signals=True)
        server.start()
    try:
        if arguments.demo:
            seed_demo(server.data, as_json=arguments.json)
        if arguments.json:
            print_json(ready=server.url, pid=os.getpid(), data=server.data)
        else:
            print(f"ready {server.url} (pid {os.getpid()}, data {server.data})", flush=True)
        return server.wait()
    finally:
        server.stop()


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
