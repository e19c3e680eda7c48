//! The emulated network itself: rates, queues, losses, bursts, order and copies, the same at each run.

#![allow(missing_docs)]

#[path = "support/network/mod.rs"]
mod network;

use std::time::Duration;

use _core::time::Instant;
use network::impairment::{Impairment, Stretch, steady};
use network::path::{Arrivals, Path, SILENCE};
use network::profiles::profiles;
use network::under_way::UnderWay;

const OCTETS: usize = 1_200;
const MANY: usize = 50_000;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn path(impairment: Impairment) -> Path {
    Path::new(impairment, 1, ms(0))
}

/// What became of so many datagrams, one every so often from the beginning.
fn sent(path: &mut Path, count: usize, every: Duration) -> Vec<Arrivals> {
    let at = |number: usize| ms(0) + every * number as u32;
    (0..count)
        .map(|number| path.send(OCTETS, at(number)))
        .collect()
}

/// How long each datagram that came out was under way.
fn delays(outcomes: &[Arrivals], every: Duration) -> Vec<Duration> {
    let delay = |(number, arrivals): (usize, &Arrivals)| {
        let sent = ms(0) + every * number as u32;
        arrivals.first().map(|at| at.saturating_since(sent))
    };
    outcomes.iter().enumerate().filter_map(delay).collect()
}

fn share(outcomes: &[Arrivals], such: impl Fn(&Arrivals) -> bool) -> f64 {
    let count = outcomes.iter().filter(|one| such(one)).count();
    count as f64 / outcomes.len() as f64
}

const EVERY: Duration = Duration::from_millis(2);

#[test]
fn a_path_as_it_comes_hands_everything_on_at_once() {
    let mut path = path(Impairment::default());
    assert_eq!(path.send(OCTETS, ms(0)), [ms(0)]);
    assert_eq!(path.send(OCTETS, ms(500)), [ms(500)]);
}

#[test]
fn what_comes_out_has_the_rate_asked_for() {
    for rate in [100e3, 400e3, 3e6] {
        let mut path = path(Impairment::of(rate));
        let every = Duration::from_secs_f64(OCTETS as f64 * 8.0 / (2.0 * rate));
        let times = sent(&mut path, MANY, every).concat();
        let took = times[times.len() - 1].saturating_since(times[0]);
        let came = (times.len() - 1) as f64 * OCTETS as f64 * 8.0 / took.as_secs_f64();
        assert!((came / rate - 1.0).abs() < 0.01, "{came} of {rate}");
    }
}

#[test]
fn nobody_waits_longer_than_the_queue_and_what_would_is_dropped() {
    let wire = Duration::from_secs_f64(OCTETS as f64 * 8.0 / 500e3);
    for queue in [0, 50, 300].map(Duration::from_millis) {
        let mut path = path(Impairment {
            queue,
            ..Impairment::of(500e3)
        });
        let outcomes = sent(&mut path, 2_000, EVERY);
        let longest = delays(&outcomes, EVERY).into_iter().max();
        let most = queue + wire + path.impairment.delay;
        assert!(longest.is_some_and(|one| one <= most && one > most - wire));
        let dropped = share(&outcomes, Vec::is_empty);
        assert_eq!(path.passed.dropped, (dropped * 2_000.0).round() as u32);
        let beyond = 1.0 - EVERY.as_secs_f64() / wire.as_secs_f64();
        assert!((dropped - beyond).abs() < 0.02, "{dropped}");
    }
}

#[test]
fn so_many_are_lost_as_asked_for() {
    for loss in [0.0, 0.02, 0.1, 1.0] {
        let mut path = path(Impairment {
            loss,
            ..Impairment::default()
        });
        let lost = share(&sent(&mut path, MANY, EVERY), Vec::is_empty);
        assert!((lost - loss).abs() < 0.005, "{lost} of {loss}");
        assert_eq!(path.passed.lost, (lost * MANY as f64).round() as u32);
    }
}

#[test]
fn bursts_have_the_length_and_the_share_asked_for() {
    for (burst_loss, burst_datagrams) in [(0.02, 4.0), (0.05, 10.0), (0.1, 1.0)] {
        let mut path = path(Impairment {
            burst_loss,
            burst_datagrams,
            ..Impairment::default()
        });
        let outcomes = sent(&mut path, 200_000, EVERY);
        let lost = share(&outcomes, Vec::is_empty);
        assert!(
            (lost / burst_loss - 1.0).abs() < 0.1,
            "{lost} of {burst_loss}"
        );
        let same = |one: &Arrivals, other: &Arrivals| one.is_empty() == other.is_empty();
        let bursts = outcomes.chunk_by(same).filter(|chunk| chunk[0].is_empty());
        let mean = lost * outcomes.len() as f64 / bursts.count() as f64;
        assert!(
            (mean / burst_datagrams - 1.0).abs() < 0.15,
            "{mean} of {burst_datagrams}"
        );
    }
}

#[test]
fn a_burst_does_not_wait_for_those_who_are_silent() {
    let lost = |every| {
        let mut path = path(Impairment {
            burst_loss: 0.5,
            burst_datagrams: 1_000.0,
            ..Impairment::default()
        });
        share(&sent(&mut path, MANY, every), Vec::is_empty)
    };
    let (talking, silent) = (lost(EVERY), lost(SILENCE));
    assert!(talking > 0.3 && silent < 0.01, "{talking}, {silent}");
}

#[test]
fn what_is_lost_has_cost_the_link_its_time() {
    let mut path = path(Impairment {
        loss: 1.0,
        rate: steady(960e3),
        ..Impairment::default()
    });
    assert_eq!(path.send(OCTETS, ms(0)), []);
    path.impairment.loss = 0.0;
    assert_eq!(path.send(OCTETS, ms(0)), [ms(20)]);
}

