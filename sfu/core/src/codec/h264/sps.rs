//! The sequence parameter set, ITU-T H.264 §7.3.2.1.1, read as far as the size of a picture.

use crate::codec::Resolution;
use crate::codec::bits::Bits;

/// Profiles whose parameter sets tell a chroma format.
const WITH_CHROMA_FORMAT: [u32; 13] =
    [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];
/// 4:2:0, which all other profiles have.
const CHROMA_420: u32 = 1;
const CHROMA_444: u32 = 3;
/// Luma samples a side of a macroblock.
const MACROBLOCK: u32 = 16;
/// Of `offset_for_ref_frame`, §7.4.2.1.1.
const MAX_CYCLE: u32 = 255;

/// What is shown of a picture, from the octets behind the NAL unit's header; `None` if they are cut or malformed.
pub(super) fn resolution(body: &[u8]) -> Option<Resolution> {
    let mut bits = Bits::escaped(body);
    let profile = bits.take(8)?;
    bits.take(16)?; // constraints and level
    bits.exp_golomb()?; // seq_parameter_set_id
    let chroma = if WITH_CHROMA_FORMAT.contains(&profile) {
        read_chroma_format(&mut bits)?
    } else {
        CHROMA_420
    };
    bits.exp_golomb()?; // log2_max_frame_num_minus4
    skip_picture_order(&mut bits)?;
    bits.exp_golomb()?; // max_num_ref_frames
    bits.flag()?; // gaps_in_frame_num_value_allowed_flag
    read_size(&mut bits, chroma)
}

/// `chroma_format_idc`, and what stands between it and `log2_max_frame_num_minus4`.
fn read_chroma_format(bits: &mut Bits<'_>) -> Option<u32> {
    let chroma = bits.exp_golomb().filter(|format| *format <= CHROMA_444)?;
    if chroma == CHROMA_444 {
        bits.flag()?; // separate_colour_plane_flag
    }
    bits.exp_golomb()?; // bit_depth_luma_minus8
    bits.exp_golomb()?; // bit_depth_chroma_minus8
    bits.flag()?; // qpprime_y_zero_transform_bypass_flag
    if bits.flag()? {
        let lists = if chroma == CHROMA_444 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

/// §7.3.2.1.1.1: differences, as long as none leads to 0.
fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let mut last = 8;
    for _ in 0..size {
        let next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
        if next == 0 {
            break;
        }
        last = next;
    }
    Some(())
}

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.exp_golomb()? {
        0 => bits.exp_golomb().map(|_| ()), // log2_max_pic_order_cnt_lsb_minus4
        1 => {
            bits.flag()?; // delta_pic_order_always_zero_flag
            bits.exp_golomb()?; // offset_for_non_ref_pic
            bits.exp_golomb()?; // offset_for_top_to_bottom_field
            let cycle = bits.exp_golomb().filter(|count| *count <= MAX_CYCLE)?;
            (0..cycle).try_for_each(|_| bits.exp_golomb().map(|_| ()))
        }
        2 => Some(()),
        _ => None,
    }
}

/// From `pic_width_in_mbs_minus1` to the frame cropping.
fn read_size(bits: &mut Bits<'_>, chroma: u32) -> Option<Resolution> {
    let columns = bits.exp_golomb()?.checked_add(1)?;
    let rows = bits.exp_golomb()?.checked_add(1)?;
    let fields = if bits.flag()? {
        1
    } else {
        bits.flag()?; // mb_adaptive_frame_field_flag
        2
    };
    bits.flag()?; // direct_8x8_inference_flag
    let (width, height) = (
        columns.checked_mul(MACROBLOCK)?,
        rows.checked_mul(MACROBLOCK * fields)?,
    );
    let (mut beside, mut above): (u32, u32) = (0, 0);
    if bits.flag()? {
        beside = bits.exp_golomb()?.checked_add(bits.exp_golomb()?)?;
        above = bits.exp_golomb()?.checked_add(bits.exp_golomb()?)?;
    }
    let (across, down) = crop_unit(chroma);
    Resolution::of(
        width.checked_sub(beside.checked_mul(across)?)?,
        height.checked_sub(above.checked_mul(down * fields)?)?,
    )
}

