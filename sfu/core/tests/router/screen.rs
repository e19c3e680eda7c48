//! What a viewer sees: each picture once all of it is there, behind the one before it or from a keyframe on.

use std::collections::BTreeMap;
use std::time::Duration;

use _core::codec::vp8;
use _core::nack::GIVE_UP;
use _core::time::Instant;

struct Piece {
    starts: bool,
    is_key: bool,
    ends: bool,
}

pub struct Screen {
    /// What is not shown yet, by its number.
    pieces: BTreeMap<u64, Piece>,
    /// Where the picture after the last one that was shown begins.
    next: u64,
    /// When each picture was shown.
    pub shown: Vec<Instant>,
    asked: Instant,
}

impl Screen {
    pub fn new(now: Instant) -> Self {
        Self {
            pieces: BTreeMap::new(),
            next: 0,
            shown: Vec::new(),
            asked: now,
        }
    }

    pub fn add(&mut self, number: u64, payload: &[u8], ends: bool, now: Instant) {
        let Some(seen) = vp8::inspect(payload).filter(|_| number >= self.next) else {
            return;
        };
        let piece = Piece {
            starts: seen.frame_start,
            is_key: seen.keyframe_start,
            ends,
        };
        self.pieces.insert(number, piece);
        while let Some(end) = self.whole(self.next).or_else(|| self.keyframe()) {
            self.next = end + 1;
            self.pieces = self.pieces.split_off(&self.next);
            self.shown.push(now);
        }
    }

    /// The last number of the picture that begins here, if all of it is there.
    fn whole(&self, begin: u64) -> Option<u64> {
        self.pieces.get(&begin).filter(|piece| piece.starts)?;
        let there = (begin..).map_while(|number| Some((number, self.pieces.get(&number)?)));
        let mut ends = there.filter(|(_, piece)| piece.ends);
        ends.next().map(|(number, _)| number)
    }

    /// The last number of the next whole keyframe.
    fn keyframe(&self) -> Option<u64> {
        let mut keys = self.pieces.iter().filter(|(_, piece)| piece.is_key);
        keys.find_map(|(&begin, _)| self.whole(begin))
    }

    /// Whether one is to be asked for: pieces wait for one that does not come any more.
    pub fn lacks_a_keyframe(&mut self, now: Instant) -> bool {
        let since = self.shown.last().copied().unwrap_or_default();
        let lacks =
            !self.pieces.is_empty() && now.saturating_since(since.max(self.asked)) > GIVE_UP;
        if lacks {
            self.asked = now;
        }
        lacks
    }

    /// The longest time without a new picture.
    pub fn longest_pause(&self) -> Duration {
        let pauses = self.shown.windows(2);
        let pauses = pauses.map(|two| two[1].saturating_since(two[0]));
        pauses.max().unwrap_or_default()
    }
}
