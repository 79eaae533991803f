"""`madang chat`: a user's terminal: the conversations, one that is open, what happens in the others.

What is typed is sent to the open conversation, but for lines that begin with a slash. What is shown of a conversation counts as read, on
all of one's devices. Four threads: one reads lines, two show what happens, one moves read markers; the view is shared and takes its lock.
"""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import sys
import threading
from typing import TYPE_CHECKING

from madang.cli.chat_opened import MEMBERS_MAX, Opened
from madang.cli.chat_reading import Reading
from madang.cli.chat_view import JsonView, TerminalView, View
from madang.client.blocking import Client
from madang.client.objects import Presence, Typing
from madang.errors import BadRequest, Error, Unauthenticated

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from madang.client.objects import Conversation, Event, Friend, Message, Signal, User

DEFAULT_URL = "http://127.0.0.1:8080"
SHOWN_FIRST = 20
LISTED_MAX = 100
FRIENDS_MAX = 1_000
SENT_KEPT = 1_000
HELP = """\
/list           your conversations, and what is unread: "3 @1" = three messages, one of them mentions you
/open N         the N-th of the list; also @username, or an id
/who            who belongs to the open one
/older          more of what was said before
/friends        your friends, and who asks to be one
/friend @NAME   asks somebody to be your friend, or accepts
/unfriend @NAME ends that, or refuses
/help           this
/quit           or the end of input
//text          sends /text"""


def chat(arguments: argparse.Namespace) -> int:
    with open_client(arguments) as client:
        view: View = JsonView() if arguments.json else TerminalView(client.user)
        talk = Chat(client, view)
        for follow in (talk.follow, talk.follow_signals, talk.reading.run):
            threading.Thread(target=follow, name="madang-chat", daemon=True).start()
        try:
            if arguments.conversation:
                talk.open(arguments.conversation)
            else:
                talk.list_conversations()
            talk.obey_lines()
        except KeyboardInterrupt:
            pass
        talk.reading.finish()
    return 0


def open_client(arguments: argparse.Namespace) -> Client:
    """With the token, or a log-in.

    Raises:
        Unauthenticated: neither was given, or it isn't good.
    """
    url = arguments.url or os.environ.get("MADANG_URL") or DEFAULT_URL
    username = arguments.user or os.environ.get("MADANG_USERNAME")
    token = None if arguments.user else arguments.token or os.environ.get("MADANG_TOKEN")
    if token:
        return Client(url, token=token)
    if not username:
        raise Unauthenticated("who are you? Give --user NAME, or --token TOKEN (`madang token mint NAME` prints one)")
    password = os.environ.get("MADANG_PASSWORD")
    if password is None:
        if not sys.stdin.isatty():
            raise Unauthenticated("there is no terminal to ask for the password: set MADANG_PASSWORD")
        password = getpass.getpass(f"password of {username}: ")
    return Client(url, username=username, password=password)


