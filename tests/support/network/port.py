"""A UDP socket of this machine that reads as fast as it can and never waits.

relay, crossing -> **port** -> kernel
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from tests.support.network.sdp import Address

HOST: Final = "127.0.0.1"
BUFFER_OCTETS: Final = 2 * 1024 * 1024
"""Of each direction, as far as the kernel gives it: losses are to be the link's, not the kernel's."""
DATAGRAM_OCTETS: Final = 65_536
AT_ONCE: Final = 64
"""Datagrams read before others get their turn."""

Received = Callable[[bytes, Address], None]


class Port:
    """Owns its socket from the moment it is made; `close` ends it."""

    def __init__(self, received: Received, remote: Address | None = None) -> None:
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_OCTETS)
        self._socket.bind((HOST, 0))
        if remote is not None:
            self._socket.connect(remote)
        self._closed = False
        host, port = self._socket.getsockname()
        self.address: Address = (str(host), int(port))
        self.refused = 0
        """Datagrams that the kernel did not take, or nobody was there for."""
        self._loop.add_reader(self._socket, self._read)

    def send(self, datagram: bytes, to: Address | None = None) -> None:
        """To the address that it is connected with, else to `to`; after the end it goes nowhere."""
        if self._closed:
            return
        try:
            if to is None:
                self._socket.send(datagram)
            else:
                self._socket.sendto(datagram, to)
        except OSError:
            self.refused += 1

    def close(self) -> None:
        """Close the socket; again is harmless."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            try:
                datagram, source = self._socket.recvfrom(DATAGRAM_OCTETS)
            except BlockingIOError:
                return
            except OSError:  # what the other end refused of an earlier datagram
                self.refused += 1
                continue
            self._received(datagram, (str(source[0]), int(source[1])))
            if self._closed:
                return
