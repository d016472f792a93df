//! How the algorithms do on the paths that matter. The margins are wide: they catch what is broken, not what is worse.

use std::time::Duration;

use super::{Demand, Outcome, PACKET, Path, run};
use crate::congestion::Kind;

const SECOND: Duration = Duration::from_secs(1);
/// More than any path here carries in the time of a test.
const ENDLESS: u64 = 1_000_000_000;
const TRANSFER: u64 = 10_000_000;

fn home() -> Path {
    Path::new(10, 100, 50)
}

fn far() -> Path {
    Path::new(50, 100, 100)
}

fn thin() -> Path {
    Path::new(25, 10, 100)
}

fn shallow() -> Path {
    Path::new(25, 100, 10)
}

fn lossy() -> Path {
    Path::new(25, 100, 100).with_loss(0.1)
}

fn bad() -> Path {
    Path::new(25, 100, 100).with_loss(1.0)
}

fn awful() -> Path {
    Path::new(25, 50, 100).with_loss(5.0)
}

fn terrible() -> Path {
    Path::new(25, 50, 100).with_loss(20.0)
}

fn wifi() -> Path {
    Path::new(5, 50, 100).with_loss(0.5).with_jitter(4)
}

fn satellite() -> Path {
    Path::new(300, 20, 300).with_loss(0.5)
}

/// The ends of the path have busy processors.
fn stalling(path: Path, milliseconds: u64) -> Path {
    Path { stall: Duration::from_millis(milliseconds), ..path }
}

/// A path whose queue holds so many times the bandwidth-delay product.
fn shared(delay: u64, megabits: u64, queue: f64) -> Path {
    let path = Path::new(delay, megabits, 0);
    // Some jitter, so that seeds differ.
    Path { queue: (path.delay * 2).mul_f64(queue), jitter: Duration::from_micros(300), ..path }
}

fn alone(kind: Kind, path: Path, bytes: u64, limit: Duration, seed: u64) -> Outcome {
    run(path, &[Demand { kind, start: Duration::ZERO, bytes, pieces: None }], limit, seed).remove(0)
}

/// Megabytes a second that a transfer of 10 MB gets.
fn transfer(kind: Kind, path: Path) -> f64 {
    let done = alone(kind, path, TRANSFER, 60 * SECOND, 1).done.expect("it ends");
    TRANSFER as f64 / 1e6 / done.as_secs_f64()
}

/// Megabytes a second over *seconds*.
fn bulk(kind: Kind, path: Path, seconds: u32) -> f64 {
    alone(kind, path, ENDLESS, seconds * SECOND, 1).bytes as f64 / 1e6 / f64::from(seconds)
}

/// The share of the first of two in what both got while both were there, in percent. The first starts earlier.
fn share(path: Path, kinds: [Kind; 2], head_start: u32, seed: u64) -> f64 {
    let starts = [Duration::ZERO, head_start * SECOND];
    let demands =
        [0, 1].map(|at| Demand { kind: kinds[at], start: starts[at], bytes: ENDLESS, pieces: None });
    let outcomes = run(path, &demands, (30 + head_start) * SECOND, seed);
    let bytes = |at: usize| outcomes[at].seconds.iter().skip(head_start as usize).sum::<u64>() as f64;
    bytes(0) / (bytes(0) + bytes(1)) * 100.0
}

#[track_caller]
fn assert_at_least(rate: f64, least: f64) {
    assert!(rate >= least, "{rate:.2} MB/s, not {least}");
}

#[test]
fn bbr_fills_clean_paths() {
    assert_at_least(transfer(Kind::Bbr, home()), 10.3);
    assert_at_least(transfer(Kind::Bbr, far()), 6.2);
    assert_at_least(transfer(Kind::Bbr, thin()), 1.1);
    assert_at_least(transfer(Kind::Bbr, shallow()), 8.2);
    assert_at_least(bulk(Kind::Bbr, home(), 30), 11.5);
    assert_at_least(bulk(Kind::Bbr, thin(), 30), 1.15);
}

#[test]
fn random_loss_does_not_throttle_bbr() {
    assert_at_least(transfer(Kind::Bbr, lossy()), 8.3);
    assert_at_least(transfer(Kind::Bbr, bad()), 7.5);
    assert_at_least(transfer(Kind::Bbr, awful()), 3.6);
    assert_at_least(transfer(Kind::Bbr, terrible()), 1.5);
    assert_at_least(bulk(Kind::Bbr, awful(), 30), 4.2);
    assert_at_least(bulk(Kind::Bbr, terrible(), 30), 1.5);
}

