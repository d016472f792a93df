//! What a peer may send that is wrong, odd or too much: each is bounded, and answered as RFC 9260 says.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::chance::Chance;
use support::puppet::{Puppet, config};
use support::wire::{self, WHOLE};
use webrtc_direct_sctp::{By, Config, Event};

const SECOND: Duration = Duration::from_secs(1);
const PROTOCOL_VIOLATION: u16 = 13;
const INVALID_PARAMETER: u16 = 7;
const UNRECOGNIZED_CHUNK: u16 = 6;

#[test]
fn a_packet_with_a_wrong_checksum_tag_or_port_is_ignored() {
    let mut puppet = Puppet::connected();
    let right = wire::packet(puppet.tag, &[wire::data(WHOLE, puppet.tsn, 1, 0, b"hello")]);
    for at in [0, 2, 5, 9, 20, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 0x10;
        if at < 8 {
            wire::seal(&mut wrong);
        }
        assert!(puppet.feed(&wrong).is_empty(), "byte {at}");
    }
    assert_eq!(puppet.association.metrics().refused_packets, 6);
    assert!(puppet.read().is_none());
    puppet.feed(&right);
    assert_eq!(puppet.read().unwrap(), b"hello");
}

#[test]
fn a_packet_without_a_checksum_is_taken_only_where_that_was_offered() {
    for omit_checksum in [true, false] {
        let mut puppet = Puppet::with(Config { omit_checksum, ..config() });
        puppet.introduce();
        let cookie = puppet.cookie.clone();
        puppet.say(&[wire::chunk(wire::COOKIE_ECHO, 0, &cookie)]);
        let mut packet = wire::packet(puppet.tag, &[wire::data(WHOLE, puppet.tsn, 1, 0, b"hello")]);
        packet[8..12].fill(0);
        puppet.feed(&packet);
        assert_eq!(puppet.read().is_some(), omit_checksum);
    }
}

#[test]
fn a_packet_that_is_cut_anywhere_leaves_the_association_up() {
    let whole = Puppet::connected();
    let chunks = [
        wire::data(WHOLE, whole.tsn, 1, 0, b"hello"),
        wire::sack(whole.peer_tsn.wrapping_sub(1), 1 << 20, &[], &[]),
        wire::reset_request(whole.tsn, 0, whole.tsn, &[1, 2, 3]),
        wire::chunk(wire::HEARTBEAT, 0, &wire::parameter(1, &[1; 8])),
    ];
    let packet = wire::packet(whole.tag, &chunks);
    for length in 0..packet.len() {
        let mut puppet = Puppet::connected();
        let mut cut = packet[..length].to_vec();
        if length >= 12 {
            wire::seal(&mut cut);
        }
        puppet.feed(&cut);
        assert!(puppet.association.is_established(), "{length} bytes");
    }
}

#[test]
fn the_high_bits_of_an_unknown_chunk_say_what_to_do_with_it() {
    for (kind, goes_on, reports) in
        [(0x3f, false, false), (0x7f, false, true), (0xbf, true, false), (0xfe, true, true)]
    {
        let mut puppet = Puppet::connected();
        let data = wire::data(WHOLE, puppet.tsn, 1, 0, b"hello");
        let answers = puppet.say(&[wire::chunk(kind, 0, &[1, 2, 3]), data]);
        assert_eq!(puppet.read().is_some(), goes_on, "chunk {kind:x}");
        let error = answers.iter().find(|chunk| chunk.kind == wire::ERROR);
        assert_eq!(error.is_some(), reports, "chunk {kind:x}: {answers:?}");
        assert!(error.is_none_or(|chunk| chunk.short(0) == UNRECOGNIZED_CHUNK));
    }
}

#[test]
fn a_chunk_too_short_for_its_own_header_ends_the_packet() {
    for length in 0..4 {
        let mut puppet = Puppet::connected();
        let mut odd = wire::chunk(wire::HEARTBEAT, 0, &[]);
        odd[3] = length;
        let data = wire::data(WHOLE, puppet.tsn, 1, 0, b"hello");
        assert!(puppet.say(&[odd, data]).is_empty());
        assert!(puppet.read().is_none() && puppet.association.is_established());
    }
}

