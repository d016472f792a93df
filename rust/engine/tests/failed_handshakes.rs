//! Clients whose DTLS or SCTP does not come up: what is counted and told of them, and what they are told.
//!
//! The certificates are self-signed, by `openssl req -x509 -newkey rsa:2048` and `-newkey ed25519`.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::{End, SERVER, V1, Weather, World};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::failure::Failure;
use webrtc_direct_engine::stun::{self, IceRole};

const CLIENT: &str = "203.0.113.7:7777";
const RSA: &[u8] = include_bytes!("certificates/rsa.der");
const ED25519: &[u8] = include_bytes!("certificates/ed25519.der");

const DTLS_1_0: [u8; 2] = [254, 255];
const DTLS_1_2: [u8; 2] = [254, 253];
/// ECDHE-ECDSA with AES-128-GCM, and the same with AES-128-CBC.
const GCM: [u8; 2] = [0xc0, 0x2b];
const CBC: [u8; 2] = [0xc0, 0x09];
const TLS_1_3_SUITE: [u8; 2] = [0x13, 0x01];

/// A point of P-256: its generator.
const POINT: [u8; 65] = [
    4, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
    0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3,
    0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

fn client() -> SocketAddr {
    CLIENT.parse().unwrap()
}

fn vector(width: usize, content: &[u8]) -> Vec<u8> {
    [&content.len().to_be_bytes()[8 - width..], content].concat()
}

/// A message of the handshake in a record in the clear.
fn handshake(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = &vector(3, body)[..3];
    let message = [&[kind], length, &[0, sequence, 0, 0, 0], length, body].concat();
    [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence][..], &vector(2, &message)].concat()
}

fn hello(version: [u8; 2], suites: &[[u8; 2]], extended_master_secret: bool) -> Vec<u8> {
    let mut extensions = vec![0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3];
    if extended_master_secret {
        extensions.extend([0, 23, 0, 0]);
    }
    let suites = vector(2, &suites.concat());
    let body = [&version[..], &[7; 32], &[0, 0], &suites, &[1, 0], &vector(2, &extensions)].concat();
    handshake(1, 0, &body)
}

fn good_hello() -> Vec<u8> {
    hello(DTLS_1_2, &[GCM], true)
}

/// A client with this certificate, and a signature that does not fit.
fn with_certificate(der: &[u8], algorithm: [u8; 2], signature: usize) -> Vec<Vec<u8>> {
    let verify = [&algorithm[..], &vector(2, &vec![48; signature])].concat();
    vec![
        good_hello(),
        handshake(11, 1, &vector(3, &vector(3, der))),
        handshake(16, 2, &vector(1, &POINT)),
        handshake(15, 3, &verify),
    ]
}

fn exchange(world: &mut World, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    world.listener.handle_datagram_untrusted(client(), datagram, world.now);
    world.listener.flush(world.now);
    while let Some(batch) = world.listener.outbox().batch(1, usize::MAX) {
        answers.push(batch.contents.to_vec());
        world.listener.outbox().advance(1);
    }
    answers
}

/// The last alert that a client gets for *datagrams*, which has sent its request and may *prove* its address.
fn alert(world: &mut World, prove: bool, datagrams: &[Vec<u8>]) -> Option<u8> {
    let role = IceRole::Controlling { use_candidate: true };
    let request = stun::binding_request([9; 12], &format!("{V1}:{V1}"), V1, role, 1);
    let check = exchange(world, &request).remove(0);
    if prove {
        let id = stun::parse_untrusted(&check).unwrap().transaction_id;
        exchange(world, &stun::binding_success(id, SERVER.parse().unwrap(), V1));
    }
    let answers: Vec<_> = datagrams.iter().flat_map(|datagram| exchange(world, datagram)).collect();
    let mut alerts = answers.iter().filter(|answer| answer[0] == 21);
    alerts.next_back().map(|alert| {
        assert_eq!(
            (&alert[..5], &alert[11..14]),
            (&[21, 254, 253, 0, 0][..], &[0, 2, 2][..]),
            "fatal, in the clear"
        );
        alert[14]
    })
}

