/** The TypeScript client of Tertulia: sign in, ring, be rung, see and hear.  docs/web.md shows its use. */

export { endWords, isTrouble, type CallState, type EndReason, type Phase } from "./call";
export { CallSession } from "./call-session";
export type { MissedCall, User } from "./directory";
export { TertuliaError, sentence, words, type ErrorCode } from "./errors";
export type { Figures, ReceivedPicture, ReceivedSound, SentLayer, SentPicture } from "./figures";
export type { InvitationFrame, InviteRequestFrame, MediaTypes, Room } from "./frames";
export type { Identity } from "./grant";
export { layerName } from "./layers";
export type { Measuring, NodeStats, SeatFigures, SentFigures } from "./measuring";
export { hasScreen } from "./media";
export type { Quality } from "./quality";
export { Ringer, type Sound } from "./ring";
export { RoomConnection, type MediaState } from "./room-connection";
export { Rooms } from "./rooms";
export type { Occupant, Participant, SeatMids, Tile, Track } from "./seats";
export { Session } from "./session";
export { Signaling, type LinkState } from "./signaling";
export type { MuteRequest, Standing } from "./standing";
export { Tertulia } from "./tertulia";
