//! The dependency descriptor, a header extension in which an AV1 sender says of each packet which frame it belongs
//! to and who needs that frame (AV1 RTP payload format v1.0.0, appendix A); VP8, VP9 and H.264 may have it too.
//!
//! `rtp (extension) → **dependency** → layer`
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-----------+-------------------------------+- - - - - - - - -
//! |S|E|  template |          frame number         | extended fields
//! +-+-+-----------+-------------------------------+- - - - - - - - -
//! ```
//!
//! What most frames have in common stands in templates. These come in a *structure* that the first packet of each
//! coded video sequence carries; whoever reads keeps it and hands it in again for the packets after. A *decode
//! target* is a set of layers that can be decoded, such as "360p at 15 Hz". Of each frame the descriptor tells how
//! much each target depends on it.

use std::ops::Range;

use super::Resolution;
use super::bits::Bits;

/// Octets without the extended fields.
const MANDATORY: usize = 3;
/// Where the frame number stands.
const FRAME_NUMBER: Range<usize> = 1..3;
/// Of a structure, A.4: their numbers have 6 and 5 bits.
const MAX_TEMPLATES: usize = 64;
const MAX_TARGETS: usize = 32;
/// The highest spatial layer: what fits an OBU header's extension.
pub const MAX_SPATIAL: u8 = 3;
const MAX_TEMPORAL: u8 = 7;
/// The highest temporal layer that [`Switches`] tell apart; as one that is asked for it stands for all.
const HIGHEST_TEMPORAL: u8 = 3;
/// `next_layer_idc`.
const SAME_LAYER: u32 = 0;
const NEXT_TEMPORAL: u32 = 1;
const NEXT_SPATIAL: u32 = 2;

/// How much a decode target depends on a frame, A.8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indication {
    /// The frame is no part of the target.
    NotPresent,
    /// Part of it, and no other frame of the target depends on it.
    Discardable,
    /// Part of it, and so is everything that follows: one may move up to the target here.
    Switch,
    /// Part of it.
    Required,
}

/// The indications of all targets of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indications(u64);

impl Indications {
    /// That of one target; `NotPresent` for one that there is not.
    #[inline]
    #[must_use]
    pub const fn of(self, target: u8) -> Indication {
        if target as usize >= MAX_TARGETS {
            return Indication::NotPresent;
        }
        match (self.0 >> (2 * target)) & 0x03 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    fn read(bits: &mut Bits<'_>, targets: u8) -> Option<Self> {
        (0..targets).try_fold(Self::default(), |all, target| {
            let indication = u64::from(bits.take(2)?);
            Some(Self(all.0 | (indication << (2 * target))))
        })
    }
}

/// Up to which layers one may move at a frame that one gets: a bit for each pair of a spatial and a temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches(u16);

impl Switches {
    /// One may move nowhere.
    pub const NONE: Self = Self(0);

    /// Whether everything from here on can be decoded by whoever gets layers up to these.
    #[inline]
    #[must_use]
    pub fn to(self, spatial: u8, temporal: u8) -> bool {
        self.0 & Self::bit(spatial, temporal) != 0
    }

    /// What is higher than what is told apart is the highest.
    fn bit(spatial: u8, temporal: u8) -> u16 {
        1 << (4 * spatial.min(MAX_SPATIAL) + temporal.min(HIGHEST_TEMPORAL))
    }
}

impl FromIterator<(u8, u8)> for Switches {
    fn from_iter<T: IntoIterator<Item = (u8, u8)>>(layers: T) -> Self {
        let bits = layers
            .into_iter()
            .map(|(spatial, temporal)| Self::bit(spatial, temporal));
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

/// A spatial and a temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// 0..=3, lowest first.
    pub spatial: u8,
    /// 0..=7, lowest first.
    pub temporal: u8,
}

/// The templates of a coded video sequence; a caller keeps the newest that came in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Number of the first template; they count on from it modulo 64.
    offset: u8,
    templates: u8,
    targets: u8,
    chains: u8,
    layers: [Layers; MAX_TEMPLATES],
    indications: [Indications; MAX_TEMPLATES],
    target_layers: [Layers; MAX_TARGETS],
    /// The decode targets that the sender goes on with: a bit each, target 0 the lowest.
    active: u32,
    resolutions: [Option<Resolution>; MAX_SPATIAL as usize + 1],
}

impl Structure {
    /// The highest layers of a decode target; `None` if there is no such target.
    fn target(&self, target: u8) -> Option<Layers> {
        let layers = self.target_layers.get(usize::from(target));
        layers.filter(|_| target < self.targets).copied()
    }

