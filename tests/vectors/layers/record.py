"""Record what Chromium sends of one camera with layers inside its stream, as vectors for the tests of decoding.

Chromium (canvas, encoder) -> SRTP -> **record** -> `*.rtp` beside this file

Run by hand when a browser's version changes: `python -m tests.vectors.layers.record`.  A file has the RTP packets in
the order of their numbers, each behind its length (RFC 4571), from a keyframe on.  Pictures are the stripes of
`tests/core/footage.py`, drawn in half as many rows as the canvas has.  The browser is told what the node tells it (its
answer, ICE-lite, DTLS), but for feedback on its packets, and REMB, so that there is a rate for every layer.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from pathlib import Path
from typing import Final, cast

from aioice import stun
from playwright.async_api import Page, async_playwright
from pylibsrtp import Policy, Session

from sfu.dtls import PROFILES, Association, DtlsState, NodeCertificate
from sfu.sdp.agreement import agree
from sfu.sdp.answer import Candidate, Local, write_answer
from sfu.sdp.offer import parse_offer
from sfu.sdp.values import IceCredentials
from tests.core.client import parse_rtp
from tests.support.browser import CHROMIUM, FLAGS

HERE: Final = Path(__file__).parent
ICE: Final = IceCredentials("u" * 12, "p" * 32)
MODES: Final = (("vp9_l3t3", "VP9", "L3T3", 16), ("av1_l3t3", "AV1", "L3T3", 16), ("av1_l1t3", "AV1", "L1T3", 32))
"""Name, codec, layers, and how many pictures: whole rounds of temporal layers."""
FPS: Final = 15
SETTLED_S: Final = 4.0
"""After this the encoder has all its layers; then a keyframe is asked for, and what is recorded begins with it."""
PATIENCE_S: Final = 20.0
KBPS: Final = 900
OWN_SSRC: Final = 1

PAGE: Final = """
async ({codec, mode, kbps}) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [960, 540];
  document.body.append(canvas);
  const context = canvas.getContext("2d");
  let number = 0;
  setInterval(() => {
    context.fillStyle = "rgb(60 60 60)";
    context.fillRect(0, 0, 960, 540);
    context.fillStyle = "rgb(180 180 180)";
    for (let row = -(number * 8 % 128); row < 540; row += 128) context.fillRect(0, row, 960, 64);
    number += 1;
  }, 1000 / 15);
  const [track] = canvas.captureStream(15).getVideoTracks();
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const encoding = {scalabilityMode: mode, maxBitrate: kbps * 1000};
  const transceiver = pc.addTransceiver(track, {direction: "sendonly", sendEncodings: [encoding]});
  const codecs = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(codecs.filter(one => one.mimeType === `video/${codec}`));
  window.pc = pc;
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}
"""


class Receiver(asyncio.DatagramProtocol):
    """One browser's other end: it answers its checks, agrees on keys, and keeps its packets."""

    def __init__(self, certificate: NodeCertificate) -> None:
        self._certificate = certificate
        self._dtls: Association | None = None
        self._address: tuple[str, int] = ("", 0)
        self._opening: Session | None = None
        self._sealing: Session | None = None
        self.packets: list[bytes] = []
        self.arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def expect(self, dtls: Association) -> None:
        """What the offer said of the browser's certificate."""
        self._dtls = dtls

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """RFC 7983 §7."""
        self._address = addr
        if data[0] <= 3:
            self._answer(data)
        elif 20 <= data[0] <= 63:
            self._shake(data)
        elif self._opening is not None and not 192 <= data[1] <= 223:
            self.packets.append(self._opening.unprotect(data))
            self.arrived.set()

    def _answer(self, data: bytes) -> None:
        request = stun.parse_message(data)
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = self._address
        response.add_message_integrity(ICE.password.encode())
        self._transport.sendto(bytes(response), self._address)

    def _shake(self, data: bytes) -> None:
        assert self._dtls is not None
        self._dtls.receive([data])
        for datagram in self._dtls.datagrams():
            self._transport.sendto(datagram, self._address)
        if self._opening is None and self._dtls.state is DtlsState.CONNECTED:
            keys = self._dtls.take_keys()
            native = next(one.libsrtp_profile for one in PROFILES if one.openssl_profile.decode() == keys.profile)
            remote, local = keys.remote_key + keys.remote_salt, keys.local_key + keys.local_salt
            self._opening = Session(Policy(key=remote, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=native))
            self._sealing = Session(Policy(key=local, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=native))

    def say(self, rtcp: bytes) -> None:
        """Send an RTCP packet."""
        if self._sealing is not None:
            self._transport.sendto(self._sealing.protect_rtcp(rtcp), self._address)


