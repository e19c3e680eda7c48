//! The steps that every packet goes through take nothing from the heap.

// A counting allocator can only be written with unsafe code; it adds a count to the system's and changes nothing.
#![allow(unsafe_code)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use _core::codec::{Codec, vp8};
use _core::demux::Path;
use _core::egress::Egress;
use _core::load::config::{EndpointConfig, EndpointMedia, ReceivedTrack};
use _core::load::fleet::Fleet;
use _core::load::link::LinkConfig;
use _core::media::{ExtensionIds, Kind};
use _core::nack::NackTracker;
use _core::relay::Batches;
use _core::ring::{Meta, Ring};
use _core::rtcp::{compound, write_nack};
use _core::rtp::{OutHeader, Packet, write_header};
use _core::slab::Slab;
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{BindingRequest, OutRequest, Role, StunKey, write_request, write_success};
use _core::time::{Instant, Ntp};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `work` asks the heap for memory.
fn allocations(mut work: impl FnMut()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn meta(ext_seq: u64) -> Meta {
    Meta {
        ext_seq,
        payload_type: 96,
        ..Meta::default()
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1_u8]))) > 0);
}

#[test]
fn a_packet_in_and_out_takes_nothing_from_the_heap() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80] {
        let salt = vec![2; profile.salt_len()];
        let out = Outbound::new(profile, &[1; 16], &salt).expect("lengths of the profile");
        let mut inbound = Inbound::new(profile, &[1; 16], &salt).expect("lengths of the profile");
        let mut ring = Ring::new(64);
        let (mut buf, mut rewritten) = ([0; 1400], [0; 1400]);
        let mut forward = |sequence: u16| {
            let header = OutHeader {
                sequence,
                mid: Some((1, b"0")),
                ..OutHeader::default()
            };
            let header_len = write_header(&mut buf, &header);
            let sealed = out.protect_rtp(&mut buf, header_len, header_len + 1000, 0);
            let (len, index) = inbound
                .unprotect_rtp(&mut buf[..sealed])
                .expect("authentic");
            let packet = Packet::parse(&buf[..len]).expect("well-formed");
            assert!(packet.extension(1).is_some() && Codec::Vp8.inspect(packet.payload).is_some());
            assert!(ring.insert(meta(index), packet.payload, &[]));
            let (_, payload) = ring.get(index).expect("just inserted");
            assert!(vp8::rewrite(payload, &mut rewritten, 1) > 0);
        };
        // The ring and the source's state grow with the first packets.
        (0..1000).for_each(&mut forward);
        assert_eq!(
            allocations(|| (1000..2000).for_each(&mut forward)),
            0,
            "{profile:?}"
        );
    }
}

#[test]
fn a_router_forwards_batches_to_many_without_the_heap() {
    let mut world = support::World::new();
    let publisher = world.connect(support::publisher());
    for _ in 0..20 {
        let viewer = world.connect(support::viewer());
        world.show(viewer, "sv", Some((publisher, "v")));
    }
    let mut camera = support::Camera::new(publisher, 7);
    let (path, now) = (world.clients[publisher].path, world.now);
    let mut sealed: Vec<Vec<u8>> = (0..700)
        .flat_map(|frame| camera.frame(&world, frame == 0))
        .collect();
    let mut forward = |batch: &mut [Vec<u8>]| {
        for datagram in batch {
            world.router.receive(path, datagram, now);
        }
        let mut datagrams = 0;
        while let Some(egress) = world.router.datagrams(now) {
            datagrams += egress.datagrams().count();
        }
        datagrams
    };
    // Until the ring holds all it may.
    let (first, rest) = sealed.split_at_mut(1_200);
    first.chunks_mut(4).for_each(|batch| {
        forward(batch);
    });
    let mut sent = 0;
    let taken = allocations(|| sent = rest.chunks_mut(4).map(&mut forward).sum::<usize>());
    assert_eq!((taken, sent), (0, 20 * 200));
}

#[test]
fn packets_are_handed_to_other_workers_without_the_heap_while_these_keep_up() {
    let (mut batches, key) = (Batches::default(), Slab::default().insert(()));
    let mut hand_over = |ext_seq: u64| {
        let batch = batches.fill(key, 0, |batch| {
            (0..4).for_each(|_| batch.push(&meta(ext_seq), &[7; 1_100], &[]));
        });
        assert_eq!(batch.packets().count(), 4);
    };
    (0..10).for_each(&mut hand_over);
    assert_eq!(allocations(|| (10..1_000).for_each(&mut hand_over)), 0);
}

