//! How fast over paths with a round trip, a bottleneck and losses, on virtual time.
//!
//! The whole table: `cargo test --release -p webrtc-direct-sctp --test paths -- --ignored --nocapture`, with
//! `PLACE=` for one path, `PAIR=` for two ends (`ours-dcsctp`), `WATCH=1` to see both ends each second, `CONTROLLER=cubic` or `newreno` for another
//! controller of this crate's ends, and `SEEDS=` runs for each median.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::env;
use std::time::Duration;

use support::flow::Flow;
use support::network::{Counters, Path};
use support::peer::{Kind, PAIRS, REFERENCES, Settings};
use support::seeds;
use support::world::World;
use webrtc_direct_sctp::congestion;

const MEGABYTE: u64 = 1_000_000;
const LIMIT: Duration = Duration::from_secs(600);

const fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A path that users are on: milliseconds one way, Mbit/s, milliseconds of queue, losses, milliseconds of
/// jitter.
struct Place {
    name: &'static str,
    delay: u64,
    rate: u64,
    queue: u64,
    loss: f64,
    jitter: u64,
}

const PLACES: [Place; 10] = [
    Place { name: "home", delay: 10, rate: 100, queue: 50, loss: 0.0, jitter: 0 },
    Place { name: "far", delay: 50, rate: 100, queue: 100, loss: 0.0, jitter: 0 },
    Place { name: "thin", delay: 25, rate: 10, queue: 100, loss: 0.0, jitter: 0 },
    Place { name: "shallow", delay: 25, rate: 100, queue: 10, loss: 0.0, jitter: 0 },
    Place { name: "lossy", delay: 25, rate: 100, queue: 100, loss: 0.001, jitter: 0 },
    Place { name: "bad", delay: 25, rate: 100, queue: 100, loss: 0.01, jitter: 0 },
    Place { name: "awful", delay: 25, rate: 50, queue: 100, loss: 0.05, jitter: 0 },
    Place { name: "wifi", delay: 5, rate: 50, queue: 100, loss: 0.005, jitter: 4 },
    Place { name: "satellite", delay: 300, rate: 20, queue: 300, loss: 0.005, jitter: 0 },
    // Jitter is all of the round trip.
    Place { name: "jitter", delay: 0, rate: 1000, queue: 50, loss: 0.0, jitter: 2 },
];

impl Place {
    fn path(&self) -> Path {
        let narrow = Path::narrow(milliseconds(self.delay), self.rate, milliseconds(self.queue));
        Path { loss: self.loss, jitter: milliseconds(self.jitter), ..narrow }
    }
}

/// What a transfer came to.
struct Outcome {
    /// Megabytes a second; less than all of it may have arrived in time.
    rate: f64,
    has_arrived: bool,
    data: Counters,
    sent_again: Option<u64>,
}

/// Windows that do not limit, where the end has such a setting.
fn settings(seed: u64) -> Settings {
    let controller = match env::var("CONTROLLER").as_deref() {
        Ok("cubic") => congestion::Kind::Cubic,
        Ok("newreno") => congestion::Kind::NewReno,
        _ => congestion::Kind::default(),
    };
    Settings { receive_window: 16 << 20, controller, ..Settings::new(seed) }
}

