"""`madang user`, `madang token`, `madang seed` and `madang push`: over the administration socket or in the store."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from madang.cli.progress import progress_bar
from madang.cli.store import administer, configuration_of, print_json, print_rows
from madang.core import _core, translated
from madang.errors import BadRequest

if TYPE_CHECKING:
    import argparse

AUDIT_COLUMNS = ("user_id", "username", "conversations", "unread", "unread_mentions", "mentions", "entries")
DIFFERENCE_COLUMNS = ("user_id", "username", "conversation_id", "seq", "what", "served", "counted")
COUNTS = ("conversations", "unread", "unread_mentions", "mentions", "entries", "seq", "served", "counted", "attempts")
DEAD_COLUMNS = ("user_id", "conversation_id", "seq", "since", "given_up_at", "attempts", "reason", "error")
USER_COLUMNS = ("user_id", "username", "display_name", "origin", "roles", "state", "created_at")


def add_user(arguments: argparse.Namespace) -> None:
    password = ask_password() if arguments.password else ""
    rows = administer(arguments, "user-add", arguments.username, password, arguments.display_name, ",".join(arguments.role))
    print_rows(rows, ("user_id", "username"), as_json=arguments.json)


def ask_password() -> str:
    """From the terminal twice, unseen; from a pipe the first line. Never from the command line, which others can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise BadRequest("the two passwords differ")
    return password


def list_users(arguments: argparse.Namespace) -> None:
    print_rows(administer(arguments, "user-list"), USER_COLUMNS, as_json=arguments.json)


def disable_user(arguments: argparse.Namespace) -> None:
    rows = administer(arguments, "user-disable", arguments.username, *(["on"] if arguments.undo else []))
    print_rows(rows, ("user_id", "state"), as_json=arguments.json)


def audit_users(arguments: argparse.Namespace) -> int:
    """What the server serves against what the logs say: differences, then a line with the sums for each user."""
    rows = administer(arguments, "user-audit", *([arguments.username] if arguments.username else []))
    differences = [row[1:] for row in rows if row[0] == "difference"]
    users = [row[1:] for row in rows if row[0] == "user"]
    if arguments.json:
        print_rows(differences, DIFFERENCE_COLUMNS, as_json=True, numbers=COUNTS)
        print_rows(users, AUDIT_COLUMNS, as_json=True, numbers=COUNTS)
    else:
        for _, username, conversation, seq, what, served, counted in differences:
            place = f"{conversation}, message {seq}" if what == "mention" else conversation
            print(f"{username}: {what} in {place}: {served} served, {counted} counted")
        print(f"{len(users)} users, {sum(int(user[-1]) for user in users)} log entries, {len(differences)} differences")
    return 1 if differences else 0


def mint_token(arguments: argparse.Namespace) -> None:
    rows = administer(arguments, "token-mint", arguments.username, arguments.device)
    if arguments.json:
        print_rows(rows, ("token", "user_id", "device_id", "expires_at"), as_json=True)
    else:
        print(rows[0][0])


def list_dead_pushes(arguments: argparse.Namespace) -> None:
    print_rows(administer(arguments, "push-dead"), DEAD_COLUMNS, as_json=arguments.json, numbers=COUNTS)


def seed(arguments: argparse.Namespace) -> None:
    config, overrides = configuration_of(arguments)
    with progress_bar(f"{arguments.users:,} users") as told, translated():
        rows = _core.seed(config, overrides, arguments.users, arguments.group_size, arguments.out, told)
    if arguments.json:
        print_json(users=rows, out=arguments.out)
    else:
        print(f"{rows} users in {arguments.out}", file=sys.stderr)