fn failed(world: &World) -> Vec<(&'static str, u64)> {
    let counts = Failure::ALL
        .iter()
        .map(|failure| (failure.name(), world.listener.counters().failed[*failure as usize]));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_handshake_that_cannot_be_is_counted_told_and_answered_with_an_alert() {
    let ours = dimpl::certificate::generate_self_signed_certificate().unwrap().certificate;
    let cases = [
        ("dtls_version", 70, "DTLS 1.2", vec![hello(DTLS_1_0, &[CBC], true)]),
        ("dtls_version", 70, "DTLS 1.2", vec![hello(DTLS_1_0, &[GCM], true)]),
        ("dtls_cipher_suite", 40, "AES-GCM", vec![hello(DTLS_1_2, &[CBC], true)]),
        ("dtls_cipher_suite", 40, "AES-GCM", vec![hello(DTLS_1_2, &[TLS_1_3_SUITE], true)]),
        ("dtls_extended_master_secret", 40, "extended", vec![hello(DTLS_1_2, &[CBC, GCM], false)]),
        ("dtls_no_certificate", 40, "RSA or Ed25519", vec![good_hello(), handshake(11, 1, &[0; 3])]),
        ("dtls_certificate_kind", 43, "RSA and Ed25519", with_certificate(RSA, [4, 1], 256)),
        ("dtls_certificate_kind", 43, "RSA and Ed25519", with_certificate(ED25519, [8, 7], 64)),
        ("dtls_proof", 51, "signature", with_certificate(&ours, [4, 3], 70)),
    ];
    for (name, number, words, datagrams) in cases {
        let mut world = World::new(31, Weather::FAIR);
        assert_eq!(alert(&mut world, true, &datagrams), Some(number), "{name}");
        assert_eq!(failed(&world), [(name, 1)]);
        let told = world.listener.take_failures();
        let (failure, last) = told.first_key_value().unwrap();
        assert_eq!((told.len(), failure.name(), last.count, last.source), (1, name, 1, client()));
        assert!(last.words.starts_with("DTLS: ") && last.words.contains(words), "{}", last.words);
        assert!(world.listener.take_failures().is_empty());
        assert!(world.listener.is_empty() && world.listener.poll_event().is_none());
    }
}

#[test]
fn a_certificate_beyond_the_limit_is_counted_and_answered_as_such() {
    let mut world = World::with(32, Weather::FAIR, Config { max_certificate: 100, ..Config::default() });
    assert_eq!(alert(&mut world, true, &with_certificate(RSA, [4, 1], 256)[..2]), Some(42));
    assert_eq!(failed(&world), [("dtls_certificate_size", 1)]);
}

#[test]
fn an_address_that_has_proved_nothing_gets_no_alert() {
    for bad in [hello(DTLS_1_2, &[CBC], true), hello(DTLS_1_2, &[GCM], false), hello(DTLS_1_0, &[GCM], true)]
    {
        let mut world = World::new(33, Weather::FAIR);
        assert_eq!(alert(&mut world, false, &[bad]), None);
        assert_eq!(failed(&world).len(), 1);
        assert!(world.listener.is_empty());
    }
}

#[test]
fn failures_of_one_kind_are_one_entry_of_what_is_told() {
    let mut world = World::new(34, Weather::FAIR);
    for number in 0..50_u8 {
        let source = SocketAddr::new([203, 0, 113, number].into(), 7777);
        let user = format!("{V1}{number}");
        let role = IceRole::Controlling { use_candidate: true };
        let request = stun::binding_request([9; 12], &format!("{user}:{user}"), &user, role, 1);
        for datagram in [request, hello(DTLS_1_2, &[CBC], true)] {
            world.listener.handle_datagram_untrusted(source, &datagram, world.now);
        }
        world.listener.flush(world.now);
    }
    let told = world.listener.take_failures();
    assert_eq!(told.len(), 1);
    assert_eq!(told[&Failure::DtlsCipherSuite].count, failed(&world)[0].1);
    assert!(failed(&world)[0].1 >= 20, "{:?}", failed(&world));
}

#[test]
fn a_client_that_falls_silent_is_counted_with_the_step_and_with_an_alert_of_its_own() {
    let cases = [
        (None, "dtls_timeout", "DTLS did not finish"),
        (
            Some(42),
            "dtls_alert",
            "DTLS did not finish; the peer seems to have sent alert 42 (bad certificate)",
        ),
        // What pion sends whose certificate has an RSA or Ed25519 key.
        (
            Some(71),
            "dtls_alert",
            "alert 71 (insufficient security), as a client does that has only an RSA or Ed25519",
        ),
    ];
    for (said, name, expected) in cases {
        let mut world = World::new(35, Weather::FAIR);
        assert_eq!(alert(&mut world, true, &[good_hello()]), None);
        if let Some(number) = said {
            exchange(&mut world, &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, number]);
        }
        world.run(world.config.handshake_timeout * 2);
        assert_eq!(failed(&world), [(name, 1)]);
        let words = world.listener.take_failures().pop_first().unwrap().1.words;
        assert!(words.contains(expected), "{words}");
        assert_eq!(words.contains("alert"), said.is_some(), "{words}");
    }
}

#[test]
fn a_client_without_sctp_is_counted_under_sctp() {
    // Data has content type 23; the client's close_notify is an alert, 21.
    for (lost, name) in [(&[21, 23][..], "sctp_timeout"), (&[23], "sctp_closed")] {
        let mut world = World::new(36, Weather::FAIR);
        let client = world.dial(&World::v1(0));
        let peer = world.addresses[client];
        world.gate = Box::new(move |from, _, datagram| from != peer || !lost.contains(&datagram[0]));
        world.run(world.config.handshake_timeout * 2);
        assert_eq!(failed(&world), [(name, 1)]);
    }
}

#[test]
fn what_this_end_gives_up_and_what_connects_is_no_failure() {
    let mut world = World::new(37, Weather::FAIR);
    let (_, session) = world.connect(&World::v1(0));
    world.at(End::Server(session), |session| session.abort());
    world.dial(&World::v1(1));
    world.run_until(Duration::from_secs(5), |world| world.listener.handshakes() == 1);
    let id = *world.listener.ids().last().unwrap();
    world.at(End::Server(id), |session| session.abort());
    assert_eq!(failed(&world), []);
    assert!(world.listener.take_failures().is_empty());
}

#[test]
fn a_bad_hello_in_an_honest_clients_name_does_no_harm_once_its_own_is_answered() {
    let mut world = World::new(38, Weather::FAIR);
    let client = world.dial(&World::v1(0));
    let peer = world.addresses[client];
    world.run_until(Duration::from_secs(5), |world| world.listener.handshakes() == 1);
    for bad in [hello(DTLS_1_0, &[CBC], true), hello(DTLS_1_2, &[CBC], true)] {
        world.inject(peer, SERVER.parse().unwrap(), bad);
    }
    world.run(Duration::from_secs(2));
    assert!(world.is_up(End::Client(client)), "{:?}", world.log);
}