/// *bytes* from end *from*.
fn transfer(kinds: [Kind; 2], path: &Path, from: usize, bytes: u64, seed: u64) -> Outcome {
    // Its handshake does not take losses (see transfers.rs).
    let first = if kinds.contains(&Kind::SctpProto) { Path::fair(path.delay) } else { path.clone() };
    let ends = [settings(2 * seed), settings(2 * seed + 1)];
    let mut world = World::with(kinds, ends, [first.clone(), first], seed);
    world.establish();
    world.change([path.clone(), path.clone()]);
    let before = world.network.counters(from).sent;
    let mut wanted = [0, 0];
    wanted[from] = bytes;
    let mut flow = Flow::new(0, wanted, world.now);
    let mut has_arrived = false;
    while !has_arrived && world.now - flow.start < LIMIT {
        has_arrived = world.run(&mut flow, Duration::from_secs(1)).is_ok();
        if env::var("WATCH").is_ok() {
            let states = [from, 1 - from].map(|end| world.ends[end].state());
            eprintln!("{:?}: {:?}, {states:?}", world.now - flow.start, flow.received);
        }
    }
    let mut data = world.network.counters(from);
    data.sent -= before;
    let sent_again = world.ends[from].sent_again();
    Outcome { rate: flow.rate(from, world.now), has_arrived, data, sent_again }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn print_table(pairs: &[[Kind; 2]], seeds: u64) {
    let pair = env::var("PAIR").ok();
    for kinds in pairs.iter().filter(|kinds| pair.as_deref().is_none_or(|pair| pair == seeds::name(**kinds)))
    {
        eprintln!("\n{:?} and {:?}: MB/s (dropped by the queue, lost, sent again)", kinds[0], kinds[1]);
        let wanted = env::var("PLACE").ok();
        for place in PLACES.iter().filter(|place| wanted.as_deref().is_none_or(|name| name == place.name)) {
            let mut cells = String::new();
            for from in 0..2 {
                let mut all: Vec<Outcome> = (0..seeds)
                    .map(|seed| transfer(*kinds, &place.path(), from, 10 * MEGABYTE, seed))
                    .collect();
                all.sort_by(|one, other| one.rate.total_cmp(&other.rate));
                let median = &all[all.len() / 2];
                let mark = if all.iter().all(|outcome| outcome.has_arrived) { "" } else { " unfinished" };
                let again = median.sent_again.map_or("?".to_owned(), |count| count.to_string());
                let Counters { dropped_by_queue, lost, .. } = median.data;
                cells += &format!("  {:7.2} ({dropped_by_queue}, {lost}, {again}){mark:24}", median.rate);
            }
            eprintln!("{:10}{cells}", place.name);
        }
    }
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn the_table_of_paths() {
    print_table(&PAIRS, number("SEEDS", 3));
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn the_table_of_paths_of_the_others() {
    print_table(&REFERENCES, number("SEEDS", 1));
}

fn place(name: &str) -> &'static Place {
    PLACES.iter().find(|place| place.name == name).unwrap()
}

/// Transfers of three megabytes reach so much of a path's rate, and send little again that was not lost.
#[test]
fn transfers_fill_their_path() {
    for (name, least) in
        [("home", 8.0), ("lossy", 5.0), ("bad", 4.0), ("wifi", 2.5), ("thin", 0.9), ("far", 4.0)]
    {
        let path = place(name).path();
        for kinds in [[Kind::Ours; 2], [Kind::Ours, Kind::Dcsctp], [Kind::Ours, Kind::SctpProto]] {
            let outcome = transfer(kinds, &path, 0, 3 * MEGABYTE, 1);
            let (data, again) = (outcome.data, outcome.sent_again.unwrap());
            let gone = data.lost + data.dropped_by_queue;
            assert!(outcome.has_arrived && outcome.rate >= least, "{name}, {kinds:?}: {} MB/s", outcome.rate);
            assert!(again <= 20 + 2 * gone, "{name}, {kinds:?}: {again} sent again, {gone} gone");
        }
    }
}

/// Packets overtake each other by up to a whole round trip, and little is sent again.
#[test]
fn jitter_is_not_taken_for_loss() {
    for seed in 1..4 {
        let outcome = transfer([Kind::Ours; 2], &place("jitter").path(), 0, 100 * MEGABYTE, seed);
        let again = outcome.sent_again.unwrap();
        assert!(outcome.has_arrived && outcome.rate >= 60.0, "{} MB/s", outcome.rate);
        assert!(again < 4000, "{again} of some 87,000 sent again");
    }
}

/// What part the first of two transfers gets in half a minute, the second of which begins two seconds later.
fn share(path: &Path, seed: u64) -> f64 {
    let ends = |seed| [settings(seed), settings(seed + 1)];
    let mut world = World::with([Kind::Ours; 2], ends(4 * seed), [path.clone(), path.clone()], seed);
    world.add([Kind::Ours; 2], ends(4 * seed + 2));
    world.establish();
    let mut flows = vec![Flow::new(0, [u64::MAX, 0], world.now)];
    let _ = world.run(&mut flows, Duration::from_secs(2));
    flows.push(Flow::new(2, [u64::MAX, 0], world.now));
    let before = flows[0].received[0];
    let _ = world.run(&mut flows, Duration::from_secs(30));
    let (one, other) = ((flows[0].received[0] - before) as f64, flows[1].received[0] as f64);
    one / (one + other)
}

#[test]
fn two_transfers_share_a_bottleneck() {
    // 10 Mbit/s over 40 ms, and a queue of four times what is under way then.
    let path = Path::narrow(milliseconds(20), 10, milliseconds(160));
    let share = share(&path, 1);
    assert!((0.35..=0.65).contains(&share), "{share:.2}");
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn the_table_of_shares() {
    for megabits in [10, 100] {
        for queue in [10, 40, 160] {
            let path = Path::narrow(milliseconds(20), megabits, milliseconds(queue));
            let shares: Vec<String> =
                (0..number("SEEDS", 3)).map(|seed| format!("{:.2}", share(&path, seed))).collect();
            eprintln!("{megabits} Mbit/s, 40 ms, a queue of {queue} ms: {}", shares.join(" "));
        }
    }
}

#[test]
fn a_ping_beside_a_transfer_is_not_kept_waiting() {
    let path = Path::narrow(milliseconds(10), 100, milliseconds(500));
    let mut world = World::with([Kind::Ours; 2], [settings(1), settings(2)], [path.clone(), path], 1);
    world.establish();
    let mut flow = Flow::new(0, [u64::MAX, 0], world.now).with_pings();
    let _ = world.run(&mut flow, Duration::from_secs(5));
    // 20 ms without the transfer.
    let late = flow.percentile(95);
    assert!(late <= milliseconds(80), "{late:?} of {} pings", flow.round_trips.len());
    assert!(flow.rate(0, world.now) > 8.0);
}

#[test]
fn a_long_fast_path_is_filled() {
    // What is under way is 12.5 MB.
    let path = Path::narrow(milliseconds(50), 1000, milliseconds(100));
    let (megabytes, least) = if cfg!(debug_assertions) { (60, 25.0) } else { (300, 75.0) };
    let outcome = transfer([Kind::Ours; 2], &path, 0, megabytes * MEGABYTE, 1);
    assert!(outcome.has_arrived && outcome.rate > least, "{} MB/s", outcome.rate);
}

#[test]
fn a_path_that_loses_a_fifth_still_carries() {
    let bytes = if cfg!(debug_assertions) { 4 << 20 } else { 64 << 20 };
    let path = Path { loss: 0.2, ..Path::fair(milliseconds(50)) };
    let outcome = transfer([Kind::Ours; 2], &path, 0, bytes, 1);
    // 64 MiB in three minutes.
    assert!(outcome.has_arrived && outcome.rate > 0.37, "{} MB/s", outcome.rate);
}
