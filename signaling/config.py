"""The settings of signaling: one frozen value; the only place that reads the environment and the secret files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from .addresses import Network
from .errors import ConfigError
from .rates import Rates
from .urls import STUN, TURN, check_http, check_ice, check_origin, check_redis, refuse_password

DEFAULT_DATA = Path("var")
DEFAULT_WEB = Path(__file__).resolve().parent.parent / "web" / "dist"  # the same place in a checkout and in a wheel
DEFAULT_DOMAIN = "local"
DATABASE = "tertulia.db"
ACCESS_TTL_S = 3600.0  # long enough for a call; a device refreshes it or signs in again
ABOVE_ZERO = (
    "ring_timeout_s",
    "access_ttl_s",
    "refresh_ttl_s",
    "node_ack_s",
    "drain_timeout_s",
)
NOT_BELOW_ZERO = ("ring_keep_s", "room_keep_s", "lost_keep_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConfig:
    """Somebody else who may say who a user is (OpenID Connect)."""

    url: str
    """Its `iss`, literally."""
    jwks: str
    """Where its public keys are."""
    audience: str
    """What its tokens must be meant for."""
    domain: str = DEFAULT_DOMAIN
    """Where its users are made, when they come first."""
    claim: str = "preferred_username"
    """What they are called by; without it, by their `sub`."""
    refetch_s: float = 10.0
    """For unknown keys it is asked at most so often."""

    def __post_init__(self) -> None:
        check_http("--issuer", self.url)
        check_http("--jwks", self.jwks)
        if not self.audience.strip():
            raise ConfigError("--audience", "must not be empty")
        _check_domain(self.domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalingConfig:
    """How one signaling process behaves."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8080
    """TCP port to listen on; 0 takes any free one."""
    data: Path = DEFAULT_DATA
    """Directory of secrets, and of the database where it is SQLite."""
    database: str = field(default="", repr=False)
    """URL of the database of lasting state (it may hold a password); empty: SQLite in the data directory."""
    web: Path = DEFAULT_WEB
    """Directory of the built page."""
    secrets: tuple[bytes, ...] = field(repr=False)
    """Keys of access tokens and room tokens, at least 16 bytes each: the first makes them, all check them."""
    node_secrets: tuple[str, ...] = field(repr=False)
    """What a node must present to register: any of them, so that they can be changed one after the other."""
    redis: str = field(default="", repr=False)
    """URL of the Redis that several signaling processes share their short-lived state in; empty keeps it in memory."""
    redis_password: str = field(default="", repr=False)
    """Its password, if it wants one: kept out of the URL, which is shown."""
    stun: tuple[str, ...] = ()
    """STUN URLs given to devices."""
    turn: tuple[str, ...] = ()
    """TURN URLs given to devices, with credentials made of `turn_secret`."""
    turn_secret: str = field(default="", repr=False)
    """Secret shared with the TURN server (coturn's `static-auth-secret`)."""
    access_ttl_s: float = ACCESS_TTL_S
    """Life of an access token."""
    refresh_ttl_s: float = 30 * 86400.0
    """Life of a refresh token."""
    ring_timeout_s: float = 30.0
    """`invites.expiration`: how long an invitation rings before it is answered 408."""
    ring_keep_s: float = 0.0
    """`invites.removeAfter`: how long a ringing device that disconnects stays a candidate."""
    room_keep_s: float = 0.0
    """`rooms.removeAfter`: how long a room outlives the clean leave of its last participant."""
    lost_keep_s: float = 15.0
    """How long a room is kept for a participant whose connection was lost."""
    join_within_s: float = 60.0
    """How long a fresh room, or one whose invitation was just accepted, waits for somebody's media."""
    unreachable_after_s: float = 0.25
    """When a 404 to an invitation is sent: the same for all its causes, counted from the request."""
    node_ack_s: float = 2.0
    """How long a node may take to acknowledge a command before the requester gets 503."""
    node_away_s: float = 15.0
    """How long a node may stay away before its rooms move to other nodes, or end where none takes them."""
    adopt_within_s: float = 6.0
    """How long after our start a request that names an unknown room waits for its node to tell of it."""
    trust_proxy: tuple[Network, ...] = ()
    """Networks of our reverse proxies, whose `X-Forwarded-For` is believed."""
    drain_timeout_s: float = 10.0
    """How long a stop may take to answer what is under way and to see the devices off."""
    open_requests: int = 200
    """Requests of one device that may wait for their answer at once."""
    unread_frames: int = 2000
    """Frames that may wait for a device that does not read; beyond, it is disconnected."""
    frame_bytes: int = 65536
    """A larger frame closes the connection."""
    keep_history_days: float | None = None
    """How long calls, audit and expired sessions are kept; None: for ever."""
    connect_within_s: float = 10.0
    """A connection that has not signed in by then is closed."""

    issuer: IssuerConfig | None = None
    """Who else may say who a user is."""
    cors_origins: tuple[str, ...] = ()
    """Origins of pages elsewhere that may connect; `*` is any.  Our own page needs none."""
    rates: Rates = field(default_factory=Rates)
    """How fast devices, users and addresses may ask."""

    def __post_init__(self) -> None:
        self._check_numbers()
        if not self.secrets or min(map(len, self.secrets)) < 16:
            raise ConfigError("secret", "must have 16 bytes or more, on each of its lines")
        if not self.node_secrets or not all(self.node_secrets):
            raise ConfigError("node secret", "must not be empty")
        if self.turn and not self.turn_secret:
            raise ConfigError("--turn", "needs --turn-secret-file")
        if self.redis:
            check_redis(self.redis)
        for origin in self.cors_origins:
            if origin != "*":
                check_origin("--cors-origin", origin)
        for url in self.stun:
            check_ice("--stun", url, STUN)
        for url in self.turn:
            check_ice("--turn", url, TURN)

    @property
    def database_url(self) -> str:
        """Where lasting state is."""
        return self.database or sqlite_url(self.data)

    def _check_numbers(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError("--port", f"must be 0 to 65535, not {self.port}")
        if self.keep_history_days is not None and not self.keep_history_days > 0:
            raise ConfigError("--keep-history-days", f"must be above 0, not {self.keep_history_days}")
        for name in ABOVE_ZERO:
            if not getattr(self, name) > 0:
                raise ConfigError(name, f"must be above 0, not {getattr(self, name)}")
        for name in NOT_BELOW_ZERO:
            if not getattr(self, name) >= 0:
                raise ConfigError(name, f"must be 0 or more, not {getattr(self, name)}")


def _check_domain(domain: str) -> None:
    from .store.texts import checked_domain  # the store is imported by those who need it

    checked_domain(domain)


def own_secrets(file: Path | None, data: Path, environment: Mapping[str, str] = os.environ) -> tuple[bytes, ...]:
    """What tokens are made with: the lines of the file, else of TERTULIA_SECRET, else of `DATA/secret`.

    The first line makes tokens and every line checks them: a new first line replaces a secret without ending a call,
    and the old line may go once the tokens made with it have died.
    """
    if file is not None:
        lines = _lines_of(file, "--secret-file")
    elif given := environment.get("TERTULIA_SECRET", "").strip():
        lines = given.splitlines()
    else:
        kept_secret(data / "secret")
        lines = _lines_of(data / "secret", "secret")
    return tuple(line.strip().encode() for line in lines if line.strip())


def node_secrets(file: Path | None, data: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What nodes may present: the lines of the file, else of TERTULIA_NODE_SECRET, else of `DATA/node-secret`.

    The first line is what nodes should have by now; those below still let nodes in that have not been told yet.
    """
    if file is not None:
        lines = _lines_of(file, "--node-secret-file")
    elif given := environment.get("TERTULIA_NODE_SECRET", "").strip():
        lines = given.splitlines()
    else:
        kept_secret(data / "node-secret")
        lines = _lines_of(data / "node-secret", "node-secret")
    return tuple(line.strip() for line in lines if line.strip())


def sqlite_url(data: Path) -> str:
    """The database of a data directory."""
    return "sqlite:///" + quote(str(data / DATABASE))


def database_url(
    given: str | None, password_file: Path | None, data: Path, environment: Mapping[str, str] = os.environ
) -> str:
    """Where lasting state is: the option, else TERTULIA_DATABASE, else SQLite in the data directory."""
    if given:
        refuse_password("--database", given, "--database-password-file or TERTULIA_DATABASE")
    url = given or environment.get("TERTULIA_DATABASE", "").strip() or sqlite_url(data)
    if password_file is None:
        return url
    return _with_password(url, read_secret(password_file, "--database-password-file"))


def _with_password(url: str, password: str) -> str:
    netloc = _place_of(url)
    user, at, host = netloc.rpartition("@")
    if not at:
        raise ConfigError("--database", "names no user whose password --database-password-file could hold")
    return url.replace(netloc, f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}", 1)


def _place_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        raise ConfigError("--database", "is no URL like sqlite:///FILE or postgresql://USER@HOST/NAME") from None


def redis_url(given: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where the shared state is: the option, else TERTULIA_REDIS, else nowhere."""
    if given is None:
        return environment.get("TERTULIA_REDIS", "").strip()
    refuse_password("--redis", given, "--redis-password-file or TERTULIA_REDIS")
    return given


def redis_password(file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """The password of Redis: the file, else TERTULIA_REDIS_PASSWORD, else none."""
    if file is not None:
        return read_secret(file, "--redis-password-file")
    return environment.get("TERTULIA_REDIS_PASSWORD", "").strip()


def issuer(url: str | None, jwks: str | None, audience: str | None, domain: str) -> IssuerConfig | None:
    """The external issuer, of which all three are said or none."""
    given = {"--issuer": url, "--jwks": jwks, "--audience": audience}
    if not any(given.values()):
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigError(missing[0], "is needed as well: --issuer, --jwks and --audience go together")
    return IssuerConfig(url=str(url), jwks=str(jwks), audience=str(audience), domain=domain)


def web_directory(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the built page is: the option, else TERTULIA_WEB_DIR, else beside the packages."""
    if given is not None:
        return given
    return Path(environment["TERTULIA_WEB_DIR"]) if environment.get("TERTULIA_WEB_DIR") else DEFAULT_WEB


def read_secret(file: Path, setting: str) -> str:
    """The first line of a secret file."""
    return _lines_of(file, setting)[0]


def _lines_of(file: Path, setting: str) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(setting, f"cannot read {file}: {_reason(error)}") from None
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if not lines[0]:
        raise ConfigError(setting, f"{file} is empty")
    return lines


def kept_secret(file: Path) -> str:
    """A secret of our own: 256 bits in a file that only we may read, made when it is first needed."""
    make_data_directory(file.parent)
    with suppress(FileExistsError):
        _create_secret(file)
    return read_secret(file, file.name)


def make_data_directory(data: Path) -> None:
    """Make the data directory, or say why it cannot be made."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("--data", f"cannot make {data}: {_reason(error)}") from None


def _create_secret(file: Path) -> None:
    # Written aside and linked, so that another process never reads half a secret.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(32) + "\n")
        os.link(draft, file)
    except FileExistsError:
        raise
    except OSError as error:
        raise ConfigError(file.name, f"cannot make {file}: {_reason(error)}") from None
    finally:
        draft.unlink(missing_ok=True)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8 text"
