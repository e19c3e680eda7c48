"""Free ports of this machine."""

from __future__ import annotations

import socket


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
