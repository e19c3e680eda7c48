//! The recent packets of one incoming layer, for forwarding and for retransmission.
//!
//! `track → **ring** → sender (rewrite)`
//!
//! A packet is found by its unwrapped sequence number. Payloads lie one behind the other in a circular
//! buffer, so that a ring of audio is small and a ring of video is as large as its packets; both the
//! buffer and the table of slots start empty and double when the layer needs them. Drop rule: the oldest.

use std::collections::VecDeque;

use crate::codec::dependency::Switches;
use crate::rtp::AudioLevel;
use crate::time::Instant;

/// Longest payload that is kept, octets: an Ethernet MTU.
pub const MAX_PAYLOAD: usize = 1500;
/// Longest dependency descriptor that is, octets: that of a keyframe with three spatial and three temporal layers has 28.
pub const MAX_DESCRIPTOR: usize = 128;

const FIRST_SLOTS: usize = 16;
const FIRST_BYTES: usize = 4096;

/// Counters of a packet that a switch has to carry on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counts {
    /// None.
    #[default]
    Nothing,
    /// Those of a VP8 payload descriptor.
    Vp8,
    /// Those of a VP9 payload descriptor.
    Vp9,
    /// The frame number of a dependency descriptor (AV1).
    Frames,
}

impl Counts {
    /// The bits that a picture's number has.
    #[inline]
    #[must_use]
    pub const fn picture_bits(self) -> u16 {
        match self {
            Self::Frames => u16::MAX,
            Self::Nothing | Self::Vp8 | Self::Vp9 => 0x7fff,
        }
    }
}

/// What is known of a packet besides its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Unwrapped sequence number.
    pub ext_seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload type as the publisher numbers it.
    pub payload_type: u8,
    /// When it came in.
    pub arrival: Instant,
    /// A decoder can start here.
    pub keyframe_start: bool,
    /// First packet of a frame.
    pub frame_start: bool,
    /// The last packet of a layer's frame, where the payload tells.
    pub frame_end: bool,
    /// It was lost on the way here, and sent again by its publisher.
    pub is_again: bool,
    /// Of parameter sets alone, see [`crate::codec::Inspected::parameters`].
    pub parameters: bool,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// From this picture on a receiver can take its temporal layer, if it has those below.
    pub sync: bool,
    /// Up to which layers a receiver of this frame can move here, see [`crate::codec::Inspected::switches`].
    pub switches: Switches,
    /// What of the packet counts pictures.
    pub counts: Counts,
    /// Octets of its dependency descriptor; 0 without one.
    pub described: u8,
    /// Octets that the payload grows by when these are counted anew.
    pub grows: i8,
    /// Picture id or frame number, unwrapped; 0 without one.
    pub picture_id: u64,
    /// TL0PICIDX, unwrapped; 0 without one.
    pub tl0: u64,
    /// Audio level, where the packet told it.
    pub audio_level: Option<AudioLevel>,
}

impl Meta {
    /// Octets that a receiver gets of a payload of so many.
    #[inline]
    #[must_use]
    pub fn rewritten_len(&self, len: usize) -> usize {
        len.saturating_add_signed(self.grows.into())
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    meta: Meta,
    /// Octets ever written before this payload.
    position: u64,
    /// Where in the buffer it lies, its dependency descriptor behind it.
    offset: usize,
    /// Without the descriptor.
    len: usize,
}

/// A payload in the order of writing.
#[derive(Clone, Copy, Debug)]
struct Record {
    position: u64,
    ext_seq: u64,
}

/// The last packets of one layer, at most its capacity of them.
#[derive(Debug)]
pub struct Ring {
    capacity: usize,
    /// Slot of a packet: its sequence number modulo the length, which is a power of two.
    slots: Vec<Option<Slot>>,
    bytes: Vec<u8>,
    /// Octets ever written, the ends skipped at wraps included.
    written: u64,
    /// Where the next payload goes.
    offset: usize,
    /// What has been written, oldest first; what has been dropped since is taken out late.
    order: VecDeque<Record>,
    highest: Option<u64>,
}

impl Ring {
    /// A ring for `capacity` packets, rounded up to a power of two. Allocates nothing yet.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, 1 << 16).next_power_of_two();
        Self {
            capacity,
            slots: Vec::new(),
            bytes: Vec::new(),
            written: 0,
            offset: 0,
            order: VecDeque::new(),
            highest: None,
        }
    }

