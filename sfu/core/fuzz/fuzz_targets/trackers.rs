//! Ring, NACK tracker and feedback recorder: no order of events panics, grows or never ends.
#![no_main]

use std::time::Duration;

use _core::nack::{MAX_OUTSTANDING, NackTracker};
use _core::ring::{MAX_PAYLOAD, Meta, Ring};
use _core::seq::SeqUnwrapper;
use _core::time::Instant;
use _core::twcc::Recorder;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Event {
    sequence: u16,
    length: u16,
    millis: u8,
    rtt_ms: u16,
    is_again: bool,
    goes_on: bool,
}

fuzz_target!(|events: Vec<Event>| {
    let (mut ring, mut nack, mut recorder) = (Ring::new(64), NackTracker::new(), Recorder::new());
    let (mut unwrapper, mut now) = (SeqUnwrapper::new(), Instant::default());
    for event in events {
        now = now + Duration::from_millis(event.millis.into());
        let ext_seq = unwrapper.unwrap(event.sequence);
        insert(
            &mut ring,
            ext_seq,
            usize::from(event.length) % (MAX_PAYLOAD + 10),
        );
        match event.is_again {
            true => nack.recovered(ext_seq, now),
            false => nack.received(ext_seq, now),
        };
        if event.goes_on {
            nack.goes_on(ext_seq, now);
        }
        let mut due = Vec::new();
        nack.due(now, Duration::from_millis(event.rtt_ms.into()), &mut due);
        assert!(due.len() <= MAX_OUTSTANDING);
        recorder.record(1, event.sequence, now);
        tell(&mut recorder, now);
    }
});

fn insert(ring: &mut Ring, ext_seq: u64, length: usize) {
    let meta = Meta {
        ext_seq,
        payload_type: 96,
        ..Meta::default()
    };
    let payload = vec![ext_seq.to_be_bytes()[7]; length];
    if ring.insert(meta, &payload, &[]) {
        assert_eq!(ring.get(ext_seq).map(|(_, kept)| kept), Some(&payload[..]));
    }
}

fn tell(recorder: &mut Recorder, now: Instant) {
    let mut out = [0; 1200];
    for _ in 0..20 {
        if recorder
            .next_deadline()
            .is_none_or(|deadline| deadline > now)
        {
            return;
        }
        recorder.write_feedback(&mut out, 1, now);
    }
    panic!("feedback without end");
}
