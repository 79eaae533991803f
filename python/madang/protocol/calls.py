"""Every call of the HTTP interface. Immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from madang.protocol.schemas import (
    CLIENT_ID,
    CONVERSATION_SETTINGS,
    CURSOR,
    FLAG,
    ID,
    MESSAGE_TEXT,
    OBJECT,
    PASSWORD,
    SEQ,
    TEXT,
    TIME,
    USERNAME,
    Schema,
    list_of,
    record,
    ref,
    words,
)


@dataclass(frozen=True)
class Parameter:
    """Of the query string."""

    name: str
    schema: Schema
    about: str = ""
    is_required: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One method of one path.

    Attributes:
        name: of the operation.
        route: method and path, as in the table of cpp/net/routes.cpp.
        about: the first sentence is its summary.
        access: without a token, with one, with one of an account whose server role is `operator`, or with one that a browser may offer as a
            subprotocol.
        answers: for each 2xx status a schema of JSON, a media type of plain text, or None for no body.
        refusals: codes, besides those that every call of its kind may answer.
        body: of the request; None = there is none.
        is_body_optional: whether the request may come without it.
    """

    name: str
    route: str
    about: str
    access: Literal["anyone", "user", "operators", "handshake"] = "user"
    query: tuple[Parameter, ...] = ()
    body: Schema | None = None
    is_body_optional: bool = False
    answers: dict[int, Schema | str | None] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        return self.route.split()[0]

    @property
    def path(self) -> str:
        return self.route.split()[1]

    @property
    def tag(self) -> str:
        """The first word after the version; what is outside of it is the server's."""
        _, first, *rest = self.path.split("/")
        return rest[0] if first == "v1" and rest[0] in TAGS else "server"

    @property
    def codes(self) -> set[str]:
        """Every code that it may answer."""
        codes = {"bad_request", "unavailable", "internal", *self.refusals}
        if self.access != "anyone":
            codes |= {"unauthenticated"}
        if self.access == "operators":
            codes |= {"forbidden"}
        if self.body is not None:
            codes |= {"too_large"}
        if self.access in ("user", "operators") and self.method != "GET":
            codes |= {"storage_full"}
        return codes


TAGS: Final = (
    "users",
    "sessions",
    "devices",
    "friends",
    "blocks",
    "conversations",
    "invites",
    "mentions",
    "presence",
    "sync",
    "connect",
    "admin",
    "server",
)
PLAIN: Final = "text/plain"
OF_A_MEMBER: Final = ("not_found", "not_a_member")
OF_THE_RIGHT: Final = (*OF_A_MEMBER, "forbidden")
LIMIT: Final = Parameter("limit", {"type": "integer", "minimum": 1}, "A larger one is cut to 100.")
PAGED: Final = (LIMIT, Parameter("next", {"type": "string", "pattern": "^[0-9]{1,19}$"}, "Of the page before."))
DURATION: Final = {"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m)$"}
PARTIAL: Final = ("display_name", "settings")