def remb(ssrc: int, kbps: int) -> bytes:
    """draft-alvestrand-rmcat-remb-03 §2.2."""
    exponent = max(0, (kbps * 1_000).bit_length() - 18)
    mantissa = kbps * 1_000 >> exponent
    rate = (1 << 24) | exponent << 18 | mantissa
    return struct.pack("!BBHLL4sLL", 0x8F, 206, 5, OWN_SSRC, 0, b"REMB", rate, ssrc)


def picture_loss(ssrc: int) -> bytes:
    """RFC 4585 §6.3.1."""
    return struct.pack("!BBHLL", 0x81, 206, 2, OWN_SSRC, ssrc)


async def record(page: Page, name: str, codec: str, mode: str, pictures: int) -> None:
    """One vector."""
    loop, certificate = asyncio.get_running_loop(), NodeCertificate.generateCertificate()
    assert isinstance(certificate, NodeCertificate)
    transport, receiver = await loop.create_datagram_endpoint(
        lambda: Receiver(certificate), local_addr=("127.0.0.1", 0)
    )
    await page.goto("chrome://version")
    text = await page.evaluate(PAGE, {"codec": codec, "mode": mode, "kbps": KBPS})
    text = "".join(row for row in text.splitlines(keepends=True) if "transport-" not in row)
    offer = parse_offer(text)
    receiver.expect(Association(certificate, offer.fingerprints))
    port = transport.get_extra_info("sockname")[1]
    local = Local(
        session=1, version=1, ice=ICE, fingerprint=certificate.fingerprint, candidates=(Candidate("127.0.0.1", port),)
    )
    answer = write_answer(agree(offer, None, lambda: 9), local)
    await page.evaluate("sdp => pc.setRemoteDescription({type: 'answer', sdp})", answer)
    await asyncio.wait_for(receiver.arrived.wait(), PATIENCE_S)
    ssrc = int.from_bytes(receiver.packets[0][8:12])
    for _ in range(int(SETTLED_S)):
        receiver.say(remb(ssrc, KBPS))
        await asyncio.sleep(1)
    receiver.say(picture_loss(ssrc))
    receiver.packets.clear()
    await asyncio.sleep(pictures / FPS + 1.5)
    await page.evaluate("pc.close()")
    transport.close()
    save(name, [packet for packet in receiver.packets if packet[8:12] == ssrc.to_bytes(4)], pictures)


def save(name: str, packets: list[bytes], count: int) -> None:
    """The packets of so many pictures from the keyframe on, in their order."""
    start = int.from_bytes(packets[0][2:4])
    packets.sort(key=lambda packet: (int.from_bytes(packet[2:4]) - start) & 0xFFFF)
    pictures = [[*picture] for _, picture in itertools.groupby(packets, key=lambda packet: packet[4:8])]
    first = next(index for index, picture in enumerate(pictures) if begins_anew(name, parse_rtp(picture[0]).payload))
    chosen = pictures[first : first + count]
    assert len(chosen) == count
    octets = b"".join(struct.pack("!H", len(packet)) + packet for picture in chosen for packet in picture)
    (HERE / f"{name}.rtp").write_bytes(octets)


def begins_anew(name: str, payload: bytes) -> bool:
    """Whether a picture's first payload is of a keyframe: no P in VP9 (RFC 9628 §4.2), N in AV1."""
    return not payload[0] & 0x40 if name.startswith("vp9") else bool(payload[0] & 0x08)


async def main() -> None:
    """All vectors."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--allow-loopback-in-peer-connection"]
        )
        for name, codec, mode, pictures in MODES:
            await record(await browser.new_page(), name, codec, mode, pictures)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