#[test]
fn reordering_does_not_throttle_bbr() {
    assert_at_least(transfer(Kind::Bbr, wifi()), 5.0);
    assert_at_least(bulk(Kind::Bbr, wifi(), 30), 5.0);
}

#[test]
fn busy_processors_do_not_throttle_bbr() {
    assert_at_least(transfer(Kind::Bbr, stalling(home(), 5)), 9.5);
    assert_at_least(transfer(Kind::Bbr, stalling(lossy(), 5)), 8.0);
}

#[test]
fn bbr_follows_a_rate_that_changes() {
    for (before, after) in [(10, 100), (100, 10)] {
        let path = Path { change: Some((5 * SECOND, after * 125_000)), ..Path::new(25, before, 100) };
        let seconds = alone(Kind::Bbr, path, ENDLESS, 25 * SECOND, 1).seconds;
        let late: u64 = seconds[15..25].iter().sum();
        assert_at_least(late as f64 / (after * 1_250_000) as f64, 0.85);
    }
}

#[test]
fn a_pause_does_not_slow_bbr() {
    let pieces = Some((5_000_000, 3 * SECOND));
    let demand = Demand { kind: Kind::Bbr, start: Duration::ZERO, bytes: 20_000_000, pieces };
    let done = run(home(), &[demand], 20 * SECOND, 1).remove(0).done.expect("it ends");
    assert!(done < Duration::from_millis(9600), "{done:?}");
}

#[test]
fn an_application_that_sends_little_does_not_make_bbr_slow() {
    let pieces = Some((10_000, SECOND / 20));
    let little = Demand { kind: Kind::Bbr, start: Duration::ZERO, bytes: 1_000_000, pieces };
    let outcome = run(home(), &[little], 20 * SECOND, 1).remove(0);
    let done = outcome.done.expect("it ends");
    assert!(done < Duration::from_millis(4950 + 40), "{done:?}");
    assert_eq!(outcome.overflowed, 0);
}

#[test]
fn bbr_starts_fast_on_long_paths() {
    assert_at_least(transfer(Kind::Bbr, satellite()), 1.1);
}

#[test]
fn bbr_starts_without_a_flood() {
    for path in [home(), far(), thin()] {
        let outcome = alone(Kind::Bbr, path, TRANSFER, 20 * SECOND, 1);
        assert!(outcome.overflowed < 30, "{path:?}: {}", outcome.overflowed);
    }
    // The round that doubles beyond this short queue cannot be called back.
    let outcome = alone(Kind::Bbr, shallow(), TRANSFER, 20 * SECOND, 1);
    assert!(outcome.overflowed < 500, "{}", outcome.overflowed);
}

#[test]
fn bbr_keeps_deep_queues_short() {
    let path = Path::new(10, 100, 500);
    let outcome = alone(Kind::Bbr, path, ENDLESS, 15 * SECOND, 1);
    assert!(outcome.wait(0.5) < Duration::from_millis(5), "{:?}", outcome.wait(0.5));
    assert!(outcome.wait(0.95) < Duration::from_millis(30), "{:?}", outcome.wait(0.95));
}

#[test]
fn bbr_fills_loopback() {
    for (microseconds, joined) in [(10, 64), (50, 64), (100, 16)] {
        let delay = Duration::from_micros(microseconds);
        let path = Path { delay, jitter: delay * 2, joined, ..Path::new(0, 4000, 20) };
        let bytes = alone(Kind::Bbr, path, ENDLESS, SECOND / 5, 1).bytes;
        assert!(bytes > path.rate / 5 * 9 / 10, "{bytes}");
        // Whoever else needs the processor takes it for a twentieth of the time.
        let path = stalling(path, 5);
        let bytes = alone(Kind::Bbr, path, ENDLESS, SECOND / 5, 1).bytes;
        assert!(bytes > path.rate / 5 * 8 / 10, "{bytes}");
    }
}

#[test]
fn cubic_fills_clean_paths() {
    assert_at_least(transfer(Kind::Cubic, home()), 10.3);
    assert_at_least(transfer(Kind::Cubic, far()), 6.2);
    assert_at_least(transfer(Kind::Cubic, thin()), 1.1);
    assert_at_least(transfer(Kind::Cubic, shallow()), 7.5);
    assert_at_least(bulk(Kind::Cubic, thin(), 30), 1.15);
}

