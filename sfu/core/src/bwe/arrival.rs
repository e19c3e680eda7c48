//! Packets that left together, and how much further apart such groups arrived than they left.
//!
//! `history → **arrival** → trend, queue`
//!
//! draft-ietf-rmcat-gcc-02 §5.1 and §5.2.  What leaves within 5 ms is one group.  What arrives in one burst behind a
//! pause of the path joins the group that it arrives with: the pause says nothing about a queue.

/// A group spans this at the sender, §5.2.
const GROUP_US: i64 = 5_000;
/// Packets of a burst arrive no further apart than this.
const BURST_GAP_US: i64 = 5_000;
/// A burst spans no more than this.
const MAX_BURST_US: i64 = 100_000;
/// The receiver's clock has jumped if arrivals are further apart than departures by this.
const CLOCK_JUMP_US: i64 = 3_000_000;
/// So many groups in a row that arrived before the one they followed mean the same.
const MAX_REORDERED: u8 = 3;

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: i64,
    last_sent_us: i64,
    first_arrival_us: i64,
    last_arrival_us: i64,
}

impl Group {
    const fn new(sent_us: i64, arrival_us: i64) -> Self {
        Self {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            first_arrival_us: arrival_us,
            last_arrival_us: arrival_us,
        }
    }

    fn holds(&self, sent_us: i64, arrival_us: i64) -> bool {
        sent_us - self.first_sent_us <= GROUP_US || self.is_burst(sent_us, arrival_us)
    }

    /// It came right behind the group though it left later than that.
    const fn is_burst(&self, sent_us: i64, arrival_us: i64) -> bool {
        let arrived_after = arrival_us - self.last_arrival_us;
        let left_after = sent_us - self.last_sent_us;
        arrived_after < left_after
            && arrived_after <= BURST_GAP_US
            && arrival_us - self.first_arrival_us < MAX_BURST_US
    }

    fn add(&mut self, sent_us: i64, arrival_us: i64) {
        self.last_sent_us = self.last_sent_us.max(sent_us);
        self.last_arrival_us = self.last_arrival_us.max(arrival_us);
    }
}

/// One group behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Between their departures.
    pub sent_us: i64,
    /// Between their arrivals.
    pub arrived_us: i64,
    /// When the second one arrived, on the receiver's clock.
    pub arrival_us: i64,
    /// From its departure to its arrival; the two clocks differ by a constant.
    pub one_way_us: i64,
}

/// What a packet brings to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It belongs to the group that is being gathered, or came out of order.
    Gathered,
    /// It begins a group, and the one before is complete.
    Stepped(Step),
    /// Nothing before it can be compared with what follows.
    ClockJumped,
}

/// The last complete group and the one being gathered.
#[derive(Debug, Default)]
pub struct Groups {
    before: Option<Group>,
    current: Option<Group>,
    reordered: u8,
}

impl Groups {
    /// Whether what left after this packet has arrived before it.
    pub fn are_beyond(&self, sent_us: i64) -> bool {
        self.current
            .is_some_and(|current| sent_us < current.first_sent_us)
    }

    /// Takes in a packet that has arrived.
    pub fn add(&mut self, sent_us: u64, arrival_us: i64) -> Outcome {
        let sent_us = sent_us.cast_signed();
        if self.are_beyond(sent_us) {
            return Outcome::Gathered;
        }
        let Some(current) = &mut self.current else {
            self.current = Some(Group::new(sent_us, arrival_us));
            return Outcome::Gathered;
        };
        if current.holds(sent_us, arrival_us) {
            current.add(sent_us, arrival_us);
            return Outcome::Gathered;
        }
        let complete = *current;
        let before = self.before.replace(complete);
        *current = Group::new(sent_us, arrival_us);
        before.map_or(Outcome::Gathered, |before| self.step(&before, &complete))
    }

    fn step(&mut self, before: &Group, complete: &Group) -> Outcome {
        let step = Step {
            sent_us: complete.last_sent_us - before.last_sent_us,
            arrived_us: complete.last_arrival_us - before.last_arrival_us,
            arrival_us: complete.last_arrival_us,
            one_way_us: complete.last_arrival_us - complete.last_sent_us,
        };
        self.reordered = if step.arrived_us < 0 {
            self.reordered + 1
        } else {
            0
        };
        if (step.arrived_us - step.sent_us).abs() > CLOCK_JUMP_US || self.reordered >= MAX_REORDERED
        {
            self.restart();
            return Outcome::ClockJumped;
        }
        if step.arrived_us < 0 {
            return Outcome::Gathered;
        }
        Outcome::Stepped(step)
    }

    /// Compares what comes next with nothing that came before.
    pub fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(packets: &[(u64, i64)]) -> Vec<(i64, i64)> {
        let mut groups = Groups::default();
        let outcomes = packets.iter().map(|(sent, arrival)| {
            let outcome = groups.add(sent * 1_000, arrival * 1_000);
            (outcome != Outcome::ClockJumped).then_some(outcome)
        });
        let stepped = outcomes.filter_map(|outcome| match outcome {
            Some(Outcome::Stepped(step)) => Some((step.sent_us / 1_000, step.arrived_us / 1_000)),
            _ => None,
        });
        stepped.collect()
    }

    #[test]
    fn what_leaves_within_five_milliseconds_is_one_group() {
        let packets = [(0, 50), (5, 56), (10, 61), (15, 80), (20, 95), (25, 100)];
        // 0 and 5 | 10 and 15 | 20 and 25, which is not complete.
        assert_eq!(steps(&packets), [(10, 24)]);
    }

    #[test]
    fn a_burst_behind_a_pause_is_one_group() {
        let paused = [
            (0, 50),
            (10, 160),
            (20, 161),
            (30, 162),
            (40, 163),
            (60, 183),
            (70, 193),
        ];
        assert_eq!(steps(&paused), [(40, 113), (20, 20)]);
    }

    #[test]
    fn a_packet_from_before_the_group_is_passed_over() {
        assert_eq!(
            steps(&[(0, 50), (20, 70), (10, 75), (40, 90), (60, 110)]),
            [(20, 20), (20, 20)]
        );
    }

    #[test]
    fn a_jump_of_the_clock_is_no_delay() {
        let mut groups = Groups::default();
        groups.add(0, 0);
        groups.add(10_000, 10_000);
        groups.add(20_000, 5_000_000);
        assert_eq!(groups.add(30_000, 5_010_000), Outcome::ClockJumped);
        assert_eq!(groups.add(40_000, 5_020_000), Outcome::Gathered);
    }
}
