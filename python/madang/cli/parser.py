"""What can be typed. Only argparse here, so that `--help` and a wrong option are answered at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXAMPLES = """\
examples:
  madang init && madang serve                a folder to start from, then the server
  madang serve --demo --data /tmp/yard       try it: an empty store gets alice, bob and carol
  madang user add alice --password           asks for the password
  madang token mint alice                    a token for scripts and bots
  madang tail 1234567890 --token "$TOKEN"    follow a conversation
  madang chat @bob --user alice              talk

Every key of the configuration is also read from the environment: MADANG_SERVER__PORT=9000 stands for port in [server].
"""


class Parsers(Protocol):
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...  # noqa: A002


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="madang",
        description="A chat server: one process, one folder, one port.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=Version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_serve(commands)
    add_init(commands)
    add_config(commands)
    add_plugin(commands)
    add_user(commands)
    add_token(commands)
    add_held(commands)
    add_seed(commands)
    add_push(commands)
    add_tail(commands)
    add_chat(commands)
    return parser


class Version(argparse.Action):
    """The core knows the version, and is loaded only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from madang.core import _core

        print(f"madang {_core.version}")
        parser.exit()


def add_command(commands: Parsers, name: str, run: str, about: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    command.set_defaults(run=run)
    return command


def add_group(commands: Parsers, name: str, about: str) -> Parsers:
    group = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def add_store_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("-c", "--config", metavar="FILE", help="configuration; without it ./madang.toml, if there is one")
    command.add_argument("--data", metavar="DIR", help="folder of the store (MADANG_SERVER__DATA)")


def add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def number(at_least: int, at_most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else -1
        if not at_least <= value <= at_most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {at_least} to {at_most}")
        return value

    return parse


def add_serve(commands: Parsers) -> None:
    serve = add_command(commands, "serve", "serve:serve", "run the server until SIGTERM or ctrl-C")
    add_store_options(serve)
    serve.add_argument("--host", metavar="H", help="address to listen on (MADANG_SERVER__HOST)")
    serve.add_argument("--port", metavar="P", type=number(0, 65_535), help="0 = any free port (MADANG_SERVER__PORT)")
    serve.add_argument("--engines", metavar="N", type=number(1, 64), help="engines that share the work (MADANG_SERVER__ENGINES)")
    serve.add_argument("--clock", choices=("system", "movable"), help="movable: for tests, which move it on (MADANG_SERVER__CLOCK)")
    serve.add_argument("--demo", action="store_true", help="give an empty store the users alice, bob and carol, and print their tokens")
    add_json(serve)


def add_init(commands: Parsers) -> None:
    init = add_command(commands, "init", "init:init", "write a configuration, a plugin and a bot to start from")
    init.add_argument("dir", metavar="DIR", nargs="?", default=".", help="folder, made if need be (default: this one)")
    add_json(init)


def add_config(commands: Parsers) -> None:
    group = add_group(commands, "config", "check, show and explain the configuration")
    check = add_command(group, "check", "config:check", "report every error with its file, line, key and a hint")
    show = add_command(group, "show", "config:show", "print the values in effect and where each comes from")
    for command in (check, show):
        add_store_options(command)
    doc = add_command(group, "doc", "config:doc", "print every key with its default and its meaning")
    for command in (check, show, doc):
        add_json(command)


def add_plugin(commands: Parsers) -> None:
    group = add_group(commands, "plugin", "write, check, list and reload plugins")
    new = add_command(group, "new", "plugin:new", "write a plugin to start from, with its test")
    new.add_argument("name", metavar="NAME", help="such as word-filter")
    new.add_argument("dir", metavar="DIR", nargs="?", default=".", help="folder, made if need be (default: this one)")
    check = add_command(group, "check", "plugin:check", "import, set up and self-test plugins, and name file and line of what is wrong")
    check.add_argument(
        "use", metavar="USE", nargs="?", help="module:Class, path.py:Class, or an installed plugin (default: the configuration's)"
    )
    check.add_argument("--settings", metavar="JSON", default="{}", help="of the plugin that USE names")
    listing = add_command(group, "list", "plugin:list_plugins", "list the plugins of the running server, with figures of each hook")
    reload = add_command(
        group, "reload", "plugin:reload", "have the running server take new code and settings in; the old stays if they fail"
    )
    reload.add_argument("name", metavar="NAME", nargs="?", help="of one plugin (default: all of the configuration)")
    for command in (check, listing, reload):
        add_store_options(command)
    for command in (new, check, listing, reload):
        add_json(command)


def add_user(commands: Parsers) -> None:
    group = add_group(commands, "user", "accounts of the running server, or of a stopped one's store")
    add = add_command(group, "add", "accounts:add_user", "make an account")
    add.add_argument("username")
    add.add_argument(
        "--password", action="store_true", help="ask for a password (or read it from standard input); without one, tokens only"
    )
    add.add_argument("--display-name", metavar="NAME", default="")
    add.add_argument("--role", metavar="ROLE", action="append", default=[], help="a role on this server, such as operator; repeatable")
    listing = add_command(group, "list", "accounts:list_users", "list the accounts")
    disable = add_command(group, "disable", "accounts:disable_user", "shut an account: no log-in, its tokens end")
    disable.add_argument("username")
    disable.add_argument("--undo", action="store_true", help="open it again")
    audit = add_command(group, "audit", "accounts:audit_users", "recount unread, mentions and read markers; exit code 1 if any differ")
    whose = audit.add_mutually_exclusive_group(required=True)
    whose.add_argument("username", nargs="?", default="")
    whose.add_argument("--all", action="store_true", help="of every account")
    for command in (add, listing, disable, audit):
        add_store_options(command)
        add_json(command)


def add_held(commands: Parsers) -> None:
    group = add_group(commands, "held", "messages that plugins have kept back for review")
    listing = add_command(group, "list", "held:list_held", "list what waits for review, oldest first")
    release = add_command(group, "release", "held:release", "let a message into its conversation, as if it were sent now")
    refuse = add_command(group, "refuse", "held:refuse", "throw a message away")
    for command in (release, refuse):
        command.add_argument("held_id", metavar="HELD_ID")
    for command in (listing, release, refuse):
        add_store_options(command)
        add_json(command)


def add_token(commands: Parsers) -> None:
    group = add_group(commands, "token", "tokens without a log-in")
    mint = add_command(group, "mint", "accounts:mint_token", "print a new token of a user")
    mint.add_argument("username")
    mint.add_argument("--device", metavar="NAME", default="", help="name of the device that the token stands for")
    add_store_options(mint)
    add_json(mint)


def add_seed(commands: Parsers) -> None:
    seed = add_command(commands, "seed", "accounts:seed", "fill a store with users, direct conversations and groups")
    seed.add_argument("--users", metavar="N", type=number(1, 10_000_000), required=True)
    seed.add_argument("--group-size", metavar="G", type=number(0, 1_000), default=0, help="members of each group (default: no groups)")
    seed.add_argument("--out", metavar="FILE", required=True, help="TSV, made with mode 0600: index, user_id, token, direct_id, group_id")
    add_json(seed)
    add_store_options(seed)


def add_push(commands: Parsers) -> None:
    group = add_group(commands, "push", "notifications")
    dead = add_command(group, "dead", "accounts:list_dead_pushes", "list the notifications that were given up")
    add_store_options(dead)
    add_json(dead)


def add_tail(commands: Parsers) -> None:
    tail = add_command(commands, "tail", "tail:tail", "follow a conversation in the terminal")
    tail.add_argument("conversation", metavar="CONVERSATION", help="its id")
    tail.add_argument("--url", default=None, help="the server (MADANG_URL; default: http://127.0.0.1:8080)")
    tail.add_argument("--token", default=None, help="of a member (MADANG_TOKEN)")
    tail.add_argument(
        "-n", "--last", metavar="N", type=number(0, 100), default=10, help="how many older messages to begin with (default: 10)"
    )
    add_json(tail)


def add_chat(commands: Parsers) -> None:
    chat = add_command(commands, "chat", "chat:chat", "talk in the terminal")
    chat.add_argument("conversation", metavar="WHERE", nargs="?", help="@username, or a conversation's id (default: shows the list)")
    chat.add_argument("--url", default=None, help="the server (MADANG_URL; default: http://127.0.0.1:8080)")
    chat.add_argument(
        "-u", "--user", metavar="NAME", default=None, help="logs in, asking for the password (MADANG_USERNAME, MADANG_PASSWORD)"
    )
    chat.add_argument("--token", default=None, help="instead of a log-in (MADANG_TOKEN)")
    add_json(chat)
