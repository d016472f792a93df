//! Transfers over networks of every kind, on as many seeds as there is time for.
//!
//! A handful of seeds each with `cargo test`. For thousands:
//! `SEEDS=100 LARGE=2 cargo test --release --test seeds -- --ignored --nocapture`, with `SCENARIO=` (a name) and
//! `SEED=` (a number) for one alone, and `REPORT=` (a file) for a summary in JSON.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use support::transfers::{Incident, Outcome, Run, Transfer};
use support::{Chance, Weather, World};
use webrtc_direct_engine::session::Reason;

const MIB: usize = 1 << 20;
/// Longest time without anything delivered, where a client changes its port and nothing else is wrong.
const MOST_PAUSE: Duration = Duration::from_secs(2);

/// A network, and what is done on it.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    weather: Weather,
    incident: Option<Incident>,
    /// Many short transfers, a third of them reset, in place of a few long ones.
    churn: bool,
}

const fn on(name: &'static str, weather: Weather) -> Scenario {
    Scenario { name, weather, incident: None, churn: false }
}

const fn with(name: &'static str, weather: Weather, incident: Incident) -> Scenario {
    Scenario { name, weather, incident: Some(incident), churn: false }
}

const fn churn(name: &'static str, weather: Weather) -> Scenario {
    Scenario { name, weather, incident: None, churn: true }
}

const FAIR: Weather = Weather::FAIR;
const FAR: Weather = Weather { delay: Duration::from_millis(50), ..FAIR };
const LOSSY: Weather = Weather { loss: 5, ..FAIR };
const SHORT: Incident = Incident::Blackout(Duration::from_secs(8));
const LONG: Incident = Incident::Blackout(Duration::from_secs(45));

const SCENARIOS: [Scenario; 16] = [
    on("nothing", FAIR),
    on("1 % loss", Weather { loss: 1, ..FAIR }),
    on("5 % loss", LOSSY),
    on("20 % loss", Weather { loss: 20, ..FAIR }),
    on("50 ms delay each way", FAR),
    on("reordering", Weather { jitter: Duration::from_millis(20), ..FAIR }),
    on("10 % twice", Weather { duplication: 10, ..FAIR }),
    on("2 % changed", Weather { corruption: 2, ..FAIR }),
    on("all of it", Weather::FOUL),
    with("8 s blackout", FAIR, SHORT),
    with("8 s blackout, 5 % loss", LOSSY, SHORT),
    with("45 s blackout", FAIR, LONG),
    with("another source port", FAIR, Incident::Rebind),
    with("another source port, all of it", Weather { delay: FAR.delay, ..Weather::FOUL }, Incident::Rebind),
    churn("open, close, reset", FAIR),
    churn("open, close, reset, all of it", Weather::FOUL),
];

/// From 64 KiB to *most*, each order of magnitude as likely.
fn size(chance: &mut Chance, most: usize) -> usize {
    let doublings = (most / (64 << 10)).ilog2();
    let exponent = chance.number() % u64::from(doublings + 1);
    let floor = (64 << 10) << exponent;
    (floor + chance.number() as usize % floor).min(most)
}

fn plan(scenario: &Scenario, seed: u64, large: Option<usize>) -> Vec<Transfer> {
    let mut chance = Chance(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d_4c95_7f2d);
    if let Some(bytes) = large {
        let opener = seed as usize % 2;
        return vec![Transfer { opener, sizes: [bytes, 0], reset: None }];
    }
    let count = if scenario.churn { 60 } else { 1 + chance.number() as usize % 4 };
    let most = if scenario.churn { 64 << 10 } else { 4 * MIB / count.next_power_of_two() };
    let transfer = |number: usize| {
        let opener = chance.number() as usize % 2;
        let mut sizes = match chance.number() % 4 {
            0 => [size(&mut chance, most), size(&mut chance, most)],
            1 => [0, size(&mut chance, most)],
            _ => [size(&mut chance, most), 0],
        };
        if scenario.churn {
            sizes = sizes.map(|size| if size == 0 { 0 } else { size >> (chance.number() % 16) });
        }
        // The first one is for the network's incident, so it runs to its end.
        let resets = number > 0 && chance.percent(if scenario.churn { 33 } else { 15 });
        let who = chance.number() as usize % 2;
        let reset = resets.then(|| (who, chance.number() as usize % (sizes[who] + 1)));
        Transfer { opener, sizes, reset }
    };
    (0..count).map(transfer).collect()
}

fn play(scenario: &Scenario, seed: u64, large: Option<usize>) -> Outcome {
    let transfers = plan(scenario, seed, large);
    let mut world = World::new(seed, scenario.weather);
    let mut run = Run::new(&mut world, &transfers, seed, if scenario.churn { 12 } else { 4 });
    if let Some(incident) = scenario.incident {
        let first: usize = transfers[0].sizes.iter().sum();
        run = run.incident(first as u64 / 4, incident);
    }
    // Some readers are slow: 5 MB/s.
    if seed % 4 == 3 && scenario.incident.is_none() {
        run = run.pace(100_000);
    }
    let mut outcome = run.finish();
    judge(scenario, &transfers, &mut outcome);
    outcome
}

