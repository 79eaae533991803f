"""Message Encryption for Web Push (RFC 8291) in one record of aes128gcm (RFC 8188)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from madang.push.extra import missing
from madang.push.keys import from_base64url

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    raise missing(error) from error

BODY_BYTES_MAX = 4_096  # what a push service has to take (RFC 8030, 7.2)
POINT_BYTES = 65
SALT_BYTES = AUTH_BYTES = 16
RECORD_BYTES = BODY_BYTES_MAX
OVERHEAD_BYTES = (SALT_BYTES + 4 + 1 + POINT_BYTES) + 1 + 16  # header, delimiter, tag of AES-GCM
PLAINTEXT_BYTES_MAX = BODY_BYTES_MAX - OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Recipient:
    """The keys of a subscription, from `recipient()`.

    Attributes:
        public: the browser's public key, a point of P-256.
        auth: the secret that the browser shares with the application.
    """

    public: ec.EllipticCurvePublicKey
    auth: bytes = field(repr=False)


def recipient(p256dh: object, auth: object) -> Recipient:
    """From what a browser tells in `keys`. Raises ValueError where it is no such thing."""
    if not isinstance(p256dh, str) or not isinstance(auth, str):
        raise ValueError("keys.p256dh and keys.auth must be texts in base64url")  # noqa: TRY004
    point, secret = from_base64url(p256dh), from_base64url(auth)
    if len(point) != POINT_BYTES or len(secret) != AUTH_BYTES:
        raise ValueError(f"keys.p256dh has {POINT_BYTES} bytes and keys.auth {AUTH_BYTES}")
    return Recipient(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point), secret)


def encrypt(plaintext: bytes, to: Recipient, *, salt: bytes | None = None, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """The body of the request. `salt` and `key` are for tests only: both must be new for each message.

    Raises:
        ValueError: the plaintext has more than PLAINTEXT_BYTES_MAX bytes.
    """
    if len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise ValueError(f"{len(plaintext)} bytes are to be encrypted, at most {PLAINTEXT_BYTES_MAX} can be")
    salt = salt or os.urandom(SALT_BYTES)
    key = key or ec.generate_private_key(ec.SECP256R1())
    sender_point = encoded_point(key.public_key())
    info = b"WebPush: info\0" + encoded_point(to.public) + sender_point
    secret = derived(key.exchange(ec.ECDH(), to.public), to.auth, info, 32)
    content_key = derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4) + bytes([POINT_BYTES]) + sender_point
    return header + AESGCM(content_key).encrypt(nonce, plaintext + b"\2", None)  # 2: this record is the last


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def encoded_point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
