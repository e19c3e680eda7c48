//! The sequence header OBU, AV1 §5.5, read as far as the size of the largest frame.

use crate::codec::Resolution;
use crate::codec::bits::Bits;

/// Levels above it tell a tier, §5.5.1.
const HIGHEST_LEVEL_WITHOUT_TIER: u32 = 7;

/// The largest frame of the sequence, from the octets behind the OBU's header; `None` if they are cut.
pub(super) fn resolution(body: &[u8]) -> Option<Resolution> {
    let mut bits = Bits::new(body);
    bits.take(4)?; // seq_profile, still_picture
    if bits.flag()? {
        bits.take(5)?; // reduced_still_picture_header: a level is all there is
    } else {
        skip_operating_points(&mut bits)?;
    }
    let width_bits = bits.take(4)? + 1;
    let height_bits = bits.take(4)? + 1;
    Resolution::of(bits.take(width_bits)? + 1, bits.take(height_bits)? + 1)
}

/// From `timing_info_present_flag` to the last operating point.
fn skip_operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let delay_bits = if bits.flag()? {
        skip_timing(bits)?
    } else {
        None
    };
    let has_display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?; // operating_point_idc
        if bits.take(5)? > HIGHEST_LEVEL_WITHOUT_TIER {
            bits.flag()?; // seq_tier
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?; // decoder_buffer_delay
            bits.take(delay_bits)?; // encoder_buffer_delay
            bits.flag()?; // low_delay_mode_flag
        }
        if has_display_delay && bits.flag()? {
            bits.take(4)?; // initial_display_delay_minus_1
        }
    }
    Some(())
}

/// §5.5.3, §5.5.4; how many bits a buffer delay has, where there is a decoder model.
fn skip_timing(bits: &mut Bits<'_>) -> Option<Option<u32>> {
    bits.take(32)?; // num_units_in_display_tick
    bits.take(32)?; // time_scale
    if bits.flag()? {
        bits.exp_golomb()?; // equal_picture_interval: num_ticks_per_picture_minus_1, uvlc()
    }
    if !bits.flag()? {
        return Some(None);
    }
    let delay_bits = bits.take(5)? + 1;
    bits.take(32)?; // num_units_in_decoding_tick
    bits.take(10)?; // lengths of buffer_removal_time and frame_presentation_time
    Some(Some(delay_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(fields: &str) -> Option<(u16, u16)> {
        let digits: Vec<u8> = fields.bytes().filter(|it| *it != b' ').collect();
        let octet = |bits: &[u8]| {
            let value = |(at, bit): (usize, &u8)| (bit - b'0') << (7 - at);
            bits.iter().enumerate().map(value).sum::<u8>()
        };
        let body: Vec<u8> = digits.chunks(8).map(octet).collect();
        resolution(&body).map(|it| (it.width, it.height))
    }

    /// 9 and 8 bits for 320 (319) and 180 (179).
    const SIZE: &str = "1000 0111 100111111 10110011";
    const TICK: &str = "00000000000000000000000000000001";

    #[test]
    fn one_operating_point_without_timing_is_what_browsers_send() {
        // profile 0, moving, whole header | no timing, no delay, 1 point: all layers, level 4
        let fields = format!("000 0 0 0 0 00000 000000000000 00100 {SIZE}");
        assert_eq!(size(&fields), Some((320, 180)));
    }

    #[test]
    fn a_still_picture_has_a_level_alone() {
        assert_eq!(size(&format!("000 1 1 00100 {SIZE}")), Some((320, 180)));
    }

    #[test]
    fn each_operating_point_is_stepped_over_with_what_it_has() {
        // Two points of levels 8 (with tier) and 4; initial delays, of the first only.
        let fields =
            format!("000 0 0 0 1 00001 000100000011 01000 1 1 0011 000100000001 00100 0 {SIZE}");
        assert_eq!(size(&fields), Some((320, 180)));
    }

    #[test]
    fn timing_and_decoder_model_are_stepped_over() {
        // Timing with an interval (uvlc 0: 1), no decoder model.
        let point = "000000000000 00100";
        let fields = format!("000 0 0 1 {TICK} {TICK} 1 1 0 0 00000 {point} {SIZE}");
        assert_eq!(size(&fields), Some((320, 180)));
        // Without interval; a model with delays of 3 bits, which the point has.
        let model = format!("00010 {TICK} 00000 00000");
        let fields =
            format!("000 0 0 1 {TICK} {TICK} 0 1 {model} 0 00000 {point} 1 101 110 0 {SIZE}");
        assert_eq!(size(&fields), Some((320, 180)));
    }

    #[test]
    fn sizes_of_16_bits_are_the_largest() {
        let head = "000 1 1 00100 1111 1111";
        let largest = "1111111111111110 1111111111111110";
        assert_eq!(size(&format!("{head} {largest}")), Some((65_535, 65_535)));
        let too_large = "1111111111111111 1111111111111110";
        assert_eq!(size(&format!("{head} {too_large}")), None);
    }

    #[test]
    fn a_header_cut_anywhere_tells_no_size() {
        let body = [0, 0, 0, 0x24, 0x3c, 0xfe, 0xcc];
        assert_eq!(resolution(&body), Resolution::of(320, 180));
        for length in 0..body.len() {
            assert_eq!(resolution(&body[..length]), None, "{length} octets");
        }
    }
}