#[test]
fn an_init_without_streams_is_refused_and_one_without_a_tag_ignored() {
    let mut puppet = Puppet::new();
    for streams in [[0, 1], [1, 0], [0, 0]] {
        let init = wire::init(wire::INIT, 7, 1 << 20, streams, 1, &[]);
        let answers = puppet.feed(&wire::packet(0, &[init]));
        let abort = &wire::chunks(&answers[0])[0];
        assert_eq!((wire::tag(&answers[0]), abort.kind, abort.short(0)), (7, wire::ABORT, INVALID_PARAMETER));
    }
    let init = wire::init(wire::INIT, 0, 1 << 20, [1, 1], 1, &[]);
    assert!(puppet.feed(&wire::packet(0, std::slice::from_ref(&init))).is_empty());
    let right = wire::init(wire::INIT, 7, 1 << 20, [1, 1], 1, &[]);
    // With a tag of its own, cut short, or behind another chunk.
    assert!(puppet.feed(&wire::packet(9, std::slice::from_ref(&right))).is_empty());
    assert!(puppet.feed(&wire::packet(0, &[wire::chunk(wire::INIT, 0, &[0, 0, 0, 7])])).is_empty());
    assert!(puppet.feed(&wire::packet(0, &[wire::chunk(0xbf, 0, &[]), right])).is_empty());
    assert!(puppet.events().is_empty());
    puppet.introduce();
}

#[test]
fn unknown_parameters_of_an_init_are_reported_as_their_high_bits_say() {
    for (kind, reports) in [(0x3fff, false), (0x7fff, true), (0xbfff, false), (0xff00, true)] {
        let mut puppet = Puppet::new();
        let odd = wire::parameter(kind, &[1, 2, 3]);
        let init = wire::init(wire::INIT, 7, 1 << 20, [1, 1], 1, &odd);
        let answers = puppet.feed(&wire::packet(0, &[init]));
        let parameters = wire::parameters(&wire::chunks(&answers[0])[0].value, 16);
        let reported = parameters.iter().find(|(kind, _)| *kind == 8);
        assert_eq!(reported.is_some(), reports, "parameter {kind:x}");
    }
    // A thousand of them: the answer still fits into a packet, which the puppet asserts.
    let mut puppet = Puppet::new();
    let many: Vec<u8> = (0..1000).flat_map(|_| wire::parameter(0xff00, &[1])).collect();
    puppet.feed(&wire::packet(0, &[wire::init(wire::INIT, 7, 1 << 20, [1, 1], 1, &many)]));
}

#[test]
fn a_second_init_of_the_same_peer_is_answered_and_one_of_another_ends_the_association() {
    let mut puppet = Puppet::connected();
    puppet.introduce();
    assert!(puppet.association.is_established());
    puppet.write(1, 0, b"hello");
    assert_eq!(puppet.read().unwrap(), b"hello");
    let init = wire::init(wire::INIT, 99, 1 << 20, [1, 1], 1, &[]);
    let answers = puppet.feed(&wire::packet(0, &[init]));
    let chunks = wire::chunks(&answers[0]);
    assert!(puppet.is_aborted(&chunks, PROTOCOL_VIOLATION));
}

#[test]
fn a_forged_or_early_cookie_makes_nothing() {
    let mut puppet = Puppet::new();
    assert!(puppet.say(&[wire::chunk(wire::COOKIE_ECHO, 0, &[0; 16])]).is_empty());
    puppet.introduce();
    let right = puppet.cookie.clone();
    let wrong: [&[u8]; 4] = [&[], &[0; 16], &right[..15], &[right.as_slice(), &[0]].concat()];
    for cookie in wrong {
        assert!(puppet.say(&[wire::chunk(wire::COOKIE_ECHO, 0, cookie)]).is_empty());
    }
    let echo = wire::chunk(wire::COOKIE_ECHO, 0, &right);
    assert!(puppet.feed(&wire::packet(puppet.tag ^ 1, std::slice::from_ref(&echo))).is_empty());
    assert!(!puppet.association.is_established() && puppet.events().is_empty());
    // The right one twice: its answer may have been lost.
    for _ in 0..2 {
        assert_eq!(puppet.say(std::slice::from_ref(&echo))[0].kind, wire::COOKIE_ACK);
    }
    assert_eq!(puppet.events(), [Event::Established]);
}