CALLS: Final[tuple[Call, ...]] = (
    # ---- the server ----
    Call(name="healthz", route="GET /healthz", about="Whether the process lives.", access="anyone", answers={200: PLAIN}),
    Call(name="readyz", route="GET /readyz", about="Whether it serves.", access="anyone", answers={200: PLAIN}),
    Call(name="metrics", route="GET /metrics", about="Figures, as Prometheus reads them.", access="anyone", answers={200: PLAIN}),
    Call(name="openapi", route="GET /openapi.json", about="This document.", access="anyone", answers={200: {"type": "object"}}),
    Call(
        name="asyncapi",
        route="GET /asyncapi.json",
        about="The WebSocket's document.",
        access="anyone",
        answers={200: {"type": "object"}},
    ),
    Call(
        name="list_servers",
        route="GET /v1/servers",
        about="Chat servers, best first.",
        access="anyone",
        query=(Parameter("region", TEXT, "The caller's own; servers there come first."),),
        answers={200: ref("Servers")},
    ),
    # ---- accounts and devices ----
    Call(
        name="sign_up",
        route="POST /v1/users",
        about="Make an account.",
        access="anyone",
        body=record("", optional=("display_name",), username=USERNAME, password=PASSWORD, display_name=TEXT),
        answers={201: ref("Account")},
        refusals=("username_taken", "forbidden", "storage_full"),
    ),
    Call(
        name="log_in",
        route="POST /v1/sessions",
        about="Log in. Makes a new device; one over `limits.devices_per_user` signs out the device unused for longest. "
        "Wrong passwords for a username: ten at once, then one every ten seconds, or `rate_limited`.",
        access="anyone",
        query=(Parameter("region", TEXT, "The caller's own, for the order of `servers`."),),
        body=record(
            "Either `username` and `password` or, where a plugin of the server authenticates, `credentials`.",
            optional=("username", "password", "credentials", "device"),
            username=USERNAME,
            password=TEXT,
            credentials={"type": "object", "description": "Goes to the plugin as it is."},
            device=record("How the device calls itself.", optional=("name", "platform"), name=TEXT, platform=TEXT),
        ),
        answers={201: ref("Session")},
        refusals=("unauthenticated", "forbidden", "username_taken", "too_large", "plugin_unavailable", "storage_full", "rate_limited"),
    ),
    Call(
        name="log_out",
        route="DELETE /v1/sessions/current",
        about="Log out. The token is good no longer, and the device's socket closes with 4003.",
        answers={204: None},
    ),
    Call(name="list_sessions", route="GET /v1/sessions", about="The account's devices.", answers={200: ref("Sessions")}),
    Call(
        name="revoke_session",
        route="DELETE /v1/sessions/{device_id}",
        about="Sign out a device of one's own.",
        answers={204: None},
        refusals=("not_found",),
    ),
    Call(
        name="put_push",
        route="PUT /v1/devices/current/push",
        about="Where this device may be reached when it isn't connected. Any object with a `provider`, of up to 4 KiB; what else must "
        "stand in it is the provider's to say. It replaces the one before, and goes with the device.",
        body={
            "type": "object",
            "properties": {"provider": {"type": "string", "minLength": 1, "maxLength": 32, "description": "Such as `webpush` or `fcm`."}},
            "required": ["provider"],
        },
        answers={204: None},
    ),
    Call(name="delete_push", route="DELETE /v1/devices/current/push", about="This device is notified no more.", answers={204: None}),
    Call(
        name="find_users",
        route="GET /v1/users",
        about="Find a user by name.",
        query=(Parameter("username", TEXT, "Upper and lower case count as equal.", is_required=True),),
        answers={200: ref("Users")},
    ),
    Call(name="get_me", route="GET /v1/users/me", about="One's own account.", answers={200: ref("Account")}),
    Call(
        name="update_me",
        route="PATCH /v1/users/me",
        about="Change one's own account; what is left out stays.",
        body=record("", optional=PARTIAL, display_name=TEXT, settings=OBJECT),
        answers={200: ref("Account")},
    ),
    Call(
        name="get_user",
        route="GET /v1/users/{id}",
        about="A user; of oneself with `settings`.",
        answers={200: {"anyOf": [ref("User"), ref("Account")]}},
        refusals=("not_found",),
    ),
    Call(
        name="change_password",
        route="PUT /v1/users/me/password",
        about="Change the password. The account's other devices are signed out, this one stays. `forbidden`: the old one is wrong, or the "
        "account has none, since it was made by a plugin or an administrator.",
        body=record("", old_password=TEXT, new_password=PASSWORD),
        answers={204: None},
        refusals=("forbidden", "rate_limited"),
    ),
    Call(
        name="delete_me",
        route="DELETE /v1/users/me",
        about="Delete one's account. Every device is signed out at once, the username is never given again, and everybody sees a deleted "
        "user. In the background the account leaves its groups, of which somebody else becomes the owner, its friendships and blocks end, "
        "and what only it could see is erased. Its messages stay. Nothing can be written in its direct conversations any more: `blocked`.",
        answers={204: None},
    ),
    Call(
        name="export_me",
        route="GET /v1/users/me/export",
        about="All that one's account has, page by page. A page holds at most `limit` friends, blocks, conversations and messages "
        "together, so neither side ever holds more.",
        query=(LIMIT, Parameter("next", {"type": "string", "pattern": "^[a-z]{6,13}-[0-9]{1,20}-[0-9]{1,20}$"}, "Of the page before.")),
        answers={200: ref("Export")},
        refusals=("rate_limited",),
    ),
    Call(
        name="audit_user",
        route="GET /v1/admin/audit",
        about="Recount what a user is served. Unread counts, mentions and read markers are counted anew from the logs; what differs is "
        "told. A mention may differ for a moment while a message is being edited: look again.",
        access="operators",
        query=(Parameter("username", TEXT, "Upper and lower case count as equal.", is_required=True), PAGED[1]),
        answers={200: ref("Audit")},
        refusals=("not_found",),
    ),
    # ---- friends and blocks ----
    Call(
        name="list_friends",
        route="GET /v1/friends",
        about="Friends, and requests both ways, in order of user id.",
        query=PAGED,
        answers={200: ref("Friends")},
    ),
    Call(
        name="put_friend",
        route="PUT /v1/friends/{user_id}",
        about="Ask for friendship; who was asked accepts by it. Who blocks the caller hears nothing, nor does the caller of that.",
        answers={200: ref("Friend")},
        refusals=("not_found", "blocked"),
    ),
    Call(
        name="remove_friend",
        route="DELETE /v1/friends/{user_id}",
        about="End a friendship, withdraw a request or refuse one.",
        answers={200: ref("Friend")},
        refusals=("not_found",),
    ),
    Call(
        name="list_blocks",
        route="GET /v1/blocks",
        about="The users whom the caller blocks, in order of user id.",
        query=PAGED,
        answers={200: ref("Blocks")},
    ),
    Call(
        name="put_block",
        route="PUT /v1/blocks/{user_id}",
        about="Block a user: no direct messages, and neither sees the other's presence, typing or receipts. All else is kept.",
        answers={204: None},
        refusals=("not_found",),
    ),
    Call(
        name="remove_block",
        route="DELETE /v1/blocks/{user_id}",
        about="Lift a block. Everything is as it was.",
        answers={204: None},
        refusals=("not_found",),
    ),
    # ---- conversations ----
    Call(
        name="create_conversation",
        route="POST /v1/conversations",
        about="Make a group, or get the direct conversation with a user, which is made when there is none.",
        body={
            "oneOf": [
                record("The one direct conversation of two users.", kind={"const": "direct"}, user_id=ID),
                record(
                    "A group, with the caller as its owner.",
                    optional=("members", "client_id"),
                    kind={"const": "group"},
                    title=TEXT,
                    members=list_of(ID, "At most 100 with the owner, by default; all or none become members."),
                    client_id={
                        **CLIENT_ID,
                        "description": "A repeat makes no second group, whatever else it says: it is answered with the first, or "
                        "`not_a_member` once the caller has left that.",
                    },
                ),
            ]
        },
        answers={201: ref("Conversation"), 200: ref("Conversation")},
        refusals=("not_found", "blocked", "group_full", "not_a_member"),
    ),
    Call(
        name="list_conversations",
        route="GET /v1/conversations",
        about="One's conversations, newest activity first. A page ends early when its last messages are large.",
        query=PAGED,
        answers={200: ref("Conversations")},
    ),
    Call(
        name="get_conversation",
        route="GET /v1/conversations/{id}",
        about="A conversation.",
        answers={200: ref("Conversation")},
        refusals=OF_A_MEMBER,
    ),
    Call(
        name="update_conversation",
        route="PATCH /v1/conversations/{id}",
        about="Change a group's title or settings; what is left out stays.",
        body=record(
            "",
            optional=("title", "settings"),
            title=TEXT,
            settings=record("", optional=tuple(CONVERSATION_SETTINGS), **CONVERSATION_SETTINGS),
        ),
        answers={200: ref("Conversation")},
        refusals=OF_THE_RIGHT,
    ),
    Call(
        name="update_view",
        route="PATCH /v1/conversations/{id}/me",
        about="Change one's own view of a conversation; what is left out stays. Pinned ones are first in the list. "
        "An archived one stays archived whatever is written there, and counts for nothing in `unread_total`.",
        body=record(
            "",
            optional=("pinned", "archived", "muted_until"),
            pinned=FLAG,
            archived=FLAG,
            muted_until={"anyOf": [TIME, {"type": "null"}], "description": "No notifications until then; null = no longer muted."},
        ),
        answers={200: ref("Conversation")},
        refusals=OF_A_MEMBER,
    ),
    Call(
        name="mark_read",
        route="PUT /v1/conversations/{id}/read",
        about="Everything up to `seq` is read. The marker only moves forward: beyond the end it is cut to it, a lower one changes nothing. "
        "`bad_request` where more than 100,000 entries lie on either side of it: they would all have to be counted.",
        body=record("", seq=SEQ),
        answers={200: ref("ReadState")},
        refusals=(*OF_A_MEMBER, "rate_limited"),
    ),
    Call(
        name="list_members",
        route="GET /v1/conversations/{id}/members",
        about="Who belongs to a conversation.",
        query=PAGED,
        answers={200: ref("Members")},
        refusals=OF_A_MEMBER,
    ),
    Call(
        name="put_member",
        route="PUT /v1/conversations/{id}/members/{user_id}",
        about="Make a user a member of a group, give a member another role, or mute one. "
        "By `owner` the owner gives that role away and is an admin then. A mute outlasts leaving and coming back.",
        body=record(
            "",
            optional=("role", "muted_until"),
            role=words("owner", "admin", "member"),
            muted_until={
                "type": ["string", "null"],
                "format": "date-time",
                "description": "Until then the member may not write; null or a past time lifts the mute.",
            },
        ),
        is_body_optional=True,
        answers={200: ref("Member")},
        refusals=(*OF_THE_RIGHT, "blocked", "group_full"),
    ),
    Call(
        name="remove_member",
        route="DELETE /v1/conversations/{id}/members/{user_id}",
        about="Remove a member from a group; oneself = leave it.",
        answers={204: None},
        refusals=OF_THE_RIGHT,
    ),
    # ---- presence ----
    Call(
        name="get_presence",
        route="GET /v1/presence",
        about="Whether users are online, on demand. Seen by friends and by those who share a conversation; of others everybody is offline.",
        query=(
            Parameter(
                "users", {"type": "string", "pattern": "^[0-9]{1,20}(,[0-9]{1,20})*$"}, "Ids with commas, 100 at most.", is_required=True
            ),
        ),
        answers={200: ref("PresencePage")},
    ),
    Call(
        name="list_presence",
        route="GET /v1/conversations/{id}/presence",
        about="Which members of a conversation are online, on demand: for large groups on entry or refresh.",
        query=PAGED,
        answers={200: ref("PresencePage")},
        refusals=OF_A_MEMBER,
    ),
    # ---- who may come in ----
    Call(
        name="list_bans",
        route="GET /v1/conversations/{id}/bans",
        about="Who is banned from a group.",
        query=PAGED,
        answers={200: ref("Bans")},
        refusals=OF_THE_RIGHT,
    ),
    Call(
        name="put_ban",
        route="PUT /v1/conversations/{id}/bans/{user_id}",
        about="Ban a user from a group. A member leaves it; nobody can invite the user any more, and no link lets them in.",
        answers={200: ref("Ban")},
        refusals=(*OF_THE_RIGHT, "group_full"),
    ),
    Call(
        name="remove_ban",
        route="DELETE /v1/conversations/{id}/bans/{user_id}",
        about="Lift a ban.",
        answers={204: None},
        refusals=OF_THE_RIGHT,
    ),
    Call(
        name="create_invite",
        route="POST /v1/conversations/{id}/invites",
        about="Make a link into a group, for those who may invite. A group has at most 100 live ones.",
        body=record(
            "",
            optional=("expires_in", "max_uses"),
            expires_in={"type": "integer", "minimum": 1, "maximum": 31_622_400, "description": "Seconds; left out = it never ends."},
            max_uses={"type": "integer", "minimum": 1, "maximum": 10_000, "description": "Left out = any number."},
        ),
        is_body_optional=True,
        answers={201: ref("Invite")},
        refusals=(*OF_THE_RIGHT, "group_full"),
    ),
    Call(
        name="list_invites",
        route="GET /v1/conversations/{id}/invites",
        about="The live links into a group, for those who may invite.",
        query=(LIMIT, Parameter("next", {"type": "string"}, "Of the page before.")),
        answers={200: ref("Invites")},
        refusals=OF_THE_RIGHT,
    ),
    Call(
        name="revoke_invite",
        route="DELETE /v1/conversations/{id}/invites/{code}",
        about="End a link, for those who may invite.",
        answers={204: None},
        refusals=OF_THE_RIGHT,
    ),
    Call(
        name="accept_invite",
        route="POST /v1/invites/accept",
        about="Join a group by a link. Who is a member already gets the group and uses nothing up, so a repeat does no harm.",
        body=record("", code=TEXT),
        answers={200: ref("Conversation")},
        refusals=("not_found", "forbidden", "group_full"),
    ),
    # ---- messages ----
    Call(
        name="send_message",
        route="POST /v1/conversations/{id}/messages",
        about="Send a message. The same `client_id` in the same conversation is the same message, however late: 200 instead of 201. "
        "202: it is kept back for review, and in no conversation yet; a repeat is answered the same, and with the message once it is "
        "released.",
        body=record("", client_id=CLIENT_ID, text=MESSAGE_TEXT),
        answers={201: ref("Message"), 200: ref("Message"), 202: record("", held=ref("Held"))},
        refusals=(
            *OF_THE_RIGHT,
            "muted",
            "blocked",
            "denied_by_policy",
            "plugin_unavailable",
            "client_id_reused",
            "text_too_long",
            "rate_limited",
        ),
    ),
    Call(
        name="edit_message",
        route="PATCH /v1/conversations/{id}/messages/{seq}",
        about="Give a message of one's own another text. The same text again changes nothing.",
        body=record("", text=MESSAGE_TEXT),
        answers={200: ref("Message")},
        refusals=(*OF_THE_RIGHT, "muted", "blocked", "denied_by_policy", "plugin_unavailable", "text_too_long", "rate_limited"),
    ),
    Call(
        name="delete_message",
        route="DELETE /v1/conversations/{id}/messages/{seq}",
        about="Take a message's text away: one's own or, as the owner or an admin, anybody's. Its place stays.",
        answers={200: ref("Message")},
        refusals=(*OF_THE_RIGHT, "rate_limited"),
    ),
    Call(
        name="get_history",
        route="GET /v1/conversations/{id}/messages",
        about="Read a conversation's messages, at most one of `before`, `after` and `around`; none of them = the newest.",
        query=(
            Parameter("before", SEQ),
            Parameter("after", SEQ),
            Parameter("around", SEQ),
            LIMIT,
        ),
        answers={200: ref("History")},
        refusals=OF_A_MEMBER,
    ),
    Call(
        name="list_mentions",
        route="GET /v1/mentions",
        about="The messages that mention the caller, newest first, of the conversations the caller is in. A page may be short, or even "
        "empty, and yet not be the last one.",
        query=PAGED,
        answers={200: ref("Mentions")},
    ),
    Call(
        name="sync",
        route="GET /v1/sync",
        about="Events after a cursor, which is also an `ack` of it. Without `wait` it polls, with it it waits for the first event.",
        query=(
            Parameter("cursor", CURSOR, "Of the last event that the device has; 0 = none.", is_required=True),
            LIMIT,
            Parameter("wait", DURATION, "Such as `25s`; at most 60 s."),
        ),
        answers={200: ref("Sync")},
        refusals=("resync_required", "rate_limited"),  # more of the account's polls wait than may
    ),
    # ---- operators ----
    Call(
        name="list_held",
        route="GET /v1/admin/held",
        about="What waits for review, oldest first. For operators.",
        access="operators",
        query=PAGED,
        answers={200: ref("HeldMessages")},
    ),
    Call(
        name="review_held",
        route="POST /v1/admin/held/{held_id}",
        about="Release a held message, which stores it as if it were sent now, or refuse it, which frees its `client_id`. "
        "A repeat is answered the same. For operators.",
        access="operators",
        body=record("", action=words("release", "refuse")),
        answers={200: ref("Reviewed")},
        refusals=("not_found", "not_a_member", "muted", "blocked"),
    ),
    Call(
        name="list_dead_pushes",
        route="GET /v1/admin/push/dead",
        about="The notifications that were given up, of all users. For operators.",
        access="operators",
        query=(LIMIT, Parameter("next", {"type": "string", "pattern": "^[0-9]{1,19}[.][0-9]{1,19}[.][0-9]{1,19}$"}, "Of the page before.")),
        answers={200: ref("DeadPushes")},
    ),
    Call(
        name="connect",
        route="GET /v1/connect",
        about="Open the WebSocket, subprotocol `madang.v1`; `/asyncapi.json` says what goes over it. "
        "A browser offers the subprotocols `madang.v1, bearer.<token>`.",
        access="handshake",
        answers={101: None},
        refusals=("forbidden",),
    ),
)
