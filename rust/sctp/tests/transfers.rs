//! Messages of all sizes on several streams, both ways, over networks of every kind.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use support::chance::Chance;
use support::network::{Bursts, Path};
use support::peer::{Kind, Settings};
use support::seeds::{self, Case};
use support::traffic::{Plan, Traffic};
use support::wire;
use support::world::World;

const LIMIT: Duration = Duration::from_secs(1200);
const MOST: usize = 64 << 10;

const fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn fair() -> Path {
    Path::fair(milliseconds(10))
}

fn foul() -> Path {
    Path {
        loss: 0.1,
        duplication: 0.03,
        corruption: 0.02,
        jitter: milliseconds(15),
        ..Path::fair(milliseconds(20))
    }
}

/// Both ways over the same kind of path.
fn over(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let plans = [0, 1].map(|_| {
        let streams = 1 + chance.below(6) as u16;
        let messages = 1 + chance.below(40);
        Plan::random(&mut chance, streams, messages, MOST)
    });
    transfer(kinds, seed, path, plans)
}

fn transfer(kinds: [Kind; 2], seed: u64, path: Path, plans: [Plan; 2]) -> Result<(), String> {
    let settings = [Settings::new(2 * seed), Settings::new(2 * seed + 1)];
    transfer_with(kinds, settings, seed, path, plans)
}

fn transfer_with(
    kinds: [Kind; 2],
    settings: [Settings; 2],
    seed: u64,
    path: Path,
    plans: [Plan; 2],
) -> Result<(), String> {
    // sctp-proto ends silently if an INIT arrives again, so its handshake has a fair network.
    let is_early = !kinds.contains(&Kind::SctpProto);
    let first = if is_early { path.clone() } else { fair() };
    let mut world = World::with(kinds, settings, [first.clone(), first], seed);
    world.establish();
    world.change([path.clone(), path]);
    world.run(&mut Traffic::new(plans, world.now, seed), LIMIT)
}

/// A reader that pauses twice, behind a window of 128 KiB, or what may be held of one that would be larger.
fn pauses(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let window = Settings { receive_window: 128 << 10, ..Settings::new(seed) };
    pauses_behind(window, kinds, seed, path)
}

fn pauses_without_pool(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let window = Settings { receive_window: 4 << 20, pool: 0, ..Settings::new(seed) };
    pauses_behind(window, kinds, seed, path)
}

fn pauses_behind(window: Settings, kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let mut plans = [0, 1].map(|_| Plan::random(&mut chance, 3, 60, 16 << 10));
    plans[0].streams.insert(3, vec![8 << 10; 40]);
    plans[1].pauses = vec![(Duration::ZERO, milliseconds(2500)), (milliseconds(4000), milliseconds(30_000))];
    transfer_with(kinds, [window, Settings { seed: seed + 1000, ..window }], seed, path, plans)
}

fn tiny(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let plans = [0, 1].map(|_| Plan::random(&mut chance, 4, 1000, 20));
    transfer(kinds, seed, path, plans)
}

fn unordered(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let plans = [0, 1].map(|_| Plan::random(&mut chance, 4, 80, MOST).unordered(1).unordered(3));
    transfer(kinds, seed, path, plans)
}

