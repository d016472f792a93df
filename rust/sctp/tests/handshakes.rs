//! How associations begin and end.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use support::chance::Chance;
use support::network::Path;
use support::peer::{BINARY, Event, Kind, Message, Settings};
use support::seeds::{self, Case};
use support::traffic::{Plan, Traffic};
use support::wire;
use support::world::World;

const MINUTE: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_millis(20);

fn fair() -> Path {
    Path::fair(DELAY)
}

fn lossy() -> Path {
    Path { loss: 0.2, ..fair() }
}

fn foul() -> Path {
    let jitter = Duration::from_millis(30);
    Path { loss: 0.2, duplication: 0.2, corruption: 0.02, jitter, ..fair() }
}

fn world(kinds: [Kind; 2], seed: u64, path: Path) -> World {
    World::new(kinds, [path.clone(), path], seed)
}

/// Some messages both ways.
fn talk(world: &mut World, seed: u64) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let plans = [0, 1].map(|_| Plan::random(&mut chance, 2, 5, 3000));
    world.run(&mut Traffic::new(plans, world.now, seed), 10 * MINUTE)
}

fn connect(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    if kinds.contains(&Kind::SctpProto) && path.jitter > Duration::ZERO {
        // It ends without a word if an INIT arrives again.
        return Ok(());
    }
    let mut world = world(kinds, seed, path);
    world.connect(0);
    if !world.until(10 * MINUTE, |world| world.is_up()) {
        return Err(format!("not up: {:?}", world.events));
    }
    talk(&mut world, seed)
}

/// Both connect, within one way's time or so of each other.
fn connect_both(kinds: [Kind; 2], seed: u64, path: Path) -> Result<(), String> {
    if kinds.contains(&Kind::SctpProto) {
        // It takes the other INIT for a second association.
        return Ok(());
    }
    let mut world = world(kinds, seed, path);
    let mut chance = Chance::new(seed);
    let first = chance.below(2);
    world.connect(first);
    world.pass(chance.duration(DELAY.mul_f64(2.5)));
    world.connect(1 - first);
    if !world.until(10 * MINUTE, |world| world.is_up()) {
        return Err(format!("not up: {:?}", world.events));
    }
    talk(&mut world, seed)
}

fn has_ended(world: &World, end: usize) -> bool {
    world.events[end].iter().any(|event| matches!(event, Event::Ended(_)))
}

/// One end writes and shuts down at once: all of it arrives, and both end.
fn shut_down(kinds: [Kind; 2], seed: u64, path: Path, both: bool) -> Result<(), String> {
    let mut world = world(kinds, seed, fair());
    world.establish();
    let path_loses = path.loss > 0.0;
    world.change([path.clone(), path]);
    let end = seed as usize % 2;
    if kinds[end] == Kind::SctpProto || (both && kinds.contains(&Kind::SctpProto)) {
        // Its shutdown forgets what is still to be sent, and its timer has no end.
        return Ok(());
    }
    let is_early = |end: usize| kinds[end] == Kind::Dcsctp && path_loses;
    if is_early(end) || (both && is_early(1 - end)) {
        // Its SHUTDOWN does not wait for what it has to send again.
        return Ok(());
    }
    for number in 0..20 {
        let message = Message { stream: 1, ppid: BINARY, payload: vec![number; 2000] };
        assert!(world.ends[end].send(message, false, world.now));
    }
    world.ends[end].shutdown(world.now);
    if both {
        world.ends[1 - end].shutdown(world.now);
    }
    let mut read = 0;
    let ended = world.until(10 * MINUTE, |world| {
        while let Some(message) = world.ends[1 - end].receive(world.now) {
            assert_eq!(message.payload, vec![read; 2000]);
            read += 1;
        }
        has_ended(world, 0) && has_ended(world, 1)
    });
    // What is written after the other end's SHUTDOWN is not owed any more.
    if read != 20 || !ended {
        return Err(format!("{read} arrived; {:?}", world.events));
    }
    Ok(())
}

