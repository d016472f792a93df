//! Two ends connect, over good and bad networks, and what they exchange arrives.

#![allow(clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use support::{End, SERVER, Weather, World, messages, pattern};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::session::{Event, Reason};
use webrtc_direct_engine::ufrag::Version;

#[test]
fn both_versions_connect() {
    for (username, version) in [(World::v1(0), Version::V1), (World::v2(0), Version::V2)] {
        let mut world = World::new(1, Weather::FAIR);
        let (client, server) = world.connect(&username);
        for end in [End::Client(client), End::Server(server)] {
            let established = world.log.iter().find_map(|(at, event)| match event {
                Event::Connected(established) if *at == end => Some(*established),
                _ => None,
            });
            let established = established.unwrap();
            assert_eq!(established.version, version);
            assert_eq!(established.fingerprint, support::identity().1);
            assert!(established.times.dtls.is_some() && established.times.sctp.is_some());
        }
        // STUN 1, DTLS 2, SCTP 2 round trips, of which the client sees the last one's end.
        let took = world.now - world.start;
        assert!(took <= Duration::from_millis(5 * 20 + 1), "{took:?}");
    }
}

#[test]
fn data_flows_both_ways_on_many_channels() {
    let mut world = World::new(2, Weather::FAIR);
    let (client, server) = world.connect(&World::v2(0));
    let data = pattern(300_000);
    for key in [2, 4, 6] {
        world.at(End::Client(client), |session| {
            session.open_channel(key);
            session.send(key, messages(&data, 16384));
        });
    }
    world.run(Duration::from_secs(5));
    let opened = world.opened(End::Server(server));
    assert_eq!(opened.len(), 3);
    for key in &opened {
        assert!(world.received(End::Server(server), *key) == data);
        world.at(End::Server(server), |session| session.send(*key, messages(&data, 1000)));
    }
    world.run(Duration::from_secs(5));
    for key in [2, 4, 6] {
        assert!(world.received(End::Client(client), key) == data);
    }
}

#[test]
fn the_handshake_channel_needs_no_opening() {
    let mut world = World::new(3, Weather::FAIR);
    let (client, server) = world.connect(&World::v1(0));
    world.at(End::Server(server), |session| session.send(0, vec![b"noise 1".to_vec()]));
    world.run(Duration::from_millis(100));
    assert_eq!(world.received(End::Client(client), 0), b"noise 1");
    world.at(End::Client(client), |session| session.send(0, vec![b"noise 2".to_vec()]));
    world.run(Duration::from_millis(100));
    assert_eq!(world.received(End::Server(server), 0), b"noise 2");
    assert!(world.opened(End::Server(server)).is_empty());
}

#[test]
fn loss_reordering_duplication_and_corruption_are_survived() {
    for seed in 0..20 {
        let mut world = World::new(seed, Weather::FOUL);
        let username = if seed % 2 == 0 { World::v1(0) } else { World::v2(0) };
        let (client, server) = world.connect(&username);
        let data = pattern(200_000);
        world.at(End::Client(client), |session| {
            session.open_channel(2);
            session.send(2, messages(&data, 16384));
        });
        let end = End::Server(server);
        let done = world.run_until(Duration::from_secs(120), |world| {
            world.opened(end).first().is_some_and(|key| world.received(end, *key).len() == data.len())
        });
        assert!(done, "seed {seed}: {:?}", world.log);
        let key = world.opened(end)[0];
        assert!(world.received(end, key) == data, "seed {seed}");
        world.at(end, |session| session.send(key, messages(&data, 4000)));
        let done = world.run_until(Duration::from_secs(120), |world| {
            world.received(End::Client(client), 2).len() == data.len()
        });
        assert!(done && world.received(End::Client(client), 2) == data, "seed {seed}");
    }
}

