"""`madang held`: the review queue, over the administration socket or in the store itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from madang.cli.store import administer, print_json, print_rows

if TYPE_CHECKING:
    import argparse

COLUMNS = ("held_id", "conversation_id", "sender_id", "sender_username", "client_id", "text", "reason", "created_at")


def list_held(arguments: argparse.Namespace) -> None:
    rows = administer(arguments, "held-list")
    if not arguments.json:  # a message may have many lines, a row of a table has one
        rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    print_rows(rows, COLUMNS, as_json=arguments.json)


def release(arguments: argparse.Namespace) -> None:
    [[held_id, state, conversation_id, seq]] = administer(arguments, "held-release", arguments.held_id)
    if arguments.json:
        print_json(held_id=held_id, state=state, conversation_id=conversation_id, seq=int(seq))
    else:
        print(f"{state}: {seq} in {conversation_id}")


def refuse(arguments: argparse.Namespace) -> None:
    [[held_id, state, *_]] = administer(arguments, "held-refuse", arguments.held_id)
    if arguments.json:
        print_json(held_id=held_id, state=state)
    else:
        print(state)
