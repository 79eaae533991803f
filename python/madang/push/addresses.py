"""Which addresses a server may be sent to by a URL that somebody else has chosen: those of the public internet, and no others.

The question is asked of the address that is connected to, after the name was resolved: a name can't be trusted, it may mean another address
the next time."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# What the registries of special addresses (RFC 6890 and later) keep from the public internet, and one public address of a cloud's inside.
PRIVATE_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT; also metadata services
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host
            "169.254.0.0/16",  # link-local; metadata services
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
# Of IPv6 only this is public. Outside of it are loopback, link-local, unique local, multicast, IPv4-mapped and -compatible ones and NAT64.
PUBLIC_V6 = IPv6Network("2000::/3")
PRIVATE_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols' own, Teredo included
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: str) -> bool:
    """Of a literal address. What is none isn't public, nor is one with a zone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in PRIVATE_V4)
    return is_public_v6(parsed)


def is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in PUBLIC_V6:
        return False
    return not any(address in network for network in PRIVATE_V6)
