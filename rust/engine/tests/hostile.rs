//! What a listener does with requests, hellos and noise of people who want it no good.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::{Chance, End, SERVER, V1, V2, Weather, World};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::listener::Refusal;
use webrtc_direct_engine::session::{Event, Reason};
use webrtc_direct_engine::stun::{self, Class, IceRole};

const STRANGER: &str = "203.0.113.7:7777";

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

fn stranger() -> SocketAddr {
    STRANGER.parse().unwrap()
}

fn request(server_ufrag: &str, client_ufrag: &str, use_candidate: bool) -> Vec<u8> {
    let username = format!("{server_ufrag}:{client_ufrag}");
    let role = IceRole::Controlling { use_candidate };
    stun::binding_request([9; 12], &username, server_ufrag, role, 1)
}

/// What the listener sends to the stranger in answer to *datagrams*.
fn answers(world: &mut World, datagrams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    for datagram in datagrams {
        world.listener.handle_datagram_untrusted(stranger(), &datagram, world.now);
        world.listener.flush(world.now);
        while let Some(batch) = world.listener.outbox().batch(1, usize::MAX) {
            assert_eq!(batch.destination, stranger());
            answers.push(batch.contents.to_vec());
            world.listener.outbox().advance(1);
        }
    }
    answers
}

#[test]
fn an_authentic_request_gets_an_answer_and_a_check_but_no_connection() {
    // Who nominates says hello at once, so it is asked first.
    for (nominates, order) in [(false, [0, 1]), (true, [1, 0])] {
        for (theirs, ours) in [(V1, V1), (V2, "abcd")] {
            let mut world = World::new(1, Weather::FAIR);
            let sent = answers(&mut world, vec![request(theirs, ours, nominates)]);
            let [answer, check] = order.map(|at| stun::parse_untrusted(&sent[at]).unwrap());
            assert_eq!((sent.len(), answer.class, check.class), (2, Class::Success, Class::Request));
            assert!(answer.is_authentic(theirs.as_bytes()));
            assert_eq!(check.username, Some(format!("{ours}:{theirs}").as_bytes()));
            assert_eq!(check.role, Some(IceRole::Controlled));
            assert!(world.listener.is_empty() && world.listener.timeout().is_none());
        }
    }
}

#[test]
fn what_is_not_authentic_gets_nothing() {
    let mut world = World::new(2, Weather::FAIR);
    let mut forged = request(V2, "abcd", false);
    let at = forged.len() - 20;
    forged[at] ^= 1;
    let unknown = "libp2p+webrtc+v3/abcdefghijklmnopqrstuvwxyz";
    let datagrams = vec![
        forged,
        request(unknown, "abcd", false),
        request(V1, "abcd", false),
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1, 0, 0],
        vec![200; 300],
        Vec::new(),
        vec![0],
    ];
    assert!(answers(&mut world, datagrams).is_empty());
    let counters = world.listener.counters();
    assert_eq!((counters.bad_username, counters.unknown_source), (2, 1));
    assert!(world.listener.is_empty());
}

#[test]
fn random_datagrams_are_survived() {
    let mut world = World::new(3, Weather::FAIR);
    let (client, session) = world.connect(&World::v2(0));
    let peer = world.addresses[client];
    let mut chance = Chance(77);
    let valid = request(V2, "abcd", false);
    for round in 0..20_000 {
        let mut datagram: Vec<u8> = if round % 2 == 0 {
            (0..chance.number() % 200).map(|_| chance.number() as u8).collect()
        } else {
            valid.clone()
        };
        if let Some(first) = datagram.first_mut()
            && round % 4 == 0
        {
            *first = [0, 1, 20, 21, 22, 23][(chance.number() % 6) as usize];
        }
        let at = chance.number() as usize % datagram.len().max(1);
        if let Some(byte) = datagram.get_mut(at) {
            *byte = chance.number() as u8;
        }
        let source = if round % 3 == 0 { peer } else { stranger() };
        world.inject(source, server(), datagram.clone());
        world.inject(server(), peer, datagram);
    }
    world.run(Duration::from_secs(1));
    assert!(world.closed(End::Client(client)).is_none() && world.closed(End::Server(session)).is_none());
    world.at(End::Client(client), |session| session.send(0, vec![b"alive".to_vec()]));
    world.run(Duration::from_secs(1));
    assert_eq!(world.received(End::Server(session), 0), b"alive");
}

