//! STUN: checks are read, proven and answered; anything else is refused.

use std::net::SocketAddr;

use _core::stun::{
    BindingRequest, OutRequest, Outcome, Response, Role, StunError, StunKey, is_stun, write_error,
    write_request, write_success, write_unknown_attribute,
};
use proptest::prelude::*;

const ID: [u8; 12] = *b"transaction!";

fn key() -> StunKey {
    StunKey::new("a password of some length")
}

fn request() -> OutRequest<'static> {
    OutRequest {
        transaction_id: ID,
        username: "ours:theirs",
        priority: 0x6e7f_00ff,
        role: Role::Controlling(0x0102_0304_0506_0708),
        use_candidate: true,
    }
}

fn written(request: &OutRequest<'_>) -> Vec<u8> {
    let mut out = vec![0; 1000];
    let length = write_request(&mut out, request, &key());
    out.truncate(length);
    out
}

/// A message whose header is right, with `attributes` behind it.
fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(
        u16::try_from(attributes.len())
            .expect("short")
            .to_be_bytes(),
    );
    bytes.extend(0x2112_a442_u32.to_be_bytes());
    bytes.extend(ID);
    bytes.extend_from_slice(attributes);
    bytes
}

fn why(datagram: &[u8]) -> Option<StunError> {
    BindingRequest::parse(datagram).err()
}

/// RFC 5769: messages of another implementation, padded with blanks where ours pads with zeroes.
mod rfc_5769 {
    use super::*;

    const REQUEST: [u8; 108] = *b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\
        \x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
    const RESPONSE_V4: [u8; 80] = *b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0btest vector\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\
        \xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
    const RESPONSE_V6: [u8; 92] = *b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0btest vector\x20\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\
        \xbe\xd2\xb9\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
        \x80\x28\x00\x04\xc8\xfb\x0b\x4c";
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_sample_request_is_read_and_proven() {
        let request = BindingRequest::parse(&REQUEST).expect("well-formed");
        assert_eq!((request.local(), request.remote()), ("evtj", "h6vY"));
        assert_eq!(request.priority, Some(0x6e00_01ff));
        assert_eq!(request.ice_controlled, Some(0x932f_f9b1_5126_3b36));
        assert_eq!(
            (
                request.ice_controlling,
                request.use_candidate,
                request.unknown
            ),
            (None, false, None)
        );
        assert!(request.verify(&StunKey::new(PASSWORD)));
        assert!(!request.verify(&StunKey::new("VOkJxbRl1RmTxUk/WvJxBu")));
    }

    #[test]
    fn the_sample_responses_are_read_and_proven() {
        for (bytes, address) in [
            (&RESPONSE_V4[..], "192.0.2.1:32853"),
            (
                &RESPONSE_V6[..],
                "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
            ),
        ] {
            let response = Response::parse(bytes).expect("well-formed");
            assert_eq!(
                response.outcome,
                Outcome::Success(address.parse().expect("an address"))
            );
            assert!(response.verify(&StunKey::new(PASSWORD)));
            assert!(!response.verify(&key()));
        }
    }
}

#[test]
fn a_check_reads_back_as_it_was_written() {
    for role in [Role::Controlling(7), Role::Controlled(u64::MAX)] {
        for use_candidate in [false, true] {
            let bytes = written(&OutRequest {
                role,
                use_candidate,
                ..request()
            });
            let read = BindingRequest::parse(&bytes).expect("well-formed");
            assert_eq!((read.transaction_id, read.username), (ID, "ours:theirs"));
            assert_eq!((read.local(), read.remote()), ("ours", "theirs"));
            assert_eq!(
                (read.priority, read.use_candidate),
                (Some(0x6e7f_00ff), use_candidate)
            );
            let roles = match role {
                Role::Controlling(tie) => (Some(tie), None),
                Role::Controlled(tie) => (None, Some(tie)),
            };
            assert_eq!((read.ice_controlling, read.ice_controlled), roles);
            assert!(read.verify(&key()));
        }
    }
}

/// With another type it is no FINGERPRINT but something optional behind the integrity, which nobody reads.
fn is_fingerprint_kind(message: &[u8], at: usize) -> bool {
    (message.len() - 8..message.len() - 6).contains(&at)
}

#[test]
fn every_changed_octet_is_noticed() {
    let whole = written(&request());
    for at in (0..whole.len()).filter(|at| !is_fingerprint_kind(&whole, *at)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let proven = BindingRequest::parse(&bytes).is_ok_and(|read| read.verify(&key()));
        assert!(!proven, "octet {at}");
    }
}

#[test]
fn a_check_cut_anywhere_is_refused() {
    let whole = written(&request());
    for length in 0..whole.len() {
        assert!(why(&whole[..length]).is_some(), "{length} octets");
    }
    let mut longer = whole;
    longer.extend([0; 4]);
    assert_eq!(why(&longer), Some(StunError::Truncated));
}

