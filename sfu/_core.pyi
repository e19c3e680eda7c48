"""The packet path (sfu/core, Rust) as Python sees it; tests/core/test_stub.py holds it to the built module."""

from typing import Self, TypeAlias, final

from agents.load.media import EndpointMedia, LoadClip
from sfu.media import PeerMedia

__all__ = [
    "AddressValidated",
    "ConsentExpired",
    "Core",
    "DtlsReceived",
    "EndpointConnected",
    "EndpointDtls",
    "EndpointLost",
    "EndpointStats",
    "Event",
    "FirstMedia",
    "Histogram",
    "LayerStats",
    "LayersWanted",
    "LoadEngine",
    "LoadEvent",
    "LoadSnapshot",
    "NotShowable",
    "PeerStats",
    "SeatPaused",
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
    def set_view(self, peer: int, mid: str, height: int | None, priority: int) -> None:
        """The most lines of picture that sender `mid` of `peer` has use for, and how much it matters.

        `height` None: as many as there are; 0: none, nothing is sent.  `priority`: beside the receiver's others, 0
        (thumbnail) to 255; more is served first.
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

@final
class LayersWanted:
    """The layers (indexes, low to high) of a simulcast track that somebody is shown or about to be have changed.

    The publisher may stop the others.
    """

    __match_args__ = ("peer", "mid", "layers")
    def __new__(cls, peer: int, mid: str, layers: list[int]) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def layers(self) -> list[int]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class SeatPaused:
    """The receiver's path does not carry even the lowest layer of what this sender shows; or does again."""

    __match_args__ = ("peer", "mid", "paused")
    def __new__(cls, peer: int, mid: str, paused: bool) -> Self: ...
    @property
    def peer(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def paused(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...

Event: TypeAlias = (
    DtlsReceived | AddressValidated | ConsentExpired | TrackActive | Shown | NotShowable | LayersWanted | SeatPaused
)

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
    def estimate_kbps(self) -> float | None:
        """What its path is thought to carry towards it; None: nothing has told."""
    @property
    def sending_kbps(self) -> float:
        """Sent to it over the last second; where its path is not estimated, without what was sent again."""
    @property
    def queue_ms(self) -> float:
        """Estimated waiting time in its path's queue."""
    @property
    def silent_ms(self) -> float:
        """Since anything authentic came from it."""
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
    def jitter_ms(self) -> float:
        """Between arrivals (RFC 3550 §6.4.1); the most of the layers that come."""
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
    def spatial_kbps(self) -> list[float]:
        """Of its spatial layers up to each, with headers; a stream that has fewer needs no more for the others."""
    @property
    def height(self) -> int | None:
        """Lines of picture, where a keyframe told."""
    @property
    def frames(self) -> int:
        """Frames begun."""
    @property
    def freezes(self) -> int:
        """Pauses in what came in that its timestamps do not explain."""
    @property
    def frozen_ms(self) -> float:
        """How long these were in all."""
    @property
    def standing_ms(self) -> float:
        """How long its picture has stood still by now, for 2 s at least; 0: it moves."""
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
    def kbps(self) -> float:
        """Over the last full second."""
    @property
    def paused(self) -> bool:
        """The path does not carry even the lowest layer."""
    @property
    def temporal(self) -> int | None:
        """Highest temporal layer let through; None: all."""
    @property
    def spatial(self) -> int | None:
        """Highest spatial layer of its stream let through; None: all."""
    @property
    def switches(self) -> int:
        """Changes of layer or source."""
    @property
    def source(self) -> tuple[int, str] | None:
        """The track it was told to show."""
    @property
    def nacks_received(self) -> int: ...
    @property
    def retransmitted(self) -> int: ...

@final
class LoadEngine:
    """One thread with thousands of WebRTC endpoints that send, receive and count; see docs/architecture.md.

    Times are `time.monotonic_ns()`.  A method raises KeyError for an endpoint, clip or m-line that is not there,
    ValueError for a value that cannot be, RuntimeError once the engine is closed.
    """

    def __new__(cls, *, seed: int = 0, check_every: int = 16, cpu: int | None = None) -> Self:
        """Start the thread, on processor `cpu` if given (OSError if there is none).

        One received media packet of `check_every` is decrypted and compared with what was sent.
        """
    def fileno(self) -> int:
        """Readable while events wait."""
    def events(self) -> list[LoadEvent]:
        """Take all waiting events and make `fileno()` unreadable."""
    def add_clip(self, clip: LoadClip) -> int:
        """Packetise frames once for all publishers; the handle counts from 0.

        Engines whose endpoints meet each other must be given the same clips in the same order.
        """
    def add_endpoint(
        self,
        *,
        local_ufrag: str,
        local_password: str,
        remote_ufrag: str,
        remote_password: str,
        remote: tuple[str, int],
        loss: float = 0.0,
        delay_ms: float = 0.0,
        jitter_ms: float = 0.0,
    ) -> int:
        """An endpoint that checks connectivity with `remote` at once; the handle counts from 0 and is never used again.

        Towards 127.0.0.0/8 all endpoints share a socket, each with a source address of its own; elsewhere each has a
        socket.  `loss` (0 to 1), `delay_ms` and `jitter_ms` (0 to 10,000) emulate a link, both ways alike; nothing is
        overtaken on it.
        """
    def send_dtls(self, endpoint: int, datagram: bytes) -> None:
        """Send one DTLS datagram to the server."""
    def set_keys(
        self, endpoint: int, profile: str, remote_key: bytes, remote_salt: bytes, local_key: bytes, local_salt: bytes
    ) -> None:
        """SRTP keys; `profile` is `SRTP_AEAD_AES_128_GCM` or `SRTP_AES128_CM_SHA1_80`."""
    def set_media(self, endpoint: int, media: EndpointMedia) -> None:
        """Replace all the endpoint's media: an m-line whose SSRCs stay keeps its numbers and counts."""
    def set_sending(self, endpoint: int, mid: str, sending: bool) -> None:
        """Pause or go on with one sent m-line; video goes on with a keyframe."""
    def set_layers(self, endpoint: int, mid: str, rids: list[str]) -> None:
        """Send these layers of one m-line alone; "" is that of an m-line without RIDs.

        A layer that is sent again begins with a keyframe.  An m-line that is paused stays so.
        """
    def remove_endpoint(self, endpoint: int) -> None:
        """Forget the endpoint; what it counted stays in the snapshot."""
    def reset(self) -> None:
        """All counts begin anew: the measured part of a run begins."""
    def snapshot(self) -> LoadSnapshot:
        """Totals since `reset`, of one moment."""
    def endpoint_stats(self) -> list[EndpointStats]:
        """Every endpoint that is not removed, since `reset`, of one moment."""
    def close(self) -> None:
        """Stop and join the thread, close the sockets; again is harmless."""

@final
class EndpointConnected:
    """The endpoint's first connectivity check was answered: DTLS may begin."""

    __match_args__ = ("endpoint", "at_ns")
    def __new__(cls, endpoint: int, at_ns: int) -> Self: ...
    @property
    def endpoint(self) -> int: ...
    @property
    def at_ns(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class EndpointDtls:
    """DTLS datagrams from the server, in order of arrival."""

    __match_args__ = ("endpoint", "datagrams")
    def __new__(cls, endpoint: int, datagrams: list[bytes]) -> Self: ...
    @property
    def endpoint(self) -> int: ...
    @property
    def datagrams(self) -> list[bytes]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class FirstMedia:
    """The first media packet of a received m-line."""

    __match_args__ = ("endpoint", "mid", "at_ns")
    def __new__(cls, endpoint: int, mid: str, at_ns: int) -> Self: ...
    @property
    def endpoint(self) -> int: ...
    @property
    def mid(self) -> str: ...
    @property
    def at_ns(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class EndpointLost:
    """No check was answered for 30 s, or none at all within 10 s; the endpoint is silent from now on."""

    __match_args__ = ("endpoint",)
    def __new__(cls, endpoint: int) -> Self: ...
    @property
    def endpoint(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

LoadEvent: TypeAlias = EndpointConnected | EndpointDtls | FirstMedia | EndpointLost

@final
class LoadSnapshot:
    """What all endpoints of an engine counted since `reset`, removed ones included."""

    @property
    def at_ns(self) -> int: ...
    @property
    def packets_sent(self) -> int:
        """Media packets, retransmissions excluded."""
    @property
    def octets_sent(self) -> int:
        """UDP payload of these."""
    @property
    def packets_received(self) -> int:
        """Media packets that came in their own stream, each counted once."""
    @property
    def octets_received(self) -> int:
        """UDP payload of these."""
    @property
    def expected(self) -> int:
        """Media packets that sequence numbers tell of."""
    @property
    def lost(self) -> int:
        """Of the expected, neither received nor recovered (so far)."""
    @property
    def recovered(self) -> int:
        """Came by retransmission (RFC 4588) and were missing."""
    @property
    def duplicated(self) -> int:
        """Came again in their own stream."""
    @property
    def out_of_order(self) -> int:
        """Came in their own stream after a later one."""
    @property
    def checked(self) -> int:
        """Decrypted and compared."""
    @property
    def corrupt(self) -> int:
        """Of the checked, those that are not what was sent."""
    @property
    def replayed_or_forged(self) -> int:
        """SRTP and SRTCP that did not authenticate, among those decrypted."""
    @property
    def unmapped(self) -> int:
        """Media packets of no known m-line, or before there were keys."""
    @property
    def keyframe_requests_sent(self) -> int: ...
    @property
    def keyframe_requests_received(self) -> int: ...
    @property
    def nacks_sent(self) -> int:
        """Sequence numbers asked for."""
    @property
    def nacks_received(self) -> int:
        """Sequence numbers the server asked for."""
    @property
    def retransmitted(self) -> int:
        """Packets sent again."""
    @property
    def frames_received(self) -> int:
        """Video frames whose last packet came."""
    @property
    def freezes(self) -> int:
        """Pauses in video that its timestamps do not explain (W3C webrtc-stats: beyond 3 intervals, and 150 ms)."""
    @property
    def freeze_ns(self) -> int: ...
    @property
    def send_dropped(self) -> int:
        """Datagrams that the pacer, the engine's buffer or the kernel had no room for."""
    @property
    def socket_drops(self) -> int:
        """Datagrams that the kernel dropped because the engine did not read fast enough."""
    @property
    def emulated_drops(self) -> int:
        """Datagrams that emulated links lost."""
    @property
    def wakeups(self) -> int: ...
    @property
    def thread_cpu_ns(self) -> int: ...
    @property
    def delay_us(self) -> Histogram:
        """One-way delay of checked packets, from the publisher's pacer to here, by the one clock of this machine."""
    @property
    def frame_delay_us(self) -> Histogram:
        """The same of those that end a frame: from then on it can be shown."""
    @property
    def late_us(self) -> Histogram:
        """How long after its time each step of media left."""

@final
class Histogram:
    """Counts in buckets at most 1.6 % wide."""

    @property
    def count(self) -> int: ...
    @property
    def min(self) -> float:
        """0 while empty, as are the next two."""
    @property
    def max(self) -> float: ...
    @property
    def mean(self) -> float: ...
    def quantile(self, q: float) -> float:
        """The value that a share `q` (0 to 1) of all does not exceed; 0 while empty, ValueError outside."""
    def buckets(self) -> list[tuple[float, int]]:
        """(upper bound, count) of every bucket that is not empty, ascending."""

@final
class EndpointStats:
    """One endpoint since `reset`."""

    @property
    def endpoint(self) -> int: ...
    @property
    def packets_received(self) -> int: ...
    @property
    def octets_received(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def freezes(self) -> int: ...
    @property
    def freeze_ns(self) -> int: ...
    @property
    def first_media_ns(self) -> int | None:
        """When the first media packet came, whatever `reset` says."""
    @property
    def rtt_us(self) -> float | None:
        """Of connectivity checks, smoothed."""
    @property
    def delay_p50_us(self) -> float:
        """Of checked packets; 0 before the first."""
    @property
    def delay_p99_us(self) -> float: ...
