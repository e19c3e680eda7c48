"""Settings of one node, and the one place where they are read from outside."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sfu.errors import ConfigError

SECRET_VARIABLE = "TERTULIA_NODE_SECRET"  # noqa: S105  the variable's name
NODE_NAME = re.compile(r"sfu[0-9]{1,6}")
MIN_SECRET_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One node.  Times are seconds, sizes bytes."""

    signaling: tuple[str, ...]
    """Base URLs of signaling's processes, e.g. `http://127.0.0.1:8080`; the node is registered with one at a time."""
    secret: str = field(repr=False)
    """Shared with signaling; opens the `/nodes` namespace."""
    secret_file: Path | None = None
    """Where the secret lies; read again before each connection, so that a new one needs no restart."""
    name: str = "sfu1"
    """`sfuN`; also the first part of the node's paths."""
    host: str = "127.0.0.1"
    """Address of the HTTP port."""
    port: int = 8081
    """HTTP port: Socket.IO, WebSocket, WHIP, WHEP.  0: any free one."""
    udp_host: str = "0.0.0.0"  # noqa: S104  strangers' packets are dropped by address, whichever interface they come by
    """Address of the media ports."""
    udp_port: int = 40_000
    """First media port; worker i has `udp_port` + i.  0: any free ones."""
    workers: int = 1
    """Threads of the core; one a CPU core is right."""
    advertise: tuple[str, ...] = ()
    """IP addresses at which clients reach the media ports; empty: the primary address and 127.0.0.1."""
    public_url: str | None = None
    """URL at which clients reach the HTTP port; None: made of `host` and `port`."""
    cors_origins: str | tuple[str, ...] = "*"
    """Origins whose pages may use this node; tokens are bearer tokens, so any is the default."""

    max_peers: int = 10_000
    """More are answered 503."""
    max_rooms: int = 10_000
    """More are refused to signaling."""
    connect_timeout_s: float = 30.0
    """From the answer to the end of DTLS; then the peer is forgotten."""
    resume_grace_s: float = 15.0
    """How long media goes on without a control connection."""
    seat_delay_s: float = 0.3
    """New seats of a re-offer are filled after this, if the client does not say earlier that it applied the answer."""
    gather_s: float = 0.1
    """In a large room who came and went is told together with what else does within so long."""
    hello_timeout_s: float = 10.0
    """A WebSocket says room and token within this."""
    request_rate: float = 50.0
    """Requests a second of one client, in the long run."""
    request_burst: int = 100
    """Requests at once."""
    offer_rate: float = 5.0
    """Offers a second of one client, in the long run; an offer costs milliseconds."""
    offer_burst: int = 10
    """Offers at once."""
    max_frame_bytes: int = 640 * 1024
    """Longest request; an offer for 64 seats has to fit."""
    outbox_frames: int = 256
    """Events waiting for one client; one that does not read them is disconnected and may resume."""
    level_interval_s: float = 0.05
    """Between two looks at who speaks; whoever has been heard for a quarter of a second is a speaker."""
    most_voices: int = 4
    """Microphones of a room that are heard at once, where it has more: of whoever speaks, or spoke last."""
    stats_interval_s: float = 2.0
    """Between two looks at quality and at how busy the workers are."""
    load_interval_s: float = 5.0
    """Between two load reports to signaling."""

    def __post_init__(self) -> None:
        if not NODE_NAME.fullmatch(self.name):
            raise ConfigError("name", "must be sfu and a number, like sfu1", got=self.name)
        _check_port("port", self.port, count=1)
        _check_port("udp_port", self.udp_port, count=self.workers)
        if not 1 <= self.workers <= 256:
            raise ConfigError("workers", "must be 1 to 256", got=self.workers)
        if len(self.secret) < MIN_SECRET_CHARS:
            raise ConfigError("secret", f"must have {MIN_SECRET_CHARS} characters or more", got="a shorter one")
        if not self.signaling:
            raise ConfigError("signaling", "must be a URL", got="none")
        if self.most_voices < 1:
            raise ConfigError("most_voices", "must be 1 or more", got=self.most_voices)
        for url in filter(None, (*self.signaling, self.public_url)):
            _check_url(url)
        for address in self.advertise:
            _check_address(address)
        for name in ("connect_timeout_s", "resume_grace_s", "level_interval_s", "stats_interval_s"):
            if getattr(self, name) <= 0:
                raise ConfigError(name, "must be above 0", got=getattr(self, name))

    @property
    def socketio_path(self) -> str:
        """Path of the Socket.IO endpoint, without a leading slash."""
        return f"{self.name}/socket.io"

    @property
    def websocket_path(self) -> str:
        """Path of the plain WebSocket."""
        return f"/ws-{self.name}"

    def addresses(self) -> tuple[str, ...]:
        """IP addresses for the candidates of answers."""
        return self.advertise or tuple(dict.fromkeys((primary_address(), "127.0.0.1")))

    def server(self, port: int) -> dict[str, str]:
        """The node's addresses as clients are told them; `port` is the HTTP port in fact taken."""
        url = urlsplit(self.public_url or f"http://{self._reachable_host()}:{port}")
        scheme = "wss" if url.scheme == "https" else "ws"
        base = f"{scheme}://{url.netloc}{url.path.rstrip('/')}"
        return {"https": f"{base}/{self.socketio_path}", "wss": f"{base}{self.websocket_path}"}

    def _reachable_host(self) -> str:
        if self.host in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
            return self.advertise[0] if self.advertise else primary_address()
        return f"[{self.host}]" if ":" in self.host else self.host


def _check_port(name: str, port: int, *, count: int) -> None:
    if not 0 <= port <= 65_536 - count:
        raise ConfigError(name, "must be 0 to 65535", got=port)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("URL", "must look like http://host:port", got=url)


def _check_address(address: str) -> None:
    try:
        ip_address(address)
    except ValueError:
        raise ConfigError("advertise", "must be IP addresses", got=address) from None


def primary_address() -> str:
    """The address this machine uses towards the internet; 127.0.0.1 if it has no route.  Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def read_secret(secret_file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """The node secret: the first line of the file, else of the environment's."""
    if secret_file is None:
        given = environment.get(SECRET_VARIABLE, "").strip()
        if not given:
            raise ConfigError("secret", f"is missing: give --secret-file or set {SECRET_VARIABLE}", got="")
        return given.splitlines()[0].strip()
    try:
        return secret_file.read_text(encoding="utf-8").strip().split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("secret file", f"cannot be read: {error}", got=str(secret_file)) from error


def secret_now(config: NodeConfig) -> str:
    """The secret to present: the file's of this moment, or the one of the start where it cannot be read."""
    if config.secret_file is None:
        return config.secret
    try:
        return read_secret(config.secret_file) or config.secret
    except ConfigError:
        return config.secret
