//! What a listener still does for honest clients while somebody sends it more than it can answer.

#![allow(clippy::unwrap_used)]

mod support;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use support::{End, SERVER, V2, Weather, World};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::session::{Event, Reason};
use webrtc_direct_engine::stun::{self, Class, IceRole, TransactionId};
use webrtc_direct_engine::ufrag::{Credentials, PREFIX_V2};

const MILLISECOND: Duration = Duration::from_millis(1);

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

/// A request of client *number*, authentic.
fn request(number: usize, use_candidate: bool) -> Vec<u8> {
    let credentials = Credentials::from_username_untrusted(World::v2(number).as_bytes()).unwrap();
    let username = credentials.username_to_server();
    let role = IceRole::Controlling { use_candidate };
    stun::binding_request([9; 12], &username, &credentials.server_ufrag, role, 1)
}

/// A ClientHello without extensions, which is enough for a handshake to begin.
fn client_hello() -> Vec<u8> {
    // DTLS 1.2, random, no session id, no cookie, ECDHE-ECDSA with AES-128-GCM, no compression.
    let mut body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]].concat();
    let extensions: [&[u8]; 5] = [
        &[0, 10, 0, 4, 0, 2, 0, 23], // groups: P-256
        &[0, 11, 0, 2, 1, 0],        // uncompressed points
        &[0, 13, 0, 4, 0, 2, 4, 3],  // ECDSA with SHA-256
        &[0, 23, 0, 0],              // extended master secret
        &[0xff, 1, 0, 1, 0],         // renegotiation info
    ];
    let extensions = extensions.concat();
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let length = (body.len() as u32).to_be_bytes();
    let handshake = [&[1][..], &length[1..], &[0; 5], &length[1..], &body].concat();
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend_from_slice(&(handshake.len() as u16).to_be_bytes());
    record.extend_from_slice(&handshake);
    record
}

/// A client in a network of its own.
fn dial_from_elsewhere(world: &mut World) {
    let client = world.dial(&World::v2(world.clients.len()));
    world.addresses[client] = format!("198.51.{client}.1:5000").parse().unwrap();
}

fn up(world: &World) -> usize {
    (0..world.clients.len()).filter(|client| world.is_up(End::Client(*client))).count()
}

/// Somebody who owns addresses of some networks, answers every check, says hello and falls silent.
struct Owner {
    networks: usize,
    next: usize,
    checks: Rc<RefCell<Vec<(SocketAddr, TransactionId)>>>,
}

impl Owner {
    fn new(world: &mut World, networks: usize) -> Self {
        let checks = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&checks);
        world.gate = Box::new(move |_, to, datagram| {
            let is_his = to.to_string().starts_with("10.");
            if is_his
                && let Ok(message) = stun::parse_untrusted(datagram)
                && message.class == Class::Request
            {
                seen.borrow_mut().push((to, message.transaction_id));
            }
            !is_his
        });
        Self { networks, next: 0, checks }
    }

    /// Begin with *count* more addresses, and answer what has come to the others.
    fn act(&mut self, world: &mut World, count: usize) {
        let pwd =
            |port: u16| format!("{}{}", V2.strip_prefix(PREFIX_V2).unwrap(), 10_000 + usize::from(port));
        for (source, id) in self.checks.take() {
            world.inject(source, server(), stun::binding_success(id, server(), &pwd(source.port())));
            world.inject(source, server(), client_hello());
        }
        for _ in 0..count {
            let (network, port) = (self.next % self.networks, 1000 + self.next);
            let source = format!("10.{}.{}.1:{port}", network / 250, network % 250).parse().unwrap();
            world.inject(source, server(), request(10_000 + port, false));
            self.next += 1;
        }
    }
}

#[test]
fn of_strangers_that_are_too_many_some_are_answered_and_dials_get_through() {
    // Whoever is honest comes between two portions of the flood, which leave little for him.
    let weather = Weather { delay: Duration::from_micros(10_500), ..Weather::FAIR };
    let mut world = World::with(21, weather, Config::default());
    let mut sent = 0;
    for time in 0..1200 {
        if time % 40 == 0 && (100..500).contains(&time) {
            dial_from_elsewhere(&mut world);
        }
        // What can be taken is gone before they come, but for each fourth portion.
        world.listener.set_strangers(Some(5));
        for _ in 0..if time % 4 == 0 { 4 } else { 20 } {
            let source = format!("10.{}.{}.1:4000", sent / 250 % 250, sent % 250).parse().unwrap();
            world.inject(source, server(), request(1000 + sent, false));
            sent += 1;
        }
        world.run(MILLISECOND);
    }
    let strangers = || world.traffic.iter().filter(|(address, _)| address.to_string().starts_with("10."));
    assert!(strangers().count() > 15_000);
    let throttled = world.listener.counters().throttled;
    let taken = sent as u64 - throttled;
    assert!((1..=1200 * 5).contains(&taken), "{taken} of {sent}");
    // No more than a check, which is shorter than what asked for it.
    assert!(strangers().all(|(_, (received, sent))| sent <= received));
    assert_eq!((world.clients.len(), up(&world)), (10, 10), "{:?}", world.listener.counters());
}

