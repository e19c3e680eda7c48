/**
 * A device's place in a room on a node: link, negotiation, seats, and getting all of it back when it is lost.
 *
 * client -> **room connection** -> node link (Socket.IO) and peer media (RTCPeerConnection)
 *
 *   link up ── join ──> joined ── more participants than seats, screen, ICE in trouble ──> one offer at a time
 *      └─ link lost: media goes on; link back: resumed by the node, else all is joined anew
 */

import { Emitter } from "./emitter";
import { TertuliaError, asTertuliaError } from "./errors";
import type { IceServer, NodeServer, Room } from "./frames";
import { Looks } from "./looks";
import { Measuring } from "./measuring";
import { NodeLink, type JoinAnswer, type OfferAnswer, type Speaker } from "./node-link";
import { PeerMedia } from "./peer-media";
import type { Quality } from "./quality";
import { WELL, advice, observed, restarted, type Recovery } from "./recovery";
import { READING_MS, SeatQuality } from "./seat-quality";
import {
  EMPTY_ROSTER,
  FIRST_SEATS,
  participantsChanged,
  seatsChanged,
  seatsNeeded,
  seatsOffered,
  seatsToOffer,
  snapshotTaken,
  tiles,
  tracksChanged,
  type Roster,
  type SeatMids,
  type Tile,
} from "./seats";
import type { View } from "./view";
import { Viewing } from "./viewing";

export type MediaState = "connecting" | "connected" | "reconnecting";

export interface RoomConnectionEvents {
  /** Something to show has changed. */
  change: undefined;
  roster: Roster;
  /** The peer is lost, and a new one is being made. */
  rejoining: undefined;
  /** The node put us out, or will not have us any more. */
  expelled: string;
  failed: TertuliaError;
  /** Something did not work, and the call goes on. */
  notice: string;
}

/** After this long without `resumed` the node has forgotten us, and we join anew. */
const RESUME_TIMEOUT_MS = 3_000;
/** Joining is tried this often in a row without ever being connected; then the call has failed. */
const JOIN_ATTEMPTS = 3;
const JOIN_RETRY_MS = 1_000;

export class RoomConnection extends Emitter<RoomConnectionEvents> {
  /** How media comes in and goes out, in figures. */
  readonly measuring = new Measuring({
    report: () => this.#media.report(),
    sent: () => this.#media.sent(),
    ask: (request) => this.#ask("stats", request),
    changed: () => this.emit("change", undefined),
  });
  // Ours; `close` ends them.
  #link: NodeLink;
  #media: PeerMedia;
  #timers = new Set<number>();
  #recoveryTimer: number | undefined;
  #resumeTimer: number | undefined;
  readonly #readingTimer: number;

  // What is sent, kept for a new connection.
  readonly #tracks = new Map<"microphone" | "camera", MediaStreamTrack | null>();
  #screen: MediaStream | null = null;

  #server: NodeServer;
  #token: string;
  readonly #ice: readonly IceServer[];
  readonly #room: string;
  readonly #kbps: number;

