"""Which address a connection comes from, also behind proxies of ours.

A proxy appends whom it was asked by to `X-Forwarded-For`.  It is believed only from networks that the configuration
names, and read from the end: the first address that is none of our proxies is the client's, the rest are his own words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from .errors import ConfigError

Network = IPv4Network | IPv6Network
AddressOf = Callable[[web.BaseRequest], str]


def networks(given: Sequence[str], setting: str) -> tuple[Network, ...]:
    """Addresses or networks in CIDR notation; raises ConfigError."""
    try:
        return tuple(ip_network(text, strict=False) for text in given)
    except ValueError as error:
        raise ConfigError(setting, str(error)) from None


def address_behind(proxies: Sequence[Network]) -> AddressOf:
    """A reader of addresses that believes these proxies."""

    def address_of(request: web.BaseRequest) -> str:
        told = [part.strip() for line in request.headers.getall("X-Forwarded-For", ()) for part in line.split(",")]
        return client_address(request.remote or "", told, proxies)

    return address_of


def client_address(peer: str, told: Sequence[str], proxies: Sequence[Network]) -> str:
    """The nearest address that is none of our proxies: the peer's, or the last that a proxy told."""
    address = peer
    for before in reversed(told):
        if not is_within(address, proxies) or not _is_address(before):
            break
        address = before
    return address


def is_within(address: str, proxies: Sequence[Network]) -> bool:
    """Whether an address is in one of these networks; what is no address is in none."""
    if not _is_address(address):
        return False
    parsed = ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return any((mapped or parsed) in network for network in proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
