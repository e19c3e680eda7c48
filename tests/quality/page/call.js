/**
 * One end of a measured call: in a room of a node, by its WebSocket, or with another page directly.
 *
 * camera -> **call** -> node or other page; received pictures -> Eyes (when each came out of the decoder, how large)
 *
 * `stage.py` drives it by `call.…`.  Times are milliseconds of the wall clock, so that those of pages and of the driver
 * can be compared.  A picture counts when its track hands it out: what an element would then show.
 */
"use strict";

const FRAMES_KEPT = 60; // a main thread that is late by less than that misses none
const now = () => performance.timeOrigin + performance.now();

/** What one received video track shows. */
class Eyes {
  constructor(track) {
    this.frames = [];
    this.first = new Promise((resolve) => (this.onFirst = resolve));
    this.read(new MediaStreamTrackProcessor({ track, maxBufferSize: FRAMES_KEPT }).readable.getReader());
  }

  async read(reader) {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.frames.push([now(), value.displayHeight]);
      value.close();
      this.onFirst(this.frames[0][0]);
    }
  }
}

/** Requests and events of a node's control link. */
class Link {
  constructor(url) {
    this.events = [];
    this.asked = new Map();
    this.number = 0;
    this.socket = new WebSocket(url);
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error(`no connection to ${url}`));
    });
    this.socket.onclose = ({ reason }) => {
      for (const { reject } of this.asked.values()) reject(new Error(`the node hung up: ${reason}`));
    };
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
  }

  take(frame) {
    if (frame.event === undefined) {
      this.asked.get(frame.id)?.resolve(frame.data);
      return;
    }
    this.events.push([now(), frame.event, frame.data]);
    if (frame.event === "layers") call.takeLayers(frame.data);
  }

  say(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  async ask(event, data) {
    const id = ++this.number;
    const answer = await new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.say({ event, id, data });
    });
    this.asked.delete(id);
    if (answer.error !== undefined) throw new Error(`${event}: ${answer.error} ${answer.message}`);
    return answer;
  }
}

const call = {
  eyes: [],
  voices: [],

  /** Opens camera and microphone; what is sent is what the files say, unimproved. */
  async open({ width, height, fps }) {
    const video = { width, height, frameRate: fps };
    const audio = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ video, audio });
  },

  begin() {
    this.setting = Promise.resolve();
    this.eyes = [];
    this.voices = [];
    this.connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    this.connection.ontrack = ({ track }) => this.receive(track);
  },

  receive(track) {
    if (track.kind === "video") {
      this.eyes.push(new Eyes(track));
      return;
    }
    const voice = new Audio();
    voice.srcObject = new MediaStream([track]);
    voice.play().catch(() => {});
    this.voices.push(voice);
  },

  send(encodings, codec) {
    const [sound] = this.stream.getAudioTracks();
    const [picture] = this.stream.getVideoTracks();
    narrow(this.connection.addTransceiver(sound, { direction: "sendonly" }), "audio", codec);
    const options = { direction: "sendonly", sendEncodings: encodings };
    narrow(this.connection.addTransceiver(picture, options), "video", codec);
  },

  async offer() {
    const { type, sdp } = await this.connection.createOffer();
    await this.connection.setLocalDescription({ type, sdp: withRepairs(sdp) });
    return this.connection.localDescription.sdp;
  },

  /** Joins a node's room; gives when that was asked for and when the answer came. */
  async join({ url, room, token, encodings, seats, codec, described }) {
    const asked = now();
    this.begin();
    if (encodings !== null) this.send(encodings, codec);
    for (let seat = 0; seat < seats; seat++) {
      for (const kind of ["audio", "video"]) {
        const seat = this.connection.addTransceiver(kind, { direction: "recvonly" });
        narrow(seat, kind, codec);
        if (described) describe(seat);
      }
    }
    this.link = new Link(url);
    await this.link.opened;
    this.link.say({ room, token });
    const answer = await this.link.ask("join", { sdp: await this.offer() });
    const answered = now();
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    return { asked, answered, peer: answer.peer };
  },

  /** Stops the layers that nobody takes, as the page of the product does (`web/client/sender-parameters.ts`). */
  takeLayers(taken) {
    for (const { mid, sender } of this.connection.getTransceivers()) {
      const [, rids] = Object.entries(taken).find(([track]) => track.endsWith(`:${mid}`)) ?? [];
      if (rids === undefined) continue;
      this.setting = this.setting.then(() => activate(sender, rids)).catch(() => {});
    }
  },

  async leave() {
    await this.link.ask("leave", {});
    this.link.socket.close();
    this.connection.close();
  },

  view(height) {
    return this.link.ask("view", { seats: { 0: { height } } });
  },

  // Directly, page to page.

  ring({ encodings, codec }) {
    this.begin();
    this.send(encodings, codec);
    return this.offer();
  },

  async answer(sdp) {
    this.begin();
    await this.connection.setRemoteDescription({ type: "offer", sdp });
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.connection.localDescription.sdp;
  },

  take(sdp) {
    return this.connection.setRemoteDescription({ type: "answer", sdp });
  },

  // What there is to see.

  async counted() {
    const wanted = new Set(["inbound-rtp", "outbound-rtp"]);
    const reports = [...(await this.connection.getStats()).values()].filter((one) => wanted.has(one.type));
    return { at: now(), reports };
  },

  frames(seat, since) {
    return (this.eyes[seat]?.frames ?? []).filter(([at]) => at >= since);
  },

  first(seat) {
    return this.eyes[seat].first;
  },

  events(name) {
    return this.link.events.filter(([, event]) => event === name).map(([at, , data]) => [at, data]);
  },
};