  #roster: Roster = EMPTY_ROSTER;
  #speakers: readonly Speaker[] = [];
  readonly #quality = new SeatQuality();
  readonly #viewing = new Viewing(
    (view) => this.#tellView(view),
    () => this.#roster.seats.map(({ seat }) => seat),
  );
  readonly #looks = new Looks((seat, size) => this.#viewing.look(seat, size));
  #recovery: Recovery = WELL;
  #hasBeenConnected = false;
  #isJoined = false;
  #isNegotiating = false;
  #offerDue = false;
  #attempts = 0;
  #refusals = 0;
  #isUnreachable = false;
  #isClosed = false;

  constructor(room: Room, stream: MediaStream) {
    super();
    this.#room = room.room;
    this.#server = room.server;
    this.#token = room.token;
    this.#ice = room.ice;
    this.#kbps = room.bitrate;
    this.#tracks.set("microphone", stream.getAudioTracks()[0] ?? null);
    this.#tracks.set("camera", stream.getVideoTracks()[0] ?? null);
    this.#link = this.#newLink();
    this.#media = this.#newMedia();
    this.#readingTimer = window.setInterval(() => void this.#read(), READING_MS);
    this.#link.connect();
  }

  /** The browser's connection, for tests and for the curious; another one after a rejoin. */
  get peerConnection(): RTCPeerConnection {
    return this.#media.connection;
  }

  get roster(): Roster {
    return this.#roster;
  }

  get tiles(): Tile[] {
    return tiles(this.#roster);
  }

  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }

  /** Whether the link to the node is up; media goes on without it for a while. */
  get isLinkUp(): boolean {
    return this.#link.isUp;
  }

  /** Whether the last attempt to reach the node failed, or no media gets through to it. */
  get isUnreachable(): boolean {
    const { iceConnectionState } = this.peerConnection;
    return this.#isUnreachable || iceConnectionState === "failed" || iceConnectionState === "disconnected";
  }

  get state(): MediaState {
    const { connectionState } = this.peerConnection;
    if (connectionState === "connected") return "connected";
    return this.#hasBeenConnected ? "reconnecting" : "connecting";
  }

  stream(seat: SeatMids): MediaStream | null {
    return this.#media.stream(seat);
  }

  /** The worse of what the node says of the participant and what we measure of the seat; null while nothing comes. */
  quality(tile: Tile): Quality | null {
    return this.#quality.of(tile);
  }

  /** Follows the element that draws a seat, so that the node sends what fits it; the function that is returned ends that. */
  watch(seat: number, element: HTMLVideoElement): () => void {
    return this.#looks.watch(seat, element);
  }

  /** Whoever sits in this seat stays in it, before others of a room that has more than seats. */
  pin({ seat, occupant }: Tile, isPinned: boolean): void {
    const { participant, source } = occupant;
    this.#viewing.pin(seat, isPinned ? { participant, source } : null);
    this.emit("change", undefined);
  }

  isPinned({ seat, occupant }: Tile): boolean {
    const pin = this.#viewing.pinned(seat);
    return pin?.participant === occupant.participant && pin.source === occupant.source;
  }

  /** Sends another track (or none) as microphone or camera, and says so. */
  async send(source: "microphone" | "camera", track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.set(source, track);
    await this.#media.send(source, track);
    await this.announce();
  }

  async sendScreen(stream: MediaStream | null): Promise<void> {
    this.#screen = stream;
    await this.#media.sendScreen(stream);
    await this.#renegotiate();
  }

  /** Tells the node what our m-lines are and which are muted. */
  async announce(): Promise<void> {
    if (!this.#isJoined || !this.#link.isUp) return; // said when we join or are resumed
    await this.#link.request("tracks", this.#media.sent()).catch(() => undefined);
  }

  /** Joins anew where the room is now; the attempts to reach the old node count no more. */
  moveTo(server: NodeServer, token: string): void {
    this.#server = server;
    this.#token = token;
    this.#attempts = 0;
    this.#refusals = 0;
    this.#rejoin();
  }

  /** Leaves the room on the node and ends all that is ours; harmless when done twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.forgetListeners();
    this.measuring.set(false);
    const link = this.#link;
    const leaving = link.isUp && this.#isJoined ? link.request("leave", {}) : Promise.resolve();
    void leaving.catch(() => undefined).finally(() => link.close());
    this.#media.close();
    this.#looks.close();
    this.#viewing.stop();
    window.clearInterval(this.#readingTimer);
    this.#forgetTimers();
  }

  // ---- link

  #newLink(): NodeLink {
    const link = new NodeLink(this.#server.https, this.#room, this.#token);
    link.on("up", () => this.#linkUp());
    link.on("down", () => this.emit("change", undefined));
    link.on("unreachable", () => this.#show(() => (this.#isUnreachable = true)));
    link.on("refused", (error) => this.#refused(error));
    link.on("resumed", (snapshot) => this.#resumed(snapshot));
    link.on("seats", (changes) => this.#changeRoster(seatsChanged(this.#roster, changes)));
    link.on("participants", (change) => this.#changeRoster(participantsChanged(this.#roster, change)));
    link.on("tracks", (change) => this.#changeRoster(tracksChanged(this.#roster, change)));
    link.on("speakers", (speakers) => this.#show(() => (this.#speakers = speakers)));
    link.on("quality", (told) => this.#show(() => this.#quality.tell(told)));
    link.on("layers", (taken) => this.#media.takeLayers(taken));
    link.on("stats", (stats) => this.measuring.hear(stats));
    link.on("expelled", ({ reason }) => this.emit("expelled", reason));
    link.on("moved", ({ server, token }) => this.moveTo(server, token));
    link.on("error", ({ code, message }) => this.#complained(code, message));
    return link;
  }

  /** Asks the node for something that is asked for again once we have joined. */
  async #ask(event: string, data: object): Promise<unknown> {
    if (!this.#isJoined) throw new TertuliaError("unreachable");
    return this.#link.request(event, data);
  }

  /** Not between an offer and its answer: a view says that new seats may be filled, and those are not there yet. */
  async #tellView(view: View): Promise<unknown> {
    if (this.#isNegotiating) throw new TertuliaError("unreachable");
    return this.#ask("view", { seats: view });
  }

  /** A node that did not know us, or was out of reach, is told what it may have missed. */
  #restate(): void {
    this.#viewing.restate();
    this.measuring.restate();
  }

  #linkUp(): void {
    this.#isUnreachable = false;
    if (this.#link.peer === null) void this.#join();
    else this.#resumeTimer = window.setTimeout(() => this.#rejoin(), RESUME_TIMEOUT_MS);
    this.emit("change", undefined);
  }

  #resumed(snapshot: Parameters<typeof snapshotTaken>[1]): void {
    window.clearTimeout(this.#resumeTimer);
    this.#resumeTimer = undefined;
    this.#changeRoster(snapshotTaken(this.#roster, snapshot));
    this.#media.takeLayers(null); // what was told meanwhile is lost: all of them, until it is told again
    this.#restate();
    void this.announce();
    if (this.#offerDue) void this.#renegotiate();
    else this.#recover();
  }

  /** An error that answers nothing of ours: while we wait to be resumed, 404 says that the peer is gone. */
  #complained(code: number, message: string): void {
    if (code === 404 && this.#resumeTimer !== undefined) this.#rejoin();
    else if (!this.#hasBeenConnected) this.#show(() => (this.#isUnreachable = true));
    else this.emit("notice", message);
  }

  /**
   * A refused resume may be an expired one: then we are still admitted, and join anew.  A node that refuses who has been
   * there has perhaps crashed and is about to take the room again: it is asked a few times more.
   */
  #refused(error: TertuliaError): void {
    if (this.#link.peer !== null) this.#rejoin();
    else if (error.code === 403 && this.#hasBeenConnected) this.#forgotten();
    else this.#joinFailed(error);
  }

  #forgotten(): void {
    if (++this.#refusals >= JOIN_ATTEMPTS) this.emit("failed", new TertuliaError("room-lost"));
    else this.#later(() => this.#rejoin(), JOIN_RETRY_MS * this.#refusals);
  }

  // ---- negotiation

  #newMedia(): PeerMedia {
    const media = new PeerMedia(this.#ice, this.#kbps);
    media.connection.addEventListener("connectionstatechange", () => this.#connectionChanged());
    media.connection.addEventListener("iceconnectionstatechange", () => this.#recover());
    return media;
  }

  /** All of what we send goes into the connection before the first offer, so that this one offer does. */
  async #prepare(media: PeerMedia): Promise<void> {
    for (const [source, track] of this.#tracks) await media.send(source, track);
    media.addSeats(FIRST_SEATS);
    if (this.#screen !== null) await media.sendScreen(this.#screen);
  }

  async #join(): Promise<void> {
    const media = this.#media;
    const link = this.#link;
    this.#attempts++;
    try {
      if (media.seats === 0) await this.#prepare(media);
      const answer = await link.request<JoinAnswer>("join", { sdp: await media.offer() });
      link.peer = answer.peer;
      this.#changeRoster(seatsOffered(snapshotTaken(this.#roster, answer), answer.seats));
      await media.accept(answer.sdp);
      this.#isJoined = true;
      this.#restate();
      await this.announce();
      this.#offerSeats();
    } catch (thrown) {
      if (this.#isClosed || media !== this.#media) return;
      await media.rollback().catch(() => undefined);
      this.#joinFailed(asTertuliaError(thrown));
    }
    this.emit("change", undefined);
  }

  /** Tried again where trying helps: the link was lost on the way, or the node was not ready. */
  #joinFailed(error: TertuliaError): void {
    const isFinal = error.code === 400 || error.code === 403 || error.code === 404;
    if (isFinal || this.#attempts >= JOIN_ATTEMPTS) this.emit("failed", error);
    else this.#later(() => this.#rejoin(), JOIN_RETRY_MS * this.#attempts);
  }

  /** Link and connection anew, with the same tracks; the old peer is forgotten by the node in its time. */
  #rejoin(): void {
    if (this.#isClosed) return;
    if (this.#attempts >= JOIN_ATTEMPTS) return this.emit("failed", new TertuliaError("no-path"));
    this.emit("rejoining", undefined);
    this.#forgetTimers();
    this.#link.close();
    this.#media.close();
    this.#roster = { ...EMPTY_ROSTER };
    this.#speakers = [];
    this.#recovery = WELL;
    this.#isJoined = false;
    this.#isNegotiating = false;
    this.#offerDue = false;
    this.#link = this.#newLink();
    this.#media = this.#newMedia();
    this.#link.connect();
    this.emit("change", undefined);
  }

  /** One offer at a time; what is asked for meanwhile goes into the next. */
  async #renegotiate(): Promise<void> {
    this.#offerDue = true;
    if (this.#isNegotiating || !this.#isJoined || !this.#link.isUp) return;
    const media = this.#media;
    this.#isNegotiating = true;
    try {
      while (this.#isDue(media)) await this.#exchange(media);
    } catch (thrown) {
      if (media === this.#media) await this.#offerFailed(media, asTertuliaError(thrown));
    } finally {
      if (media === this.#media) this.#isNegotiating = false;
      this.#viewing.catchUp();
    }
  }

  #isDue(media: PeerMedia): boolean {
    const isDue = this.#offerDue && media === this.#media && !this.#isClosed;
    this.#offerDue = false;
    return isDue;
  }

  async #exchange(media: PeerMedia): Promise<void> {
    const answer = await this.#link.request<OfferAnswer>("offer", { sdp: await media.offer() });
    if (media !== this.#media) return;
    await media.accept(answer.sdp);
    this.#changeRoster(seatsOffered(this.#roster, answer.seats));
    await this.announce();
  }

  async #offerFailed(media: PeerMedia, error: TertuliaError): Promise<void> {
    await media.rollback().catch(() => undefined);
    if (error.code === "unreachable") this.#offerDue = true;
    else if (error.code === 404) this.#rejoin();
    else if (!this.#isClosed) this.emit("notice", error.message);
  }

  /** More seats when there are more people (and screens) than seats. */
  #offerSeats(): void {
    const wanted = seatsToOffer(this.#media.seats, seatsNeeded(this.#roster));
    if (!this.#isJoined || wanted <= this.#media.seats) return;
    this.#media.addSeats(wanted);
    void this.#renegotiate();
  }

  // ---- trouble

  #connectionChanged(): void {
    if (this.peerConnection.connectionState === "connected") {
      this.#hasBeenConnected = true;
      this.#isUnreachable = false;
      this.#attempts = 0;
      this.#refusals = 0;
    }
    this.emit("change", undefined);
  }

  #recover(): void {
    const state = this.peerConnection.iceConnectionState;
    const now = performance.now();
    this.#recovery = observed(this.#recovery, state, now);
    const next = advice(this.#recovery, state, now);
    window.clearTimeout(this.#recoveryTimer);
    if (next.act === "wait") this.#recoverAt(next.until);
    if (next.act === "restart") this.#restartIce(now);
    if (next.act === "rejoin" && this.#link.isUp) this.#rejoin();
  }

  #restartIce(now: number): void {
    this.#recovery = restarted(this.#recovery, now);
    this.peerConnection.restartIce();
    void this.#renegotiate();
    this.#recover();
  }

  #recoverAt(instant: number): void {
    this.#recoveryTimer = window.setTimeout(() => this.#recover(), Math.max(0, instant - performance.now()));
  }

  // ---- what is shown

  #changeRoster(roster: Roster): void {
    this.#roster = roster;
    this.emit("roster", roster);
    this.#offerSeats();
    this.emit("change", undefined);
  }

  #show(change: () => void): void {
    change();
    this.emit("change", undefined);
  }

  async #read(): Promise<void> {
    if (this.#roster.occupants.size === 0 || this.peerConnection.connectionState === "closed") return;
    this.#quality.read(await this.#media.readings(), this.#roster.seats);
    this.emit("change", undefined);
  }

  #later(act: () => void, ms: number): void {
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #forgetTimers(): void {
    for (const timer of this.#timers) window.clearTimeout(timer);
    this.#timers.clear();
    window.clearTimeout(this.#recoveryTimer);
    window.clearTimeout(this.#resumeTimer);
    this.#resumeTimer = undefined;
  }
}