/// What must not be, beyond what every network forbids.
fn judge(scenario: &Scenario, transfers: &[Transfer], outcome: &mut Outcome) {
    if outcome.failure.is_some() {
        return;
    }
    let dies = scenario.incident == Some(LONG);
    // Flights lost until the time is over, and a hello that was changed on its way, may cost a handshake.
    let weather = scenario.weather;
    let lost = weather.loss >= 5 && matches!(outcome.ended, Some((Reason::Timeout, _)));
    let may_fail = outcome.in_handshake && (lost || weather.corruption > 0);
    // The server takes a new address after three datagrams in a row that nothing replaces; where a tenth is
    // lost, one client in a thousand does not get them through in 20 s.
    let path_lost = scenario.incident == Some(Incident::Rebind) && weather.loss >= 10;
    outcome.failure = match &outcome.ended {
        Some((Reason::Timeout, _)) if dies || path_lost => None,
        Some(_) if may_fail => None,
        Some((reason, detail)) => Some(format!("ended with {reason:?}: {detail}")),
        None if dies => Some("survived".to_owned()),
        None => {
            let due = transfers.iter().filter(|transfer| transfer.reset.is_none()).count();
            (outcome.intact != due).then(|| format!("{} of {due} arrived", outcome.intact))
        }
    };
    let only_port = scenario.incident == Some(Incident::Rebind) && scenario.weather.loss == 0;
    if only_port && outcome.longest_pause > MOST_PAUSE {
        outcome.failure = Some(format!("stood still for {:?}", outcome.longest_pause));
    }
}

/// What came of a scenario's seeds.
#[derive(Default)]
struct Summary {
    seeds: usize,
    intact: usize,
    reset: usize,
    bytes: u64,
    virtual_seconds: f64,
    longest_pause: f64,
    ended: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Summary {
    fn add(&mut self, scenario: &Scenario, seed: u64, outcome: Outcome) {
        self.seeds += 1;
        self.intact += outcome.intact;
        self.reset += outcome.reset;
        self.bytes += outcome.bytes;
        self.virtual_seconds += outcome.took.as_secs_f64();
        self.longest_pause = self.longest_pause.max(outcome.longest_pause.as_secs_f64());
        if let Some((reason, detail)) = outcome.ended {
            let reason = format!("{reason:?}");
            let kind = reason.split('(').next().unwrap_or_default();
            *self.ended.entry(format!("{kind}: {detail}")).or_default() += 1;
        }
        if let Some(failure) = outcome.failure {
            self.failures.push(format!("{}, seed {seed}: {failure}", scenario.name));
        }
    }

    fn json(&self, name: &str) -> String {
        let ended: Vec<String> = self.ended.iter().map(|(why, count)| format!("{why:?}: {count}")).collect();
        format!(
            "{{\"scenario\": {name:?}, \"seeds\": {}, \"intact\": {}, \"reset\": {}, \"bytes\": {}, \
             \"virtual_seconds\": {:.3}, \"longest_pause\": {:.3}, \"ended\": {{{}}}, \"failures\": {:?}}}",
            self.seeds,
            self.intact,
            self.reset,
            self.bytes,
            self.virtual_seconds,
            self.longest_pause,
            ended.join(", "),
            self.failures
        )
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn transfers_on_a_few_seeds_arrive_or_end_with_a_clear_error() {
    for scenario in &SCENARIOS {
        for seed in 0..3 {
            let outcome = play(scenario, seed, None);
            assert!(outcome.failure.is_none(), "{}, seed {seed}: {outcome:?}", scenario.name);
        }
    }
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn transfers_on_thousands_of_seeds_arrive_or_end_with_a_clear_error() {
    let wanted = env::var("SCENARIO").ok();
    let (seeds, large) = (number("SEEDS", 100), number("LARGE", 2));
    let only = env::var("SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let mut lines = Vec::new();
    let mut failures = Vec::new();
    for scenario in SCENARIOS.iter().filter(|each| wanted.as_deref().is_none_or(|name| name == each.name)) {
        let start = Instant::now();
        let mut summary = Summary::default();
        let range = only.map_or(0..seeds + large, |seed| seed..seed + 1);
        for seed in range {
            // After the seeds of the usual size come those of 64 MiB.
            let large = (seed >= seeds).then_some(64 * MIB);
            summary.add(scenario, seed, play(scenario, seed, large));
        }
        println!("{} ({:.1} s)", summary.json(scenario.name), start.elapsed().as_secs_f64());
        lines.push(summary.json(scenario.name));
        failures.extend(summary.failures);
    }
    if let Ok(path) = env::var("REPORT") {
        std::fs::write(path, format!("[{}]\n", lines.join(",\n"))).unwrap();
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