class Chat:
    """What was typed becomes calls, what happens becomes lines of the view.

    Args:
        client: whose conversations.
        view: where it is shown.

    Attributes:
        reading: what has been shown, and so was read.
    """

    def __init__(self, client: Client, view: View) -> None:
        self._client = client
        self._view = view
        self._listed: list[Conversation] = []
        self._opened: Opened | None = None
        self._friends = {each.user.id: each.user.name for each in self._all_friends() if each.state == "friends"}
        self._online: dict[str, bool] = {}  # what was told last
        self._told: dict[str, str] = {}  # what a command has said of friends, whose event is still to come
        self._telling = threading.Lock()  # an event may be here before the answer or the page that says the same: it waits
        self._sent: list[str] = []  # client ids of what was typed here and stands there already
        self.reading = Reading(client, view.unread)
        self._commands: dict[str, Callable[[str], None]] = {
            "list": lambda _: self.list_conversations(),
            "open": self.open,
            "who": lambda _: self._who(),
            "older": lambda _: self._older(),
            "friends": lambda _: self._list_friends(),
            "friend": lambda who: self._change(self._client.add_friend, who),
            "unfriend": lambda who: self._change(self._client.remove_friend, who),
            "help": lambda _: self._help(),
        }

    def obey_lines(self) -> None:
        """Until the end of input or `/quit`. What fails is told, and ends nothing."""
        while (line := self._view.read_line()) is not None and line.strip() != "/quit":
            try:
                self._obey(line)
            except Error as error:
                self._view.error(error)

    def _obey(self, line: str) -> None:
        if not line.strip():
            return
        if line.startswith("/") and not line.startswith("//"):
            name, _, rest = line[1:].partition(" ")
            if name not in self._commands:
                raise BadRequest(f"/{name} is no command; /help lists them")
            self._commands[name](rest.strip())
        else:
            self._say(line.removeprefix("/") if line.startswith("//") else line)

    def _say(self, text: str) -> None:
        where = self._must_be_open().conversation
        client_id = os.urandom(12).hex()
        self._sent = [*self._sent[-SENT_KEPT:], client_id]
        message = self._client.send(where, text, client_id=client_id)
        self._view.sent(message)
        self.reading.shown(where.id, message.seq)

    def _must_be_open(self) -> Opened:
        if self._opened is None:
            raise BadRequest("no conversation is open: /open N, or /open @username")
        return self._opened

    # ---- commands ----------------------------------------------------------------------------------------------------------------------

    def list_conversations(self) -> None:
        self._listed = []
        for conversation in self._client.conversations():
            self._listed.append(conversation)
            if len(self._listed) == LISTED_MAX:
                break
        self._view.conversations(self._listed, self._online_of(each.peer for each in self._listed if each.peer is not None))

    def _online_of(self, users: Iterable[User]) -> set[str]:
        wanted = tuple(users)
        return {each.user_id for each in self._client.presence(*wanted) if each.online} if wanted else set()

    def _all_friends(self) -> list[Friend]:
        return list(itertools.islice(self._client.friends(), FRIENDS_MAX))

    def _list_friends(self) -> None:
        friends = self._all_friends()
        self._view.friends(friends, self._online_of(each.user for each in friends))

    def open(self, which: str) -> None:
        """By its number in the list, "@username", or id."""
        with self._telling:
            where = self._conversation(which)
            opened = self._opened = Opened(where)
            self._view.opened(where)
            page = self._client.page(where, limit=SHOWN_FIRST)
            self._show(opened, page.messages)
            if page.messages:
                self.reading.shown(where.id, page.messages[-1].seq)
            self._watch(opened)

    def _watch(self, opened: Opened) -> None:
        """From now on it is told who of them comes and goes."""
        members = list(itertools.islice(self._client.members(opened.conversation), MEMBERS_MAX))
        opened.members = {each.user.id: each for each in members}
        self._online = {}
        self._client.watch(*(each for each in members if each.user != self._client.user))

    def _conversation(self, which: str) -> Conversation:
        if which.startswith("@"):
            return self._client.direct(which)
        if which.isascii() and which.isdigit() and 1 <= int(which) <= len(self._listed):
            return self._client.conversation(self._listed[int(which) - 1])  # it may have changed since
        if not which:
            raise BadRequest("which one? /open N, or /open @username")
        return self._client.conversation(which)

    def _who(self) -> None:
        where = self._must_be_open().conversation
        present = {each.user_id for each in self._client.members_presence(where) if each.online}
        self._view.members(list(self._client.members(where)), present)

    def _older(self) -> None:
        opened = self._must_be_open()
        with self._telling:
            page = self._client.page(opened.conversation, limit=SHOWN_FIRST, before=opened.oldest) if opened.oldest > 1 else None
            if page is None or not page.messages:
                self._view.note("There is nothing before.")
            else:
                self._show(opened, page.messages)

    def _help(self) -> None:
        for line in HELP.splitlines():
            self._view.note(line)

    def _change(self, change: Callable[[str], Friend], who: str) -> None:
        with self._telling:
            friend = change(must_be_named(who))
            self._told[friend.user.id] = friend.state
            self._view.friend(friend)

    def _show(self, opened: Opened, messages: tuple[Message, ...]) -> None:
        for message in messages:
            self._view.message(message)
        opened.show(messages)

    # ---- what happens ------------------------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Shows every event until the client is closed."""
        with contextlib.suppress(Error):
            for event in self._client.events("*"):
                with self._telling:
                    self._happened(event)

    def follow_signals(self) -> None:
        """Shows who comes, goes and writes, until the client is closed."""
        with contextlib.suppress(Error):
            for signal in self._client.signals():
                self._signalled(signal)

    def _signalled(self, signal: Signal) -> None:
        opened = self._opened
        member = opened.members.get(signal.user_id) if opened is not None else None
        name = member.user.name if member is not None else self._friends.get(signal.user_id)
        if name is None:
            return
        if isinstance(signal, Typing) and opened is not None and signal.conversation_id == opened.conversation.id:
            self._view.typing(name)
        elif isinstance(signal, Presence):
            before, self._online[signal.user_id] = self._online.get(signal.user_id), signal.online
            if before != signal.online:
                self._view.presence(name, is_online=signal.online)

    def _happened(self, event: Event) -> None:
        message = event.message
        if message is not None and event.type == "message.created" and message.client_id in self._sent:
            return
        if event.friend is not None:
            self._learn(event.friend)
            if self._told.pop(event.friend.user.id, None) == event.friend.state:
                return
        opened = self._opened
        if opened is None or event.conversation_id != opened.conversation.id:
            self._view.event(event, is_here=False, title=self._title_of(event), changes=())
            self.reading.happened()
            return
        if event.type == "member.joined" and opened.conversation.kind == "direct":
            return  # it begins; nobody comes
        if message is not None and event.type == "message.created" and opened.has_shown(message):
            return  # the page was faster
        self._view.event(event, is_here=True, title=None, changes=opened.take_in(event))
        if message is not None:
            self.reading.shown(event.conversation_id, message.seq)
        else:
            self.reading.happened()

    def _learn(self, friend: Friend) -> None:
        if friend.state == "friends":
            self._friends[friend.user.id] = friend.user.name
        else:
            self._friends.pop(friend.user.id, None)

    def _title_of(self, event: Event) -> str:
        known = next((each for each in self._listed if each.id == event.conversation_id), None)
        if known is not None and known.title:
            return known.title
        return event.conversation.title if event.conversation is not None else ""


def must_be_named(who: str) -> str:
    if not who.startswith("@"):
        raise BadRequest("whom? /friend @username, or /unfriend @username")
    return who