#[test]
fn a_plaintext_alert_in_the_handshake_does_no_harm() {
    let mut world = World::new(4, Weather::FAIR);
    let client = world.dial(&World::v2(0));
    let peer = world.addresses[client];
    // fatal, handshake_failure
    let alert = vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
    for _ in 0..30 {
        world.run(Duration::from_millis(3));
        world.inject(server(), peer, alert.clone());
        world.inject(peer, server(), alert.clone());
    }
    world.run(Duration::from_secs(2));
    assert!(world.is_up(End::Client(client)), "{:?}", world.log);
}

#[test]
fn an_address_that_proves_nothing_gets_at_most_three_times_what_it_sent() {
    // The client's answers to checks and its later flights never arrive.
    for nominate in [true, false] {
        let mut world = World::new(5, Weather::FAIR);
        let client = world.dial(&World::v1(0));
        let peer = world.addresses[client];
        world.gate = Box::new(move |from, _, datagram| {
            let hello = datagram[0] == 22 && datagram[13] == 1;
            from != peer || hello || datagram[0] == 0
        });
        if !nominate {
            world.inject(peer, server(), request(V1, V1, false));
        }
        world.run(Duration::from_secs(30));
        let (received, sent) = world.traffic[&peer];
        assert!(received > 0 && sent <= 3 * received, "{sent} for {received}");
        assert!(world.listener.is_empty());
    }
}

#[test]
fn under_pressure_validation_comes_first_and_honest_clients_still_connect() {
    let config = Config { max_unvalidated_handshakes: 4, ..Config::default() };
    let mut world = World::with(6, Weather::FAIR, config);
    // Somebody sends authentic requests and hellos from addresses that are not his.
    let hello = first_hello();
    for number in 0..200 {
        let source: SocketAddr = format!("203.0.113.9:{}", 1000 + number).parse().unwrap();
        let client = format!("abcd{number}");
        world.inject(source, server(), request(V2, &client, true));
        world.inject(source, server(), hello.clone());
    }
    world.run(Duration::from_millis(20));
    assert!(world.listener.len() <= 5, "{}", world.listener.len());
    for number in 0..20 {
        world.dial(&World::v2(number));
    }
    world.run(Duration::from_secs(2));
    assert!((0..20).all(|number| world.is_up(End::Client(number))));
    world.run(Duration::from_secs(10));
    assert_eq!(world.listener.len(), 20);
}

#[test]
fn handshakes_and_connections_are_limited() {
    let unused_grace = Duration::from_secs(60);
    let config = Config { max_connections: 3, max_handshakes: 2, unused_grace, ..Config::default() };
    let mut world = World::with(7, Weather::FAIR, config);
    for number in 0..6 {
        world.dial(&World::v2(number));
    }
    world.run(Duration::from_secs(20));
    assert_eq!(world.listener.len(), 3);
    assert!(world.listener.counters().refused > 0);
    let up = (0..6).filter(|number| world.is_up(End::Client(*number))).count();
    assert_eq!(up, 3);
}

