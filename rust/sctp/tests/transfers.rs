//! Messages of all sizes on several streams, both ways, over networks of every kind.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::chance::Chance;
use support::network::Path;
use support::peer::Kind;
use support::traffic::{Plan, Traffic};
use support::world::World;

#[test]
fn trial() {
    for kinds in [
        [Kind::Dcsctp, Kind::SctpProto],
        [Kind::SctpProto, Kind::Dcsctp],
        [Kind::Dcsctp; 2],
        [Kind::SctpProto; 2],
    ] {
        let mut chance = Chance::new(1);
        let plans = [0, 1].map(|_| Plan::random(&mut chance, 5, 200, 65536));
        let path = Path::fair(Duration::from_millis(10));
        let mut world = World::new(kinds, [path.clone(), path], 1);
        world.establish();
        let mut traffic = Traffic::new(plans, 1);
        let result = world.run(&mut traffic, Duration::from_secs(60));
        eprintln!("{kinds:?} {result:?} {:?} {} {}", world.elapsed(), traffic.bytes(0), traffic.bytes(1));
    }
}
