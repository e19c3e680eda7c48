"""What a client's offer says, read in one pass over its lines.

lines -> sections, shapes -> **offer** -> agreement

What is wrong refuses the offer and names the line.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sfu.errors import MalformedSdp
from sfu.sdp.lines import Rows, split
from sfu.sdp.sections import DIGEST_OCTETS, MAX_MEDIA_LINES, Section, read_rest
from sfu.sdp.shapes import Described, SectionReader
from sfu.sdp.values import IceCredentials, MediaLine, Offer

NONE: Final[Mapping[int, int]] = {}


def parse_offer(text: str) -> Offer:
    """Read an offer; MalformedSdp names the first line that is wrong."""
    parts = split(text)
    session = _read_session(next(parts))
    media = _read_media(session, parts)
    lines = tuple(_media_line(described, index) for index, described in enumerate(media))
    _check_mids(lines)
    if not lines:
        raise MalformedSdp(session.number, "no m-line")
    return _offer(session, media, lines)


def _read_media(session: Section, parts: Iterator[Rows]) -> list[Described]:
    reader, media = SectionReader(session), list[Described]()
    for rows in parts:
        if len(media) >= MAX_MEDIA_LINES:
            raise MalformedSdp(rows.number, f"more than {MAX_MEDIA_LINES} m-lines")
        media.append(reader.read(rows))
    return media


def _read_session(rows: Rows) -> Section:
    session, lines = Section(1), list(rows.read())
    read_rest(session, lines)
    for required in "ost":
        if all(line.type != required for line in lines):
            raise MalformedSdp(len(lines) + 1, f"no {required}= line before the first m-line")
    return session


# From sections to values.


def _media_line(described: Described, index: int) -> MediaLine:
    section = described.own
    if section.mid is None and index > 0:
        raise MalformedSdp(section.number, "this m-line has no a=mid")
    return MediaLine(
        number=section.number,
        mid=section.mid or "0",
        shape=described.shape,
        ssrcs=tuple(section.ssrcs),
        retransmits=section.retransmits or NONE,
    )


def _check_mids(lines: tuple[MediaLine, ...]) -> None:
    mids: set[str] = set()
    for line in lines:
        if line.mid in mids:
            raise MalformedSdp(line.number, f"mid {line.mid!r} is used twice")
        mids.add(line.mid)


def _offer(session: Section, media: list[Described], lines: tuple[MediaLine, ...]) -> Offer:
    bundle = _bundle(session, lines)
    carrier = _carrier(media, lines, bundle)
    _check_extension_ids(lines, bundle)
    ufrag, password = carrier.ufrag or session.ufrag, carrier.password or session.password
    if ufrag is None or password is None:
        raise MalformedSdp(carrier.number, "no a=ice-ufrag and a=ice-pwd")
    fingerprints = carrier.fingerprints or session.fingerprints
    if not fingerprints:
        raise MalformedSdp(carrier.number, f"no a=fingerprint with one of {', '.join(DIGEST_OCTETS)}")
    return Offer(
        media=lines,
        bundle=bundle,
        extmap_allow_mixed=session.extmap_allow_mixed,
        ice=IceCredentials(ufrag, password),
        fingerprints=tuple(fingerprints),
    )


def _bundle(session: Section, lines: tuple[MediaLine, ...]) -> frozenset[str]:
    """Mids on the one transport; without a group that is the first m-line alone (RFC 9143 §7.3)."""
    if session.bundle is None:
        return frozenset({lines[0].mid})
    mids = {line.mid for line in lines}
    for mid in session.bundle:
        if mid not in mids:
            raise MalformedSdp(session.number, f"the BUNDLE group names mid {mid[:20]!r}, which no m-line has")
    return frozenset(session.bundle)


def _carrier(media: list[Described], lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> Section:
    """The m-line whose transport attributes count: the first bundled one that is in use."""
    for described, line in zip(media, lines, strict=True):
        if line.mid in bundle and not line.shape.stopped:
            return described.transport
    return media[0].transport


def _check_extension_ids(lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> None:
    """One id means one extension in the whole bundle (RFC 9143 §9.1)."""
    uris: dict[int, str] = {}
    for line in lines:
        for extension in line.shape.extensions if line.mid in bundle and not line.shape.stopped else ():
            if uris.setdefault(extension.id, extension.uri) != extension.uri:
                raise MalformedSdp(line.number, f"extmap id {extension.id} has another meaning in this m-line")