#[test]
fn jitter_spreads_delays_evenly_and_keeps_the_order() {
    let jittery = Impairment {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(40),
        ..Impairment::default()
    };
    let apart = Duration::from_millis(100);
    let delays = delays(&sent(&mut path(jittery.clone()), MANY, apart), apart);
    let millis = || delays.iter().map(|delay| delay.as_secs_f64() * 1e3);
    let mean = millis().sum::<f64>() / MANY as f64;
    assert!((39.2..40.8).contains(&mean), "{mean}");
    let (least, most) = (
        millis().fold(f64::MAX, f64::min),
        millis().fold(0.0, f64::max),
    );
    assert!(
        (20.0..22.0).contains(&least) && (58.0..=60.0).contains(&most),
        "{least} to {most}"
    );
    assert!(
        sent(&mut path(jittery), MANY, Duration::from_millis(1))
            .concat()
            .is_sorted()
    );
}

#[test]
fn so_many_are_overtaken_as_asked_for() {
    let mut path = path(Impairment {
        jitter: Duration::from_millis(5),
        reordered: 0.05,
        ..Impairment::default()
    });
    let times = sent(&mut path, MANY, EVERY).concat();
    let late = times.windows(2).filter(|two| two[1] < two[0]).count() as f64;
    assert!((late / MANY as f64 - 0.05).abs() < 0.005, "{late}");
    let counted = f64::from(path.passed.reordered);
    assert!((late / counted - 1.0).abs() < 0.1, "{late} of {counted}");
}

#[test]
fn copies_come_after_what_they_are_copies_of() {
    let mut path = path(Impairment {
        duplicated: 0.1,
        ..Impairment::default()
    });
    let outcomes = sent(&mut path, MANY, EVERY);
    let twice = share(&outcomes, |arrivals| arrivals.len() == 2);
    assert!((twice - 0.1).abs() < 0.01, "{twice}");
    assert_eq!(path.passed.duplicated, (twice * MANY as f64).round() as u32);
    assert!(
        outcomes
            .iter()
            .all(|arrivals| arrivals.windows(2).all(|two| two[0] < two[1]))
    );
}

#[test]
fn a_schedule_of_rates_is_gone_through_again_and_again() {
    let stretch = |bits_per_second, seconds| Stretch {
        bits_per_second,
        lasts: Duration::from_secs(seconds),
    };
    let link = Impairment {
        rate: vec![stretch(1e6, 2), stretch(0.5e6, 1)],
        ..Impairment::default()
    };
    let rates = [0, 1_900, 2_000, 2_900, 3_000, 5_500, 300_000]
        .map(|millis| link.rate_at(Duration::from_millis(millis)));
    assert_eq!(rates, [1e6, 1e6, 0.5e6, 0.5e6, 1e6, 0.5e6, 1e6].map(Some));
    assert_eq!(
        Impairment::of(3e6).rate_at(Duration::from_secs(300)),
        Some(3e6)
    );
    assert_eq!(Impairment::default().rate_at(Duration::ZERO), None);
}

#[test]
fn another_rate_and_a_pause_are_those_of_what_is_sent_after() {
    let mut path = path(Impairment {
        rate: steady(960e3),
        ..Impairment::default()
    });
    assert_eq!(path.send(OCTETS, ms(0)), [ms(10)]);
    path.set_rate(96e3);
    assert_eq!(path.send(OCTETS, ms(5)), [ms(110)]);
    path.set_rate(960e3);
    path.set_free_at(ms(140));
    assert_eq!(path.wait(ms(10)), Duration::from_millis(130));
    assert_eq!(path.send(OCTETS, ms(10)), [ms(150)]);
}

#[test]
fn the_same_seed_gives_the_same_network_and_another_one_another() {
    let everything = Impairment {
        loss: 0.05,
        burst_loss: 0.02,
        burst_datagrams: 4.0,
        jitter: Duration::from_millis(10),
        reordered: 0.01,
        duplicated: 0.01,
        ..Impairment::of(5e6)
    };
    let run = |seed| sent(&mut Path::new(everything.clone(), seed, ms(0)), MANY, EVERY);
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn what_is_under_way_comes_out_in_its_order_and_not_before_its_time() {
    let mut under_way = UnderWay::default();
    assert!(under_way.add(&vec![ms(30)], 'a'));
    assert!(under_way.add(&vec![ms(20), ms(40)], 'b'));
    assert!(under_way.add(&vec![ms(20)], 'c'));
    assert!(!under_way.add(&Arrivals::new(), 'd'));
    assert_eq!(under_way.take(ms(19)), None);
    let out: Vec<_> = std::iter::from_fn(|| under_way.take(ms(30))).collect();
    assert_eq!(out, [(ms(20), 'b'), (ms(20), 'c'), (ms(30), 'a')]);
    assert_eq!(under_way.take_all().collect::<Vec<_>>(), ['b']);
}

#[test]
fn links_by_name_have_the_figures_of_the_file_that_python_reads_too() {
    let all = profiles();
    let names: Vec<_> = all.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "good-wifi",
            "bad-wifi",
            "4g-moving",
            "3g",
            "satellite",
            "congested-uplink"
        ]
    );
    let bad_wifi = Impairment {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(40),
        loss: 0.01,
        burst_loss: 0.03,
        burst_datagrams: 8.0,
        rate: steady(2e6),
        queue: Duration::from_millis(300),
        ..Impairment::default()
    };
    assert_eq!(all[1].up, bad_wifi);
    let rates = [0, 8, 12, 15, 20].map(|second| all[2].down.rate_at(Duration::from_secs(second)));
    assert_eq!(rates, [12e6, 3e6, 0.8e6, 6e6, 12e6].map(Some));
}
