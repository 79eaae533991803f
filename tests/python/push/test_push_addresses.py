"""Where a URL of a stranger's may lead, and what is no URL."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.push.addresses import is_public
from madang.push.url import parse_url

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]
PRIVATE = [
    *(
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.0.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
    ),
    *("192.168.1.1", "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "fe80::1",
        "fec0::1",
    ),
    *(
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "100::1",
        "5f00::1",
        "2606:4700::1%eth0",
    ),
    *("localhost", "", "8.8.8", "08.8.8.8"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_else_is(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_what_pythons_registry_calls_private_never_is(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(str(address))


def test_a_url_is_taken_apart() -> None:
    url = parse_url("https://Push.Example.COM:8443/send/a%20b?x=1&y=2#ignored")
    assert (url.scheme, url.host, url.port, url.target) == ("https", "push.example.com", 8443, "/send/a%20b?x=1&y=2")
    assert url.origin == "https://push.example.com:8443"
    assert parse_url("https://push.example.com").target == "/"
    assert parse_url("https://push.example.com:443/").origin == "https://push.example.com"
    assert parse_url("https://[2606:4700::1111]/").origin == "https://[2606:4700::1111]"
    assert "secret" not in repr(parse_url("https://push.example.com/secret"))


@pytest.mark.parametrize(
    "text",
    [
        *(
            None,
            7,
            ["https://push.example.com"],
            "",
            "push.example.com",
            "ftp://push.example.com/",
            "//push.example.com/",
            "file:///etc/passwd",
        ),
        *("https://", "https:///x", "https://a b/", "https://a\r\nHost: b/", "https://a\\@b/", "https://user:password@a/", "https://a@b/"),
        *(
            "https://a:0/",
            "https://a:99999/",
            "https://a:b/",
            "https://[::1/",
            "https://[::1%25lo]/",
            "https://例え.jp/",
            "https://a/\ud800",
        ),
        *("https://a/" + "x" * 2_048, "https://a_%2f/", "javascript:alert(1)"),
    ],
)
def test_what_is_no_url_is_refused_without_being_quoted(text: object) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_url(text)
    assert "password" not in str(refused.value)


@given(st.text(max_size=40).map("https://".__add__))
def test_whatever_is_taken_for_a_url_can_stand_in_a_request(text: str) -> None:
    try:
        url = parse_url(text)
    except ValueError:
        return
    assert url.host
    for part in (url.host, url.target, url.authority):
        assert part.isascii()
        assert part.isprintable()
        assert " " not in part
