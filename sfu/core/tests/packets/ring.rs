//! The ring: what is kept, what is dropped, and how much memory that takes.

use _core::ring::{MAX_DESCRIPTOR, MAX_PAYLOAD, Meta, Ring};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn meta(ext_seq: u64) -> Meta {
    Meta {
        ext_seq,
        payload_type: 96,
        ..Meta::default()
    }
}

/// A payload that tells which packet it is of.
fn payload(ext_seq: u64, length: usize) -> Vec<u8> {
    ext_seq
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

fn holds(ring: &Ring, ext_seq: u64, length: usize) -> bool {
    ring.get(ext_seq)
        .is_some_and(|(meta, bytes)| meta.ext_seq == ext_seq && bytes == payload(ext_seq, length))
}

#[test]
fn an_empty_ring_holds_nothing_and_takes_nothing() {
    let ring = Ring::new(1024);
    assert_eq!(ring.heap_bytes(), 0);
    assert!(
        (0..5000)
            .chain([u64::MAX])
            .all(|ext_seq| ring.get(ext_seq).is_none())
    );
    assert_eq!(ring.highest(), None);
}

#[test]
fn the_last_packets_up_to_the_capacity_are_there_wherever_counting_starts() {
    for start in [
        0,
        1,
        63,
        64,
        65_500,
        65_535,
        65_536,
        131_070,
        u64::MAX - 300,
    ] {
        let mut ring = Ring::new(64);
        for ext_seq in start..start + 200 {
            assert!(ring.insert(meta(ext_seq), &payload(ext_seq, 1100), &[]));
            let oldest = start.max(ext_seq.saturating_sub(63));
            assert!(
                (oldest..=ext_seq).all(|kept| holds(&ring, kept, 1100)),
                "at {ext_seq}"
            );
            assert!(
                oldest == 0 || ring.get(oldest - 1).is_none(),
                "at {ext_seq}"
            );
        }
    }
}

#[test]
fn packets_of_the_largest_size_are_all_kept() {
    let mut ring = Ring::new(256);
    for ext_seq in 0..2000_u64 {
        assert!(ring.insert(meta(ext_seq), &payload(ext_seq, MAX_PAYLOAD), &[]));
        assert!(holds(&ring, ext_seq.saturating_sub(255), MAX_PAYLOAD));
    }
    assert!((1999 - 255..2000).all(|kept| holds(&ring, kept, MAX_PAYLOAD)));
    assert!(!ring.insert(meta(2000), &[0; MAX_PAYLOAD + 1], &[]));
    assert!(ring.get(2000).is_none());
}

#[test]
fn a_packet_is_new_once() {
    let mut ring = Ring::new(16);
    assert!(ring.insert(meta(100), b"first", &[]));
    assert!(!ring.insert(meta(100), b"again", &[]));
    assert_eq!(ring.get(100).map(|(_, bytes)| bytes), Some(&b"first"[..]));
}

#[test]
fn a_late_packet_is_kept_within_the_capacity_and_refused_beyond() {
    let mut ring = Ring::new(16);
    assert!(ring.insert(meta(100), &[1], &[]));
    assert!(ring.insert(meta(85), &[2], &[]));
    assert!(!ring.insert(meta(84), &[3], &[]));
    assert_eq!(ring.highest(), Some(100));
    assert!(ring.get(85).is_some() && ring.get(84).is_none());
}

#[test]
fn a_jump_forgets_what_lies_too_far_behind() {
    let mut ring = Ring::new(16);
    for ext_seq in 0..16 {
        ring.insert(meta(ext_seq), &[7], &[]);
    }
    ring.insert(meta(20), &[8], &[]);
    assert!((0..5).all(|old| ring.get(old).is_none()));
    assert!((5..16).all(|kept| ring.get(kept).is_some()));
    ring.insert(meta(1_000_000), &[9], &[]);
    assert!((0..=20).all(|old| ring.get(old).is_none()));
    assert!(ring.get(1_000_000).is_some());
}

#[test]
fn an_empty_payload_is_a_packet_too() {
    let mut ring = Ring::new(16);
    assert!(ring.insert(meta(1), &[], &[]));
    assert_eq!(ring.get(1).map(|(_, bytes)| bytes.len()), Some(0));
}

#[test]
fn memory_follows_the_packets_and_then_stands_still() {
    let mut ring = Ring::new(1024);
    for ext_seq in 0..16 {
        ring.insert(meta(ext_seq), &payload(ext_seq, 100), &[]);
    }
    assert!(
        ring.heap_bytes() < 8 * 1024,
        "an audio track just begun: {}",
        ring.heap_bytes()
    );
    for ext_seq in 16..3000 {
        ring.insert(meta(ext_seq), &payload(ext_seq, 100), &[]);
    }
    let filled = ring.heap_bytes();
    assert!(filled < 400 * 1024, "an audio track: {filled}");
    for ext_seq in 3000..10_000 {
        ring.insert(meta(ext_seq), &payload(ext_seq, 100), &[]);
    }
    assert_eq!(ring.heap_bytes(), filled);
    for ext_seq in 10_000..15_000 {
        ring.insert(meta(ext_seq), &[7; MAX_PAYLOAD], &[]);
    }
    assert!(
        ring.heap_bytes() < 1024 * (MAX_PAYLOAD + 200) + 4096,
        "{}",
        ring.heap_bytes()
    );
}

#[test]
fn a_descriptor_counts_as_payload_and_one_that_is_no_real_one_is_left_out() {
    let mut ring = Ring::new(16);
    let most = [7; MAX_PAYLOAD];
    assert!(ring.insert(meta(1), &most[3..], &[1, 2, 3]));
    assert_eq!(ring.descriptor(1), [1, 2, 3]);
    assert_eq!(ring.get(1).map(|(meta, _)| meta.described), Some(3));
    assert!(!ring.insert(meta(2), &most[2..], &[1, 2, 3]));
    assert!(ring.insert(meta(3), &[9], &most[..=MAX_DESCRIPTOR]));
    assert_eq!(
        ring.get(3).map(|(meta, payload)| (meta.described, payload)),
        Some((0, &[9][..]))
    );
    assert!(ring.descriptor(3).is_empty() && ring.descriptor(2).is_empty());
}

#[test]
fn capacities_are_rounded_up_to_a_power_of_two() {
    for (asked, given) in [
        (0, 1),
        (1, 1),
        (3, 4),
        (512, 512),
        (513, 1024),
        (usize::MAX, 65_536),
    ] {
        assert_eq!(Ring::new(asked).capacity(), given);
    }
}

proptest! {
    /// The ring beside a map that forgets by the same rule. However packets are shuffled, twice as many as fit
    /// lie between the oldest and the newest, so payloads of half the size are never overwritten too early.
    #[test]
    fn the_ring_does_what_a_map_would(
        capacity in 0_u32..7,
        start in 0_u64..200_000,
        steps in proptest::collection::vec(
            (-20_i64..24, 0_usize..=MAX_PAYLOAD / 2 - MAX_DESCRIPTOR, 0_usize..=MAX_DESCRIPTOR),
            1..200,
        ),
    ) {
        let capacity = 1_u64 << capacity;
        let mut ring = Ring::new(usize::try_from(capacity).expect("small"));
        let mut model: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        let mut at = start;
        for (step, length, described) in steps {
            at = at.saturating_add_signed(step);
            let highest = model.last_key_value().map_or(at, |(highest, _)| *highest);
            let is_new = !model.contains_key(&at) && highest.saturating_sub(at) < capacity;
            let (told, descriptor) = (payload(at, length), payload(!at, described));
            prop_assert_eq!(ring.insert(meta(at), &told, &descriptor), is_new);
            if is_new {
                model.insert(at, (length, described));
            }
            let highest = highest.max(at);
            model.retain(|kept, _| highest - *kept < capacity);
            for seq in highest.saturating_sub(capacity + 2)..=highest + 2 {
                let expected = model.get(&seq);
                prop_assert_eq!(ring.get(seq).is_some(), expected.is_some(), "{}", seq);
                let is_whole = |&(length, described): &(usize, usize)| {
                    holds(&ring, seq, length) && ring.descriptor(seq) == payload(!seq, described)
                };
                prop_assert!(expected.is_none_or(is_whole), "{}", seq);
            }
        }
    }
}
