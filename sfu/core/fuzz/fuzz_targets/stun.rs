//! STUN readers: no datagram panics, and none is authentic without the password.
#![no_main]

use _core::stun::{BindingRequest, Response, StunKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let key = StunKey::new("a password that the fuzzer does not know");
    if let Ok(request) = BindingRequest::parse(datagram) {
        assert_eq!(
            request.local().len() + request.remote().len() + 1,
            request.username.len()
        );
        assert!(!request.verify(&key));
    }
    if let Ok(response) = Response::parse(datagram) {
        assert!(!response.verify(&key));
    }
});