/** The lowest layer is always sent. */
async function activate(sender, rids) {
  const parameters = sender.getParameters();
  parameters.encodings.forEach((one, index) => (one.active = index === 0 || rids.includes(one.rid ?? "")));
  await sender.setParameters(parameters);
}

/** Offers one codec and what repairs it: of H.264 the profile that browsers share. */
function narrow(transceiver, kind, codec) {
  const known = RTCRtpReceiver.getCapabilities(kind).codecs;
  const type = kind === "audio" ? "audio/opus" : `video/${codec}`.toLowerCase();
  const fits = ({ mimeType, sdpFmtpLine = "" }) =>
    mimeType.toLowerCase() === type &&
    (codec !== "H264" || kind === "audio" || /packetization-mode=1.*profile-level-id=42e0/.test(sdpFmtpLine)) &&
    (codec !== "VP9" || kind === "audio" || /profile-id=0/.test(sdpFmtpLine)) &&
    (codec !== "AV1" || kind === "audio" || !/profile=1/.test(sdpFmtpLine));
  const media = known.filter(fits);
  if (media.length === 0) throw new Error(`this browser has no ${type}`);
  const repair = kind === "video" ? known.filter(({ mimeType }) => mimeType === "video/rtx") : [];
  transceiver.setCodecPreferences([...media, ...repair]);
}

/** Offers dependency descriptors, which a browser does not by itself for what it receives; pictures of AV1 in layers need them. */
function describe(transceiver) {
  const extensions = transceiver.getHeaderExtensionsToNegotiate();
  for (const one of extensions) if (one.uri.includes("#dependency-descriptor")) one.direction = "sendrecv";
  transceiver.setHeaderExtensionsToNegotiate(extensions);
}

/** Offers that lost sound may be sent again, and asks for the time, as the page of the product does (`web/client/repairs.ts`). */
function withRepairs(sdp) {
  return sdp
    .replace(/^a=rtpmap:(\d+) opus\/48000\/2\r\n/gm, (line, type) => `${line}a=rtcp-fb:${type} nack\r\n`)
    .replace(/^a=rtpmap:(\d+) (?:VP8|VP9|H264|AV1)\/90000\r\n/gm, (line, type) => `${line}a=rtcp-fb:${type} rrtr\r\n`);
}
