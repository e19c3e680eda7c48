"""What a client's offer says, read in one pass over its lines.

lines -> sections -> **offer** -> agreement

What is wrong refuses the offer and names the line.
"""

from sfu.errors import MalformedSdp
from sfu.sdp.lines import read_lines
from sfu.sdp.sections import DIGEST_OCTETS, ProblemError, Section, read_attribute, read_origin, start_media
from sfu.sdp.values import IceCredentials, MediaLine, Offer, Payload


def parse_offer(text: str) -> Offer:
    """Read an offer; MalformedSdp names the first line that is wrong."""
    session, media = _read_sections(text)
    mids: set[str] = set()
    lines = []
    for index, section in enumerate(media):
        line = _media_line(section, session, index)
        if line.mid in mids:
            raise MalformedSdp(section.number, f"mid {line.mid!r} is used twice")
        mids.add(line.mid)
        lines.append(line)
    if not lines:
        raise MalformedSdp(session.number, "no m-line")
    return _offer(session, media, tuple(lines))


def _read_sections(text: str) -> tuple[Section, list[Section]]:
    session = Section(1)
    media: list[Section] = []
    seen = ""
    for line in read_lines(text):
        try:
            if line.type == "m":
                media.append(start_media(line, len(media)))
            elif line.type == "a":
                read_attribute(media[-1] if media else session, line.value)
            elif line.type == "o":
                read_origin(line.value)
        except ProblemError as problem:
            raise MalformedSdp(line.number, str(problem)) from None
        if not media:
            seen += line.type
    for required in "ost":
        if required not in seen:
            raise MalformedSdp(len(seen) + 1, f"no {required}= line before the first m-line")
    return session, media


# From sections to values.


def _media_line(section: Section, session: Section, index: int) -> MediaLine:
    if section.mid is None and index > 0:
        raise MalformedSdp(section.number, "this m-line has no a=mid")
    return MediaLine(
        number=section.number,
        kind=section.kind,
        protocol=section.protocol,
        formats=section.formats,
        mid=section.mid or "0",
        direction=section.direction or session.direction or "sendrecv",
        stopped=section.port == 0 and not section.bundle_only,
        rtcp_mux=section.rtcp_mux,
        rtcp_rsize=section.rtcp_rsize,
        payloads=_payloads(section) if section.is_rtp else (),
        extensions=tuple({**session.extensions, **section.extensions}.values()),
        rids=_simulcast_rids(section),
        ssrcs=tuple(section.ssrcs),
        retransmits=dict(section.retransmits),
    )


def _payloads(section: Section) -> tuple[Payload, ...]:
    feedback: dict[str, set[str]] = {}
    for number, kind in section.feedback:
        feedback.setdefault(number, set()).add(kind)
    everywhere = feedback.get("*", set())
    numbers = dict.fromkeys(int(text) for text in section.formats)
    return tuple(
        Payload(
            number,
            *section.rtpmaps[number],
            parameters=section.fmtps.get(number, ""),
            feedback=frozenset(feedback.get(str(number), set()) | everywhere),
        )
        for number in numbers
        if number in section.rtpmaps
    )


def _simulcast_rids(section: Section) -> tuple[str, ...]:
    if section.simulcast is None:
        return ()
    known = set(section.rids)
    return tuple(rid for rid in dict.fromkeys(section.simulcast) if rid in known)


def _offer(session: Section, media: list[Section], lines: tuple[MediaLine, ...]) -> Offer:
    bundle = _bundle(session, lines)
    carrier = _carrier(media, lines, bundle)
    _check_extension_ids(media, lines, bundle)
    ufrag, password = carrier.ufrag or session.ufrag, carrier.password or session.password
    if ufrag is None or password is None:
        raise MalformedSdp(carrier.number, "no a=ice-ufrag and a=ice-pwd")
    fingerprints = carrier.fingerprints or session.fingerprints
    if not fingerprints:
        raise MalformedSdp(carrier.number, f"no a=fingerprint with one of {', '.join(DIGEST_OCTETS)}")
    return Offer(media=lines, bundle=bundle, ice=IceCredentials(ufrag, password), fingerprints=tuple(fingerprints))


def _bundle(session: Section, lines: tuple[MediaLine, ...]) -> frozenset[str]:
    """Mids on the one transport; without a group that is the first m-line alone (RFC 9143 §7.3)."""
    if session.bundle is None:
        return frozenset({lines[0].mid})
    mids = {line.mid for line in lines}
    for mid in session.bundle:
        if mid not in mids:
            raise MalformedSdp(session.number, f"the BUNDLE group names mid {mid[:20]!r}, which no m-line has")
    return frozenset(session.bundle)


def _carrier(media: list[Section], lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> Section:
    """The m-line whose transport attributes count: the first bundled one that is in use."""
    for section, line in zip(media, lines, strict=True):
        if line.mid in bundle and not line.stopped:
            return section
    return media[0]


def _check_extension_ids(media: list[Section], lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> None:
    """One id means one extension in the whole bundle (RFC 9143 §9.1)."""
    uris: dict[int, str] = {}
    for section, line in zip(media, lines, strict=True):
        for extension in section.extensions.values() if line.mid in bundle and not line.stopped else ():
            if uris.setdefault(extension.id, extension.uri) != extension.uri:
                raise MalformedSdp(section.number, f"extmap id {extension.id} has another meaning in this m-line")
