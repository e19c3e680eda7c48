import { describe, expect, it } from "vitest";

import { withRepairs } from "../../client/repairs";

const AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n";
const VIDEO =
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 45\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n" +
  "a=rtpmap:97 rtx/90000\r\na=rtpmap:102 H264/90000\r\na=rtpmap:45 AV1/90000\r\n";

const feedback = (sdp: string) => sdp.split("\r\n").filter((row) => row.startsWith("a=rtcp-fb"));

describe("what makes up for lost packets is offered", () => {
  it("for sound that it may be sent again: a line behind each Opus, and no other codec", () => {
    const repaired = withRepairs(AUDIO + AUDIO.replaceAll("111", "109"));
    expect(feedback(repaired)).toEqual(["a=rtcp-fb:111 nack", "a=rtcp-fb:109 nack"]);
    expect(repaired).toContain("a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n");
  });

  it("for pictures that the time is asked for, whatever their codec, and not for what is sent again", () => {
    expect(feedback(withRepairs(VIDEO))).toEqual([
      "a=rtcp-fb:96 rrtr",
      "a=rtcp-fb:96 nack",
      "a=rtcp-fb:102 rrtr",
      "a=rtcp-fb:45 rrtr",
    ]);
  });

  it("once, whoever has asked for it", () => {
    const once = withRepairs(AUDIO + VIDEO);
    expect(withRepairs(once)).toBe(once);
  });
});