#[test]
fn a_check_and_its_answer_take_nothing_from_the_heap() {
    let key = StunKey::new("password");
    let request = OutRequest {
        transaction_id: [1; 12],
        username: "ours:theirs",
        priority: 1,
        role: Role::Controlling(2),
        use_candidate: true,
    };
    let address = "192.0.2.1:5000".parse().expect("an address");
    let (mut check, mut answer) = ([0; 200], [0; 200]);
    let taken = allocations(|| {
        let length = write_request(&mut check, &request, &key);
        let read = BindingRequest::parse(&check[..length]).expect("well-formed");
        assert!(read.verify(&key));
        assert!(write_success(&mut answer, &read.transaction_id, address, &key) > 0);
    });
    assert_eq!(taken, 0);
}

#[test]
fn feedback_is_read_and_losses_are_noted_without_the_heap() {
    let mut bytes = [0; 200];
    let length = write_nack(&mut bytes, 1, 2, &[5, 6, 90]);
    let mut tracker = NackTracker::new();
    let mut lose_and_repair = |round: u64| {
        assert!(compound(&bytes[..length]).all(|packet| packet.is_ok()));
        tracker.received(round * 4, Instant::default());
        tracker.received(round * 4 + 2, Instant::default());
        tracker.received(round * 4 + 1, Instant::default());
        tracker.received(round * 4 + 3, Instant::default());
    };
    lose_and_repair(1);
    assert_eq!(allocations(|| (2..1000).for_each(&mut lose_and_repair)), 0);
}

/// A fleet of one endpoint that receives SSRC 5 under keys of ones, and the way to it.
fn fleet() -> (Fleet, Path) {
    let config = EndpointConfig {
        local_ufrag: "ours".into(),
        local_password: "password".into(),
        remote_ufrag: "theirs".into(),
        remote_password: "password".into(),
        remote: ([127, 0, 0, 1], 5_000).into(),
        link: LinkConfig::default(),
    };
    let track = ReceivedTrack {
        mid: "0".into(),
        kind: Kind::Video,
        ssrc: Some(5),
        rtx_ssrc: Some(6),
        payload_types: vec![96],
        rtx_payload_types: vec![97],
        clock_rate: 90_000,
        nack: true,
        pli: true,
    };
    let media = EndpointMedia {
        sends: vec![],
        receives: vec![track],
        extensions: ExtensionIds::default(),
        rtcp_ssrc: 1,
    };
    let path = Path {
        remote: config.remote,
        local: Some(Fleet::address_of(0).into()),
    };
    let now = Instant::default();
    let mut fleet = Fleet::new(Ntp::from_bits(0), 1, 16, now);
    fleet.add(0, &config, path, now);
    let profile = Profile::AeadAes128Gcm;
    let inbound = Inbound::new(profile, &[1; 16], &[2; 12]).expect("lengths of the profile");
    let outbound = Outbound::new(profile, &[3; 16], &[2; 12]).expect("lengths of the profile");
    fleet.set_keys(0, inbound, outbound, now);
    fleet.set_media(0, &media, now);
    (fleet, path)
}

#[test]
fn an_endpoint_of_the_load_engine_receives_without_the_heap() {
    let (mut fleet, path) = fleet();
    let sealing =
        Outbound::new(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).expect("lengths of the profile");
    let (mut buf, mut egress) = ([0; 1400], Egress::default());
    let mut receive = |sequence: u16| {
        let header = OutHeader {
            sequence,
            payload_type: 96,
            ssrc: 5,
            ..OutHeader::default()
        };
        let header_len = write_header(&mut buf, &header);
        let len = sealing.protect_rtp(&mut buf, header_len, header_len + 1000, 0);
        let now = Instant::from_millis(sequence.into());
        fleet.receive(0, &path, &mut buf[..len], &mut egress, now);
    };
    (0..1000).for_each(&mut receive);
    assert_eq!(allocations(|| (1000..2000).for_each(&mut receive)), 0);
    let totals = fleet.snapshot(Instant::default()).totals;
    // No clip was added, so nothing starts the picture, and every packet is looked at in vain.
    assert_eq!((totals.packets_received, totals.corrupt), (2_000, 2_000));
}