#[test]
fn nothing_but_a_handshake_is_taken_before_it() {
    let mut puppet = Puppet::new();
    puppet.introduce();
    for kind in (0..=255).filter(|kind| ![wire::INIT, wire::COOKIE_ECHO, wire::ABORT].contains(kind)) {
        let answers = puppet.say(&[wire::chunk(kind, 0, &[0; 32])]);
        assert!(answers.is_empty(), "chunk {kind}: {answers:?}");
    }
    assert!(!puppet.association.is_established());
    assert!(puppet.events().is_empty());
}

#[test]
fn chunks_that_were_not_offered_end_the_association() {
    for kind in [wire::FORWARD_TSN, 194, 64] {
        let mut puppet = Puppet::connected();
        let answers = puppet.say(&[wire::chunk(kind, 3, &[0; 20])]);
        assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION), "chunk {kind}");
    }
}

#[test]
fn an_abort_ends_the_association_only_with_a_right_tag() {
    let abort = wire::chunk(wire::ABORT, 0, &wire::parameter(12, b"bye"));
    let reflected = wire::chunk(wire::ABORT, 1, &[]);
    let mut puppet = Puppet::connected();
    let (tag, own_tag) = (puppet.tag, puppet.own_tag);
    for (tag, chunk) in [(tag ^ 1, &abort), (own_tag, &abort), (0, &abort), (tag, &reflected)] {
        puppet.feed(&wire::packet(tag, std::slice::from_ref(chunk)));
        assert!(puppet.association.is_established());
    }
    for (tag, chunk) in [(tag, abort), (own_tag, reflected)] {
        let mut puppet = Puppet::connected();
        assert!(puppet.feed(&wire::packet(tag, &[chunk])).is_empty());
        assert!(matches!(puppet.events()[..], [Event::Ended { by: By::Peer, .. }]));
        assert!(puppet.association.timeout().is_none());
        assert!(puppet.write(1, 0, b"x").is_empty());
    }
}

#[test]
fn one_end_that_asks_whether_the_other_is_there_is_enough() {
    let mut puppet = Puppet::connected();
    let interval = config().heartbeat_interval;
    let asks = |chunks: Vec<wire::Chunk>| chunks.iter().filter(|each| each.kind == wire::HEARTBEAT).count();
    puppet.pass(interval * 9 / 10);
    for _ in 0..10 {
        assert_eq!(puppet.say(&[wire::chunk(wire::HEARTBEAT, 0, &[0; 4])])[0].kind, wire::HEARTBEAT_ACK);
        assert_eq!(asks(puppet.pass(interval)), 0);
    }
    assert_eq!(asks(puppet.pass(interval)), 1, "the peer asks no more");
}

#[test]
fn heartbeats_of_any_size_up_to_a_packet_are_echoed() {
    for size in [0, 1, 3, 4, 7, 8, 100, 1000] {
        let mut puppet = Puppet::connected();
        let info = Chance::new(size).bytes(size as usize);
        let answers = puppet.say(&[wire::chunk(wire::HEARTBEAT, 0, &info)]);
        assert_eq!((answers[0].kind, &answers[0].value), (wire::HEARTBEAT_ACK, &info));
    }
    // Larger, and more of them than anybody needs.
    let mut puppet = Puppet::connected();
    assert!(puppet.say(&[wire::chunk(wire::HEARTBEAT, 0, &[0; 9000])]).is_empty());
    let answers = puppet.say(&vec![wire::chunk(wire::HEARTBEAT, 0, &[0; 4]); 5000]);
    assert!(answers.len() <= 256, "{}", answers.len());
    // Answers to what was not asked, or not so.
    puppet.say(&vec![wire::chunk(wire::HEARTBEAT_ACK, 0, &wire::parameter(1, &[7; 8])); 100]);
    assert_eq!(puppet.association.metrics().round_trip_time, Duration::ZERO);
}

