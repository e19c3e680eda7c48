import { describe, expect, it } from "vitest";

import { withSoundRepaired } from "../../client/repairs";

const AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n";
const VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n";

describe("sound is sent again", () => {
  it("by a line behind each Opus, and no other codec", () => {
    const repaired = withSoundRepaired(AUDIO + VIDEO + AUDIO.replaceAll("111", "109"));
    expect(repaired.split("\r\n").filter((row) => row.startsWith("a=rtcp-fb"))).toEqual([
      "a=rtcp-fb:111 nack",
      "a=rtcp-fb:96 nack",
      "a=rtcp-fb:109 nack",
    ]);
    expect(repaired).toContain("a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n");
  });

  it("once, whoever has asked for it", () => {
    const once = withSoundRepaired(AUDIO);
    expect(withSoundRepaired(once)).toBe(once);
  });
});
