//! Paths that take no large packet, and say nothing of it: transfers go on in smaller ones (RFC 8899).
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::network::Path;
use support::peer::{Event, Kind, Message, Settings};
use support::traffic::{Plan, Traffic};
use support::world::World;

/// What a transfer of 200 kB both ways takes where packets of more than *largest* bytes are lost, and the largest that
/// arrived.
fn transfer(kinds: [Kind; 2], largest: usize) -> (Duration, usize) {
    let path = Path::fair(Duration::from_millis(20));
    let settings = [1, 2].map(Settings::new);
    let mut world = World::with(kinds, settings, [path.clone(), path], 1);
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let passed = std::rc::Rc::clone(&seen);
    world.gate = Box::new(move |_, packet| {
        let passes = packet.len() <= largest;
        if passes {
            passed.set(passed.get().max(packet.len()));
        }
        passes
    });
    world.establish();
    let start = world.now;
    let plan = Plan::bulk(1, 200_000, 10_000);
    let mut traffic = Traffic::new([plan.clone(), plan], world.now, 1);
    world.run(&mut traffic, Duration::from_secs(60)).unwrap();
    (traffic.finished(0).unwrap().max(traffic.finished(1).unwrap()) - start, seen.get())
}

#[test]
fn a_path_that_takes_no_full_packet_is_used_with_smaller_ones() {
    let (whole, full) = transfer([Kind::Ours, Kind::Ours], 1191);
    assert!(full > 1150);
    for (largest, expected) in [(1187, 1000), (1023, 1000), (999, 760), (759, 508), (511, 508)] {
        let (took, used) = transfer([Kind::Ours, Kind::Ours], largest);
        assert!(used <= expected && used > expected - 50, "{largest}: {used}");
        assert!(took < whole + Duration::from_secs(2), "{largest}: {took:?}, {whole:?}");
    }
}

#[test]
fn full_packets_are_used_a_round_trip_after_the_beginning() {
    for receiver in [Kind::Ours, Kind::Dcsctp, Kind::SctpProto] {
        let (took, used) = transfer([Kind::Ours, receiver], 1300);
        assert!(used > 1150, "{receiver:?}");
        assert!(took < Duration::from_secs(1), "{receiver:?}: {took:?}");
    }
}

/// Two ends of ours with a transfer from the first to the second that does not end soon.
fn endless(path: Path, seed: u64) -> (World, Traffic) {
    let mut world = World::with(
        [Kind::Ours; 2],
        [1, 2].map(|end| Settings::new(2 * seed + end)),
        [path.clone(), path],
        seed,
    );
    world.establish();
    let traffic = Traffic::new([Plan::bulk(1, 20_000_000, 10_000), Plan::default()], world.now, seed);
    (world, traffic)
}

fn end_of(world: &World, end: usize) -> Option<String> {
    world.events[end].iter().find_map(|event| match event {
        Event::Ended(words) => Some(words.clone()),
        _ => None,
    })
}

#[test]
fn a_path_that_becomes_a_black_hole_for_full_packets_ends_the_association_in_seconds() {
    // The oldest chunk may be a small one that shares its packet with others, so there are many beginnings.
    for (largest, seed) in
        [(1100, 0), (600, 1), (1150, 2)].into_iter().chain((3..40).map(|seed| (1100, seed)))
    {
        let (mut world, mut traffic) =
            endless(Path::narrow(Duration::from_millis(20), 50, Duration::from_millis(50)), seed);
        world.run(&mut traffic, Duration::from_millis(1000 + 3 * seed)).unwrap_err();
        world.gate = Box::new(move |_, packet| packet.len() <= largest);
        let words = world.run(&mut traffic, Duration::from_secs(20)).unwrap_err();
        let is_told = words.contains("MTU has become smaller") && words.contains("by Path");
        assert!(is_told, "{largest}, {seed}: {words}");
        assert!(world.elapsed() < Duration::from_secs(12), "{largest}, {seed}: {:?}", world.elapsed());
        world.pass(Duration::from_secs(1));
        assert!(end_of(&world, 1).unwrap().contains("MTU has become smaller"));
    }
}

#[test]
fn losses_a_silence_and_a_reader_that_stops_are_no_black_hole() {
    for seed in 0..20 {
        let lossy = Path { loss: 0.4, ..Path::fair(Duration::from_millis(20)) };
        let (mut world, mut traffic) = endless(lossy, seed);
        let far = world.run(&mut traffic, Duration::from_secs(60)).unwrap_err();
        world.gate = Box::new(|_, _| false);
        let silent = world.run(&mut traffic, Duration::from_secs(60)).unwrap_err();
        assert!(far.starts_with("stuck") && silent.starts_with("stuck"), "{seed}: {far}, {silent}");
    }
    let (mut world, _) = endless(Path::fair(Duration::from_millis(20)), 1);
    for _ in 0..2000 {
        let message = Message { stream: 1, ppid: 53, payload: vec![1; 16_000] };
        world.ends[0].send(message, false, world.now);
    }
    // Nobody reads.
    world.pass(Duration::from_secs(120));
    assert_eq!(end_of(&world, 0), None);
}