const CASES: [Case; 23] = [
    Case { name: "nothing", play: |kinds, seed| over(kinds, seed, fair()) },
    Case { name: "1 % loss", play: |kinds, seed| over(kinds, seed, Path { loss: 0.01, ..fair() }) },
    Case { name: "5 % loss", play: |kinds, seed| over(kinds, seed, Path { loss: 0.05, ..fair() }) },
    Case { name: "20 % loss", play: |kinds, seed| over(kinds, seed, Path { loss: 0.2, ..fair() }) },
    Case {
        name: "bursts of loss",
        play: |kinds, seed| {
            let bursts = Some(Bursts { begin: 0.005, end: 0.05, loss: 0.7 });
            over(kinds, seed, Path { bursts, ..fair() })
        },
    },
    Case { name: "far", play: |kinds, seed| over(kinds, seed, Path::fair(milliseconds(150))) },
    Case { name: "no delay", play: |kinds, seed| over(kinds, seed, Path::fair(Duration::ZERO)) },
    Case {
        name: "reordering",
        play: |kinds, seed| over(kinds, seed, Path { jitter: milliseconds(20), ..fair() }),
    },
    Case { name: "10 % twice", play: |kinds, seed| over(kinds, seed, Path { duplication: 0.1, ..fair() }) },
    Case { name: "2 % changed", play: |kinds, seed| over(kinds, seed, Path { corruption: 0.02, ..fair() }) },
    Case { name: "all of it", play: |kinds, seed| over(kinds, seed, foul()) },
    Case {
        name: "thin",
        play: |kinds, seed| over(kinds, seed, Path::narrow(milliseconds(25), 10, milliseconds(100))),
    },
    Case {
        name: "shallow",
        play: |kinds, seed| over(kinds, seed, Path::narrow(milliseconds(25), 20, milliseconds(5))),
    },
    Case {
        name: "another rate",
        play: |kinds, seed| {
            let rates = vec![(milliseconds(200), 50_000), (milliseconds(1500), 2_000_000)];
            over(kinds, seed, Path { rates, ..Path::narrow(milliseconds(25), 20, milliseconds(50)) })
        },
    },
    Case {
        name: "8 s blackout",
        play: |kinds, seed| {
            let blackout = Some((milliseconds(60), milliseconds(8060)));
            over(kinds, seed, Path { blackout, ..fair() })
        },
    },
    Case { name: "pauses", play: |kinds, seed| pauses(kinds, seed, fair()) },
    Case { name: "pauses, all of it", play: |kinds, seed| pauses(kinds, seed, foul()) },
    Case { name: "pauses, no pool", play: |kinds, seed| pauses_without_pool(kinds, seed, fair()) },
    Case { name: "pauses, no pool, all of it", play: |kinds, seed| pauses_without_pool(kinds, seed, foul()) },
    Case { name: "tiny", play: |kinds, seed| tiny(kinds, seed, fair()) },
    Case { name: "tiny, all of it", play: |kinds, seed| tiny(kinds, seed, foul()) },
    Case { name: "unordered", play: |kinds, seed| unordered(kinds, seed, fair()) },
    Case { name: "unordered, all of it", play: |kinds, seed| unordered(kinds, seed, foul()) },
];

/// A seed by which this crate's first TSN is 1530 below the end.
const NEAR_THE_END: u64 = 3_434_613;

#[test]
fn tsns_begin_again_after_the_last_one() {
    for kinds in [[Kind::Ours; 2], [Kind::Ours, Kind::Dcsctp], [Kind::Ours, Kind::SctpProto]] {
        let settings = [Settings::new(NEAR_THE_END), Settings::new(NEAR_THE_END)];
        let mut world = World::with(kinds, settings, [fair(), fair()], 1);
        let highest = Rc::new(Cell::new(0));
        let seen = Rc::clone(&highest);
        world.gate = Box::new(move |end, packet| {
            for chunk in wire::chunks(packet).iter().filter(|chunk| end == 0 && chunk.kind == wire::DATA) {
                seen.set(seen.get().max(chunk.number(0)));
            }
            true
        });
        world.establish();
        let path = Path { loss: 0.02, jitter: milliseconds(3), ..fair() };
        world.change([path.clone(), path]);
        let plans = [0, 1].map(|_| Plan::bulk(1, 3 << 20, 16 << 10));
        let outcome = world.run(&mut Traffic::new(plans, world.now, 1), LIMIT);
        assert_eq!((outcome, highest.get()), (Ok(()), u32::MAX), "{kinds:?}");
    }
}

#[test]
fn numbers_of_messages_begin_again_after_the_last_one() {
    for kinds in [[Kind::Ours; 2], [Kind::Ours, Kind::Dcsctp]] {
        let plans = [0, 1].map(|_| Plan::bulk(1, 2 * 70_000, 2));
        let outcome = transfer(kinds, 1, Path { loss: 0.01, ..fair() }, plans);
        assert_eq!(outcome, Ok(()), "{kinds:?}");
    }
}

#[test]
fn every_byte_arrives_on_a_few_seeds() {
    seeds::few(&CASES, 1);
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn every_byte_arrives_on_thousands_of_seeds() {
    seeds::many(&CASES);
}
