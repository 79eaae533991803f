"""The signature of webhooks, as a receiver checks it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.push.signature import BadSignature, key_of, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
NOW = 1_614_265_330
HEADERS = {"Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "WEBHOOK-TIMESTAMP": str(NOW)}
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # the example of Standard Webhooks


def signed(**changes: str) -> dict[str, str]:
    return HEADERS | {"webhook-signature": SIGNATURE} | changes


def test_the_published_example_is_signed_alike() -> None:
    assert sign(key_of(SECRET), HEADERS["Webhook-Id"], NOW, BODY) == SIGNATURE
    assert verify(SECRET, signed(), BODY, now=NOW) == {"test": 2432232314}


def test_one_good_signature_and_one_good_secret_of_several_are_enough() -> None:
    headers = signed(**{"webhook-signature": f"v1a,xx v1,nonsense {SIGNATURE} v2,ü"})
    assert verify(["x" * 24, SECRET], headers, BODY, now=NOW)


@pytest.mark.parametrize("off", [-300, 300])
def test_clocks_may_differ_by_five_minutes(off: int) -> None:
    assert verify(SECRET, signed(), BODY, now=NOW + off)
    with pytest.raises(BadSignature, match="too old"):
        verify(SECRET, signed(), BODY, now=NOW + off + (1 if off > 0 else -1))


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, BODY + b" "),
        ({}, b""),
        ({"Webhook-Id": "another"}, BODY),
        ({"Webhook-Id": ""}, BODY),
        ({"Webhook-Id": "ü"}, BODY),
        ({"WEBHOOK-TIMESTAMP": str(NOW + 1)}, BODY),
        ({"WEBHOOK-TIMESTAMP": ""}, BODY),
        ({"WEBHOOK-TIMESTAMP": "1" * 5_000}, BODY),
        ({"WEBHOOK-TIMESTAMP": "-5"}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1", "v2")}, BODY),
        ({"webhook-signature": "\ud800"}, BODY),
    ],
)
def test_whatever_was_changed_is_found(changes: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, signed(**changes), body, now=NOW)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary())
def test_no_nonsense_does_anything_but_fail(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, headers, body)


def test_a_signed_body_that_is_no_object_is_refused() -> None:
    headers = signed(**{"webhook-signature": sign(key_of(SECRET), HEADERS["Webhook-Id"], NOW, b"[1]")})
    with pytest.raises(BadSignature, match="no object"):
        verify(SECRET, headers, b"[1]", now=NOW)


def test_a_secret_has_a_least_length() -> None:
    assert key_of("whsec_" + base64.b64encode(b"k" * 24).decode()) == b"k" * 24
    assert key_of("a text of twenty-four or more") == b"a text of twenty-four or more"
    for short in ("short", "whsec_c2hvcnQ=", "whsec_???", "whsec_"):
        with pytest.raises(ValueError, match=r"base64|at least 24") as wrong:
            key_of(short)
        assert "short" not in str(wrong.value)
