//! Streams that are reset by either end and used again (RFC 6525).
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::churn::{Churn, Manner, Plan};
use support::network::Path;
use support::peer::Kind;
use support::seeds::{self, Case};
use support::world::World;

const LIMIT: Duration = Duration::from_secs(1800);

fn fair() -> Path {
    Path::fair(Duration::from_millis(10))
}

fn foul() -> Path {
    let jitter = Duration::from_millis(15);
    Path { loss: 0.1, duplication: 0.03, corruption: 0.02, jitter, ..Path::fair(Duration::from_millis(20)) }
}

fn churn(kinds: [Kind; 2], seed: u64, path: Path, manner: Manner) -> Result<(), String> {
    churn_read(kinds, seed, path, manner, usize::MAX)
}

fn churn_read(kinds: [Kind; 2], seed: u64, path: Path, manner: Manner, at_once: usize) -> Result<(), String> {
    let is_lenient = kinds.contains(&Kind::SctpProto);
    // It drops what it has written as soon as the other end resets.
    let manner = if is_lenient && manner == Manner::Drained { Manner::Settled } else { manner };
    let plan = Plan { streams: 6, generations: 4, most_messages: 4, most: 6000, manner, at_once, is_lenient };
    play(kinds, seed, path, plan)
}

fn play(kinds: [Kind; 2], seed: u64, path: Path, plan: Plan) -> Result<(), String> {
    if kinds == [Kind::SctpProto; 2] && path.loss > 0.0 {
        // Two of them wait for each other's answers for ever.
        return Ok(());
    }
    let mut world = World::new(kinds, [fair(), fair()], seed);
    world.establish();
    world.change([path.clone(), path]);
    world.run(&mut Churn::new(plan, seed), LIMIT)
}

/// All at once: dcsctp as published asks for all of them in one request, and not at all if that is larger
/// than a packet.
fn many(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    let most = if cfg!(debug_assertions) { 300 } else { 1000 };
    let streams = if kinds.contains(&Kind::Dcsctp) { 250 } else { most };
    let is_lenient = kinds.contains(&Kind::SctpProto);
    let plan = Plan {
        streams,
        generations: 2,
        most_messages: 1,
        most: 200,
        manner: Manner::Settled,
        at_once: usize::MAX,
        is_lenient,
    };
    play(kinds, seed, path, plan)
}

const CASES: [Case; 11] = [
    Case { name: "settled", play: |kinds, seed| churn(kinds, seed, fair(), Manner::Settled) },
    Case { name: "settled, all of it", play: |kinds, seed| churn(kinds, seed, foul(), Manner::Settled) },
    Case { name: "drained", play: |kinds, seed| churn(kinds, seed, fair(), Manner::Drained) },
    Case {
        name: "drained, 20 % loss",
        play: |kinds, seed| churn(kinds, seed, Path { loss: 0.2, ..fair() }, Manner::Drained),
    },
    Case { name: "drained, all of it", play: |kinds, seed| churn(kinds, seed, foul(), Manner::Drained) },
    Case { name: "abrupt", play: |kinds, seed| churn(kinds, seed, fair(), Manner::Abrupt) },
    Case { name: "abrupt, all of it", play: |kinds, seed| churn(kinds, seed, foul(), Manner::Abrupt) },
    Case {
        name: "drained, slow readers",
        play: |kinds, seed| churn_read(kinds, seed, fair(), Manner::Drained, 1),
    },
    Case {
        name: "abrupt, slow readers, all of it",
        play: |kinds, seed| churn_read(kinds, seed, foul(), Manner::Abrupt, 1),
    },
    Case { name: "many", play: |kinds, seed| many(kinds, seed, fair()) },
    Case { name: "many, 5 % loss", play: |kinds, seed| many(kinds, seed, Path { loss: 0.05, ..fair() }) },
];

#[test]
fn streams_are_used_again_on_a_few_seeds() {
    seeds::few(&CASES, 1);
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn streams_are_used_again_on_thousands_of_seeds() {
    seeds::many(&CASES);
}
