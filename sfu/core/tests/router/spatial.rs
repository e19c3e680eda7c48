//! Which spatial layers of one stream viewers get, by what their paths carry and what they look at.

use crate::call::plis;
use crate::links::{FRAME_MS, Narrow, set_view};
use crate::scalable::{Scalable, spatial};
use crate::support::*;
use _core::codec::Codec;
use _core::media::{CodecConfig, PeerMedia};

/// About 130, 480 and 960 kbit/s with what is put around them.
const FRAMES: [(usize, usize); 3] = [(1, 600), (2, 1_150), (4, 1_150)];

/// Of one camera with three spatial layers, 180, 360 and 720 lines high, and viewers behind these paths.
struct Company {
    world: World,
    camera: Scalable,
    paths: Vec<Narrow>,
    codec: Codec,
    keyframes_asked: usize,
}

fn takes(codec: &CodecConfig) -> PeerMedia {
    let mut viewer = telling_viewer();
    viewer.senders[0].codecs = vec![own(codec.clone(), 10)];
    viewer.senders[0].dependency = true;
    viewer
}

impl Company {
    fn new(codec: &CodecConfig, kbps: &[u32]) -> Self {
        let mut world = World::new();
        let mut sends = publisher();
        sends.tracks[0].codecs = vec![codec.clone()];
        let alice = world.connect(sends);
        let viewers = kbps.iter().map(|&kbps| {
            let viewer = world.connect(takes(codec));
            world.show(viewer, "sv", Some((alice, "v")));
            Narrow::new(viewer, kbps)
        });
        let paths = viewers.collect();
        let camera = Scalable::new(Camera::new(alice, 7), codec, &FRAMES);
        Self {
            world,
            camera,
            paths,
            codec: codec.codec,
            keyframes_asked: 0,
        }
    }

    /// Runs so many milliseconds; gives the packets of pictures that came through to each viewer.
    fn run(&mut self, ms: u64) -> Vec<Vec<Media>> {
        let mut got = vec![Vec::new(); self.paths.len()];
        let world = &mut self.world;
        for _ in 0..ms {
            world.run(1);
            if (world.now.as_nanos() / 1_000_000).is_multiple_of(FRAME_MS) {
                let control = world.take_control(self.camera.camera.client);
                if !plis(&control).is_empty() {
                    self.keyframes_asked += 1;
                    self.camera.begin_anew();
                }
                self.camera.send(world);
            }
            for (path, got) in self.paths.iter_mut().zip(&mut got) {
                got.extend(path.step(world).into_iter().filter(|one| one.ssrc == 100));
            }
        }
        got
    }

    /// The spatial layers of each picture but the first and the last, of which a part may have come before or come later;
    /// every one ends with the marker, and nothing before its end has it.
    fn pictures(&self, media: &[Media]) -> Vec<Vec<u8>> {
        let same = |one: &Media, other: &Media| one.timestamp == other.timestamp;
        let pictures: Vec<&[Media]> = media.chunk_by(same).collect();
        let whole = pictures.get(1..pictures.len() - 1).unwrap_or_default();
        let layers = |picture: &&[Media]| {
            let (last, before) = picture.split_last().expect("a packet");
            assert!(last.marker && before.iter().all(|one| !one.marker));
            let layers = picture.iter().map(|one| spatial(one, self.codec));
            let mut layers: Vec<u8> = layers.collect();
            let packets: usize = FRAMES[..=usize::from(layers[layers.len() - 1])]
                .iter()
                .map(|frame| frame.0)
                .sum();
            assert_eq!(layers.len(), packets, "{layers:?}");
            layers.dedup();
            layers
        };
        whole.iter().map(layers).collect()
    }
}

fn without_gaps(media: &[Media]) -> bool {
    unwrapped(media).windows(2).all(|two| two[1] == two[0] + 1)
}

#[test]
fn each_viewer_gets_the_spatial_layers_that_its_path_carries() {
    for codec in [vp9(), av1()] {
        let mut company = Company::new(&codec, &[300, 1_100, 5_000]);
        company.run(12_000);
        let got = company.run(4_000);
        for (media, expected) in got.iter().zip([&[0][..], &[0, 1], &[0, 1, 2]]) {
            let shown = company.pictures(media);
            assert!(shown.len() >= 97, "{} in {:?}", shown.len(), codec.codec);
            assert!(
                shown.iter().all(|layers| layers == expected),
                "{expected:?}"
            );
            assert!(without_gaps(media));
        }
    }
}

#[test]
fn a_path_that_narrows_loses_the_upper_layers_and_one_that_widens_gets_them_back() {
    for codec in [vp9(), av1()] {
        let mut company = Company::new(&codec, &[5_000]);
        for (kbps, settles_ms, expected) in [
            (5_000, 6_000, &[0, 1, 2][..]),
            (300, 3_000, &[0]),
            (5_000, 7_000, &[0, 1, 2]),
        ] {
            company.paths[0].set(kbps);
            company.run(settles_ms);
            let got = company.run(3_000).remove(0);
            let shown = company.pictures(&got);
            assert!(
                shown.iter().all(|layers| layers == expected),
                "{kbps} kbit/s of {:?}",
                codec.codec
            );
        }
    }
}

#[test]
fn a_small_window_gets_the_layers_that_fill_it_and_a_larger_one_the_others_with_a_keyframe() {
    for codec in [vp9(), av1()] {
        let mut company = Company::new(&codec, &[5_000]);
        company.run(6_000);
        for (height, expected, keyframes) in [
            (180, &[0][..], 0),
            (360, &[0, 1], 1),
            (190, &[0], 0),
            (720, &[0, 1, 2], 1),
            (360, &[0, 1], 0),
        ] {
            company.keyframes_asked = 0;
            set_view(&mut company.world, company.paths[0].client, Some(height));
            let media = company.run(2_000).remove(0);
            assert!(without_gaps(&media));
            let shown = company.pictures(&media);
            assert_eq!(shown.last().map(Vec::as_slice), Some(expected));
            assert_eq!(company.keyframes_asked, keyframes, "{height} lines");
        }
    }
}
