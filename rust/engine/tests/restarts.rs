//! A listener's process is killed and started again: connections of the past end soon, newcomers do not.

#![allow(clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use support::{End, SERVER, Weather, World};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::session::Reason;
use webrtc_direct_engine::stun::{self, Class, IceRole};
use webrtc_direct_engine::ufrag::Credentials;

const MILLISECOND: Duration = Duration::from_millis(1);
const ADDRESS: &str = "203.0.113.7:7777";

/// A browser, as far as a listener sees it before it says hello or after it has forgotten it: it checks.
struct Browser {
    credentials: Credentials,
    address: SocketAddr,
}

impl Browser {
    fn new(username: &str) -> Self {
        let credentials = Credentials::from_username_untrusted(username.as_bytes()).unwrap();
        Self { credentials, address: ADDRESS.parse().unwrap() }
    }

    /// What the listener sends back, beside its checks, which are answered.
    fn send(&self, world: &mut World, datagram: &[u8]) -> Vec<Class> {
        let mut classes = Vec::new();
        world.listener.handle_datagram_untrusted(self.address, datagram, world.now);
        world.listener.flush(world.now);
        while let Some(batch) = world.listener.outbox().batch(1, usize::MAX) {
            let message = stun::parse_untrusted(batch.contents).unwrap();
            classes.push((message.class, message.transaction_id));
            world.listener.outbox().advance(1);
        }
        classes
            .into_iter()
            .filter_map(|(class, id)| {
                if class == Class::Request {
                    self.answer(world, id);
                    return None;
                }
                Some(class)
            })
            .collect()
    }

    fn check(&self, world: &mut World) -> Vec<Class> {
        let request = self.request();
        self.send(world, &request)
    }

    fn request(&self) -> Vec<u8> {
        let role = IceRole::Controlling { use_candidate: true };
        let username = self.credentials.username_to_server();
        stun::binding_request([9; 12], &username, &self.credentials.server_ufrag, role, 1)
    }

    fn answer(&self, world: &mut World, id: [u8; 12]) {
        let answer = stun::binding_success(id, SERVER.parse().unwrap(), &self.credentials.client_pwd);
        assert!(self.send(world, &answer).is_empty());
    }

    /// Check every so often for so long; when the first 403 came.
    fn checks_until_forbidden(&self, world: &mut World, pause: Duration, time: Duration) -> Option<Duration> {
        let start = world.now;
        while world.now - start <= time {
            if self.check(world) == [Class::Error(403)] {
                return Some(world.now - start);
            }
            world.run(pause);
        }
        None
    }
}

/// A record of application data in epoch 1, as anybody can write it.
fn data() -> Vec<u8> {
    let mut record = vec![23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40];
    record.resize(13 + 40, 7);
    record
}

/// A part of a ClientHello.
fn hello() -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 13, 1, 0, 0, 200];
    record.resize(13 + 13, 0);
    record
}

/// How long after a restart a dialer's connection ends.
fn lost_after(world: &mut World, client: usize) -> Duration {
    world.restart_listener();
    let start = world.now;
    world.run_until(Duration::from_secs(60), |world| world.closed(End::Client(client)).is_some());
    let (reason, detail) = world.closed(End::Client(client)).unwrap();
    assert_eq!(reason, Reason::Remote, "{detail}");
    world.now - start
}

#[test]
fn a_dialer_learns_of_a_restart_soon() {
    for (seed, active) in [(1, true), (2, true), (3, false), (4, false)] {
        let mut world = World::new(seed, Weather::FAIR);
        let (client, _) = world.connect(&World::v1(0));
        world.run(Duration::from_millis(700 * seed));
        if active {
            world.at(End::Client(client), |session| {
                session.open_channel(2);
                session.send(2, vec![b"hello".to_vec()]);
            });
        }
        let took = lost_after(&mut world, client);
        // An idle one checks each 5 s, give or take one, and once more a second later.
        let most = Duration::from_millis(if active { 2500 } else { 7500 });
        assert!(took <= most, "{active}: {took:?}");
        assert!(world.listener.counters().past > 0);
    }
}

#[test]
fn an_idle_browser_is_told_at_the_second_of_its_checks_and_an_active_one_too() {
    for (pause, active) in [(2500, false), (2500, true), (480, false), (480, true)] {
        let mut world = World::new(5, Weather::FAIR);
        let browser = Browser::new(&World::v1(0));
        let pause = Duration::from_millis(pause);
        assert_eq!(browser.check(&mut world), [Class::Success]);
        if active {
            assert!(browser.send(&mut world, &data()).is_empty());
        }
        let took = browser.checks_until_forbidden(&mut world, pause, Duration::from_secs(10)).unwrap();
        let config = &world.config;
        let least = if active { config.past_data_timeout } else { config.hello_timeout };
        assert!(took >= least && took < least + pause, "{pause:?}, {active}: {took:?}");
    }
}

#[test]
fn who_is_judged_gets_some_403_and_then_nothing() {
    let mut world = World::new(6, Weather::FAIR);
    let browser = Browser::new(&World::v1(0));
    browser.checks_until_forbidden(&mut world, MILLISECOND * 100, Duration::from_secs(3)).unwrap();
    let answers: Vec<Class> = (0..200)
        .flat_map(|_| {
            world.run(MILLISECOND * 500);
            browser.check(&mut world)
        })
        .collect();
    assert_eq!(answers, vec![Class::Error(403); world.config.tombstone_answers as usize - 1]);
    assert_eq!(world.listener.counters().past, u64::from(world.config.tombstone_answers));
    // Its browser's next connection from this port is another one.
    assert_eq!(Browser::new(&World::v1(1)).check(&mut world), [Class::Success]);
}