    /// The sender goes on with these decode targets.
    pub fn go_on_with(&mut self, active: u32) {
        self.active = active;
    }

    /// The active decode target that has these layers and no higher ones, or the best below.
    fn target_for(&self, spatial: u8, temporal: u8) -> Option<u8> {
        let rank = |target: &u8| self.target(*target).map(|it| (it.spatial, it.temporal));
        (0..self.targets)
            .filter(|target| self.active & 1 << target != 0)
            .filter(|target| {
                let layers = self.target(*target);
                layers.is_some_and(|it| it.spatial <= spatial && it.temporal <= temporal)
            })
            .max_by_key(rank)
    }

    /// Up to which layers one may move at a frame with these indications.
    #[must_use]
    pub fn switches(&self, indications: Indications) -> Switches {
        let all = (0..=MAX_SPATIAL)
            .flat_map(|spatial| (0..=HIGHEST_TEMPORAL).map(move |temporal| (spatial, temporal)));
        all.filter(|&(spatial, temporal)| {
            let target = match temporal {
                HIGHEST_TEMPORAL => self.target_for(spatial, MAX_TEMPORAL),
                lower => self.target_for(spatial, lower),
            };
            target.is_some_and(|target| indications.of(target) == Indication::Switch)
        })
        .collect()
    }

    /// The size to show of a spatial layer, where the structure tells.
    #[must_use]
    pub fn resolution(&self, spatial: u8) -> Option<Resolution> {
        *self.resolutions.get(usize::from(spatial))?
    }

    /// Layers and indications of a template by its number.
    fn template(&self, number: u8) -> Option<(Layers, Indications)> {
        let index = number.wrapping_sub(self.offset) & 0x3f;
        let place = usize::from(index);
        let told = self.layers.get(place).zip(self.indications.get(place));
        told.filter(|_| index < self.templates)
            .map(|(layers, indications)| (*layers, *indications))
    }
}

/// What the dependency descriptor of one packet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The first packet of a frame; with spatial layers, of one layer's frame.
    pub frame_start: bool,
    /// The last one.
    pub frame_end: bool,
    /// The layers of the frame.
    pub layers: Layers,
    /// Who needs the frame.
    pub indications: Indications,
    /// The decode targets that the sender goes on with from this frame on, where the packet tells; see
    /// [`Structure::go_on_with`].
    pub active_targets: Option<u32>,
    /// The structure that counts from this packet on, if it brought one. A keyframe does.
    pub structure: Option<Structure>,
}

/// Reads the extension of one packet, with the structure that came last before it.
///
/// `None` if it is cut or malformed, if there is no structure yet, or if it names a template that there is not.
#[must_use]
pub fn read(bytes: &[u8], structure: Option<&Structure>) -> Option<Dependency> {
    let mut bits = Bits::new(bytes);
    let (frame_start, frame_end) = (bits.flag()?, bits.flag()?);
    let template = u8::try_from(bits.take(6)?).ok()?;
    bits.take(16)?; // frame_number
    let extended = if bytes.len() > MANDATORY {
        Extended::read(&mut bits, structure)?
    } else {
        Extended::default()
    };
    let current = extended.structure.as_ref().or(structure)?;
    let (layers, of_template) = current.template(template)?;
    let indications = extended.read_frame(&mut bits, current)?;
    Some(Dependency {
        frame_start,
        frame_end,
        layers,
        indications: indications.unwrap_or(of_template),
        active_targets: extended.active_targets,
        structure: extended.structure,
    })
}

/// The frame number, which stands where it does whatever the structure; `None` if it is cut.
#[must_use]
pub fn frame_number(bytes: &[u8]) -> Option<u16> {
    let number = bytes.get(FRAME_NUMBER)?;
    Some(u16::from_be_bytes(number.try_into().ok()?))
}

