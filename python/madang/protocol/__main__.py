"""`python -m madang.protocol`: writes the two documents anew; with `--check` it fails when they are old, and writes nothing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from madang.protocol import FOLDER, asyncapi_document, openapi_document

if TYPE_CHECKING:
    from collections.abc import Mapping


def text_of(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def generated() -> dict[str, str]:
    """What each file should hold, by its name."""
    return {
        "openapi.json": text_of(openapi_document.document()),
        "asyncapi.json": text_of(asyncapi_document.document()),
    }


def main(arguments: list[str]) -> int:
    old = [
        name for name, text in generated().items() if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for name in old:
            print(f"{name} is old: python -m madang.protocol", file=sys.stderr)
        return 1 if old else 0
    if arguments:
        print("usage: python -m madang.protocol [--check]", file=sys.stderr)
        return 2
    for name in old:
        (FOLDER / name).write_text(generated()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