#[test]
fn a_check_without_fingerprint_is_proven_by_its_integrity_alone() {
    let mut bytes = written(&request());
    bytes.truncate(bytes.len() - 8);
    let length = u16::try_from(bytes.len() - 20).expect("short");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let read = BindingRequest::parse(&bytes).expect("well-formed");
    assert!(read.verify(&key()));
    assert!(!read.verify(&StunKey::new("another password")));
}

#[test]
fn what_stands_behind_the_integrity_is_not_believed() {
    let mut bytes = written(&OutRequest {
        use_candidate: false,
        ..request()
    });
    bytes.truncate(bytes.len() - 8);
    bytes.extend([0x00, 0x25, 0, 0, 0x7f, 0xff, 0, 0]); // USE-CANDIDATE and one that must be understood
    let length = u16::try_from(bytes.len() - 20).expect("short");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let read = BindingRequest::parse(&bytes).expect("well-formed");
    assert!(read.verify(&key()));
    assert_eq!((read.use_candidate, read.unknown), (false, None));
}

#[test]
fn a_check_without_integrity_or_username_is_refused() {
    let username = [0, 6, 0, 3, b'a', b':', b'b', 0];
    assert_eq!(why(&message(1, &username)), Some(StunError::NoIntegrity));
    let integrity: Vec<u8> = [0, 8, 0, 20].into_iter().chain([0; 20]).collect();
    assert_eq!(why(&message(1, &integrity)), Some(StunError::Username));
    let no_colon = [0, 6, 0, 2, b'a', b'b', 0, 0];
    assert_eq!(
        why(&message(1, &[&no_colon[..], &integrity].concat())),
        Some(StunError::Username)
    );
    let not_text = [0, 6, 0, 3, 0xff, b':', b'b', 0];
    assert_eq!(
        why(&message(1, &[&not_text[..], &integrity].concat())),
        Some(StunError::Username)
    );
    assert_eq!(
        why(&message(1, &[&username[..], &integrity].concat())),
        None
    );
}

#[test]
fn the_first_of_two_usernames_counts() {
    let integrity: Vec<u8> = [0, 8, 0, 20].into_iter().chain([0; 20]).collect();
    let (first, second) = (
        [0, 6, 0, 3, b'a', b':', b'b', 0],
        [0, 6, 0, 3, b'c', b':', b'd', 0],
    );
    let bytes = message(1, &[&first[..], &second, &integrity].concat());
    assert_eq!(
        BindingRequest::parse(&bytes).map(|read| read.username),
        Ok("a:b")
    );
}

#[test]
fn a_username_is_at_most_508_octets_long() {
    for (length, refused) in [(508, None), (509, Some(StunError::Username))] {
        let username = format!("{}:b", "a".repeat(length - 2));
        assert_eq!(
            why(&written(&OutRequest {
                username: &username,
                ..request()
            })),
            refused
        );
    }
}

#[test]
fn attributes_of_the_wrong_length_are_named() {
    for kind in [0x0008_u16, 0x0024, 0x8028, 0x8029, 0x802a] {
        let [high, low] = kind.to_be_bytes();
        assert_eq!(
            why(&message(1, &[high, low, 0, 2, 0, 0, 0, 0])),
            Some(StunError::Attribute(kind))
        );
    }
    assert_eq!(
        StunError::Attribute(0x24).to_string(),
        "STUN: attribute 0x0024 has the wrong length"
    );
}

#[test]
fn an_attribute_past_the_end_is_refused() {
    assert_eq!(
        why(&message(1, &[0x80, 0x22, 0, 8, 1, 2, 3, 4])),
        Some(StunError::Truncated)
    );
}

#[test]
fn the_first_attribute_that_must_be_understood_and_is_not_is_told() {
    let integrity: Vec<u8> = [0, 8, 0, 20].into_iter().chain([0; 20]).collect();
    let username = [0, 6, 0, 3, b'a', b':', b'b', 0];
    let unknown = [0x80, 0x99, 0, 0, 0x7f, 0x01, 0, 0, 0x7f, 0x02, 0, 0];
    let bytes = message(1, &[&username[..], &unknown, &integrity].concat());
    assert_eq!(
        BindingRequest::parse(&bytes).map(|read| read.unknown),
        Ok(Some(0x7f01))
    );
    let mut out = [0; 200];
    let length = write_unknown_attribute(&mut out, &ID, 0x7f01, &key());
    let response = Response::parse(&out[..length]).expect("well-formed");
    assert_eq!(response.outcome, Outcome::Error(420));
    assert!(response.verify(&key()));
    assert!(
        out[..length]
            .windows(6)
            .any(|bytes| bytes == [0x00, 0x0a, 0, 2, 0x7f, 0x01])
    );
}

