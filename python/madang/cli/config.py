"""`madang config check | show | doc`."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING

from madang.cli.store import configuration_of, print_json
from madang.core import _core, translated
from madang.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def check(arguments: argparse.Namespace) -> int:
    config = None
    try:
        config, overrides = configuration_of(arguments)
        errors = _core.check_config(config, overrides)
    except ConfigError as missing:
        errors = missing.errors
    if arguments.json:
        for error in errors:
            print_json(error=error)
    elif errors:
        print("\n".join(errors), file=sys.stderr)
    else:
        print(f"{config or 'defaults'}: no errors")
    return 1 if errors else 0


def show(arguments: argparse.Namespace) -> None:
    config, overrides = configuration_of(arguments)
    with translated():
        text = _core.show_config(config, overrides).rstrip("\n")
    if arguments.json:
        print_keys(text, comment_before=None)
    else:
        print(text)


def doc(arguments: argparse.Namespace) -> None:
    text = _core.config_doc().rstrip("\n")
    if arguments.json:
        print_keys(text, comment_before="about")
    else:
        print(text)


def print_keys(text: str, *, comment_before: str | None) -> None:
    """Each key of a TOML text, with its comment: behind it (where it comes from), or in the lines before it."""
    section, comments = "", list[str]()
    for line in text.splitlines():
        if line.startswith("["):
            section, comments = line.strip("[]"), []
        elif line.startswith("#"):
            comments.append(line.removeprefix("#").strip())
        elif line.strip():
            [(key, value)] = tomllib.loads(line).items()
            told = {"from": line.rpartition("#")[2].strip()} if comment_before is None else {comment_before: " ".join(comments)}
            print_json(key=f"{section}.{key}", value=value, **told)
            comments = []
