"""The packet path (sfu/core, Rust) as Python sees it; tests/core/test_stub.py holds it to the built module."""

from typing import Self, TypeAlias, final

from sfu.media import PeerMedia

__all__ = [
    "AddressValidated",
    "ConsentExpired",
    "Core",
    "DtlsReceived",
    "Event",
    "LayerStats",
    "NotShowable",
    "PeerStats",
    "SenderStats",
    "Shown",
    "TrackActive",
    "TrackStats",
]

@final
class Core:
    """Worker threads, each with one UDP port.  Calls are commands; what happens comes back as events, in batches."""

    def __new__(cls, *, host: str, udp_port: int, workers: int) -> Self:
        """Bind `udp_port` + i for each worker (0: any free ports) and start them; OSError names a taken address."""
    @property
    def ports(self) -> list[int]:
        """The UDP port of each worker."""
    def fileno(self) -> int:
        """One descriptor for all workers; readable while events wait."""
    def events(self) -> list[Event]:
        """Take all waiting events and make `fileno()` unreadable."""
    def add_peer(self, worker: int, ufrag: str, password: str) -> int:
        """Let whoever knows this ICE ufrag and password in; the handle is unique in this Core and never used again."""
    def restart_ice(self, peer: int, ufrag: str, password: str) -> None:
        """New ICE credentials; the old ones answer until the first check that uses the new ones."""
    def send_dtls(self, peer: int, datagram: bytes) -> None:
        """Send one DTLS datagram to the peer's selected address; dropped while it has none."""
    def set_keys(
        self, peer: int, profile: str, remote_key: bytes, remote_salt: bytes, local_key: bytes, local_salt: bytes
    ) -> None:
        """SRTP keys; `profile` is `SRTP_AEAD_AES_128_GCM` or `SRTP_AES128_CM_SHA1_80`."""
    def set_media(self, peer: int, media: PeerMedia) -> None:
        """Replace all the peer's media: an m-line whose mid stays keeps its state, a missing one is closed."""
    def show(self, peer: int, mid: str, source: tuple[int, str] | None) -> None:
        """Sender `mid` of `peer` shows track (peer, mid) from its next keyframe on; None: it falls silent.

        The two may be on different workers: packets of the track are then handed over, once for all viewers there.
        """
    def set_track_enabled(self, peer: int, mid: str, enabled: bool) -> None:
        """A track that is not enabled is received and counted, but not forwarded."""
    def remove_peer(self, peer: int) -> None:
        """Forget the peer: its addresses, tracks and senders; whoever was shown it falls silent."""
    def stats(self) -> list[PeerStats]:
        """A snapshot of every peer; each worker takes it in slices between its packets.

        Waits for all workers without holding the interpreter's lock; RuntimeError if one does not answer in 5 s.
        """
    def levels(self) -> list[tuple[int, str, int]]:
        """(peer, mid, smoothed level in -dBov, 127 = silence) of every audio track that has sent one."""
    def counters(self) -> dict[str, int]:
        """Totals since the start, over all workers."""
    def cpu_ns(self) -> list[int]:
        """Nanoseconds of CPU that each worker's thread has used, at most 0.1 s ago while it is busy."""
    def close(self) -> None:
        """Stop and join the workers, close the sockets; again is harmless."""

@final
class DtlsReceived:
    """DTLS datagrams from the peer's validated addresses, in order of arrival."""

    __match_args__ = ("peer", "datagrams")
    def __new__(cls, peer: int, datagrams: list[bytes]) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def datagrams(self) -> list[bytes]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class AddressValidated:
    """The peer's selected address: its first authenticated check, or a later nomination of another."""

    __match_args__ = ("peer", "host", "port")
    def __new__(cls, peer: int, host: str, port: int) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class ConsentExpired:
    """No authenticated check for 30 s (RFC 7675 §5.1): nothing is sent to the peer until a new check."""

    __match_args__ = ("peer",)
    def __new__(cls, peer: int) -> Self: ...
    @property
    def peer(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class TrackActive:
    """The first media packet of a track, or its first of another codec."""

    __match_args__ = ("peer", "mid", "codec_key")
    def __new__(cls, peer: int, mid: str, codec_key: str) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def codec_key(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Shown:
    """The first packet of a sender's new source has gone out."""

    __match_args__ = ("peer", "mid", "source_peer", "source_mid")
    def __new__(cls, peer: int, mid: str, source_peer: int, source_mid: str) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def source_peer(self) -> int: ...
    @property
    def source_mid(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class NotShowable:
    """The sender has no codec in common with what the source sends; it has fallen silent."""

    __match_args__ = ("peer", "mid", "source_peer", "source_mid")
    def __new__(cls, peer: int, mid: str, source_peer: int, source_mid: str) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def source_peer(self) -> int: ...
    @property
    def source_mid(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

Event: TypeAlias = DtlsReceived | AddressValidated | ConsentExpired | TrackActive | Shown | NotShowable

@final
class PeerStats:
    """One peer, as `Core.stats` saw it."""

    @property
    def peer(self) -> int: ...
    @property
    def worker(self) -> int: ...
    @property
    def address(self) -> tuple[str, int] | None: ...
    @property
    def rtt_ms(self) -> float | None: ...
    @property
    def tracks(self) -> list[TrackStats]: ...
    @property
    def senders(self) -> list[SenderStats]: ...

@final
class TrackStats:
    """One published source: what came in."""

    @property
    def mid(self) -> str: ...
    @property
    def codec(self) -> str | None:
        """Key of the codec last seen; None before the first media packet."""
    @property
    def level_dbov(self) -> int | None:
        """Smoothed audio level in -dBov, 127 = silence; None: the peer sends none."""
    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def lost(self) -> int:
        """Cumulative, after retransmission (RFC 3550 §6.4.1)."""
    @property
    def layers(self) -> list[LayerStats]: ...

@final
class LayerStats:
    """One encoding of a track."""

    @property
    def rid(self) -> str | None: ...
    @property
    def ssrc(self) -> int | None: ...
    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def active(self) -> bool:
        """Media has come in the last second."""
    @property
    def taken(self) -> bool:
        """Some sender shows it now."""
    @property
    def kbps(self) -> float:
        """Over the last full second."""
    @property
    def nacks_sent(self) -> int: ...
    @property
    def keyframe_requests(self) -> int: ...

@final
class SenderStats:
    """One m-line of a seat: what went out, and what the receiver says of it."""

    @property
    def mid(self) -> str: ...
    @property
    def layer(self) -> int | None:
        """Index of the shown layer in its track, from 0; None: silent."""
    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def fraction_lost(self) -> float:
        """0 to 1, of the last receiver report."""
    @property
    def jitter_ms(self) -> float: ...
    @property
    def nacks_received(self) -> int: ...
    @property
    def retransmitted(self) -> int: ...