#[test]
fn reset_requests_are_answered_once_and_performed_in_their_order() {
    let mut puppet = Puppet::connected();
    puppet.write(1, 0, b"x");
    let (request, last) = (0xffff_fff0, puppet.tsn.wrapping_sub(1));
    let result = |answers: &[wire::Chunk]| {
        let answer = answers.iter().find(|chunk| chunk.kind == wire::RECONFIG).unwrap();
        (answer.number(4), answer.number(8))
    };
    for _ in 0..3 {
        let answers = puppet.say(&[wire::reset_request(request, 0, last, &[1, 2])]);
        assert_eq!(result(&answers), (request, 1));
    }
    assert_eq!(puppet.events(), [Event::Reset { streams: vec![1, 2], after: 1 }]);
    for other in [5, u32::MAX, 1 << 31] {
        let number = request.wrapping_add(1).wrapping_add(other);
        let answers = puppet.say(&[wire::reset_request(number, 0, last, &[1])]);
        assert_eq!(result(&answers), (number, if other == u32::MAX { 1 } else { 5 }));
    }
    assert!(puppet.events().is_empty());
    // One that comes before its data is in progress until that is there.
    let next = request.wrapping_add(1);
    let answers = puppet.say(&[wire::reset_request(next, 0, last.wrapping_add(1), &[3])]);
    assert_eq!(result(&answers), (next, 6));
    assert!(puppet.events().is_empty());
    puppet.write(3, 0, b"y");
    assert_eq!(puppet.events(), [Event::Reset { streams: vec![3], after: 2 }]);
    let answers = puppet.say(&[wire::reset_request(next, 0, last.wrapping_add(1), &[3])]);
    assert_eq!(result(&answers), (next, 1));
    // After the reset the stream counts from nothing.
    puppet.write(3, 0, b"z");
    let read: Vec<_> = std::iter::from_fn(|| puppet.read()).collect();
    assert_eq!(read, [b"x", b"y", b"z"]);
}

#[test]
fn reset_requests_for_tens_of_thousands_of_streams_are_little_work() {
    let mut puppet = Puppet::connected();
    let ids: Vec<u16> = (0..30_000).collect();
    let start = Instant::now();
    for number in 0..100 {
        let request = puppet.tsn.wrapping_add(number);
        let answers = puppet.say(&[wire::reset_request(request, 0, puppet.tsn.wrapping_sub(1), &ids)]);
        assert!(answers.len() <= 2);
        assert_eq!(puppet.events().len(), 1);
    }
    // Three million ids, in a debug build.
    assert!(start.elapsed() < 10 * SECOND, "{:?}", start.elapsed());
}

#[test]
fn a_reset_that_the_peer_denies_is_told_and_one_in_progress_is_asked_for_again() {
    let mut puppet = Puppet::connected();
    puppet.association.reset(&[5]).unwrap();
    let request = |chunks: &[wire::Chunk]| {
        let chunk = chunks.iter().find(|chunk| chunk.kind == wire::RECONFIG);
        chunk.map(|chunk| chunk.number(4))
    };
    let drain = |puppet: &mut Puppet| {
        puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect::<Vec<_>>()
    };
    let number = request(&drain(&mut puppet)).unwrap();
    puppet.say(&[wire::reset_response(number, 6)]);
    assert!(puppet.events().is_empty());
    assert_eq!(request(&puppet.pass(5 * SECOND)), Some(number));
    // An answer to something else, then no.
    puppet.say(&[wire::reset_response(number.wrapping_add(1), 2)]);
    assert!(puppet.events().is_empty());
    puppet.say(&[wire::reset_response(number, 2)]);
    assert_eq!(puppet.events(), [Event::ResetRefused(vec![5])]);
    puppet.association.reset(&[5]).unwrap();
    let next = request(&drain(&mut puppet)).unwrap();
    assert_eq!(next, number.wrapping_add(1));
    puppet.say(&[wire::reset_response(next, 1)]);
    assert_eq!(puppet.events(), [Event::ResetDone(vec![5])]);
    assert_eq!(request(&puppet.pass(60 * SECOND)), None);
}