#[test]
fn who_has_a_connection_is_answered_in_a_flood_from_his_own_network() {
    let mut world = World::new(22, Weather::FAIR);
    let (client, _) = world.connect(&World::v2(0));
    let peer = world.addresses[client];
    world.listener.set_strangers(Some(200));
    let mut answers = |source: SocketAddr, number: usize| {
        world.listener.handle_datagram_untrusted(source, &request(number, true), world.now);
        let mut answered = false;
        while world.listener.outbox().batch(1, usize::MAX).is_some() {
            world.listener.outbox().advance(1);
            answered = true;
        }
        answered
    };
    let neighbour = SocketAddr::new(peer.ip(), peer.port() + 1);
    let count = (0..5000).filter(|_| answers(neighbour, 7)).count();
    assert_eq!(count, 200);
    // It has a rate of its own; that is bounded too.
    let count = (0..1000).filter(|_| answers(peer, 0)).count();
    assert!((64..=128).contains(&count), "{count}");
}

#[test]
fn of_a_run_of_stun_only_a_few_messages_are_looked_at() {
    let mut world = World::new(23, Weather::FAIR);
    let source: SocketAddr = "203.0.113.7:7777".parse().unwrap();
    let one = request(0, true);
    let run = one.repeat(32);
    world.listener.handle_run_untrusted(source, &run, one.len(), world.now);
    let mut answered = 0;
    while let Some(batch) = world.listener.outbox().batch(1, usize::MAX) {
        answered += usize::from(stun::parse_untrusted(batch.contents).unwrap().class == Class::Success);
        world.listener.outbox().advance(1);
    }
    assert_eq!((answered, world.listener.counters().throttled), (4, 28));
    // Data of a connection comes in long runs.
    world.listener.handle_run_untrusted(source, &[22; 32 * 20], 20, world.now);
    assert_eq!(world.listener.counters().unknown_source, 32);
    assert_eq!(world.listener.counters().throttled, 28);
}

#[test]
fn an_old_handshake_gives_way_and_a_young_one_does_not() {
    let config = Config { max_handshakes: 2, ..Config::default() };
    let mut world = World::with(24, Weather::FAIR, config);
    let mut owner = Owner::new(&mut world, 2);
    for count in [2, 0, 0] {
        owner.act(&mut world, count);
        world.run(5 * MILLISECOND);
    }
    assert_eq!(world.listener.handshakes(), 2);
    let client = world.dial(&World::v2(0));
    world.run(Duration::from_millis(900));
    assert!(!world.is_up(End::Client(client)) && world.listener.counters().displaced == 0);
    // Its hello is repeated meanwhile.
    world.run(Duration::from_secs(5));
    assert!(world.is_up(End::Client(client)), "{:?}", world.listener.counters());
    assert_eq!(world.listener.counters().displaced, 1);
    assert_eq!((world.listener.handshakes(), world.listener.len()), (1, 2));
}

#[test]
fn who_is_up_and_not_authenticated_gives_way_and_is_told() {
    let config = Config { max_handshakes: 2, ..Config::default() };
    let mut world = World::with(27, Weather::FAIR, config);
    world.authenticates = false;
    for _ in 0..2 {
        dial_from_elsewhere(&mut world);
    }
    world.run(Duration::from_millis(1200));
    assert_eq!((up(&world), world.listener.handshakes()), (2, 2));
    dial_from_elsewhere(&mut world);
    world.run(Duration::from_millis(800));
    let ended: Vec<_> = world.log.iter().filter(|(_, event)| matches!(event, Event::Closed(..))).collect();
    let [
        (End::Server(_), Event::Closed(Reason::Limit, words)),
        (End::Client(0), Event::Closed(Reason::Remote, _)),
    ] = &ended[..]
    else {
        panic!("{ended:?}");
    };
    assert!(words.contains("not authenticated in time"), "{words}");
    assert!(world.is_up(End::Client(1)) && world.is_up(End::Client(2)));
    assert_eq!(
        (world.listener.handshakes(), world.listener.len(), world.listener.counters().displaced),
        (2, 2, 1)
    );
}

#[test]
fn who_fills_the_handshakes_from_some_networks_does_not_keep_others_out() {
    let config = Config { max_handshakes: 26, connections_per_second: 20.0, ..Config::default() };
    let mut world = World::with(25, Weather::FAIR, config);
    let mut owner = Owner::new(&mut world, 4);
    for time in 0..5000 {
        owner.act(&mut world, usize::from(time % 5 == 0));
        if time >= 300 && time % 300 == 0 && time < 4000 {
            dial_from_elsewhere(&mut world);
        }
        world.run(MILLISECOND);
        if time == 1000 {
            // None of his is old yet, but he has many.
            assert_eq!((world.clients.len(), up(&world)), (3, 3), "{:?}", world.listener.counters());
        }
    }
    let counters = world.listener.counters();
    assert!(counters.displaced > 20 && counters.refused > 300, "{counters:?}");
    assert_eq!((world.clients.len(), up(&world)), (13, 13), "{counters:?}");
}

#[test]
fn who_leaves_handshakes_unfinished_in_hundreds_of_networks_comes_after_who_does_not() {
    let config = Config { max_handshakes: 26, connections_per_second: 20.0, ..Config::default() };
    let mut world = World::with(26, Weather::FAIR, config);
    let mut owner = Owner::new(&mut world, 200);
    for time in 0..16_000 {
        // 200 a second: each network has its turn once a second, and all have been admitted once after ten.
        owner.act(&mut world, usize::from(time % 5 == 0));
        if time >= 12_000 && time % 300 == 0 && time < 15_000 {
            dial_from_elsewhere(&mut world);
        }
        world.run(MILLISECOND);
    }
    let counters = world.listener.counters();
    assert!(counters.refused > 1500, "{counters:?}");
    assert_eq!((world.clients.len(), up(&world)), (10, 10), "{counters:?}");
}