    /// How many packets it keeps at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Octets of heap it holds now.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.slots.capacity() * size_of::<Option<Slot>>()
            + self.order.capacity() * size_of::<Record>()
    }

    /// The highest sequence number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Keeps a packet and says whether it is new.
    ///
    /// Not new, and not kept: one that is there already, one older than `capacity` behind the highest,
    /// and one longer than [`MAX_PAYLOAD`], its dependency descriptor included.  A descriptor longer than
    /// [`MAX_DESCRIPTOR`] is left out, an empty one is none.
    pub fn insert(&mut self, mut meta: Meta, payload: &[u8], descriptor: &[u8]) -> bool {
        let descriptor = Some(descriptor).filter(|it| it.len() <= MAX_DESCRIPTOR);
        let descriptor = descriptor.unwrap_or_default();
        meta.described = descriptor.len() as u8;
        let needed = payload.len() + descriptor.len();
        if needed > MAX_PAYLOAD || self.is_too_old(meta.ext_seq) || self.holds(meta.ext_seq) {
            return false;
        }
        self.highest = self.highest.max(Some(meta.ext_seq));
        self.grow_slots(meta.ext_seq);
        self.grow_bytes(needed);
        let (position, offset) = self.store(payload, descriptor);
        let (index, len) = (self.index(meta.ext_seq), payload.len());
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Some(Slot {
                meta,
                position,
                offset,
                len,
            });
        }
        self.order.push_back(Record {
            position,
            ext_seq: meta.ext_seq,
        });
        true
    }

    /// The packet of a sequence number, if it is still there.
    #[inline]
    #[must_use]
    pub fn get(&self, ext_seq: u64) -> Option<(&Meta, &[u8])> {
        let slot = self.slot(ext_seq)?;
        let payload = self.bytes.get(slot.offset..slot.offset + slot.len)?;
        Some((&slot.meta, payload))
    }

    /// The dependency descriptor of a packet that is still there; empty without one.
    #[must_use]
    pub fn descriptor(&self, ext_seq: u64) -> &[u8] {
        let found = self.slot(ext_seq).and_then(|slot| {
            let behind = slot.offset + slot.len;
            let end = behind + usize::from(slot.meta.described);
            self.bytes.get(behind..end)
        });
        found.unwrap_or_default()
    }

    #[inline]
    fn slot(&self, ext_seq: u64) -> Option<&Slot> {
        let slot = self.slots.get(self.index(ext_seq))?.as_ref()?;
        let overwritten = self.written - slot.position > self.bytes.len() as u64;
        let is_there = slot.meta.ext_seq == ext_seq && !overwritten && !self.is_too_old(ext_seq);
        is_there.then_some(slot)
    }

    #[inline]
    fn index(&self, ext_seq: u64) -> usize {
        ext_seq as usize & self.slots.len().wrapping_sub(1)
    }

    fn is_too_old(&self, ext_seq: u64) -> bool {
        self.highest
            .is_some_and(|highest| highest.saturating_sub(ext_seq) >= self.capacity as u64)
    }

    fn holds(&self, ext_seq: u64) -> bool {
        let slot = self.slots.get(self.index(ext_seq));
        slot.is_some_and(|slot| slot.is_some_and(|slot| slot.meta.ext_seq == ext_seq))
    }

    /// Doubles the table while a packet that is still wanted stands where `ext_seq` goes.
    fn grow_slots(&mut self, ext_seq: u64) {
        while self.slots.len() < self.capacity {
            let occupant = self.slots.get(self.index(ext_seq)).copied().flatten();
            let in_the_way = occupant.is_some_and(|slot| !self.is_too_old(slot.meta.ext_seq));
            if !self.slots.is_empty() && !in_the_way {
                return;
            }
            let length =
                (self.slots.len() * 2).clamp(FIRST_SLOTS.min(self.capacity), self.capacity);
            let old = std::mem::replace(&mut self.slots, vec![None; length]);
            for slot in old.into_iter().flatten() {
                let index = self.index(slot.meta.ext_seq);
                if let Some(place) = self.slots.get_mut(index) {
                    *place = Some(slot);
                }
            }
        }
    }

    /// Copies both into the buffer, one behind the other; gives their position and offset.
    fn store(&mut self, payload: &[u8], descriptor: &[u8]) -> (u64, usize) {
        let len = payload.len() + descriptor.len();
        if self.offset + len > self.bytes.len() {
            self.written += (self.bytes.len() - self.offset) as u64;
            self.offset = 0;
        }
        let (position, offset) = (self.written, self.offset);
        if let Some(place) = self.bytes.get_mut(offset..offset + len) {
            let (front, behind) = place.split_at_mut(payload.len());
            front.copy_from_slice(payload);
            behind.copy_from_slice(descriptor);
        }
        self.written += len as u64;
        self.offset += len;
        (position, offset)
    }

    /// Doubles the buffer while `needed` octets more would overwrite packets that are still wanted.
    fn grow_bytes(&mut self, needed: usize) {
        // One payload more than the packets need: the end skipped at each wrap is shorter than that.
        let limit = (self.capacity + 1) * MAX_PAYLOAD;
        let in_use = self.in_use();
        while self.bytes.len() < limit
            && in_use + self.skipped_for(needed) + needed > self.bytes.len()
        {
            self.unroll();
            let length = (self.bytes.len() * 2).clamp(FIRST_BYTES.min(limit), limit);
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
    }

    /// Octets at the end of the buffer that `needed` octets would not fit into.
    const fn skipped_for(&self, needed: usize) -> usize {
        let left = self.bytes.len() - self.offset;
        if needed > left { left } else { 0 }
    }

    /// Octets from the oldest payload that is still wanted to the newest.
    fn in_use(&mut self) -> usize {
        while self
            .order
            .front()
            .is_some_and(|oldest| !self.is_wanted(*oldest))
        {
            self.order.pop_front();
        }
        let oldest = self
            .order
            .front()
            .map_or(self.written, |oldest| oldest.position);
        usize::try_from(self.written - oldest).unwrap_or(usize::MAX)
    }

    fn is_wanted(&self, record: Record) -> bool {
        let slot = self
            .slots
            .get(self.index(record.ext_seq))
            .copied()
            .flatten();
        let overwritten = self.written - record.position > self.bytes.len() as u64;
        let stands = slot.is_some_and(|slot| slot.position == record.position);
        stands && !overwritten && !self.is_too_old(record.ext_seq)
    }

    /// Turns the circular buffer so that its oldest octet comes first, and numbers positions from there.
    fn unroll(&mut self) {
        let Some(base) = self
            .written
            .checked_sub(self.bytes.len() as u64)
            .filter(|base| *base > 0)
        else {
            return; // has not wrapped yet
        };
        let turned = self.offset;
        self.bytes.rotate_left(turned);
        for slot in &mut self.slots {
            *slot = slot.and_then(|slot| slot.moved(base));
        }
        self.order.retain_mut(|record| {
            let position = record.position.checked_sub(base);
            record.position = position.unwrap_or_default();
            position.is_some()
        });
        self.written -= base;
        self.offset = self.bytes.len();
    }
}

impl Slot {
    /// The slot after the buffer was turned to start at `base`; `None` if it was overwritten before.
    fn moved(self, base: u64) -> Option<Self> {
        let position = self.position.checked_sub(base)?;
        Some(Self {
            position,
            offset: usize::try_from(position).ok()?,
            ..self
        })
    }
}
