//! What the statistics tell of a publisher of whom nothing comes.

use std::time::Duration;

use crate::call::{call, say_something, send_frames};
use crate::links::{company, run};
use crate::support::*;
use _core::stats::{LayerStats, PeerStats};

/// What is told of the publisher.
fn publisher_stats(world: &World) -> PeerStats {
    world.router.stats(world.now).swap_remove(0)
}

fn layer_stats(world: &World, layer: usize) -> LayerStats {
    publisher_stats(world).tracks[0].layers[layer].clone()
}

fn ms(of: Duration) -> u128 {
    of.as_millis()
}

#[test]
fn a_picture_that_stands_still_is_told_of_while_it_does_and_after() {
    let (mut world, mut camera, _) = call();
    send_frames(&mut world, &mut camera, 30);
    world.run(1_000);
    let told = layer_stats(&world, 0);
    assert_eq!(
        (told.freezes, ms(told.frozen), ms(told.standing)),
        (0, 0, 0)
    );
    world.run(2_000);
    let told = layer_stats(&world, 0);
    assert_eq!(
        (told.freezes, ms(told.frozen), ms(told.standing)),
        (0, 0, 3_033)
    );
    assert!(told.taken && !told.active);
    send_frames(&mut world, &mut camera, 1);
    let told = layer_stats(&world, 0);
    assert_eq!(
        (told.freezes, ms(told.frozen), ms(told.standing)),
        (1, 3_033, 0)
    );
}

#[test]
fn a_layer_that_its_publisher_has_stopped_does_not_stand_still() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    studio.sending = 0b011;
    run(&mut world, &mut studio, &mut paths, 4_000);
    let standing = [0, 1, 2].map(|layer| ms(layer_stats(&world, layer).standing));
    assert_eq!(standing, [0; 3]);
    studio.sending = 0;
    run(&mut world, &mut studio, &mut paths, 4_000);
    let stands =
        [0, 1, 2].map(|layer| layer_stats(&world, layer).standing >= Duration::from_secs(3));
    assert_eq!(stands, [true, true, false]);
}

#[test]
fn a_publisher_is_silent_since_the_last_packet_of_any_kind() {
    let (mut world, mut camera, _) = call();
    send_frames(&mut world, &mut camera, 3);
    assert_eq!(ms(publisher_stats(&world).silence), 33);
    world.run(4_000);
    assert_eq!(ms(publisher_stats(&world).silence), 4_033);
    say_something(&mut world, camera.client);
    world.run(500);
    assert_eq!(ms(publisher_stats(&world).silence), 500);
    world.check(camera.client, true);
    assert_eq!(ms(publisher_stats(&world).silence), 0);
}
