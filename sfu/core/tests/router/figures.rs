//! What is told of traffic: what each peer sends and is sent, and in which layers.

use crate::call::{call, speak};

#[test]
fn one_who_tells_nothing_of_his_path_is_sent_what_his_seats_are() {
    let (mut world, mut camera, bob) = call();
    world.show(bob, "sa", Some((camera.client, "a")));
    for index in 0..90u64 {
        camera.send(&mut world, index == 0);
        speak(&mut world, camera.client, index, index as u32 * 960, 30);
    }
    let bob = world.router.stats(world.now).remove(1);
    let seats: Vec<f64> = bob.senders.iter().map(|one| one.kbps).collect();
    assert!(
        seats.len() == 2 && seats.iter().all(|&kbps| kbps > 1.0),
        "{seats:?}"
    );
    assert_eq!(bob.sending_kbps, seats[0] + seats[1]);
}
