//! Data channels: opening, resetting, ids used again, and what a misbehaving peer costs.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{End, Weather, World, messages, pattern};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::sctp::Config as SctpConfig;
use webrtc_direct_engine::session::{Event, Reason};

fn pair(config: Config) -> (World, End, End) {
    let mut world = World::with(1, Weather::FAIR, config);
    let (client, server) = world.connect(&World::v2(0));
    (world, End::Client(client), End::Server(server))
}

#[test]
fn a_closed_channel_delivers_what_was_sent_and_then_ends() {
    let (mut world, client, server) = pair(Config::default());
    let data = pattern(400_000);
    world.at(client, |session| {
        session.open_channel(2);
        session.send(2, messages(&data, 16384));
        session.close_channel(2);
    });
    world.run(Duration::from_secs(3));
    let key = world.opened(server)[0];
    assert!(world.received(server, key) == data);
    assert!(world.channel_closed(server, key));
    assert!(!world.channel_closed(client, 2), "this end closed it itself");
}

#[test]
fn a_reset_channel_discards_its_queue() {
    let (mut world, client, server) = pair(Config::default());
    world.at(client, |session| {
        session.open_channel(2);
        session.send(2, messages(&pattern(2_000_000), 16384));
        session.reset_channel(2);
    });
    world.run(Duration::from_secs(3));
    let key = world.opened(server)[0];
    assert!(world.channel_closed(server, key));
    assert!(world.received(server, key).len() < 1_000_000);
}

#[test]
fn ids_are_used_again_for_ever() {
    let (mut world, client, server) = pair(Config { max_channels: 4, ..Config::default() });
    for round in 0..200 {
        let key = 2 + 2 * round;
        world.at(client, |session| {
            session.open_channel(key);
            session.send(key, vec![round.to_string().into_bytes()]);
        });
        world.run(Duration::from_millis(50));
        let theirs = *world.opened(server).last().unwrap();
        assert_eq!(world.received(server, theirs), round.to_string().as_bytes());
        let (closer, key) = if round % 2 == 0 { (client, key) } else { (server, theirs) };
        world.at(closer, |session| session.reset_channel(key));
        world.run(Duration::from_millis(100));
    }
    assert_eq!(world.opened(server).len(), 200);
}

#[test]
fn both_ends_open_at_once() {
    let (mut world, client, server) = pair(Config::default());
    for key in (2..42).step_by(2) {
        for end in [client, server] {
            world.at(end, |session| {
                session.open_channel(key);
                session.send(key, vec![b"hello".to_vec()]);
            });
        }
    }
    world.run(Duration::from_secs(1));
    for end in [client, server] {
        let opened = world.opened(end);
        assert_eq!(opened.len(), 20);
        assert!(opened.iter().all(|key| key % 2 == 1 && world.received(end, *key) == b"hello"));
    }
}

#[test]
fn channels_beyond_the_limit_are_refused_at_both_ends() {
    let (mut world, client, server) = pair(Config { max_channels: 3, ..Config::default() });
    for key in [2, 4, 6] {
        world.at(client, |session| session.open_channel(key));
    }
    // Channel 0 is one of the three.
    assert!(world.channel_closed(client, 6));
    assert!(!world.channel_closed(client, 4));
    world.run(Duration::from_secs(1));
    world.at(server, |session| session.open_channel(2));
    assert!(world.channel_closed(server, 2));
}

#[test]
fn channel_zero_can_be_reset_and_reused_by_the_peer() {
    // smoldot resets it after Noise, and Chromium then uses its id again.
    let (mut world, client, server) = pair(Config::default());
    world.at(client, |session| session.reset_channel(0));
    world.run(Duration::from_millis(200));
    assert!(world.channel_closed(server, 0));
    world.at(server, |session| {
        session.open_channel(2);
        session.send(2, vec![b"still alive".to_vec()]);
    });
    world.run(Duration::from_millis(200));
    assert_eq!(world.received(client, 1), b"still alive");
}

#[test]
fn a_thousand_channels_close_at_once() {
    // dcsctp named all of them in one request, which then fitted into no packet.
    let (mut world, client, server) = pair(Config::default());
    for key in (2..2002).step_by(2) {
        world.at(client, |session| {
            session.open_channel(key);
            session.send(key, vec![b"x".to_vec()]);
        });
    }
    world.run(Duration::from_secs(5));
    assert_eq!(world.opened(server).len(), 1000);
    for key in (2..2002).step_by(2) {
        world.at(client, |session| session.close_channel(key));
    }
    world.run(Duration::from_secs(20));
    let left = world.at(server, |session| session.stats().channels);
    assert_eq!((left, world.at(client, |session| session.stats().channels)), (1, 1));
}

