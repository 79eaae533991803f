"""Voluntary Application Server Identification (RFC 8292): who sends a web push. `python -m madang.push.vapid` makes a key."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from madang.push.keys import EllipticKey, base64url, json_web_token, new_elliptic_key

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME_S = 12 * 3_600  # of a token; a service takes at most 24 hours
RENEWED_BEFORE_S = 3_600  # its end: clocks differ
ORIGINS_MAX = 256  # tokens that are kept; more: all are made anew


class Vapid:
    """Signs for one application server. Its loop only."""

    def __init__(self, key: EllipticKey, subject: str, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._subject = subject
        self._now = now
        self._tokens: dict[str, tuple[float, str]] = {}

    @property
    def public_key(self) -> str:
        """In base64url: what a browser calls `applicationServerKey`."""
        return base64url(self._key.public_point)

    def authorization(self, origin: str) -> str:
        """The header's value for requests to a push service."""
        now = self._now()
        expires, token = self._tokens.get(origin, (0.0, ""))
        if not now < expires - RENEWED_BEFORE_S <= now + LIFETIME_S:  # the latter: the clock was set back
            expires = now + LIFETIME_S
            token = json_web_token(self._key, {"aud": origin, "exp": int(expires), "sub": self._subject}, typ="JWT")
            if len(self._tokens) >= ORIGINS_MAX:
                self._tokens.clear()
            self._tokens[origin] = (expires, token)
        return f"vapid t={token}, k={self.public_key}"


def main() -> None:
    private = new_elliptic_key()
    sys.stdout.write(f"{private}\n")
    sys.stderr.write(
        f"On stdout is the private key (private_key_file). The public one, for browsers: {base64url(EllipticKey(private).public_point)}\n"
    )


if __name__ == "__main__":
    main()
