//! Nothing that a peer sends makes the engine panic: the inputs of `rust/fuzz/seeds`, findings of the
//! fuzzer among them, and inputs made of them by chance that can be repeated.

#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod support;

use std::cell::Cell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use support::Chance;

thread_local! {
    /// Of this thread, those included that a listener has caught.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Run the seeds of *target*, and *rounds* inputs made of them.
fn hold(target: &str, run: fn(&[u8]), rounds: usize) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        survive(&format!("{target}/{name}"), run, seed);
    }
    let mut chance = Chance(0x5eed);
    for round in 0..rounds {
        let input = changed(&seeds, &mut chance);
        survive(&format!("round {round} of {target}"), run, &input);
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut seeds: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    seeds
}

fn survive(name: &str, run: fn(&[u8]), input: &[u8]) {
    PANICS.set(0);
    let result = panic::catch_unwind(AssertUnwindSafe(|| run(input)));
    if result.is_err() || PANICS.get() > 0 {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{name} does not survive {hex}");
    }
}

/// A seed, or the beginning of one and the end of another, with some bytes changed; now and then noise.
fn changed(seeds: &[(String, Vec<u8>)], chance: &mut Chance) -> Vec<u8> {
    let below = |chance: &mut Chance, most: usize| (chance.number() % most.max(1) as u64) as usize;
    if chance.percent(10) {
        let length = below(chance, 400);
        return (0..length).map(|_| (chance.number() >> 32) as u8).collect();
    }
    let mut input = seeds[below(chance, seeds.len())].1.clone();
    if chance.percent(30) {
        let other = &seeds[below(chance, seeds.len())].1;
        input.truncate(below(chance, input.len() + 1));
        input.extend_from_slice(&other[below(chance, other.len() + 1)..]);
    }
    for _ in 0..1 + below(chance, 6) {
        let at = below(chance, input.len() + 1);
        let byte = [0, 1, 0x7f, 0x80, 0xff, (chance.number() >> 32) as u8][below(chance, 6)];
        match below(chance, 6) {
            0 => input.insert(at, byte),
            1 => {
                let end = (at + 1 + below(chance, 8)).min(input.len());
                input.drain(at..end);
            }
            2 => {
                let end = (at + 1 + below(chance, 24)).min(input.len());
                let copy = input[at..end].to_vec();
                let to = below(chance, input.len() + 1);
                input.splice(to..to, copy);
            }
            _ => {
                if let Some(place) = input.get_mut(at) {
                    *place = byte;
                }
            }
        }
    }
    input
}

#[test]
fn stun_messages_are_survived() {
    hold("stun", fuzz::stun::run, 2_000);
}

#[test]
fn usernames_are_survived() {
    hold("username", fuzz::username::run, 2_000);
}

#[test]
fn messages_of_data_channels_are_survived() {
    hold("dcep", fuzz::dcep::run, 2_000);
}

#[test]
fn datagrams_to_a_listener_are_survived() {
    hold("listener", fuzz::listener::run, 100);
}

#[test]
fn dtls_datagrams_are_survived() {
    hold("dtls", fuzz::dtls::run, 100);
}

#[test]
fn sctp_packets_are_survived() {
    hold("association", fuzz::association::run, 1_000);
}

#[test]
fn sctp_packets_of_a_connection_are_survived() {
    hold("session", fuzz::session::run, 100);
}
