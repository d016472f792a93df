//! How the algorithms do on the paths that matter.

use std::time::Duration;

use super::super::Kind;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn paths() -> Vec<(&'static str, Path)> {
    vec![
        ("home", Path::new(10, 100, 50)),
        ("far", Path::new(50, 100, 100)),
        ("thin", Path::new(25, 10, 100)),
        ("shallow", Path::new(25, 100, 10)),
        ("lossy", Path::new(25, 100, 100).with_loss(0.1)),
        ("bad", Path::new(25, 100, 100).with_loss(1.0)),
        ("awful", Path::new(25, 50, 100).with_loss(5.0)),
        ("wifi", Path::new(5, 50, 100).with_loss(0.5).with_jitter(4)),
        ("satellite", Path::new(300, 20, 300).with_loss(0.5)),
        ("terrible", Path::new(25, 50, 100).with_loss(20.0)),
    ]
}

#[test]
#[ignore]
#[allow(clippy::print_stdout)]
fn table() {
    for (name, path) in paths() {
        print!("{name:10}");
        for kind in [Kind::NewReno, Kind::Cubic, Kind::Bbr] {
            let mut rates = Vec::new();
            let mut lost = Vec::new();
            for seed in 1..4 {
                let demand = Demand { kind, start: Duration::ZERO, bytes: 10_000_000 };
                let outcome = run(path, &[demand], 60 * SECOND, seed).remove(0);
                rates.push(10.0 / outcome.done.map_or(f64::INFINITY, |done| done.as_secs_f64()));
                lost.push(outcome.overflowed);
            }
            rates.sort_by(f64::total_cmp);
            lost.sort();
            let demand = Demand { kind, start: Duration::ZERO, bytes: 1 << 40 >> 8 };
            let outcome = run(path, &[Demand { bytes: 400_000_000, ..demand }], 30 * SECOND, 1).remove(0);
            print!(
                " | {:?} {:5.2} -{:4} / {:5.2} -{:5} {:3}/{:3}ms {}t",
                kind,
                rates[1],
                lost[1],
                outcome.bytes as f64 / 30e6,
                outcome.overflowed,
                outcome.wait(0.5).as_millis(),
                outcome.wait(0.95).as_millis(),
                outcome.timeouts,
            );
        }
        println!();
    }
}

#[test]
#[ignore]
#[allow(clippy::print_stdout)]
fn fairness() {
    for (delay, megabits) in [(10, 100), (25, 50), (25, 100), (50, 20)] {
        for factor in [0.25, 0.5, 1.0, 2.0, 4.0] {
            let mut path = Path::new(delay, megabits, 0);
            path.queue = (path.delay * 2).mul_f64(factor);
            print!("{delay}ms {megabits}Mbit {factor:4} BDP");
            let pairs = [
                (Kind::Bbr, Kind::Cubic, 0),
                (Kind::Bbr, Kind::Cubic, 3),
                (Kind::Cubic, Kind::Bbr, 3),
                (Kind::Bbr, Kind::Bbr, 0),
                (Kind::Bbr, Kind::Bbr, 3),
            ];
            for (first, second, start) in pairs {
                let demand = |kind, start| Demand { kind, start, bytes: 1_000_000_000 };
                let demands = [demand(first, Duration::ZERO), demand(second, start * SECOND)];
                let mut shares = Vec::new();
                for seed in 1..4 {
                    let outcomes = run(path, &demands, 30 * SECOND + start * SECOND, seed);
                    let sum = outcomes[0].bytes + outcomes[1].bytes;
                    shares.push(outcomes[0].bytes as f64 / sum as f64 * 100.0);
                    if seed == 3 {
                        print!(
                            " | {first:?} {second:?} +{start}: {:3.0?} of {:3.0}%",
                            shares,
                            sum as f64 / (path.rate as f64 * (30 + start) as f64) * 100.0
                        );
                    }
                }
            }
            println!();
        }
    }
}

#[test]
#[ignore]
#[allow(clippy::print_stdout)]
fn others() {
    for kind in [Kind::Cubic, Kind::Bbr] {
        let demand = Demand { kind, start: Duration::ZERO, bytes: 1_000_000_000 };
        let outcome = run(Path::new(10, 100, 500), &[demand], 10 * SECOND, 1).remove(0);
        println!("{kind:?} ping wait {:?} {:?}", outcome.wait(0.5), outcome.wait(0.95));
        for (megabits, joined, micros) in [(4000, 64, 10), (4000, 64, 50), (2000, 64, 100), (2000, 16, 50)] {
            let mut path = Path::new(0, megabits, 20);
            path.joined = joined;
            path.delay = Duration::from_micros(micros);
            path.jitter = Duration::from_micros(micros * 2);
            let outcome = run(path, &[demand], 1 * SECOND, 1).remove(0);
            println!(
                "{kind:?} loopback {megabits} {joined} {micros}: {:.0}%",
                outcome.bytes as f64 / path.rate as f64 * 100.0
            );
        }
    }
}