#[test]
fn newreno_fills_clean_paths() {
    assert_at_least(transfer(Kind::NewReno, home()), 10.0);
    assert_at_least(transfer(Kind::NewReno, thin()), 1.1);
}

#[test]
fn two_of_the_same_share_fairly() {
    for kind in [Kind::Bbr, Kind::Cubic] {
        for queue in [1.0, 4.0] {
            let share = share(shared(10, 20, queue), [kind; 2], 0, 1);
            assert!((35.0..65.0).contains(&share), "{kind:?} {queue}: {share:.0} %");
        }
    }
}

#[test]
fn bbr_and_cubic_live_together() {
    for queue in [1.0, 4.0] {
        let share = share(shared(10, 50, queue), [Kind::Bbr, Kind::Cubic], 0, 1);
        assert!((25.0..75.0).contains(&share), "{queue}: {share:.0} %");
    }
}

#[test]
fn many_of_bbr_do_not_drown_a_short_queue() {
    let demands: Vec<Demand> = (0..8)
        .map(|at| Demand { kind: Kind::Bbr, start: at * SECOND / 4, bytes: ENDLESS, pieces: None })
        .collect();
    let path = shared(25, 50, 0.5);
    let outcomes = run(path, &demands, 20 * SECOND, 1);
    let (mut bytes, mut overflowed) = (0, 0);
    for outcome in &outcomes {
        bytes += outcome.bytes;
        overflowed += outcome.overflowed;
        assert!(outcome.bytes > path.rate * 20 / 8 / 4, "{}", outcome.bytes);
    }
    assert!(bytes > path.rate * 20 * 9 / 10, "{bytes}");
    // Most of it while they come.
    assert!(overflowed < bytes / PACKET / 10, "{overflowed}");
}

/// For people: `cargo test --release -- --ignored --nocapture table`.
#[test]
#[ignore = "prints what the algorithms do on every path"]
fn table() {
    let paths = [
        ("home", home()),
        ("far", far()),
        ("thin", thin()),
        ("shallow", shallow()),
        ("lossy", lossy()),
        ("bad", bad()),
        ("awful", awful()),
        ("terrible", terrible()),
        ("wifi", wifi()),
        ("satellite", satellite()),
        ("home, stalls", stalling(home(), 5)),
        ("far, stalls", stalling(far(), 10)),
        ("lossy, stalls", stalling(lossy(), 5)),
        ("wifi, stalls", stalling(wifi(), 5)),
    ];
    for (name, path) in paths {
        for kind in [Kind::NewReno, Kind::Cubic, Kind::Bbr] {
            let mut rates = Vec::new();
            for seed in 1..6 {
                let done = alone(kind, path, TRANSFER, 90 * SECOND, seed).done;
                rates.push(10.0 / done.map_or(f64::INFINITY, |done| done.as_secs_f64()));
            }
            rates.sort_by(f64::total_cmp);
            let start = alone(kind, path, TRANSFER, 90 * SECOND, 1).overflowed;
            let long = alone(kind, path, ENDLESS, 30 * SECOND, 1);
            eprintln!(
                "{name:13} {kind:?}: 10 MB {:.2} ({:.2}-{:.2}) MB/s, {start} overflowed; 30 s {:.2} MB/s, {} overflowed, wait {:?} / {:?}, {} timeouts",
                rates[2],
                rates[0],
                rates[4],
                long.bytes as f64 / 30e6,
                long.overflowed,
                long.wait(0.5),
                long.wait(0.95),
                long.timeouts,
            );
        }
    }
}

/// For people, as the table.
#[test]
#[ignore = "prints the shares of two flows"]
fn shares() {
    let pairs = [
        ([Kind::Bbr, Kind::Cubic], 0),
        ([Kind::Bbr, Kind::Cubic], 3),
        ([Kind::Cubic, Kind::Bbr], 3),
        ([Kind::Bbr, Kind::Bbr], 0),
        ([Kind::Bbr, Kind::Bbr], 3),
    ];
    for (delay, megabits) in [(10, 100), (25, 50), (25, 100), (50, 20)] {
        for queue in [0.25, 0.5, 1.0, 2.0, 4.0] {
            for (kinds, head_start) in pairs {
                let path = shared(delay, megabits, queue);
                let shares: Vec<f64> = (1..4).map(|seed| share(path, kinds, head_start, seed)).collect();
                eprintln!("{delay} ms {megabits} Mbit/s {queue} BDP | {kinds:?}+{head_start}: {shares:.0?}");
            }
        }
    }
}