const CASES: [Case; 9] = [
    Case { name: "connect", play: |kinds, seed| connect(kinds, seed, fair()) },
    Case { name: "connect, 20 % loss", play: |kinds, seed| connect(kinds, seed, lossy()) },
    Case { name: "connect, all of it", play: |kinds, seed| connect(kinds, seed, foul()) },
    Case { name: "both connect", play: |kinds, seed| connect_both(kinds, seed, fair()) },
    Case { name: "both connect, 20 % loss", play: |kinds, seed| connect_both(kinds, seed, lossy()) },
    Case { name: "both connect, all of it", play: |kinds, seed| connect_both(kinds, seed, foul()) },
    Case { name: "shutdown", play: |kinds, seed| shut_down(kinds, seed, fair(), false) },
    Case { name: "shutdown, 20 % loss", play: |kinds, seed| shut_down(kinds, seed, lossy(), false) },
    Case { name: "both shut down, 20 % loss", play: |kinds, seed| shut_down(kinds, seed, lossy(), true) },
];

/// Pairs that take packets without checksums.
const UNCHECKED: [[Kind; 2]; 4] =
    [[Kind::Ours; 2], [Kind::Ours, Kind::Dcsctp], [Kind::Dcsctp, Kind::Ours], [Kind::Dcsctp; 2]];

#[test]
fn checksums_are_left_out_where_both_offer_it_but_for_init_and_cookie() {
    for kinds in UNCHECKED {
        let settings = [1, 2].map(|seed| Settings { without_checksums: true, ..Settings::new(seed) });
        let mut world = World::with(kinds, settings, [fair(), fair()], 1);
        let counts: Rc<[Cell<usize>; 2]> = Rc::default();
        let seen = Rc::clone(&counts);
        world.gate = Box::new(move |end, packet| {
            let has_none = packet[8..12] == [0; 4];
            let is_first = wire::has(packet, wire::INIT) || wire::has(packet, wire::COOKIE_ECHO);
            assert!(!(has_none && is_first), "{kinds:?}, end {end}: {}", wire::describe(packet));
            seen[end].set(seen[end].get() + usize::from(has_none));
            true
        });
        world.establish();
        talk(&mut world, 1).unwrap();
        assert!(counts.iter().all(|count| count.get() > 4), "{kinds:?}: {counts:?}");
    }
}

#[test]
fn checksums_are_sent_where_one_end_does_not_offer_to_do_without() {
    for kinds in UNCHECKED.into_iter().chain([[Kind::SctpProto, Kind::Ours], [Kind::SctpProto, Kind::Dcsctp]])
    {
        let settings = [Settings::new(1), Settings { without_checksums: true, ..Settings::new(2) }];
        let mut world = World::with(kinds, settings, [fair(), fair()], 1);
        world.gate = Box::new(move |end, packet| {
            assert_ne!(packet[8..12], [0; 4], "{kinds:?}, end {end}: {}", wire::describe(packet));
            true
        });
        world.establish();
        talk(&mut world, 1).unwrap();
    }
}

#[test]
fn an_abort_ends_both_ends() {
    for kinds in support::peer::PAIRS.into_iter().chain([[Kind::Dcsctp; 2]]) {
        for end in (0..2).filter(|end| kinds[*end] != Kind::SctpProto) {
            let mut world = world(kinds, 1, fair());
            world.establish();
            talk(&mut world, 1).unwrap();
            world.ends[end].abort(world.now);
            assert!(world.until(MINUTE, |world| has_ended(world, 1 - end)), "{kinds:?}: {:?}", world.events);
            assert!(world.ends.iter().all(|end| !end.is_up()), "{kinds:?}");
            let message = Message { stream: 1, ppid: BINARY, payload: vec![1] };
            // Nothing more comes of either.
            let sent = world.network.counters(1 - end).sent;
            for end in 0..2 {
                world.ends[end].send(message.clone(), false, world.now);
            }
            world.pass(MINUTE);
            assert_eq!(world.network.counters(1 - end).sent, sent, "{kinds:?}");
        }
    }
}

#[test]
fn an_init_that_nobody_answers_is_repeated_ever_more_slowly() {
    for kinds in support::peer::PAIRS {
        let mut world = world(kinds, 1, fair());
        world.gate = Box::new(|_, _| false);
        let counts: Rc<Cell<usize>> = Rc::default();
        let seen = Rc::clone(&counts);
        world.gate = Box::new(move |_, packet| {
            assert!(wire::has(packet, wire::INIT));
            seen.set(seen.get() + 1);
            false
        });
        world.connect(0);
        world.pass(MINUTE);
        assert!((5..=40).contains(&counts.get()), "{kinds:?}: {counts:?}");
    }
}

#[test]
fn associations_begin_and_end_on_a_few_seeds() {
    seeds::few(&CASES, 6);
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn associations_begin_and_end_on_thousands_of_seeds() {
    seeds::many(&CASES);
}
