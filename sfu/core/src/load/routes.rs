//! Whose an SSRC is: told by the answer, or learned from packets.
//!
//! `endpoint (header) → **routes** → receiver`

use super::receiver::Receiver;
use crate::peer::SsrcTable;
use crate::rtp::Head;

/// SSRCs that are told apart: 300 seats with audio, video and retransmissions.
const MAX_STREAMS: usize = 1_024;

/// Whose packets an SSRC's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Place of the receiver.
    pub receiver: u16,
    /// They are retransmissions.
    pub rtx: bool,
}

/// The SSRCs of one endpoint's receivers.
#[derive(Debug, Default)]
pub struct Routes(SsrcTable<Stream, MAX_STREAMS>);

impl Routes {
    /// Those that the answer told, and that were learned before.
    #[must_use]
    pub fn of(receivers: &[Receiver]) -> Self {
        let mut routes = Self::default();
        for (index, receiver) in receivers.iter().enumerate() {
            let (track, receiver) = (&receiver.track, index as u16);
            for (ssrc, rtx) in [(track.ssrc, false), (track.rtx_ssrc, true)] {
                ssrc.map(|ssrc| routes.0.set(ssrc, Stream { receiver, rtx }));
            }
        }
        routes
    }

    /// Whose an SSRC is.
    #[inline]
    #[must_use]
    pub fn get(&self, ssrc: u32) -> Option<Stream> {
        self.0.get(ssrc)
    }

    /// Whose an SSRC is that was not known, if its packet says so; from now on it is known.
    pub fn learn(
        &mut self,
        receivers: &mut [Receiver],
        head: &Head<'_>,
        mid_id: u8,
    ) -> Option<Stream> {
        let stream = resolve(receivers, head, mid_id)?;
        self.0.retain(|_, known| known != stream);
        let receiver = &mut receivers[usize::from(stream.receiver)];
        if stream.rtx {
            receiver.track.rtx_ssrc = Some(head.ssrc);
        } else if receiver.track.ssrc.replace(head.ssrc).is_some() {
            // Numbers of different SSRCs have nothing to do with each other.
            receiver.change_source();
        }
        self.0.set(head.ssrc, stream).then_some(stream)
    }
}

/// By its MID, or by payload type where that leaves one.
fn resolve(receivers: &[Receiver], head: &Head<'_>, mid_id: u8) -> Option<Stream> {
    let mid = (mid_id != 0).then(|| head.extension(mid_id)).flatten();
    let mut candidates = receivers
        .iter()
        .enumerate()
        .filter_map(|(index, receiver)| {
            let track = &receiver.track;
            if mid.is_some_and(|mid| mid != track.mid.as_bytes()) {
                return None;
            }
            let rtx = track.rtx_payload_types.contains(&head.payload_type);
            let known = if rtx { track.rtx_ssrc } else { track.ssrc };
            let fits = rtx || track.payload_types.contains(&head.payload_type);
            // Without a MID a stream that is known already has no second one.
            (fits && (mid.is_some() || known.is_none())).then_some(Stream {
                receiver: index as u16,
                rtx,
            })
        });
    let stream = candidates.next()?;
    candidates.next().is_none().then_some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::config::ReceivedTrack;
    use crate::media::Kind;
    use crate::rtp::{OutHeader, write_header};

    const MID: u8 = 1;

    fn receivers(tracks: &[(&str, u8)]) -> Vec<Receiver> {
        let receiver = |&(mid, payload_type): &(&str, u8)| {
            let track = ReceivedTrack {
                mid: mid.into(),
                kind: Kind::Video,
                ssrc: None,
                rtx_ssrc: None,
                payload_types: vec![payload_type],
                rtx_payload_types: vec![payload_type + 1],
                clock_rate: 90_000,
                nack: true,
                pli: true,
            };
            Receiver::new(track, 0)
        };
        tracks.iter().map(receiver).collect()
    }

    /// Receiver and whether it is RTX, for a packet of this SSRC and payload type.
    fn learned(
        routes: &mut Routes,
        receivers: &mut [Receiver],
        ssrc: u32,
        payload_type: u8,
        mid: Option<&str>,
    ) -> Option<(u16, bool)> {
        let header = OutHeader {
            ssrc,
            payload_type,
            mid: mid.map(|mid| (MID, mid.as_bytes())),
            ..OutHeader::default()
        };
        let mut out = [0; 64];
        let len = write_header(&mut out, &header);
        let head = Head::parse(&out[..len]).expect("RTP");
        let stream = routes.learn(receivers, &head, MID)?;
        assert_eq!(routes.get(ssrc), Some(stream));
        Some((stream.receiver, stream.rtx))
    }

    #[test]
    fn a_mid_tells_media_and_retransmissions_apart_by_payload_type() {
        let mut all = receivers(&[("0", 96), ("1", 96)]);
        let mut routes = Routes::of(&all);
        let mut learn =
            |ssrc, payload_type, mid| learned(&mut routes, &mut all, ssrc, payload_type, mid);
        assert_eq!(learn(5, 96, Some("1")), Some((1, false)));
        assert_eq!(learn(6, 97, Some("1")), Some((1, true)));
        assert_eq!(learn(7, 96, Some("2")), None);
        assert_eq!(learn(7, 99, Some("0")), None);
        assert_eq!(
            (all[1].track.ssrc, all[1].track.rtx_ssrc),
            (Some(5), Some(6))
        );
    }

    #[test]
    fn without_a_mid_only_what_one_m_line_alone_could_be_is_believed() {
        let mut all = receivers(&[("0", 96), ("1", 96), ("2", 100)]);
        let mut routes = Routes::of(&all);
        let mut learn =
            |ssrc, payload_type| learned(&mut routes, &mut all, ssrc, payload_type, None);
        assert_eq!(learn(5, 96), None);
        assert_eq!(learn(5, 100), Some((2, false)));
        assert_eq!(learn(6, 100), None, "it has its stream");
        assert_eq!(learn(6, 101), Some((2, true)));
    }

    #[test]
    fn a_stream_that_changes_its_ssrc_is_followed_by_its_mid() {
        let mut all = receivers(&[("0", 96)]);
        let mut routes = Routes::of(&all);
        assert_eq!(
            learned(&mut routes, &mut all, 5, 96, Some("0")),
            Some((0, false))
        );
        assert_eq!(
            learned(&mut routes, &mut all, 6, 96, Some("0")),
            Some((0, false))
        );
        assert_eq!((routes.get(5), all[0].track.ssrc), (None, Some(6)));
        let again = Routes::of(&all);
        assert_eq!(again.get(6), routes.get(6));
    }
}
