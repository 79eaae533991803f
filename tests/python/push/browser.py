"""The other side of a web push, written from RFC 8188 and 8291; and JSON Web Tokens as who receives them checks them."""

from __future__ import annotations

import base64
import hmac
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """One block is enough for every length here."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\1", "sha256")[:length]


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Browser:
    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None, auth: bytes = b"") -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.auth = auth or os.urandom(16)

    def subscription(self, endpoint: str) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` gives it."""
        return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": b64(point(self.key.public_key())), "auth": b64(self.auth)}}

    def decrypted(self, body: bytes) -> bytes:
        salt, record_size, id_length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + id_length], body[21 + id_length :]
        assert record_size >= 18
        assert len(record) <= record_size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = hkdf(self.auth, shared, b"WebPush: info\0" + point(self.key.public_key()) + sender, 32)
        key, nonce = hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16), hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain[-1:] == b"\2"
        return plain[:-1]


def claims_of(token: str, part: int = 1) -> dict[str, Any]:
    claims = json.loads(unb64(token.split(".")[part]))
    assert isinstance(claims, dict)
    return claims


def verified(token: str, key: bytes | rsa.RSAPublicKey) -> dict[str, Any]:
    """The claims. A point of P-256 is for ES256, a key of RSA for RS256. Raises InvalidSignature."""
    signed, _, signature = token.rpartition(".")
    raw, algorithm = unb64(signature), claims_of(token, 0)["alg"]
    if isinstance(key, bytes):
        assert algorithm == "ES256"
        assert len(raw) == 64
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])), signed.encode(), ec.ECDSA(hashes.SHA256()))
    else:
        assert algorithm == "RS256"
        key.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return claims_of(token)
