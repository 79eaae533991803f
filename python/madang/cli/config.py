"""`madang config check | show | doc`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from madang.cli.store import configuration_of
from madang.core import _core, translated

if TYPE_CHECKING:
    import argparse


def check(arguments: argparse.Namespace) -> int:
    config, overrides = configuration_of(arguments)
    errors = _core.check_config(config, overrides)
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 1
    print(f"{config or 'defaults'}: no errors")
    return 0


def show(arguments: argparse.Namespace) -> None:
    config, overrides = configuration_of(arguments)
    with translated():
        print(_core.show_config(config, overrides).rstrip("\n"))


def doc(_: argparse.Namespace) -> None:
    print(_core.config_doc().rstrip("\n"))
