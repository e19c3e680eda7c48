"""Free ports of this machine."""

from __future__ import annotations

import socket

import psutil


def free_tcp_port() -> int:
    """A TCP port with a free neighbour above it (`tertulia serve` takes two)."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def free_udp_port() -> int:
    """A UDP port that nobody has bound on any address."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def has_address_beside_loopback() -> bool:
    """Whether an interface of this machine that is up has an IPv4 address outside 127.0.0.0/8."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    addresses = (one for name in up for one in psutil.net_if_addrs().get(name, ()))
    return any(one.family == socket.AF_INET and not one.address.startswith("127.") for one in addresses)
