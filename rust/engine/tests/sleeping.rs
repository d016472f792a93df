//! The machine of a dialer sleeps, as a laptop does: its clock stands still, and the listener's does not.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{End, Weather, World};
use webrtc_direct_engine::session::Reason;

const CHANNEL: u64 = 2;

#[test]
fn a_short_sleep_changes_nothing() {
    let mut world = World::new(1, Weather::FAIR);
    let (client, server) = world.connect(&World::v2(0));
    world.at(End::Client(client), |session| session.open_channel(CHANNEL));
    world.run(Duration::from_secs(1));
    world.sleep(Duration::from_secs(10));
    world.at(End::Client(client), |session| session.send(CHANNEL, vec![b"awake".to_vec()]));
    world.run(Duration::from_secs(60));
    assert_eq!(world.closed(End::Client(client)), None);
    assert_eq!(world.closed(End::Server(server)), None);
    let (_, data) = world.received.iter().next().unwrap();
    assert_eq!(data, b"awake");
}

#[test]
fn a_listener_loses_who_sleeps_and_tells_him_when_he_wakes() {
    for (seed, active) in [(1, true), (2, false)] {
        let mut world = World::new(seed, Weather::FAIR);
        let (client, server) = world.connect(&World::v2(0));
        world.at(End::Client(client), |session| session.open_channel(CHANNEL));
        world.run(Duration::from_secs(1));
        world.sleep(Duration::from_secs(3600));
        let (reason, detail) = world.closed(End::Server(server)).unwrap();
        assert_eq!(reason, Reason::Timeout, "{detail}");
        let woken = world.now;
        if active {
            world.at(End::Client(client), |session| session.send(CHANNEL, vec![b"awake".to_vec()]));
        }
        let told =
            world.run_until(Duration::from_secs(60), |world| world.closed(End::Client(client)).is_some());
        let (reason, detail) = world.closed(End::Client(client)).unwrap();
        assert!(told && reason == Reason::Remote, "{detail}");
        let most = if active { 3 } else { 9 };
        assert!(world.now - woken < Duration::from_secs(most), "{:?}", world.now - woken);
    }
}
