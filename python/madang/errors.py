"""Every exception of the package: one class per code of the protocol, and what only a server's owner can meet."""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Anything that went wrong with a server or a request.

    Attributes:
        code: the word of the protocol (`not_a_member`), the same in HTTP problems and WebSocket errors.
        message: for a person; never holds a secret.
        retry_after: seconds after which to try again, where the server said so.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code
        self.retry_after = retry_after


class BadRequest(Error):
    """The request is malformed: no JSON, wrong types, an empty text."""

    code = "bad_request"


class Unauthenticated(Error):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthenticated"


class Forbidden(Error):
    """A member without the right to do this."""

    code = "forbidden"


class Muted(Error):
    """A moderator has muted the sender in this conversation; `retry_after` says for how long."""

    code = "muted"


class NotAMember(Error):
    """The caller has left the conversation or was removed from it."""

    code = "not_a_member"


class Blocked(Error):
    """One of the two users of a direct conversation has blocked the other."""

    code = "blocked"


class DeniedByPolicy(Error):
    """A rule of this server refused the message."""

    code = "denied_by_policy"


class NotFound(Error):
    """It doesn't exist, or the caller was never allowed to know that it does."""

    code = "not_found"


class UsernameTaken(Error):
    """The user name belongs to another account; upper and lower case count as equal."""

    code = "username_taken"


class GroupFull(Error):
    """The group has as many members as `limits.group_members` allows."""

    code = "group_full"


class ClientIdReused(Error):
    """The client id was used for another text before."""

    code = "client_id_reused"


class ResyncRequired(Error):
    """The cursor can't be served: read the list of conversations, then go on from another one.

    Attributes:
        cursor: from where to go on; None where the server didn't say.
        reason: `trimmed`, `ahead` or `restored`.
    """

    code = "resync_required"

    def __init__(self, message: str = "", *, retry_after: float | None = None, cursor: int | None = None, reason: str = "") -> None:
        super().__init__(message, retry_after=retry_after)
        self.cursor = cursor
        self.reason = reason


class TextTooLong(Error):
    """The text has more characters than `limits.text_chars` allows."""

    code = "text_too_long"


class TooLarge(Error):
    """The frame or the body has more bytes than the server takes."""

    code = "too_large"


class RateLimited(Error):
    """Too many requests in too short a time; `retry_after` says when to go on."""

    code = "rate_limited"


class Unavailable(Error):
    """The server can't do it now: it is starting, stopping or overloaded."""

    code = "unavailable"


class PluginUnavailable(Error):
    """A plugin that has to decide this doesn't answer."""

    code = "plugin_unavailable"


class StorageFull(Error):
    """The disk is full; reading goes on."""

    code = "storage_full"


class Internal(Error):
    """A fault of the server itself; its log says more."""

    code = "internal"


class Held(Error):
    """Not an error of anybody's: the server's moderation keeps the message back for review, so `send` has no message to answer.

    It is in no conversation yet, perhaps never. The same send under the same `client_id` raises this again, and answers with the message
    once a reviewer has released it. The client never sends it again by itself.

    Attributes:
        held_id: decimal digits; what reviewers call it.
        client_id: of the send.
        reason: for a person; may be empty.
    """

    code = "held"

    def __init__(self, held_id: str, client_id: str, reason: str) -> None:
        super().__init__(f"held for review: {reason}" if reason else "held for review")
        self.held_id = held_id
        self.client_id = client_id
        self.reason = reason


class ConfigError(Error):
    """The configuration has errors.

    Attributes:
        errors: one line each: file:line, key, what is wrong, a hint.
    """

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class StartError(Error):
    """The server can't start: the port or the data folder is in use, the store is newer than the program …"""


class NotRunning(Error):
    """Nobody serves this data folder."""


BY_CODE: dict[str, type[Error]] = {
    kind.code: kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        Muted,
        NotAMember,
        Blocked,
        DeniedByPolicy,
        NotFound,
        UsernameTaken,
        GroupFull,
        ClientIdReused,
        ResyncRequired,
        TextTooLong,
        TooLarge,
        RateLimited,
        Unavailable,
        PluginUnavailable,
        StorageFull,
        Internal,
    )
}


def error_for(code: str, message: str, *, retry_after: float | None = None) -> Error:
    """The exception for a code; one that this version doesn't know yet becomes a plain `Error` that names it."""
    kind = BY_CODE.get(code)
    if kind is None:
        return Error(f"{code}: {message}" if message else code, retry_after=retry_after)
    return kind(message, retry_after=retry_after)
