//! Losses that are made on purpose: how soon they are mended, and that nothing else is sent again (RFC 8985).
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use support::network::Path;
use support::peer::{BINARY, Kind, Message, Settings};
use support::traffic::{Plan, Traffic};
use support::wire;
use support::world::World;

const ROUND_TRIP: Duration = Duration::from_millis(50);
const RECEIVERS: [Kind; 3] = [Kind::Ours, Kind::Dcsctp, Kind::SctpProto];

/// What a transfer with losses came to.
#[derive(Debug)]
struct Outcome {
    took: Duration,
    lost: usize,
    again: u64,
    timeouts: u64,
}

/// Send *bytes* from this crate's end; *loses* says of a DATA chunk, the how manyth it is and the how manyth
/// transmission of it, whether its packet is lost.
fn transfer(receiver: Kind, bytes: usize, loses: impl Fn(u32, u32) -> bool + 'static) -> Outcome {
    let path = Path::narrow(ROUND_TRIP / 2, 100, Duration::from_secs(1));
    let settings = [3, 4].map(|seed| Settings { receive_window: 4 << 20, ..Settings::new(seed) });
    let mut world = World::with([Kind::Ours, receiver], settings, [path.clone(), path], 1);
    world.establish();
    let lost = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = std::rc::Rc::clone(&lost);
    let mut first = None;
    let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
    world.gate = Box::new(move |end, packet| {
        let mut passes = true;
        for chunk in wire::chunks(packet).iter().filter(|chunk| end == 0 && chunk.kind == wire::DATA) {
            let number = chunk.number(0).wrapping_sub(*first.get_or_insert(chunk.number(0)));
            let times = seen.entry(number).or_default();
            passes &= !loses(number, *times);
            *times += 1;
        }
        count.set(count.get() + usize::from(!passes));
        passes
    });
    let start = world.now;
    let mut traffic = Traffic::new([Plan::bulk(1, bytes, 10_000), Plan::default()], world.now, 1);
    world.run(&mut traffic, Duration::from_secs(60)).unwrap();
    let took = traffic.finished(0).unwrap() - start;
    let sender = &world.ends[0];
    Outcome {
        took,
        lost: lost.get(),
        again: sender.sent_again().unwrap(),
        timeouts: sender.timeouts().unwrap(),
    }
}

#[test]
fn a_burst_of_losses_is_mended_without_the_timer() {
    for receiver in RECEIVERS {
        let whole = transfer(receiver, 2_000_000, |_, _| false);
        assert_eq!((whole.again, whole.timeouts), (0, 0), "{receiver:?}: {whole:?}");
        // Every second of 300 chunks: dcsctp names 20 of these gaps in a SACK.
        let holed = transfer(receiver, 2_000_000, |number, times| {
            (600..900).contains(&number) && number % 2 == 0 && times == 0
        });
        assert!(holed.lost >= 100 && holed.timeouts == 0, "{receiver:?}: {holed:?}");
        assert!(holed.again as usize <= holed.lost + 30, "{receiver:?}: {holed:?}");
        assert!(holed.took <= whole.took + 10 * ROUND_TRIP, "{receiver:?}: {holed:?}, {whole:?}");
    }
}

#[test]
fn what_a_sack_has_no_room_for_is_no_long_round_trip() {
    for receiver in RECEIVERS {
        let whole = transfer(receiver, 4_000_000, |_, _| false);
        // 600 gaps: dcsctp tells of 20 in a round trip, and of what has arrived beyond them only later.
        let holed = transfer(receiver, 4_000_000, |number, times| {
            (600..1800).contains(&number) && number % 2 == 0 && times == 0
        });
        assert!(holed.lost >= 300 && holed.timeouts == 0, "{receiver:?}: {holed:?}");
        let rounds = if receiver == Kind::Dcsctp { holed.lost as u32 / 20 + 10 } else { 10 };
        assert!(holed.took <= whole.took + rounds * ROUND_TRIP, "{receiver:?}: {holed:?}, {whole:?}");
    }
}

#[test]
fn a_retransmission_that_is_lost_is_found_without_the_timer() {
    for receiver in RECEIVERS {
        let whole = transfer(receiver, 4_000_000, |_, _| false);
        let unlucky = transfer(receiver, 4_000_000, |number, times| number == 500 && times < 3);
        assert_eq!(
            (unlucky.lost, unlucky.again, unlucky.timeouts),
            (3, 3, 0),
            "{receiver:?}: {unlucky:?}, {whole:?}"
        );
        assert!(unlucky.took <= whole.took + 5 * ROUND_TRIP, "{receiver:?}: {unlucky:?}, {whole:?}");
    }
}

#[test]
fn a_lost_tail_is_found_by_a_probe() {
    for receiver in RECEIVERS {
        let whole = transfer(receiver, 100_000, |_, _| false);
        // The last three of some ninety chunks.
        for lost in [1, 3] {
            let cut = transfer(receiver, 100_000, move |number, times| number + lost >= 87 && times == 0);
            assert!(cut.lost > 0 && cut.timeouts == 0, "{receiver:?}: {cut:?}");
            assert!(cut.took <= whole.took + 6 * ROUND_TRIP, "{receiver:?}: {cut:?}, {whole:?}");
        }
    }
}

#[test]
fn packets_that_overtake_others_are_not_taken_for_lost() {
    for receiver in RECEIVERS {
        let path =
            Path { jitter: Duration::from_millis(10), ..Path::narrow(ROUND_TRIP / 2, 100, ROUND_TRIP) };
        let settings = [3, 4].map(|seed| Settings { receive_window: 4 << 20, ..Settings::new(seed) });
        let fair = Path::fair(ROUND_TRIP / 2);
        let mut world = World::with([Kind::Ours, receiver], settings, [fair.clone(), fair], 1);
        world.establish();
        world.change([path.clone(), path]);
        let mut traffic = Traffic::new([Plan::bulk(1, 4_000_000, 10_000), Plan::default()], world.now, 1);
        world.run(&mut traffic, Duration::from_secs(60)).unwrap();
        let (again, sent) = (world.ends[0].sent_again().unwrap(), world.network.counters(0).sent);
        assert!(again * 20 < sent, "{receiver:?}: {again} of {sent} sent again");
        assert_eq!(world.ends[0].timeouts(), Some(0), "{receiver:?}");
    }
}

#[test]
fn a_lone_message_that_is_lost_does_not_wait_long() {
    for receiver in RECEIVERS {
        let fair = Path::fair(ROUND_TRIP / 2);
        let mut world = World::new([Kind::Ours, receiver], [fair.clone(), fair], 1);
        world.establish();
        let mut loses = 0;
        world.gate = Box::new(move |end, packet| {
            loses += u32::from(end == 0 && wire::has(packet, wire::DATA));
            // The third one.
            !(end == 0 && loses == 3 && wire::has(packet, wire::DATA))
        });
        for _ in 0..4 {
            let start = world.now;
            let message = Message { stream: 1, ppid: BINARY, payload: vec![1; 100] };
            assert!(world.ends[0].send(message, false, world.now));
            assert!(world.until(Duration::from_secs(10), |world| world.ends[1].receive(world.now).is_some()));
            assert!(world.now - start <= 8 * ROUND_TRIP, "{receiver:?}: {:?}", world.now - start);
            world.pass(Duration::from_secs(1));
        }
    }
}
