//! What is known of real peers, and what this crate does for them.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use support::puppet::Puppet;
use support::wire::{self, Chunk, WHOLE};
use webrtc_direct_sctp::{Bytes, Event};

const IMMEDIATE: u8 = 8;

fn sacks(chunks: &[Chunk]) -> Vec<Chunk> {
    chunks.iter().filter(|chunk| chunk.kind == wire::SACK).cloned().collect()
}

/// A puppet whose first data is acknowledged already: that is always done at once.
fn acquainted() -> Puppet {
    let mut puppet = Puppet::connected();
    assert_eq!(sacks(&puppet.write(1, 0, b"x")).len(), 1);
    puppet
}

fn payload(puppet: &mut Puppet, number: u16) -> Vec<Chunk> {
    let answers = puppet.write(1, number, &[0; 1000]);
    puppet.read();
    answers
}

/// dcsctp's window grows by one packet for each SACK, and it sends four packets at most for each.
#[test]
fn every_second_packet_is_acknowledged_by_a_sack_of_its_own() {
    let mut puppet = acquainted();
    let count: usize = (1..=100).map(|number| sacks(&payload(&mut puppet, number)).len()).sum();
    assert_eq!(count, 50);
    // The same where they are taken in one batch, before anything is sent.
    for _ in 0..20 {
        let data = wire::data(WHOLE, puppet.tsn, 2, 0, b"x");
        puppet.tsn = puppet.tsn.wrapping_add(1);
        let packet = wire::packet(puppet.tag, &[data]);
        puppet.association.handle_packet_untrusted(&packet, puppet.now);
    }
    let sent: Vec<Chunk> = puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect();
    assert_eq!(sacks(&sent).len(), 10);
}

#[test]
fn one_sack_speaks_for_many_packets_of_a_long_train() {
    let mut puppet = acquainted();
    puppet.association.expect_train(64);
    let count: usize = (1..=64).map(|number| sacks(&payload(&mut puppet, number)).len()).sum();
    assert!((1..=8).contains(&count), "{count}");
}

#[test]
fn a_lone_packet_is_acknowledged_soon_and_one_that_asks_for_it_at_once() {
    let mut puppet = acquainted();
    assert!(payload(&mut puppet, 1).is_empty());
    assert_eq!(sacks(&puppet.pass(Duration::from_millis(20))).len(), 1);
    // RFC 7053.
    let data = wire::data(WHOLE | IMMEDIATE, puppet.tsn, 1, 2, b"x");
    assert_eq!(sacks(&puppet.say(&[data])).len(), 1);
}

/// Three SACKs make dcsctp send all that is missing again, and each three more do so once more.
#[test]
fn a_gap_is_told_at_once_by_a_few_sacks_then_by_fewer_and_at_once_when_it_is_filled() {
    let mut puppet = acquainted();
    let missing = puppet.tsn;
    puppet.tsn = missing.wrapping_add(1);
    let mut counts = Vec::new();
    for number in 2..42 {
        let told = sacks(&payload(&mut puppet, number));
        for sack in &told {
            assert_eq!((sack.short(8), sack.short(12), sack.short(14)), (1, 2, number));
        }
        counts.push(told.len());
    }
    assert_eq!(counts[..4], [1, 1, 1, 1]);
    let later: usize = counts[4..].iter().sum();
    assert!((8..20).contains(&later), "{counts:?}");
    let told = sacks(&puppet.say(&[wire::data(WHOLE, missing, 1, 1, b"x")]));
    assert_eq!((told.len(), told[0].short(8)), (1, 0));
    assert_eq!(told[0].number(0), puppet.tsn.wrapping_sub(1));
}

/// A sender that is told of fewer takes what follows for lost.
#[test]
fn a_sack_names_up_to_128_gaps() {
    let mut puppet = acquainted();
    let mut most = 0;
    for gap in 1..200_u32 {
        let data = wire::data(WHOLE, puppet.tsn.wrapping_add(2 * gap), 1, 0, b"x");
        most = sacks(&puppet.say(&[data])).iter().map(|sack| sack.short(8)).max().unwrap_or(0).max(most);
    }
    assert_eq!(most, 128);
}

/// pion takes each SACK as a reason to send only where FORWARD-TSN is announced.
#[test]
fn partial_reliability_and_resets_are_announced() {
    let mut puppet = Puppet::new();
    let init = wire::init(wire::INIT, 7, 1 << 20, [9, 9], 1, &[]);
    let answers = puppet.feed(&wire::packet(0, &[init]));
    let parameters = wire::parameters(&wire::chunks(&answers[0])[0].value, 16);
    let value = |wanted: u16| parameters.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    assert!(value(0xc000).is_some());
    assert!(value(0x8008).unwrap().contains(&wire::RECONFIG));
    // RFC 9653: DTLS finds errors.
    assert_eq!(value(0x8001).unwrap(), &1_u32.to_be_bytes());
}

/// More of them fit into no packet, and some peers take fewer.
#[test]
fn a_request_resets_224_streams_at_most_and_the_others_follow() {
    let mut puppet = Puppet::connected();
    let wanted: Vec<u16> = (0..1000).collect();
    puppet.association.reset(&wanted).unwrap();
    let mut named = BTreeSet::new();
    for _ in 0..5 {
        let requests: Vec<Chunk> = puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect();
        assert_eq!(requests.len(), 1);
        let (_, value) = &wire::parameters(&requests[0].value, 0)[0];
        let streams: Vec<u16> = value[12..].chunks(2).map(|id| u16::from_be_bytes([id[0], id[1]])).collect();
        assert!(streams.len() <= 224);
        named.extend(streams);
        puppet.association.handle_packet_untrusted(
            &wire::packet(puppet.tag, &[wire::reset_response(requests[0].number(4), 1)]),
            puppet.now,
        );
    }
    assert_eq!(named.len(), 1000);
    assert!(puppet.events().iter().all(|event| matches!(event, Event::ResetDone(_))));
}

/// A peer that has never heard of a stream does not reset its half of it (RFC 8831 section 6.7).
#[test]
fn the_first_message_of_a_stream_leaves_also_if_it_is_reset_at_once() {
    let mut puppet = Puppet::connected();
    for payload in [b"first", b"other"] {
        puppet.association.send(7, 53, Bytes::from_static(payload), false).unwrap();
    }
    puppet.association.reset(&[7]).unwrap();
    let mut sent: Vec<Chunk> = puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect();
    sent.extend(puppet.pass(Duration::from_secs(1)));
    let data: Vec<&[u8]> =
        sent.iter().filter(|chunk| chunk.kind == wire::DATA).map(|chunk| &chunk.value[12..]).collect();
    assert!(data.contains(&b"first".as_slice()) && !data.contains(&b"other".as_slice()), "{data:?}");
    assert!(sent.iter().any(|chunk| chunk.kind == wire::RECONFIG));
}