#[test]
fn a_shutdown_is_confirmed_and_its_parts_out_of_turn_are_ignored() {
    let mut puppet = Puppet::connected();
    for kind in [wire::SHUTDOWN_ACK, wire::SHUTDOWN_COMPLETE, wire::COOKIE_ACK, wire::INIT_ACK] {
        puppet.say(&[wire::chunk(kind, 0, &[0; 16])]);
        assert!(puppet.association.is_established(), "chunk {kind}");
    }
    let shutdown = wire::chunk(wire::SHUTDOWN, 0, &puppet.peer_tsn.wrapping_sub(1).to_be_bytes());
    for _ in 0..3 {
        let answers = puppet.say(std::slice::from_ref(&shutdown));
        assert_eq!(answers[0].kind, wire::SHUTDOWN_ACK);
    }
    assert!(puppet.events().is_empty());
    puppet.say(&[wire::chunk(wire::SHUTDOWN_COMPLETE, 0, &[])]);
    assert!(matches!(puppet.events()[..], [Event::Ended { by: By::Peer, .. }]));
}

#[test]
fn a_shutdown_that_acknowledges_what_was_not_sent_ends_the_association() {
    let mut puppet = Puppet::connected();
    let shutdown = wire::chunk(wire::SHUTDOWN, 0, &puppet.peer_tsn.wrapping_add(9).to_be_bytes());
    let answers = puppet.say(&[shutdown]);
    assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION));
}

/// A chunk of a known or an unknown kind, right or nearly so.
fn some_chunk(chance: &mut Chance, puppet: &Puppet) -> Vec<u8> {
    let near = |chance: &mut Chance, number: u32| number.wrapping_add(chance.below(9) as u32).wrapping_sub(3);
    let (tsn, peer_tsn) = (near(chance, puppet.tsn), near(chance, puppet.peer_tsn));
    let mut chunk = match chance.below(9) {
        0..=2 => {
            let (flags, stream) = (chance.below(16) as u8, chance.below(4) as u16);
            let size = 1 + chance.below(40);
            wire::data(flags, tsn, stream, chance.below(3) as u16, &chance.bytes(size))
        }
        3 => wire::sack(peer_tsn, chance.below(1 << 20) as u32, &[(1 + chance.below(3) as u16, 4)], &[tsn]),
        4 => wire::reset_request(tsn, peer_tsn, tsn, &[1, 2]),
        5 => wire::reset_response(peer_tsn, chance.below(8) as u32),
        6 => wire::init(wire::INIT, chance.number() as u32, 1, [1, 1], tsn, &[0; 8]),
        7 => wire::chunk(wire::HEARTBEAT, 0, &[1, 2, 3]),
        _ => {
            let size = chance.below(40);
            wire::chunk(chance.number() as u8, chance.number() as u8, &chance.bytes(size))
        }
    };
    if chance.happens(0.2) {
        let at = chance.below(chunk.len());
        chunk[at] ^= 1 << chance.below(8);
    }
    chunk
}

#[test]
fn no_packet_makes_it_panic_or_talk_without_end() {
    let mut chance = Chance::new(14);
    for round in 0..600 {
        let mut puppet = if round % 3 == 0 { Puppet::new() } else { Puppet::sending() };
        if round % 6 == 0 {
            puppet.introduce();
        }
        puppet.events();
        for _ in 0..30 {
            let chunks: Vec<_> = (0..1 + chance.below(4)).map(|_| some_chunk(&mut chance, &puppet)).collect();
            let tag = if chance.happens(0.1) { 0 } else { puppet.tag };
            let answers = puppet.feed(&wire::packet(tag, &chunks));
            assert!(answers.len() <= 16, "{} packets for one", answers.len());
            if chance.happens(0.3) {
                puppet.pass(chance.duration(SECOND));
            }
            if chance.happens(0.3) {
                puppet.tsn = puppet.tsn.wrapping_add(1);
            }
            while puppet.association.receive().is_some() {}
            puppet.events();
        }
    }
}