#[test]
fn connections_without_streams_make_room_for_new_ones_and_those_with_streams_do_not() {
    let config = Config { max_connections: 3, ..Config::default() };
    let mut world = World::with(15, Weather::FAIR, config);
    let dial = |world: &mut World, network: usize| {
        let client = world.dial(&World::v2(world.clients.len()));
        world.addresses[client] = format!("198.51.{network}.{}:5000", client + 1).parse().unwrap();
        world.run(Duration::from_millis(500));
        client
    };
    // One with a stream, one that had one, and one that never had.
    let clients = [1, 2, 3].map(|network| dial(&mut world, network));
    for client in [clients[0], clients[1]] {
        world.at(End::Client(client), |session| session.open_channel(2));
        world.run(Duration::from_millis(500));
    }
    world.at(End::Client(clients[1]), |session| session.close_channel(2));
    world.run(Duration::from_secs(3));
    let up = |world: &World| {
        let is_up = |it: &usize| world.is_up(End::Client(*it)) && !world.clients[*it].is_closed();
        (0..world.clients.len()).filter(is_up).collect::<Vec<_>>()
    };
    let fourth = dial(&mut world, 4);
    assert_eq!(up(&world), [clients[0], clients[1], fourth]);
    let (reason, words) = world.closed(End::Client(clients[2])).unwrap();
    assert_eq!(reason, Reason::Remote, "{words}");
    // Of a network that would have more than the other has, none makes room.
    let greedy = dial(&mut world, 1);
    world.run(Duration::from_secs(3));
    assert!(!up(&world).contains(&greedy));
    world.at(End::Client(greedy), |session| session.abort());
    // The one that had a stream, after a minute, once there is none that never had.
    world.at(End::Client(fourth), |session| session.open_channel(2));
    world.run(Duration::from_secs(60));
    let fifth = dial(&mut world, 5);
    assert_eq!(up(&world), [clients[0], fourth, fifth]);
    assert_eq!((world.listener.len(), world.listener.counters().displaced), (3, 2));
}

#[test]
fn idle_connections_of_ever_so_many_networks_do_not_keep_out_a_network_that_has_one() {
    let mut world = World::with(16, Weather::FAIR, Config { max_connections: 4, ..Config::default() });
    let dial = |world: &mut World, network: usize| {
        let client = world.dial(&World::v2(world.clients.len()));
        world.addresses[client] = format!("198.51.{network}.{}:5000", client + 1).parse().unwrap();
        world.run(Duration::from_millis(1500));
        client
    };
    let is_in =
        |world: &World, client: usize| world.is_up(End::Client(client)) && !world.clients[client].is_closed();
    let kept = dial(&mut world, 1);
    world.at(End::Client(kept), |session| session.open_channel(2));
    let idle = [2, 3, 4].map(|network| dial(&mut world, network));
    // They may yet open a stream.
    let early = dial(&mut world, 1);
    assert!(!is_in(&world, early));
    world.at(End::Client(early), |session| session.abort());
    world.run(Duration::from_secs(10));
    let newcomer = dial(&mut world, 1);
    assert!(is_in(&world, kept) && is_in(&world, newcomer));
    assert_eq!(idle.map(|client| is_in(&world, client)), [false, true, true]);
    // One that ever had a stream is protected by the count of its network for as long as it is idle.
    for client in [newcomer, idle[1], idle[2]] {
        world.at(End::Client(client), |session| session.open_channel(2));
    }
    world.run(Duration::from_secs(1));
    for client in [idle[1], idle[2]] {
        world.at(End::Client(client), |session| session.close_channel(2));
    }
    world.run(Duration::from_secs(70));
    let late = dial(&mut world, 1);
    assert!(!is_in(&world, late));
}

#[test]
fn an_address_and_a_second_have_their_limits_too() {
    let quota = Config { max_connections_per_address: 1, ..Config::default() };
    let mut world = World::with(12, Weather::FAIR, quota);
    let first = world.dial(&World::v2(0));
    let second = world.dial(&World::v2(1));
    let address = world.addresses[first];
    world.addresses[second] = SocketAddr::new(address.ip(), address.port() + 1);
    world.run(Duration::from_secs(12));
    assert!(world.is_up(End::Client(first)) && !world.is_up(End::Client(second)));
    let refusals = world.listener.take_refusals();
    assert_eq!(refusals.keys().collect::<Vec<_>>(), [&Refusal::Address]);
    assert_eq!(refusals[&Refusal::Address], world.listener.counters().refused);
    assert!(world.listener.take_refusals().is_empty());
    // The place is free again when its holder has gone.
    world.at(End::Client(first), |session| session.abort());
    let third = world.dial(&World::v2(2));
    world.addresses[third] = SocketAddr::new(address.ip(), address.port() + 2);
    world.run(Duration::from_secs(3));
    assert!(world.is_up(End::Client(third)));

    let slow = Config { connections_per_second: 2.0, ..Config::default() };
    let mut world = World::with(13, Weather::FAIR, slow);
    for number in 0..10 {
        world.dial(&World::v2(number));
    }
    world.run(Duration::from_millis(120));
    let up = (0..10).filter(|number| world.is_up(End::Client(*number))).count();
    assert_eq!(up, 4, "a burst");
    // Who was refused repeats its hello, and gets in as time allows.
    world.run(Duration::from_secs(9));
    let up = (0..10).filter(|number| world.is_up(End::Client(*number))).count();
    assert!(up >= 8, "{up}");
}

