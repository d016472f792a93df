//! Cases played on a few seeds with `cargo test`, and on thousands on request:
//! `SEEDS=1000 cargo test --release -p webrtc-direct-sctp --test transfers -- --ignored --nocapture`, with
//! `SCENARIO=` (a name), `PAIR=` (as printed) and `SEED=` (a number) for one alone, and `TRACE=1` for its packets.

use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::peer::{Kind, PAIRS, REFERENCES};

/// Something that is played between two ends, by a seed.
pub struct Case {
    pub name: &'static str,
    pub play: fn([Kind; 2], u64) -> Result<(), String>,
}

/// As `PAIR=` names them.
pub fn name(pair: [Kind; 2]) -> String {
    format!("{:?}-{:?}", pair[0], pair[1]).to_lowercase()
}

/// What failed, each with the words to play it again.
fn play(cases: &[Case], pairs: &[[Kind; 2]], seeds: Range<u64>) -> Vec<String> {
    let mut failures = Vec::new();
    for (case, pair) in cases.iter().flat_map(|case| pairs.iter().map(move |pair| (case, *pair))) {
        for seed in seeds.clone() {
            let outcome = catch_unwind(AssertUnwindSafe(|| (case.play)(pair, seed)));
            let outcome = outcome.unwrap_or_else(|_| Err("panic, see above".to_owned()));
            if let Err(failure) = outcome {
                failures.push(format!("SCENARIO='{}' PAIR={} SEED={seed}: {failure}", case.name, name(pair)));
            }
        }
    }
    failures
}

/// On a few seeds: every pair with this crate as an end, and the others once to prove the network.
pub fn few(cases: &[Case], seeds: u64) {
    let mut failures = play(cases, &PAIRS, 0..seeds);
    failures.extend(play(cases, &REFERENCES, 0..1));
    assert!(failures.is_empty(), "{failures:#?}");
}

/// On as many seeds as the environment asks for.
pub fn many(cases: &[Case]) {
    let number = |name: &str| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seeds = number("SEED").map_or(0..number("SEEDS").unwrap_or(100), |seed| seed..seed + 1);
    let (scenario, pair) = (env::var("SCENARIO").ok(), env::var("PAIR").ok());
    let mut failures = Vec::new();
    let wanted = |case: &Case| scenario.as_deref().is_none_or(|name| name == case.name);
    for case in cases.iter().filter(|case| wanted(case)) {
        for each in PAIRS.iter().chain(&REFERENCES) {
            let is_wanted = pair.as_deref().map_or(PAIRS.contains(each), |pair| pair == name(*each));
            if !is_wanted {
                continue;
            }
            let start = Instant::now();
            let found = play(std::slice::from_ref(case), &[*each], seeds.clone());
            let (name, seconds) = (name(*each), start.elapsed().as_secs_f64());
            eprintln!(
                "{}, {name}: {} of {} failed ({seconds:.1} s)",
                case.name,
                found.len(),
                seeds.clone().count()
            );
            failures.extend(found);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