#[test]
fn other_messages_are_not_checks() {
    for kind in [0x0011_u16, 0x0101, 0x0111, 0x0003, 0x0000] {
        assert_eq!(
            why(&message(kind, &[])),
            Some(StunError::OtherMessage),
            "{kind:#06x}"
        );
    }
    let request = written(&request());
    assert_eq!(
        Response::parse(&request).err(),
        Some(StunError::OtherMessage)
    );
}

#[test]
fn stun_is_told_by_first_octet_length_and_cookie() {
    let bytes = message(1, &[]);
    assert!(is_stun(&bytes));
    assert!(!is_stun(&bytes[..19]));
    for (at, value) in [(0, 4), (0, 0x80), (4, 0), (7, 0)] {
        let mut other = bytes.clone();
        other[at] = value;
        assert!(!is_stun(&other), "octet {at} = {value}");
        assert_eq!(why(&other), Some(StunError::NotStun));
    }
    let mut third = bytes;
    third[0] = 3;
    assert!(is_stun(&third));
}

#[test]
fn answers_tell_the_address_they_were_asked_from() {
    for text in [
        "192.0.2.7:1",
        "255.255.255.255:65535",
        "[2001:db8::1]:40000",
        "[::1]:9",
    ] {
        let address: SocketAddr = text.parse().expect("an address");
        let mut out = [0; 200];
        let length = write_success(&mut out, &ID, address, &key());
        let response = Response::parse(&out[..length]).expect("well-formed");
        assert_eq!(
            (response.transaction_id, response.outcome),
            (ID, Outcome::Success(address))
        );
        assert!(response.verify(&key()));
        assert!((0..length).all(|room| write_success(&mut out[..room], &ID, address, &key()) == 0));
    }
}

#[test]
fn an_ipv4_sender_on_a_dual_stack_socket_is_told_its_ipv4_address() {
    let mut out = [0; 200];
    let mapped = "[::ffff:192.0.2.7]:5000".parse().expect("an address");
    let length = write_success(&mut out, &ID, mapped, &key());
    let outcome = Response::parse(&out[..length]).map(|response| response.outcome);
    assert_eq!(
        outcome,
        Ok(Outcome::Success(
            "192.0.2.7:5000".parse().expect("an address")
        ))
    );
}

#[test]
fn errors_carry_their_code_and_integrity_only_with_a_key() {
    for code in [300, 400, 401, 420, 487, 500, 699] {
        let mut out = [0; 200];
        let length = write_error(&mut out, &ID, code, "why", Some(&key()));
        let response = Response::parse(&out[..length]).expect("well-formed");
        assert_eq!(
            (response.outcome, response.verify(&key())),
            (Outcome::Error(code), true)
        );
        let length = write_error(&mut out, &ID, code, "why", None);
        let response = Response::parse(&out[..length]).expect("well-formed");
        assert_eq!(
            (response.outcome, response.verify(&key())),
            (Outcome::Error(code), false)
        );
    }
}

#[test]
fn passwords_of_any_length_make_keys() {
    for length in [0, 1, 22, 63, 64, 65, 256] {
        let (password, other) = ("p".repeat(length), "p".repeat(length + 1));
        let mut out = [0; 500];
        let written = write_request(&mut out, &request(), &StunKey::new(&password));
        let read = BindingRequest::parse(&out[..written]).expect("well-formed");
        assert!(read.verify(&StunKey::new(&password)));
        assert!(!read.verify(&StunKey::new(&other)), "{length} octets");
    }
}

proptest! {
    #[test]
    fn no_attributes_panic_or_pass(attributes: Vec<u8>, kind in proptest::sample::select(vec![1_u16, 0x0101, 0x0111])) {
        let mut attributes = attributes;
        attributes.truncate(attributes.len() / 4 * 4);
        let bytes = message(kind, &attributes);
        prop_assert!(!BindingRequest::parse(&bytes).is_ok_and(|read| read.verify(&key())));
        prop_assert!(!Response::parse(&bytes).is_ok_and(|read| read.verify(&key())));
    }

    #[test]
    fn no_change_of_a_check_panics_or_passes(at: prop::sample::Index, value: u8) {
        let mut bytes = written(&request());
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != value && !is_fingerprint_kind(&bytes, at));
        bytes[at] = value;
        prop_assert!(!BindingRequest::parse(&bytes).is_ok_and(|read| read.verify(&key())));
    }

    #[test]
    fn any_user_names_survive(local in "[a-zA-Z0-9+/]{1,100}", remote in "[a-zA-Z0-9+/:]{0,100}") {
        let username = format!("{local}:{remote}");
        let bytes = written(&OutRequest { username: &username, ..request() });
        let read = BindingRequest::parse(&bytes).expect("well-formed");
        prop_assert_eq!((read.local(), read.remote()), (&local[..], &remote[..]));
        prop_assert!(read.verify(&key()));
    }
}