#[test]
fn a_certificate_beyond_the_limit_is_refused() {
    let mut world = World::with(14, Weather::FAIR, Config { max_certificate: 100, ..Config::default() });
    let client = world.dial(&World::v2(0));
    world.run(Duration::from_secs(1));
    assert_eq!(world.closed(End::Client(client)).unwrap().0, Reason::Limit);
}

#[test]
fn a_connection_follows_its_client_to_a_proved_address() {
    let mut world = World::new(8, Weather::FAIR);
    let (client, session) = world.connect(&World::v2(0));
    let before = world.addresses[client];
    world.addresses[client] = "198.51.100.250:9999".parse().unwrap();
    // Its next consent check comes from there; then its data counts from there.
    world.run(Duration::from_secs(15));
    world.at(End::Client(client), |session| session.send(0, vec![b"moved".to_vec()]));
    world.run(Duration::from_secs(1));
    assert_eq!(world.received(End::Server(session), 0), b"moved");
    world.at(End::Server(session), |session| session.send(0, vec![b"found".to_vec()]));
    world.run(Duration::from_secs(1));
    assert_eq!(world.received(End::Client(client), 0), b"found");
    assert_ne!(world.addresses[client], before);
}

#[test]
fn a_closed_connections_checks_get_a_403_and_then_nothing() {
    let mut world = World::new(9, Weather::FAIR);
    let (_, session) = world.connect(&World::v1(0));
    world.at(End::Server(session), |session| session.abort());
    let check = request(&format!("{V1}0"), &format!("{V1}0"), true);
    let sent = answers(&mut world, vec![check; 100]);
    assert_eq!(sent.len(), world.config.tombstone_answers as usize);
    assert!(sent.iter().all(|sent| stun::parse_untrusted(sent).unwrap().class == Class::Error(403)));
}

#[test]
fn a_client_may_dial_again_from_the_same_port() {
    let mut world = World::new(10, Weather::FAIR);
    let (first, _) = world.connect(&World::v2(0));
    let address = world.addresses[first];
    // The first end is gone without a word, and its port has a new owner.
    world.addresses[first] = "198.51.100.251:1".parse().unwrap();
    let second = world.dial(&World::v2(1));
    world.addresses[second] = address;
    world.run(Duration::from_secs(3));
    assert!(world.is_up(End::Client(second)), "{:?}", world.log);
    world.run(Duration::from_secs(30));
    assert!(world.closed(End::Client(second)).is_none());
    assert_eq!(world.listener.len(), 2 - usize::from(world.closed(End::Server(1)).is_some()));
}

#[test]
fn a_wrong_role_is_told_so() {
    let mut world = World::new(11, Weather::FAIR);
    let username = format!("{V1}:{V1}");
    let request = stun::binding_request([1; 12], &username, V1, IceRole::Controlled, 1);
    let sent = answers(&mut world, vec![request]);
    assert_eq!(stun::parse_untrusted(&sent[0]).unwrap().class, Class::Error(487));
}

/// The ClientHello of an honest client.
fn first_hello() -> Vec<u8> {
    let mut world = World::new(99, Weather::FAIR);
    let client = world.dial(&World::v2(9));
    let now = world.now;
    world.clients[client].handle_timeout(now);
    let check = world.clients[client].outbox().batch(1, usize::MAX).unwrap().contents.to_vec();
    world.clients[client].outbox().advance(1);
    let id = stun::parse_untrusted(&check).unwrap().transaction_id;
    let answer = stun::binding_success(id, world.addresses[client], &format!("{V2}9"));
    world.clients[client].handle_datagram_untrusted(server(), &answer, now);
    let hello = world.clients[client].outbox().batch(1, usize::MAX).unwrap().contents.to_vec();
    assert!(matches!(world.clients[client].poll_event(), Some(Event::Answered)));
    hello
}