#[test]
fn a_hello_that_comes_late_or_in_parts_or_is_refused_is_awaited() {
    let mut world = World::with(7, Weather::FAIR, Config { max_connections: 0, ..Config::default() });
    let browser = Browser::new(&World::v1(0));
    browser.check(&mut world);
    let nearly = world.config.hello_timeout - 2 * MILLISECOND;
    assert_eq!(browser.checks_until_forbidden(&mut world, nearly, nearly), None);
    let limit = world.config.handshake_timeout;
    browser.send(&mut world, &hello());
    assert_eq!(world.listener.counters().refused, 1);
    assert!(world.listener.is_empty());
    // Of a handshake that was displaced, encrypted data may come as well.
    browser.send(&mut world, &data());
    let took = browser.checks_until_forbidden(&mut world, MILLISECOND * 100, 2 * limit).unwrap();
    assert!(took >= limit, "{took:?}");
    // Even then it may come.
    browser.send(&mut world, &hello());
    assert_eq!(browser.check(&mut world), [Class::Success]);
}

#[test]
fn a_hello_that_was_displaced_is_awaited() {
    let mut world = World::with(12, Weather::FAIR, Config { max_handshakes: 1, ..Config::default() });
    let browser = Browser::new(&World::v1(0));
    let newer = Browser { address: "203.0.114.8:8888".parse().unwrap(), ..Browser::new(&World::v1(1)) };
    let limit = world.config.handshake_timeout;
    for each in [&browser, &newer] {
        each.check(&mut world);
        each.send(&mut world, &hello());
        world.run(world.config.handshake_grace);
    }
    assert_eq!((world.listener.counters().displaced, world.listener.len()), (1, 1));
    let took = browser.checks_until_forbidden(&mut world, MILLISECOND * 100, 2 * limit).unwrap();
    assert!(took + world.config.handshake_grace >= limit, "{took:?}");
}

#[test]
fn a_client_whose_first_hellos_are_lost_gets_in() {
    let mut world = World::new(8, Weather::FAIR);
    let client = world.dial(&World::v2(0));
    let end = world.now + world.config.hello_timeout + Duration::from_millis(900);
    let start = world.now;
    let (clock, at) = (Rc::new(Cell::new(start)), world.addresses[client]);
    let now = Rc::clone(&clock);
    world.gate = Box::new(move |from, _, datagram| from != at || datagram[0] < 4 || now.get() >= end);
    let up = (0..1000).any(|_| {
        world.run(10 * MILLISECOND);
        clock.set(world.now);
        world.is_up(End::Client(client))
    });
    assert!(up && world.now >= end, "{:?}", world.log);
}

#[test]
fn forged_data_does_not_keep_a_newcomer_out() {
    let mut world = World::new(9, Weather::FAIR);
    let client = world.dial(&World::v2(0));
    let address = world.addresses[client];
    let start = world.now;
    // Its first hellos are lost, and somebody forges its address all the time.
    let (clock, first) = (Rc::new(Cell::new(start)), start + Duration::from_millis(900));
    let now = Rc::clone(&clock);
    world.gate = Box::new(move |from, _, datagram| from != address || datagram[0] < 4 || now.get() >= first);
    let up = (0..3000).any(|_| {
        world.inject(address, SERVER.parse().unwrap(), data());
        world.run(MILLISECOND);
        clock.set(world.now);
        world.is_up(End::Client(client))
    });
    assert!(up, "{:?}", world.log);
    world.run(Duration::from_secs(30));
    assert!(world.closed(End::Client(client)).is_none());
    assert_eq!(world.listener.counters().past, 0);
}

#[test]
fn who_proves_nothing_is_not_judged_and_judges_nobody() {
    let mut world = World::new(10, Weather::FAIR);
    let (client, _) = world.connect(&World::v1(0));
    let silent: Vec<Browser> = (0..100)
        .map(|number| {
            let address = format!("203.0.113.9:{}", 1000 + number).parse().unwrap();
            Browser { address, ..Browser::new(&World::v1(number + 1)) }
        })
        .collect();
    let (mut received, mut sent) = (0, 0);
    for _ in 0..50 {
        for browser in &silent {
            for datagram in [data(), browser.request()] {
                received += datagram.len();
                world.listener.handle_datagram_untrusted(browser.address, &datagram, world.now);
            }
            // The client's own address, forged: it has a connection.
            world.listener.handle_datagram_untrusted(world.addresses[client], &data(), world.now);
        }
        world.listener.flush(world.now);
        while let Some(batch) = world.listener.outbox().batch(1, usize::MAX) {
            sent += batch.contents.len();
            world.listener.outbox().advance(1);
        }
        world.run(MILLISECOND * 200);
    }
    assert!(sent <= 3 * received, "{sent} for {received}");
    assert_eq!((world.listener.counters().past, world.listener.len()), (0, 1));
    assert!(world.closed(End::Client(client)).is_none());
}

#[test]
fn a_server_that_answers_checks_and_knows_nothing_is_not_the_peer() {
    // Of another make than this one, it never says so.
    let never = Duration::from_secs(3600);
    let config = Config { hello_timeout: never, past_data_timeout: never, ..Config::default() };
    let mut world = World::with(11, Weather::FAIR, config);
    let (client, _) = world.connect(&World::v1(0));
    world.restart_listener();
    let start = world.now;
    world.run_until(Duration::from_secs(60), |world| world.closed(End::Client(client)).is_some());
    assert!(world.now - start <= Duration::from_secs(21));
    assert_eq!(world.closed(End::Client(client)).unwrap().0, Reason::Timeout);
}
