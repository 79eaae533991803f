"""Keys that sign: of the elliptic curve P-256 and of RSA. Nothing shows them: no repr, no error."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from madang.push.extra import missing

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
except ImportError as error:
    raise missing(error) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

RSA_BITS_MIN = 2_048


class SigningKey(Protocol):
    """A private key and its name in a JWT."""

    algorithm: str

    def sign(self, data: bytes) -> bytes: ...


class EllipticKey:
    """Of P-256; ES256 (RFC 7518)."""

    algorithm = "ES256"

    def __init__(self, text: str) -> None:
        """From PEM (also what Apple calls a .p8), or from the 32 bytes of the private value in base64url. Raises ValueError."""
        if re.fullmatch(r"[A-Za-z0-9_-]{43}=?", text):
            try:
                self._key = ec.derive_private_key(int.from_bytes(from_base64url(text)), ec.SECP256R1())
            except ValueError:
                raise ValueError("is no private key of P-256") from None
        else:
            key = from_pem(text)
            if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
                raise ValueError("is no private key of P-256 (PEM, or 32 bytes in base64url)")
            self._key = key

    @property
    def public_point(self) -> bytes:
        """The public key, uncompressed: 65 bytes."""
        return self._key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


class RsaKey:
    """RS256 (RFC 7518)."""

    algorithm = "RS256"

    def __init__(self, pem: str) -> None:
        """Raises ValueError."""
        key = from_pem(pem)
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < RSA_BITS_MIN:
            raise ValueError(f"is no private key of RSA with at least {RSA_BITS_MIN} bits (PEM)")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def new_elliptic_key() -> str:
    """The private value of a new key of P-256, in base64url."""
    return base64url(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32))


def from_pem(text: str) -> object:
    try:
        return serialization.load_pem_private_key(text.encode(), None)
    except Exception:  # whatever it says may quote the key
        raise ValueError("is no private key (PEM, without a password)") from None


def json_web_token(key: SigningKey, claims: Mapping[str, Any], **header: str) -> str:
    """Compact and signed (RFC 7515, 7519)."""
    parts = ({"alg": key.algorithm, **header}, claims)
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """With padding or without; also of the alphabet with + and /. Raises ValueError."""
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    if re.fullmatch(r"[A-Za-z0-9_-]*", plain) is None or len(plain) % 4 == 1:
        raise ValueError("is no base64url")
    return base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