#[test]
fn what_is_lost_is_repeated_without_waiting_for_a_timer() {
    // Acknowledgements that arrive together are joined, but not those that report a gap: the sender needs
    // three of them. Joined, this took ten times as long.
    let weather = Weather { loss: 5, ..Weather::FAIR };
    let mut world = World::new(30, weather);
    let (client, server) = world.connect(&World::v2(0));
    let data = pattern(2_000_000);
    world.at(End::Client(client), |session| {
        session.open_channel(2);
        session.send(2, messages(&data, 16384));
    });
    let end = End::Server(server);
    let start = world.now;
    let done = world.run_until(Duration::from_secs(300), |world| {
        world.opened(end).first().is_some_and(|key| world.received(end, *key).len() == data.len())
    });
    let took = world.now - start;
    assert!(done && took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_hundred_clients_share_a_port() {
    let config = Config { max_unvalidated_handshakes: 1000, ..Config::default() };
    let mut world = World::with(4, Weather::FAIR, config);
    for number in 0..100 {
        world.dial(&World::v2(number));
    }
    let all = |world: &World| (0..100).all(|number| world.is_up(End::Client(number)));
    assert!(world.run_until(Duration::from_secs(5), all));
    assert_eq!(world.listener.len(), 100);
    for number in 0..100 {
        world.at(End::Client(number), |session| session.send(0, vec![number.to_string().into_bytes()]));
    }
    world.run(Duration::from_secs(1));
    let mut said: Vec<Vec<u8>> = world.received.values().cloned().collect();
    said.sort();
    let mut expected: Vec<Vec<u8>> = (0..100).map(|number| number.to_string().into_bytes()).collect();
    expected.sort();
    assert_eq!(said, expected);
}

#[test]
fn nobody_there_ends_at_the_deadline() {
    let mut world = World::new(5, Weather::FAIR);
    world.gate = Box::new(|_, _, _| false);
    let client = world.dial(&World::v1(0));
    let start = world.now;
    assert!(
        world.run_until(Duration::from_secs(60), |world| { world.closed(End::Client(client)).is_some() })
    );
    assert_eq!(world.now - start, Duration::from_secs(10));
    let (reason, detail) = world.closed(End::Client(client)).unwrap();
    assert_eq!(reason, Reason::Timeout);
    assert!(detail.contains("ICE"), "{detail}");
}

#[test]
fn another_certificate_is_refused_by_the_client() {
    let mut world = World::new(6, Weather::FAIR);
    let client = world.dial_expecting(&World::v1(0), [7; 32]);
    world.run(Duration::from_secs(1));
    let (reason, _) = world.closed(End::Client(client)).unwrap();
    assert_eq!(reason, Reason::Fingerprint(support::identity().1));
    // The listener never announces it, and forgets it.
    world.run(Duration::from_secs(15));
    assert!(world.listener.is_empty());
    assert!(world.log.iter().all(|(end, _)| matches!(end, End::Client(_))));
}

#[test]
fn a_silent_peer_is_noticed_by_both() {
    let mut world = World::new(7, Weather::FAIR);
    let (client, server) = world.connect(&World::v2(0));
    world.run(Duration::from_secs(60));
    assert!(world.closed(End::Client(client)).is_none(), "idle connections stay");
    world.gate = Box::new(|_, _, _| false);
    let start = world.now;
    let both = |world: &World| {
        world.closed(End::Client(client)).is_some() && world.closed(End::Server(server)).is_some()
    };
    assert!(world.run_until(Duration::from_secs(60), both));
    assert!(world.now - start <= Duration::from_secs(21));
    assert_eq!(world.closed(End::Client(client)).unwrap().0, Reason::Timeout);
    assert_eq!(world.closed(End::Server(server)).unwrap().0, Reason::Timeout);
}

#[test]
fn a_peer_behind_a_bad_network_is_not_a_silent_one() {
    for seed in 0..20 {
        let mut world = World::new(seed, Weather::FAIR);
        let (client, server) = world.connect(&World::v2(0));
        world.weather.loss = 30;
        world.run(Duration::from_secs(600));
        assert_eq!(world.closed(End::Client(client)), None, "seed {seed}");
        assert_eq!(world.closed(End::Server(server)), None, "seed {seed}");
    }
}

#[test]
fn closing_delivers_what_was_sent_and_tells_the_peer() {
    let mut world = World::new(8, Weather::FAIR);
    let (client, server) = world.connect(&World::v2(0));
    let data = pattern(500_000);
    world.at(End::Client(client), |session| {
        session.open_channel(2);
        session.send(2, messages(&data, 16384));
    });
    let now = world.now;
    world.at(End::Client(client), |session| session.close(now));
    world.run(Duration::from_secs(4));
    let key = world.opened(End::Server(server))[0];
    assert!(world.received(End::Server(server), key) == data);
    assert_eq!(world.closed(End::Client(client)).unwrap().0, Reason::Local);
    assert_eq!(world.closed(End::Server(server)).unwrap().0, Reason::Remote);
    assert!(world.listener.is_empty());
}

#[test]
fn aborting_tells_the_peer_at_once() {
    let mut world = World::new(9, Weather::FAIR);
    let (client, server) = world.connect(&World::v1(0));
    world.at(End::Server(server), |session| session.abort());
    world.run(Duration::from_millis(15));
    assert_eq!(world.closed(End::Client(client)).unwrap().0, Reason::Remote);
}

#[test]
fn a_client_that_missed_the_goodbye_learns_it_from_its_next_check() {
    let mut world = World::new(10, Weather::FAIR);
    let (client, server) = world.connect(&World::v1(0));
    let address: std::net::SocketAddr = SERVER.parse().unwrap();
    world.gate = Box::new(move |from, _, datagram| from != address || datagram[0] < 4);
    world.at(End::Server(server), |session| session.abort());
    let start = world.now;
    assert!(
        world.run_until(Duration::from_secs(30), |world| { world.closed(End::Client(client)).is_some() })
    );
    assert!(world.now - start <= Duration::from_secs(7));
    let (reason, detail) = world.closed(End::Client(client)).unwrap();
    assert_eq!(reason, Reason::Remote);
    assert!(detail.contains("403"), "{detail}");
}

#[test]
fn a_client_that_changes_its_port_goes_on_within_two_seconds() {
    for upload in [true, false] {
        let mut world = World::new(11, Weather::FAIR);
        let (client, server) = world.connect(&World::v2(0));
        let (sender, reader) = match upload {
            true => (End::Client(client), End::Server(server)),
            false => (End::Server(server), End::Client(client)),
        };
        let data = pattern(20_000_000);
        world.at(sender, |session| {
            session.open_channel(2);
            session.send(2, messages(&data, 16384));
        });
        world.run(Duration::from_millis(200));
        let key = world.opened(reader)[0];
        assert!(world.received(reader, key).len() < data.len());
        world.addresses[client].set_port(9999);
        // What is under way still comes.
        world.run(Duration::from_millis(30));
        let before = world.received(reader, key).len();
        let start = world.now;
        assert!(world.run_until(Duration::from_secs(10), |world| world.received(reader, key).len() > before));
        assert!(world.now - start < Duration::from_secs(2), "upload {upload}: {:?}", world.now - start);
        world.run_until(Duration::from_secs(30), |world| world.received(reader, key).len() == data.len());
        assert!(world.received(reader, key) == data);
    }
}

/// A world whose client's checks are counted; nothing passes from the client while the cell says so.
fn counting(seed: u64) -> (World, Rc<Cell<u32>>, Rc<Cell<bool>>) {
    let mut world = World::new(seed, Weather::FAIR);
    let (checks, dark) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (counted, closed) = (Rc::clone(&checks), Rc::clone(&dark));
    let server: SocketAddr = SERVER.parse().unwrap();
    world.gate = Box::new(move |_, to, datagram| {
        let is_request = to == server && datagram[..2] == [0, 1];
        counted.set(counted.get() + u32::from(is_request));
        !closed.get()
    });
    (world, checks, dark)
}

#[test]
fn a_path_without_a_sound_is_checked_more_rarely_after_a_while() {
    let (mut world, checks, dark) = counting(12);
    let (client, _) = world.connect(&World::v2(0));
    world.at(End::Client(client), |session| {
        session.open_channel(2);
        session.send(2, messages(&pattern(10_000_000), 16384));
    });
    world.run(Duration::from_millis(200));
    dark.set(true);
    let before = checks.get();
    world.run(Duration::from_secs(15));
    // After 0.5, 1.5 and 3.5 s, and then each 2 s, which leaves none for consent.
    let count = checks.get() - before;
    assert!((7..=9).contains(&count), "{count}");
}

#[test]
fn an_idle_client_checks_for_consent_only() {
    let (mut world, checks, _) = counting(13);
    let (client, server) = world.connect(&World::v2(0));
    world.at(End::Client(client), |session| {
        session.open_channel(2);
        session.send(2, vec![b"hello".to_vec()]);
    });
    world.run(Duration::from_secs(3));
    let before = checks.get();
    world.run(Duration::from_secs(60));
    let count = checks.get() - before;
    assert!((10..=15).contains(&count), "{count}");
    assert!(world.closed(End::Server(server)).is_none());
}

#[test]
fn a_reader_behind_a_new_port_is_asked_there() {
    // A peer that checks now and then, as pion does, and has nothing to send while nothing arrives.
    let mut world = World::new(14, Weather::FAIR);
    let (client, server) = world.connect(&World::v2(0));
    let old = world.addresses[client];
    let server_address: SocketAddr = SERVER.parse().unwrap();
    let data = pattern(5_000_000);
    world.at(End::Server(server), |session| {
        session.open_channel(2);
        session.send(2, messages(&data, 16384));
    });
    world.run(Duration::from_millis(150));
    let key = world.opened(End::Client(client))[0];
    world.addresses[client].set_port(9999);
    // Its DTLS stays silent until the server's comes to the new port.
    let (heard, hears) = (Rc::new(Cell::new(false)), world.addresses[client]);
    world.gate = Box::new(move |from, to, datagram| {
        let is_stun = datagram[0] < 4;
        if from == server_address && to == hears && !is_stun {
            heard.set(true);
        }
        to != old && (from == server_address || is_stun || heard.get())
    });
    let done = |world: &World| world.received(End::Client(client), key).len() == data.len();
    assert!(world.run_until(Duration::from_secs(10), done));
    assert!(world.received(End::Client(client), key) == data);
}

#[test]
fn an_abort_that_comes_together_with_the_end_of_dtls_is_the_reason() {
    let mut world = World::new(40, Weather::FAIR);
    let (client, session) = world.connect(&World::v1(0));
    world.at(End::Server(session), |session| session.abort());
    world.run(Duration::from_secs(1));
    let reason = (Reason::Remote, "SCTP ABORT: user-initiated abort: closed");
    assert_eq!(world.closed(End::Client(client)), Some(reason));
}
