//! Paths that take no large packet, and say nothing of it: transfers go on in smaller ones (RFC 8899).
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::network::Path;
use support::peer::{Kind, Settings};
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
