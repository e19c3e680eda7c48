/**
 * Offers what makes up for lost packets and browsers do not offer by themselves.
 *
 * peer-media (offer) -> **repairs** -> node
 *
 * Sound may be sent again: browsers know how to ask for it and how to send it again (generic NACK, RFC 4585 §6.2.1), and
 * offer it for pictures only.  Over paths that lose a tenth, with 100 ms there and back, 7 % of what is heard is made up
 * without it and 2 % with it (docs/quality.md).
 *
 * Who sends nothing asks for the time (`rrtr`, RFC 3611 §4.4): a browser learns the round trip from answers to what it
 * sends, and else takes it for 100 ms, before which it does not ask for the same packet again.
 *
 * A browser that does not take its own offer back with a line more gets it as it was.
 */

const MEDIA = /^a=rtpmap:(\d+) (opus\/48000\/2|(?:VP8|VP9|H264|AV1)\/90000)\r\n/gim;

/** The offer with a line more for each payload type of sound or pictures that lacks it. */
export function withRepairs(sdp: string): string {
  return sdp.replace(MEDIA, (line: string, type: string, codec: string) => {
    const feedback = `a=rtcp-fb:${type} ${codec.toLowerCase().startsWith("opus") ? "nack" : "rrtr"}\r\n`;
    return sdp.includes(feedback) ? line : line + feedback;
  });
}