/// Luma samples that one step of cropping takes away (§7.4.2.1.1, table 6-1).
const fn crop_unit(chroma: u32) -> (u32, u32) {
    match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(body: &[u8]) -> Option<(u16, u16)> {
        resolution(body).map(|it| (it.width, it.height))
    }

    /// Octets of bits written as text; spaces part the fields.
    fn body(head: [u8; 3], fields: &str) -> Vec<u8> {
        let digits: Vec<u8> = fields.bytes().filter(|it| *it != b' ').collect();
        let octet = |bits: &[u8]| {
            let value = |(at, bit): (usize, &u8)| (bit - b'0') << (7 - at);
            bits.iter().enumerate().map(value).sum::<u8>()
        };
        head.into_iter()
            .chain(digits.chunks(8).map(octet))
            .collect()
    }

    // id 0 | log2_max_frame_num 0 | order 2 | 1 reference | no gaps
    const BASELINE: &str = "1 1 011 010 0";

    #[test]
    fn whole_macroblocks_need_no_cropping() {
        // 40 columns (39: 00000101000) and 30 rows (29: 000011110), frames only, 8x8, no cropping, no VUI.
        let fields = format!("{BASELINE} 00000101000 000011110 1 1 0 0");
        assert_eq!(size(&body([66, 0xe0, 31], &fields)), Some((640, 480)));
    }

    #[test]
    fn what_is_cropped_is_not_shown() {
        // 120 columns (119: 0000001111000) and 68 rows (67: 0000001000100), 4 steps of 2 lines cut off below (4: 00101).
        let fields = format!("{BASELINE} 0000001111000 0000001000100 1 1 1 1 1 1 00101 0");
        assert_eq!(size(&body([66, 0xe0, 31], &fields)), Some((1920, 1080)));
    }

    #[test]
    fn fields_stand_for_half_the_lines_of_a_frame() {
        // 34 rows of fields (33: 00000100010), 2 steps of 4 lines cut off below (2: 011).
        let fields = format!("{BASELINE} 0000001111000 00000100010 0 1 1 1 1 1 1 011 0");
        assert_eq!(size(&body([77, 0, 31], &fields)), Some((1920, 1080)));
    }

    #[test]
    fn high_profiles_tell_chroma_depth_and_scaling_lists() {
        // id 0 | 4:4:4, one plane each | 8 bits, 8 bits | no bypass | 12 lists: one that ends at once (-8: 000010001), none.
        let head = "1 00100 0 1 1 0 1 1 000010001 00000000000";
        // 2 columns, 2 rows, 3 samples cut off at the right, 1 at the top.
        let fields = format!("{head} 1 011 010 0 010 010 1 1 1 1 00100 010 1 0");
        assert_eq!(size(&body([244, 0, 31], &fields)), Some((29, 31)));
        // 4:2:2 without lists: cropping steps are 2 wide and 1 high.
        let fields = "1 011 1 1 0 0 1 011 010 0 010 010 1 1 1 1 00100 010 1 0";
        assert_eq!(size(&body([122, 0, 31], fields)), Some((26, 31)));
    }

    #[test]
    fn picture_order_by_a_cycle_is_stepped_over() {
        // order 1: flag, two offsets, a cycle of 2 (011) with 0 and -1.
        let fields = "1 1 010 0 1 1 011 1 011 010 0 010 010 1 1 0 0";
        assert_eq!(size(&body([66, 0, 31], fields)), Some((32, 32)));
    }

    #[test]
    fn a_parameter_set_cut_anywhere_tells_no_size() {
        let fields = format!("{BASELINE} 00000101000 000011110 1 1 1 1 1 1 1 1");
        let whole = body([66, 0xe0, 31], &fields);
        for length in 0..whole.len() {
            assert_eq!(size(&whole[..length]), None, "{length} octets");
        }
        assert_eq!(size(&whole), Some((640, 480)));
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        // More is cropped than there is.
        let fields = format!("{BASELINE} 1 1 1 1 1 00100 00111 1 1");
        assert_eq!(size(&body([66, 0, 31], &fields)), None);
        // Chroma format 4, picture order type 3.
        assert_eq!(size(&body([100, 0, 31], "1 00101 1111111111111111")), None);
        assert_eq!(size(&body([66, 0, 31], "1 1 00100 1111111111111111")), None);
    }

    proptest! {
        #[test]
        fn no_parameter_set_panics(rest: Vec<u8>, profile in prop::sample::select(vec![66_u8, 100, 244])) {
            let bytes = [&[profile], rest.as_slice()].concat();
            prop_assert!(resolution(&bytes).is_none_or(|it| it.width > 0 && it.height > 0));
        }
    }
}
