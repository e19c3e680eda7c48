//! Links by name: those that people sit behind.
//!
//! impairment -> **profiles** -> path
//!
//! Their figures, and where these come from, are in one file for the tests here and those in Python.

use std::time::Duration;

use super::impairment::{Impairment, Stretch, steady};

const FIGURES: &str = include_str!("../../../../../tests/support/network/profiles.ini");

/// Both ways of a client's link.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    /// What the client sends.
    pub up: Impairment,
    /// What it receives.
    pub down: Impairment,
}

/// All of them.
pub fn profiles() -> Vec<Profile> {
    FIGURES.split("\n[").skip(1).map(profile).collect()
}

/// `name]`, and lines of `key = value`.
fn profile(section: &str) -> Profile {
    let (name, lines) = section.split_once(']').expect("a name");
    let way = |key: &str| {
        let mut pairs = lines.lines().filter_map(|line| line.split_once(" = "));
        let found = pairs.find(|pair| pair.0 == key);
        impairment(found.expect("both ways").1)
    };
    Profile {
        name: name.to_owned(),
        up: way("up"),
        down: way("down"),
    }
}

/// `field figure`, separated by commas.
fn impairment(figures: &str) -> Impairment {
    let mut impairment = Impairment::default();
    for field in figures.split(", ") {
        let (name, figure) = field.split_once(' ').expect("a name and a figure");
        let number = || figure.parse().expect("a number");
        let time = || Duration::from_secs_f64(number() / 1e3);
        match name {
            "delay_ms" => impairment.delay = time(),
            "jitter_ms" => impairment.jitter = time(),
            "loss" => impairment.loss = number(),
            "burst_loss" => impairment.burst_loss = number(),
            "burst_datagrams" => impairment.burst_datagrams = number(),
            "reordered" => impairment.reordered = number(),
            "reordered_by_ms" => impairment.reordered_by = time(),
            "duplicated" => impairment.duplicated = number(),
            "kbps" => impairment.rate = rate(figure),
            "queue_ms" => impairment.queue = time(),
            _ => panic!("{name} is nothing that a link does"),
        }
    }
    impairment
}

/// A rate that stays, or rates with how long each lasts: `4000 for 8 s then 600 for 3 s`.
fn rate(figure: &str) -> Vec<Stretch> {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let stretch = |text: &str| {
        let (kbps, lasts) = text.split_once(" for ").expect("how long");
        Stretch {
            bits_per_second: number(kbps) * 1e3,
            lasts: Duration::from_secs_f64(number(lasts.trim_end_matches(" s"))),
        }
    };
    match figure.contains(" for ") {
        true => figure.split(" then ").map(stretch).collect(),
        false => steady(number(figure) * 1e3),
    }
}