/// Gives the frame another number.
pub fn renumber(bytes: &mut [u8], frame_number: u16) {
    if let Some(place) = bytes.get_mut(FRAME_NUMBER) {
        place.copy_from_slice(&frame_number.to_be_bytes());
    }
}

/// `extended_descriptor_fields()`: what follows, and what is the same for all frames from here on.
#[derive(Default)]
struct Extended {
    structure: Option<Structure>,
    active_targets: Option<u32>,
    has_indications: bool,
    has_references: bool,
    has_chains: bool,
}

impl Extended {
    fn read(bits: &mut Bits<'_>, before: Option<&Structure>) -> Option<Self> {
        let (has_structure, has_active_targets) = (bits.flag()?, bits.flag()?);
        let (has_indications, has_references, has_chains) =
            (bits.flag()?, bits.flag()?, bits.flag()?);
        let structure = if has_structure {
            Some(read_structure(bits)?)
        } else {
            None
        };
        let targets = structure.as_ref().or(before)?.targets;
        let active_targets = if has_active_targets {
            Some(bits.take(targets.into())?)
        } else {
            has_structure.then(|| u32::MAX >> (32 - u32::from(targets)))
        };
        Some(Self {
            structure,
            active_targets,
            has_indications,
            has_references,
            has_chains,
        })
    }

    /// `frame_dependency_definition()`: indications other than the template's, if there are; the rest is stepped over.
    fn read_frame(
        &self,
        bits: &mut Bits<'_>,
        structure: &Structure,
    ) -> Option<Option<Indications>> {
        let indications = if self.has_indications {
            Some(Indications::read(bits, structure.targets)?)
        } else {
            None
        };
        if self.has_references {
            skip_frame_references(bits)?;
        }
        if self.has_chains {
            for _ in 0..structure.chains {
                bits.take(8)?; // frame_chain_fdiff
            }
        }
        Some(indications)
    }
}

fn skip_frame_references(bits: &mut Bits<'_>) -> Option<()> {
    loop {
        match bits.take(2)? {
            0 => return Some(()),
            size => bits.take(4 * size)?, // fdiff_minus_one
        };
    }
}

/// `template_dependency_structure()`.
fn read_structure(bits: &mut Bits<'_>) -> Option<Structure> {
    let mut structure = Structure {
        offset: u8::try_from(bits.take(6)?).ok()?,
        templates: 0,
        targets: u8::try_from(bits.take(5)? + 1).ok()?,
        chains: 0,
        layers: [Layers::default(); MAX_TEMPLATES],
        indications: [Indications::default(); MAX_TEMPLATES],
        target_layers: [Layers::default(); MAX_TARGETS],
        active: u32::MAX,
        resolutions: [None; MAX_SPATIAL as usize + 1],
    };
    structure.read_layers(bits)?;
    structure.read_indications(bits)?;
    for _ in 0..structure.templates {
        while bits.flag()? {
            bits.take(4)?; // fdiff_minus_one
        }
    }
    structure.read_chains(bits)?;
    if bits.flag()? {
        structure.read_resolutions(bits)?;
    }
    Some(structure)
}

