//! Opus, RFC 7587: every packet can be decoded by itself.

use super::Inspected;

/// Every packet that isn't empty is a frame of its own.
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    (!payload.is_empty()).then_some(Inspected::INDEPENDENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_a_start() {
        assert_eq!(inspect(&[0xf8, 0xff, 0xfe]), Some(Inspected::INDEPENDENT));
        assert_eq!(inspect(&[]), None);
    }
}
