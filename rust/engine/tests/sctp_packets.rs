//! What two associations say to each other, packet by packet.

#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::time::Instant;

use fuzz::association::packets_of;
use fuzz::sctp::{self, Origin};
use webrtc_direct_engine::Config;
use webrtc_direct_engine::association::{Association, Event};

/// RFC 3758 section 3.1: the parameter that announces partial reliability.
const FORWARD_TSN_SUPPORTED: [u8; 4] = [0xc0, 0x00, 0x00, 0x04];
const SACK: u8 = 3;
const RE_CONFIG: u8 = 130;

struct Pair {
    server: Association,
    origin: Origin,
    /// INIT and INIT ACK.
    first: Vec<Vec<u8>>,
}

/// An association that a client has connected to, and what forges more packets of that client.
fn pair() -> Pair {
    let now = Instant::now();
    let mut client = Association::new(&Config::default(), true, 1, now);
    let mut server = Association::new(&Config::default(), false, 2, now);
    client.handle_timeout(now);
    server.handle_timeout(now);
    client.connect();
    let mut origin = Origin::default();
    let mut first = Vec::new();
    for _ in 0..4 {
        for packet in packets_of(&mut client) {
            origin.observe(&packet, true);
            first.push(packet.clone());
            server.handle_packet_untrusted(&packet);
        }
        for packet in packets_of(&mut server) {
            origin.observe(&packet, false);
            first.push(packet.clone());
            client.handle_packet_untrusted(&packet);
        }
    }
    first.truncate(2);
    assert!(matches!(server.poll_event(), Some(Event::Connected)));
    Pair { server, origin, first }
}

#[test]
fn partial_reliability_is_announced_and_its_use_ends_the_association() {
    let Pair { mut server, origin, first, .. } = pair();
    for packet in &first {
        assert!(packet.windows(4).any(|parameter| parameter == FORWARD_TSN_SUPPORTED), "{packet:02x?}");
    }
    server.handle_packet_untrusted(&origin.packet(&[192, 0, 0, 8, 0, 0, 0, 9], origin.tag));
    let ended = std::iter::from_fn(|| server.poll_event()).find_map(|event| match event {
        Event::Ended(_, detail) => Some(detail),
        _ => None,
    });
    assert!(ended.is_some_and(|detail| detail.contains("FORWARD-TSN")));
}

#[test]
fn what_fills_a_gap_is_acknowledged_at_once() {
    let Pair { mut server, origin, .. } = pair();
    let mut acknowledged = |number: u32| {
        let chunk = sctp::data(number, 0, number as u16, 3, 53, b"message");
        server.handle_packet_untrusted(&origin.packet(&chunk, origin.tag));
        packets_of(&mut server).iter().any(|packet| packet[12] == SACK)
    };
    // The first one always is, and one by itself is not.
    assert!(acknowledged(0));
    assert!(!acknowledged(1));
    assert!(acknowledged(2));
    // A gap, and what fills it.
    assert!(acknowledged(4));
    assert!(acknowledged(3));
    assert!(!acknowledged(5));
}

#[test]
fn a_channel_whose_label_is_too_long_is_reset() {
    let most = Config::default().max_channel_text;
    for (length, opens) in [(most, true), (most + 1, false)] {
        let Pair { mut server, origin, .. } = pair();
        let mut open = vec![3, 0, 1, 0, 0, 0, 0, 0];
        open.extend_from_slice(&(length as u16).to_be_bytes());
        open.extend_from_slice(&[0, 0]);
        open.resize(12 + length, b'l');
        server.handle_packet_untrusted(&origin.packet(&sctp::data(0, 2, 0, 3, 50, &open), origin.tag));
        server.deliver(u64::MAX);
        let opened =
            std::iter::from_fn(|| server.poll_event()).any(|event| matches!(event, Event::Opened(_)));
        let resets = packets_of(&mut server).iter().any(|packet| packet[12] == RE_CONFIG);
        assert_eq!((opened, resets), (opens, !opens), "{length} bytes");
    }
}

#[test]
fn many_gaps_are_all_named() {
    let Pair { mut server, origin, .. } = pair();
    let mut named = 0;
    // Every second message is lost.
    for number in 1..=128 {
        let chunk = sctp::data(2 * number, 0, 2 * number as u16, 3, 53, b"message");
        server.handle_packet_untrusted(&origin.packet(&chunk, origin.tag));
        let packets = packets_of(&mut server);
        let sack = packets.iter().find(|packet| packet[12] == SACK).unwrap();
        named = u16::from_be_bytes([sack[24], sack[25]]);
    }
    assert_eq!(named, 128);
}