impl Structure {
    /// `template_layers()`: each template's, as a step from the one before; spatial layers in order.
    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let mut at = Layers::default();
        loop {
            *self.layers.get_mut(usize::from(self.templates))? = at;
            self.templates += 1;
            match bits.take(2)? {
                SAME_LAYER => {}
                NEXT_TEMPORAL => at.temporal += 1,
                NEXT_SPATIAL => {
                    at = Layers {
                        spatial: at.spatial + 1,
                        temporal: 0,
                    };
                }
                _ => return Some(()),
            }
            if at.spatial > MAX_SPATIAL || at.temporal > MAX_TEMPORAL {
                return None;
            }
        }
    }

    /// `template_dtis()`, and `decode_target_layers()`, which follow from them.
    fn read_indications(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let count = usize::from(self.templates);
        for (layers, place) in self.layers.iter().zip(&mut self.indications).take(count) {
            *place = Indications::read(bits, self.targets)?;
            for (target, highest) in (0..self.targets).zip(&mut self.target_layers) {
                if place.of(target) != Indication::NotPresent {
                    highest.spatial = highest.spatial.max(layers.spatial);
                    highest.temporal = highest.temporal.max(layers.temporal);
                }
            }
        }
        Some(())
    }

    /// `template_chains()`: how many there are, and no more.
    fn read_chains(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let chains = bits.below(u32::from(self.targets) + 1)?;
        self.chains = u8::try_from(chains).ok()?;
        if chains == 0 {
            return Some(());
        }
        for _ in 0..self.targets {
            bits.below(chains)?; // decode_target_protected_by
        }
        for _ in 0..u32::from(self.templates) * chains {
            bits.take(4)?; // template_chain_fdiff
        }
        Some(())
    }

    /// `render_resolutions()`, of every spatial layer.
    fn read_resolutions(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let highest = self.layers.iter().map(|it| it.spatial).max();
        for place in self.resolutions.iter_mut().take(1 + usize::from(highest?)) {
            *place = Resolution::of(bits.take(16)? + 1, bits.take(16)? + 1);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Octets of bits written as text, the rest of the last one 0; spaces part the fields.
    fn octets(fields: &str) -> Vec<u8> {
        let digits: Vec<u8> = fields.bytes().filter(|it| *it != b' ').collect();
        let octet = |bits: &[u8]| {
            let value = |(at, bit): (usize, &u8)| (bit - b'0') << (7 - at);
            bits.iter().enumerate().map(value).sum::<u8>()
        };
        digits.chunks(8).map(octet).collect()
    }

    /// Start and end of frame, template 0, frame number 1.
    const HEAD: &str = "1 1 000000 0000000000000001";

    /// L1T2: templates 0 (key, T0), 1 (T0), 2 (T1); targets 0 (both layers) and 1 (T0 only); one chain.
    ///
    /// Flags: a structure, and nothing else | offset 0 | 2 targets | layers: same, next temporal, end
    /// | indications: SS, SS, D- | references: none; 2 back; 1 back | number of chains: 1 (ns(3): 10), which protects
    /// both targets (ns(1): no bit) | last frame of the chain: 0, 2, 1 back | no sizes
    const L1T2: &str =
        "1 0 0 0 0 000000 00001 00 01 11 1010 1010 0100 0 1 0001 0 1 0000 0 10 0000 0010 0001 0";

    fn structure(fields: &str) -> Structure {
        let read = read(&octets(&format!("{HEAD} {fields}")), None);
        read.and_then(|it| it.structure).expect("a structure")
    }

    fn spatial_and_temporal(layers: Layers) -> (u8, u8) {
        (layers.spatial, layers.temporal)
    }

    #[test]
    fn the_first_packet_of_a_sequence_brings_its_structure() {
        let read = read(&octets(&format!("{HEAD} {L1T2}")), None).expect("well-formed");
        assert_eq!((read.frame_start, read.frame_end), (true, true));
        assert_eq!(spatial_and_temporal(read.layers), (0, 0));
        assert_eq!(read.active_targets, Some(0b11));
        assert_eq!(read.indications.of(0), Indication::Switch);
        let structure = read.structure.expect("a structure");
        assert_eq!(structure.targets, 2);
        assert_eq!(structure.target(0).map(spatial_and_temporal), Some((0, 1)));
        assert_eq!(structure.target(1).map(spatial_and_temporal), Some((0, 0)));
        assert_eq!(structure.target(2), None);
        assert_eq!(structure.resolution(0), None);
    }

    #[test]
    fn later_packets_name_a_template_of_it() {
        let structure = structure(L1T2);
        let told = |octets: [u8; 3]| read(&octets, Some(&structure)).expect("well-formed");
        // Start, template 2; the middle of it; its end.
        let start = told([0x82, 0xff, 0xfe]);
        assert_eq!((start.frame_start, start.frame_end), (true, false));
        assert_eq!(spatial_and_temporal(start.layers), (0, 1));
        assert_eq!(start.indications.of(0), Indication::Discardable);
        assert_eq!(start.indications.of(1), Indication::NotPresent);
        assert_eq!((start.active_targets, start.structure), (None, None));
        let middle = told([0x02, 0, 0]);
        assert_eq!((middle.frame_start, middle.frame_end), (false, false));
        assert_eq!(told([0x41, 0, 0]).indications.of(1), Indication::Switch);
    }

    #[test]
    fn without_a_structure_or_beyond_its_templates_nothing_is_told() {
        let structure = structure(L1T2);
        assert_eq!(read(&[0x82, 0, 0], None), None);
        assert_eq!(read(&[0x83, 0, 0], Some(&structure)), None);
        assert_eq!(read(&octets(&format!("{HEAD} 0 1 0 0 0 11")), None), None);
    }

    #[test]
    fn templates_count_on_from_their_offset_and_wrap() {
        // The same with offset 62: templates 62, 63 and 0.
        let moved = L1T2.replacen("000000", "111110", 1);
        let first = octets(&format!("1 1 111110 0000000000000001 {moved}"));
        let structure = read(&first, None)
            .and_then(|it| it.structure)
            .expect("a structure");
        let layers = |template: u8| {
            read(&[template, 0, 0], Some(&structure)).map(|it| spatial_and_temporal(it.layers))
        };
        assert_eq!(layers(62), Some((0, 0)));
        assert_eq!(layers(63), Some((0, 0)));
        assert_eq!(layers(0), Some((0, 1)));
        assert_eq!((layers(1), layers(61)), (None, None));
    }

    #[test]
    fn a_sender_may_go_on_with_fewer_targets() {
        let structure = structure(L1T2);
        // Template 1, no structure, active targets 10.
        let bytes = octets("1 1 000001 0000000000000010 0 1 0 0 0 10");
        let told = read(&bytes, Some(&structure)).expect("well-formed");
        assert_eq!((told.active_targets, told.structure), (Some(0b10), None));
        // Beside a structure they count instead of all.
        let fields = format!("{HEAD} {} 01", L1T2.replacen("1 0 0 0 0", "1 1 0 0 0", 1));
        let both = read(&octets(&fields), None).map(|it| it.active_targets);
        assert_eq!(both, Some(Some(0b01)));
    }

    #[test]
    fn a_frame_may_differ_from_its_template() {
        let structure = structure(L1T2);
        // Indications 11 01; references of 4, 8 and 12 bits; one chain of 8 bits.
        let custom = "0 0 1 1 1 1101 01 0001 10 00000001 11 000000000001 00 00000101";
        let bytes = octets(&format!("1 0 000001 0000000000000010 {custom}"));
        let told = read(&bytes, Some(&structure)).expect("well-formed");
        assert_eq!(told.indications.of(0), Indication::Required);
        assert_eq!(told.indications.of(1), Indication::Discardable);
        for length in 0..bytes.len() {
            // Three octets alone are a whole descriptor, in which nothing differs.
            let whole = read(&bytes[..length], Some(&structure)).map(|it| it.indications.of(0));
            assert_eq!(
                whole,
                (length == 3).then_some(Indication::Switch),
                "{length} octets"
            );
        }
    }

    /// L2T1 with sizes: templates 0 (S0), 1 (S1); targets 0 (S1), 1 (S0); no chains (ns(3): 0).
    const L2T1: &str = "1 0 0 0 0 000000 00001 10 11 1111 1000 0 0 0 1";
    const SIZES: &str = "0000000100111111 0000000010110011 0000001001111111 0000000101100111";

    #[test]
    fn the_structure_tells_a_size_for_each_spatial_layer() {
        let structure = structure(&format!("{L2T1} {SIZES}"));
        assert_eq!(structure.resolution(0), Resolution::of(320, 180));
        assert_eq!(structure.resolution(1), Resolution::of(640, 360));
        assert_eq!(structure.resolution(2), None);
        assert_eq!(structure.resolution(4), None);
        assert_eq!(structure.target(0).map(spatial_and_temporal), Some((1, 0)));
        assert_eq!(structure.target(1).map(spatial_and_temporal), Some((0, 0)));
    }

    #[test]
    fn the_target_for_wanted_layers_has_no_higher_ones() {
        let structure = structure(&format!("{L2T1} {SIZES}"));
        let target = |spatial, temporal| structure.target_for(spatial, temporal);
        assert_eq!(target(0, 0), Some(1));
        assert_eq!(target(1, 0), Some(0));
        assert_eq!(target(3, 2), Some(0));
    }

    /// L1T3: templates 0 (T0), 1 (T1), 2 (T2); targets 0 (T0), 1 (T0 and T1), 2 (all); no references, chains or sizes told.
    ///
    /// Indications: SSS, -DS, --D.
    const L1T3: &str = "1 0 0 0 0 000000 00010 01 01 11 101010 000110 000001 0 0 0 00 0";

    #[test]
    fn one_may_move_up_where_the_wanted_target_can_be_switched_to() {
        let structure = structure(L1T3);
        let to = |template: u8| {
            let told = read(&[0xc0 | template, 0, 2], Some(&structure)).expect("well-formed");
            let switches = structure.switches(told.indications);
            [0, 1, 2, 3, 7].map(|temporal| switches.to(7, temporal))
        };
        assert_eq!(to(0), [true; 5]);
        assert_eq!(to(1), [false, false, true, true, true]);
        assert_eq!(to(2), [false; 5]);
    }

    #[test]
    fn a_target_that_the_sender_does_not_go_on_with_is_none_to_wait_for() {
        // Of L2T1 the lower frame is S of the lower target alone: 11 10, which is a delta frame's.
        let fields = format!("{} {SIZES}", L2T1.replacen("1111", "1110", 1));
        let mut structure = structure(&fields);
        let told = read(&[0xc0, 0, 2], Some(&structure)).expect("well-formed");
        let to =
            |structure: &Structure, spatial| structure.switches(told.indications).to(spatial, 7);
        assert_eq!(
            [0, 1, 7].map(|spatial| to(&structure, spatial)),
            [true, false, false]
        );
        structure.go_on_with(0b10);
        assert_eq!([0, 1, 7].map(|spatial| to(&structure, spatial)), [true; 3]);
    }

    #[test]
    fn a_structure_cut_anywhere_is_refused() {
        for fields in [L1T2.to_owned(), format!("{L2T1} {SIZES}")] {
            let whole = octets(&format!("{HEAD} {fields}"));
            assert!(read(&whole, None).is_some());
            for length in 0..whole.len() {
                assert_eq!(read(&whole[..length], None), None, "{length} octets");
            }
        }
    }

    #[test]
    fn a_structure_has_64_templates_of_32_targets_at_most() {
        let layers = |count: usize| format!("{}11", "00".repeat(count - 1));
        let of = |count: usize| {
            let indications = "10".repeat(32 * count);
            let fields = format!(
                "1 0 0 0 0 000000 11111 {} {indications} {} 00000 0",
                layers(count),
                "0".repeat(count)
            );
            read(&octets(&format!("{HEAD} {fields}")), None)
        };
        let most = of(64).expect("well-formed");
        assert_eq!(most.active_targets, Some(u32::MAX));
        assert_eq!(most.indications.of(31), Indication::Switch);
        assert_eq!(most.indications.of(32), Indication::NotPresent);
        assert_eq!(of(65), None);
    }

    #[test]
    fn layers_above_what_av1_has_are_refused() {
        let stepping = |steps: &str| {
            let fields = format!(
                "{HEAD} 1 0 0 0 0 000000 00000 {steps} 11 {}",
                "0".repeat(64)
            );
            read(&octets(&fields), None).is_some()
        };
        assert!(stepping(&"01".repeat(7)));
        assert!(!stepping(&"01".repeat(8)));
        assert!(stepping(&"10".repeat(3)));
        assert!(!stepping(&"10".repeat(4)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, later: Vec<u8>) {
            let first = read(&[&[0xc0, 0, 1, 0x80], bytes.as_slice()].concat(), None);
            let structure = first.and_then(|it| it.structure);
            for target in 0..=255 {
                let _ = structure.map(|it| (it.target(target), it.resolution(target)));
            }
            let told = read(&later, structure.as_ref());
            prop_assert!(told.is_none_or(|it| it.layers.spatial <= 3 && it.layers.temporal <= 7));
            prop_assert!(told.is_none() || structure.is_some() || told.is_some_and(|it| it.structure.is_some()));
        }

        #[test]
        fn no_change_to_a_structure_panics(at in 0..16_usize, octet: u8, cut in 0..40_usize) {
            let mut bytes = octets(&format!("{HEAD} {L2T1} {SIZES}"));
            if let Some(place) = bytes.get_mut(at) {
                *place = octet;
            }
            bytes.truncate(cut);
            let told = read(&bytes, None);
            prop_assert!(told.is_none_or(|it| it.structure.is_some_and(|it| it.targets <= 32)));
        }
    }
}