#[test]
fn a_flood_of_tiny_messages_is_handed_over_in_portions() {
    let (mut world, client, server) = pair(Config::default());
    world.consume = false;
    let keys: Vec<u64> = (1..=40).map(|number| 2 * number).collect();
    for key in &keys {
        world.at(client, |session| session.open_channel(*key));
    }
    // In turns, so that none can be joined with the last one of its channel.
    for _ in 0..1000 {
        world.at(client, |session| {
            for key in &keys {
                session.send(*key, vec![vec![1]]);
            }
        });
    }
    world.run(Duration::from_secs(60));
    let opened = world.opened(server);
    let received: usize = opened.iter().map(|key| world.received(server, *key).len()).sum();
    assert_eq!(received, 40_000);
}

#[test]
fn what_channels_send_in_turns_is_joined_for_each() {
    let (mut world, client, server) = pair(Config::default());
    let data = pattern(60_000);
    for key in [2, 4] {
        world.at(client, |session| session.open_channel(key));
    }
    world.run(Duration::from_secs(1));
    world.at(server, |session| session.hold(true));
    for key in [2, 4] {
        world.at(client, |session| session.send(key, messages(&data, 1000)));
    }
    world.run(Duration::from_secs(2));
    world.journal = Some(Vec::new());
    world.at(server, |session| session.hold(false));
    world.run(Duration::from_secs(1));
    let journal = world.journal.take().unwrap();
    let handed: Vec<&Vec<u8>> = journal
        .iter()
        .filter_map(|(end, event)| match event {
            Event::Data(_, data) if *end == server => Some(data),
            _ => None,
        })
        .collect();
    assert_eq!(handed, [&data, &data]);
}

#[test]
fn credit_comes_back_exactly() {
    let (mut world, client, _server) = pair(Config::default());
    let data = pattern(1_000_003);
    world.at(client, |session| {
        session.open_channel(2);
        session.send(2, messages(&data, 16000));
    });
    world.run(Duration::from_secs(3));
    let granted: usize = world
        .log
        .iter()
        .filter_map(|(end, event)| match event {
            Event::Writable(2, bytes) if *end == client => Some(*bytes),
            _ => None,
        })
        .sum();
    assert_eq!(granted, data.len());
}

#[test]
fn a_message_above_the_limit_costs_its_channel_only() {
    let sctp = SctpConfig { max_message: 20_000, ..SctpConfig::default() };
    let config = Config { sctp, ..Config::default() };
    let (mut world, client, server) = pair(config);
    world.at(client, |session| {
        session.open_channel(2);
        session.open_channel(4);
        session.send(2, vec![pattern(50_000)]);
        session.send(4, vec![pattern(20_000)]);
    });
    world.run(Duration::from_secs(1));
    let opened = world.opened(server);
    let (large, small) = (opened[0], opened[1]);
    assert!(world.channel_closed(server, large) && world.received(server, large).is_empty());
    assert_eq!(world.received(server, small).len(), 20_000);
    assert!(world.channel_closed(client, 2) && !world.channel_closed(client, 4));
}

#[test]
fn a_reader_that_is_behind_is_told_of_no_more_channels() {
    // What a peer opens and resets in a cycle stays in its receive window until it is read.
    let (mut world, client, server) = pair(Config::default());
    world.at(client, |session| session.open_channel(2));
    world.run(Duration::from_millis(100));
    world.at(server, |session| session.hold(true));
    let before = world.log.len();
    for key in (4..1004).step_by(2) {
        world.at(client, |session| {
            session.open_channel(key);
            session.send(key, vec![b"x".to_vec()]);
            session.close_channel(key);
        });
    }
    world.at(client, |session| session.reset_channel(2));
    world.run(Duration::from_secs(15));
    let told = world.log[before..].iter().filter(|(end, _)| *end == server).count();
    assert_eq!(told, 0, "events for a reader that is behind");
    assert!(world.closed(server).is_none());
    world.at(server, |session| session.hold(false));
    world.run(Duration::from_secs(15));
    let left = world.at(server, |session| session.stats().channels);
    assert_eq!((left, world.opened(server).len()), (1, 501));
}

#[test]
fn resets_that_nobody_reads_end_the_connection_beyond_their_bound() {
    let config = Config { max_waiting_resets: 100, ..Config::default() };
    let (mut world, client, server) = pair(config);
    world.at(server, |session| session.hold(true));
    for key in (2..604).step_by(2) {
        world.at(client, |session| {
            session.open_channel(key);
            session.send(key, vec![b"x".to_vec()]);
            session.close_channel(key);
        });
        world.run(Duration::from_millis(25));
    }
    let (reason, detail) = world.closed(server).unwrap();
    assert_eq!(reason, Reason::Limit);
    assert!(detail.contains("101 streams"), "{detail}");
    assert!(world.closed(client).is_some());
}
