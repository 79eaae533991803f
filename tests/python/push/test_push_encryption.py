"""RFC 8291 with the RFC's own example, and against a receiver written from the RFC; keys and tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser import Browser, claims_of, verified
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.push.encryption import BODY_BYTES_MAX, PLAINTEXT_BYTES_MAX, encrypt, recipient
from madang.push.keys import EllipticKey, RsaKey, base64url, from_base64url, json_web_token, new_elliptic_key
from madang.push.vapid import LIFETIME_S, ORIGINS_MAX, Vapid

# RFC 8291, appendix A.
PLAINTEXT = "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24"
SENDER_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BROWSER_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
SALT, AUTH = "DGv6ra1nlYgDCS1FRnbzlw", "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(from_base64url(text)), ec.SECP256R1())


def test_the_example_of_the_rfc_comes_out_byte_by_byte() -> None:
    to = recipient(BROWSER_PUBLIC, AUTH)
    assert base64url(encrypt(from_base64url(PLAINTEXT), to, salt=from_base64url(SALT), key=private(SENDER_PRIVATE))) == BODY
    browser = Browser(private(BROWSER_PRIVATE), from_base64url(AUTH))
    assert browser.decrypted(from_base64url(BODY)) == b"When I grow up, I want to be a watermelon"


@settings(max_examples=30)
@given(st.binary(max_size=PLAINTEXT_BYTES_MAX))
def test_the_browser_reads_what_was_encrypted(plain: bytes) -> None:
    browser = Browser()
    keys = browser.subscription("")["keys"]
    body = encrypt(plain, recipient(keys["p256dh"], keys["auth"]))
    assert len(body) <= BODY_BYTES_MAX
    assert browser.decrypted(body) == plain


def test_no_two_bodies_are_alike_and_the_largest_fills_the_limit() -> None:
    to = recipient(BROWSER_PUBLIC, AUTH)
    assert encrypt(b"hi", to) != encrypt(b"hi", to)
    assert len(encrypt(b"x" * PLAINTEXT_BYTES_MAX, to)) == BODY_BYTES_MAX
    with pytest.raises(ValueError, match="at most 3993"):
        encrypt(b"x" * (PLAINTEXT_BYTES_MAX + 1), to)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        (None, AUTH),
        (BROWSER_PUBLIC, 7),
        ("", AUTH),
        (BROWSER_PUBLIC, ""),
        (BROWSER_PUBLIC[:-4], AUTH),
        (BROWSER_PUBLIC, AUTH + "AAAA"),
        (base64url(b"\4" + b"\1" * 64), AUTH),  # a point beside the curve: the attack that reads the sender's key
        (base64url(b"\2" + b"\1" * 64), AUTH),
        ("ü" * 87, AUTH),
        ("\ud800" * 87, AUTH),
    ],
)
def test_keys_that_are_none_are_refused(p256dh: object, auth: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        recipient(p256dh, auth)


def test_keys_may_be_padded_and_in_either_alphabet() -> None:
    padded = BROWSER_PUBLIC.replace("-", "+").replace("_", "/") + "="
    assert recipient(padded, AUTH + "==") == recipient(BROWSER_PUBLIC, AUTH)


def test_tokens_are_signed_by_either_key() -> None:
    text = new_elliptic_key()
    elliptic = EllipticKey(text)
    token = json_web_token(elliptic, {"sub": "x"}, kid="k")
    assert verified(token, elliptic.public_point) == {"sub": "x"}
    assert claims_of(token, 0) == {"alg": "ES256", "kid": "k"}
    key = rsa.generate_private_key(65_537, 2_048)
    token = json_web_token(RsaKey(rsa_pem(key)), {"iss": "y"})
    assert verified(token, key.public_key()) == {"iss": "y"}
    assert text not in repr(elliptic) + repr(vars(elliptic))


def rsa_pem(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())


def test_a_wrong_key_is_named_and_not_shown() -> None:
    small, other_curve = rsa.generate_private_key(65_537, 1_024), ec.generate_private_key(ec.SECP384R1())
    for make, text in (
        (EllipticKey, "secret-nonsense"),
        (EllipticKey, base64url(b"\xff" * 32)),
        (EllipticKey, rsa_pem(other_curve)),
        (EllipticKey, rsa_pem(small)),
        (RsaKey, rsa_pem(small)),
        (RsaKey, rsa_pem(other_curve)),
        (RsaKey, "-----BEGIN PRIVATE KEY-----\nsecret-nonsense\n-----END PRIVATE KEY-----"),
    ):
        with pytest.raises(ValueError, match="is no private key") as wrong:
            make(text)
        assert "secret-nonsense" not in str(wrong.value)
        assert wrong.value.__cause__ is None


def test_a_vapid_token_is_kept_for_its_origin_and_renewed_in_time() -> None:
    now = [1_000_000.0]
    key = EllipticKey(new_elliptic_key())
    vapid = Vapid(key, "mailto:ops@example.com", lambda: now[0])

    def claims(origin: str) -> dict[str, Any]:
        scheme, _, rest = vapid.authorization(origin).partition(" ")
        token, _, public = rest.partition(", ")
        assert (scheme, public) == ("vapid", f"k={vapid.public_key}")
        return verified(token.removeprefix("t="), from_base64url(vapid.public_key))

    first = claims("https://a.example")
    assert first == {"aud": "https://a.example", "exp": 1_000_000 + LIFETIME_S, "sub": "mailto:ops@example.com"}
    now[0] += LIFETIME_S - 3_601
    assert claims("https://a.example") == first
    assert claims("https://b.example")["aud"] == "https://b.example"
    now[0] += 2
    assert claims("https://a.example")["exp"] == int(now[0]) + LIFETIME_S
    now[0] -= 10 * LIFETIME_S  # the clock was set back: the token would be valid for longer than a service takes
    assert claims("https://a.example")["exp"] == int(now[0]) + LIFETIME_S
    for number in range(3 * ORIGINS_MAX):
        vapid.authorization(f"https://{number}.example")
    assert len(vapid._tokens) <= ORIGINS_MAX


def test_the_module_makes_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    from madang.push.vapid import main

    main()
    out, err = capsys.readouterr()
    assert base64url(EllipticKey(out.strip()).public_point) in err
    assert out.strip() not in err


def test_json_that_is_signed_is_compact() -> None:
    assert json.dumps(claims_of(json_web_token(EllipticKey(new_elliptic_key()), {"a": 1}), 0)) == '{"alg": "ES256"}'
