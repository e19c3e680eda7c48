//! How well one source comes in: loss and jitter, as receiver reports tell the publisher.
//!
//! `track → **reception** → rtcp (receiver reports)`

use crate::rtcp::{ReportBlock, to_compact};
use crate::time::{Instant, Ntp};

/// RFC 3550 §6.4.1: the field has 24 bits, signed.
const MAX_LOST: i64 = 0x7f_ffff;

/// Counts of one SSRC, RFC 3550 appendix A.3 and A.8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    base: Option<u64>,
    highest: u64,
    received: u64,
    recovered: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<u32>,
    /// In units of the media clock, times 16.
    jitter16: u32,
    last_sr: Option<(Ntp, Instant)>,
}

impl Reception {
    /// A packet of the source itself, `rate` ticks a second.
    pub fn received(&mut self, ext_seq: u64, timestamp: u32, rate: u32, now: Instant) {
        let base = *self.base.get_or_insert(ext_seq);
        self.base = Some(base.min(ext_seq));
        self.highest = self.highest.max(ext_seq);
        self.received += 1;
        self.measure_jitter(timestamp, rate, now);
    }

    /// A packet that came by retransmission.
    pub fn recovered(&mut self) {
        self.recovered += 1;
    }

    fn measure_jitter(&mut self, timestamp: u32, rate: u32, now: Instant) {
        let arrival = (u128::from(now.as_nanos()) * u128::from(rate) / 1_000_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            self.jitter16 = self
                .jitter16
                .wrapping_add(difference)
                .wrapping_sub((self.jitter16 + 8) >> 4);
        }
    }

    /// The source's sender report.
    pub fn sender_report(&mut self, ntp: Ntp, now: Instant) {
        self.last_sr = Some((ntp, now));
    }

    fn expected(&self) -> u64 {
        self.base.map_or(0, |base| self.highest - base + 1)
    }

    /// Packets that never came, retransmissions counted as come.
    pub fn lost(&self) -> u64 {
        self.expected()
            .saturating_sub(self.received + self.recovered)
    }

    /// Interarrival jitter in units of the media clock, RFC 3550 §6.4.1.
    pub fn jitter(&self) -> u32 {
        self.jitter16 >> 4
    }

    /// The block for the next report; the fraction is of the time since the last call.
    pub fn report(&mut self, ssrc: u32, now: Instant) -> Option<ReportBlock> {
        self.base?;
        let (expected, received) = (self.expected(), self.received);
        let expected_since = expected - self.expected_before;
        let received_since = received - self.received_before;
        (self.expected_before, self.received_before) = (expected, received);
        let lost_since = expected_since.saturating_sub(received_since);
        let lost = expected.cast_signed() - received.cast_signed();
        Some(ReportBlock {
            ssrc,
            fraction_lost: ((lost_since << 8) / expected_since.max(1)).min(255) as u8,
            cumulative_lost: lost.clamp(-MAX_LOST - 1, MAX_LOST) as i32,
            highest_sequence: self.highest as u32,
            jitter: self.jitter(),
            last_sr: self.last_sr.map_or(0, |(ntp, _)| ntp.middle32()),
            delay_since_last_sr: self
                .last_sr
                .map_or(0, |(_, at)| to_compact(now.saturating_since(at))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(reception: &mut Reception, numbers: impl IntoIterator<Item = u64>) {
        for seq in numbers {
            let now = Instant::from_millis(seq * 20);
            reception.received(seq, (seq * 960) as u32, 48_000, now);
        }
    }

    #[test]
    fn loss_is_told_as_a_fraction_since_the_last_report_and_in_total() {
        let mut reception = Reception::default();
        receive(&mut reception, (100..200).filter(|seq| seq % 4 != 1));
        let block = reception
            .report(7, Instant::from_millis(4_000))
            .expect("begun");
        assert_eq!((block.fraction_lost, block.cumulative_lost), (64, 25));
        receive(&mut reception, 200..300);
        let block = reception
            .report(7, Instant::from_millis(6_000))
            .expect("begun");
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 25));
        assert_eq!((block.highest_sequence, block.jitter), (299, 0));
    }

    #[test]
    fn a_packet_older_than_the_first_was_not_lost() {
        let mut reception = Reception::default();
        receive(&mut reception, [10, 9, 11]);
        assert_eq!(
            reception
                .report(7, Instant::default())
                .map(|block| block.cumulative_lost),
            Some(0)
        );
    }

    #[test]
    fn jitter_follows_rfc_3550() {
        let mut reception = Reception::default();
        for seq in 0..200u64 {
            let late = if seq % 2 == 0 { 0 } else { 10 };
            reception.received(
                seq,
                (seq * 960) as u32,
                48_000,
                Instant::from_millis(seq * 20 + late),
            );
        }
        let jitter = reception
            .report(7, Instant::default())
            .map(|block| block.jitter);
        assert_eq!(jitter, Some(479)); // 10 ms of 48 kHz, rounded down by the filter
    }

    #[test]
    fn retransmissions_mend_what_the_user_lost_but_not_what_the_path_lost() {
        let mut reception = Reception::default();
        receive(&mut reception, [1, 3]);
        reception.recovered();
        assert_eq!(reception.lost(), 0);
        assert_eq!(
            reception
                .report(7, Instant::default())
                .map(|block| block.cumulative_lost),
            Some(1)
        );
    }
}
