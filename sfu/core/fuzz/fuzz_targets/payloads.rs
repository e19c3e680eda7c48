//! Payload readers of all codecs and the dependency descriptor: no bytes panic, and lengths add up.
#![no_main]

use _core::codec::{Codec, dependency, vp8, vp9};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for codec in Codec::ALL {
        if let Some(inspected) = codec.inspect(bytes) {
            assert!(inspected.frame_start || !inspected.keyframe_start);
            assert!(inspected.resolution.is_none_or(|it| it.pixels() > 0));
        }
    }
    rewrite(bytes);
    read_dependencies(bytes);
});

/// What was rewritten is read again, as long as foretold.
fn rewrite(payload: &[u8]) {
    let mut out = vec![0; payload.len() + 1];
    let written = vp8::rewrite(payload, &mut out, 0x7fff);
    if let Some(before) = vp8::Descriptor::parse(payload) {
        let after = vp8::Descriptor::parse(&out[..written]).expect("a descriptor");
        assert_eq!(usize::from(after.len), before.rewritten_len());
    }
    let written = vp9::rewrite(payload, &mut out, 0x7fff, 0xff);
    if let Some(before) = vp9::Descriptor::parse(payload) {
        let after = vp9::Descriptor::parse(&out[..written]).expect("a descriptor");
        assert_eq!(usize::from(after.len), before.rewritten_len());
    }
}

/// The extensions of several packets, each behind its length; a structure counts for those after it.
fn read_dependencies(mut bytes: &[u8]) {
    let mut structure = None;
    while let Some((&length, rest)) = bytes.split_first() {
        let (extension, after) = rest.split_at(rest.len().min(length.into()));
        bytes = after;
        if let Some(told) = dependency::read(extension, structure.as_ref()) {
            assert!(told.layers.spatial <= 3 && told.layers.temporal <= 7);
            structure = told.structure.or(structure);
        }
    }
}
