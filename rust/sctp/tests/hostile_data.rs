//! Data and acknowledgements that are wrong, odd or too much: what is kept is bounded by the window.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::puppet::{Puppet, STREAMS, config};
use support::wire::{self, BEGIN, END, UNORDERED, WHOLE};
use webrtc_direct_sctp::{Config, Pool};

const SECOND: Duration = Duration::from_secs(1);
const PROTOCOL_VIOLATION: u16 = 13;
const NO_USER_DATA: u16 = 9;
const INVALID_STREAM: u16 = 1;

#[test]
fn data_without_data_and_a_message_that_begins_twice_end_the_association() {
    let mut puppet = Puppet::connected();
    let answers = puppet.say(&[wire::data(WHOLE, puppet.tsn, 1, 0, &[])]);
    assert!(puppet.is_aborted(&answers, NO_USER_DATA));
    let mut puppet = Puppet::connected();
    let chunks = [0, 1].map(|at| wire::data(BEGIN, puppet.tsn.wrapping_add(at), 1, 0, b"x"));
    let answers = puppet.say(&chunks);
    assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION), "{answers:?}");
}

#[test]
fn fragments_that_nothing_can_complete_end_the_association() {
    for flags in [0, END, UNORDERED] {
        let mut puppet = Puppet::connected();
        let mut kept = 0;
        let answers = loop {
            let tsn = puppet.tsn.wrapping_add(kept);
            let (stream, number) = (kept as u16 % 100, kept as u16 / 100);
            let answers = puppet.say(&[wire::data(flags, tsn, stream, number, &[0; 1000])]);
            if !puppet.association.is_established() {
                break answers;
            }
            kept += 1;
        };
        assert!(puppet.read().is_none());
        assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION), "{answers:?}");
        // 128 KiB, of which the bookkeeping of each takes its part.
        assert!((120..=131).contains(&kept), "{kept}");
    }
}

#[test]
fn what_has_come_beyond_a_gap_is_waited_for() {
    let mut puppet = Puppet::connected();
    let first = puppet.tsn;
    // The second fragment of a message is missing; of what follows it as much is kept as there is room for.
    puppet.say(&[wire::data(BEGIN, first, 1, 0, &[0; 1000])]);
    puppet.say(&[wire::data(END, first.wrapping_add(2), 1, 0, &[2; 1000])]);
    for number in 3..1000 {
        puppet.say(&[wire::data(WHOLE, first.wrapping_add(number), 1, number as u16 - 2, &[0; 1000])]);
    }
    assert!(puppet.association.is_established() && puppet.read().is_none());
    puppet.say(&[wire::data(0, first.wrapping_add(1), 1, 0, &[1; 1000])]);
    assert_eq!(puppet.read().unwrap(), [[0; 1000], [1; 1000], [2; 1000]].concat());
    let read = std::iter::from_fn(|| puppet.read()).count() as u32;
    assert!((110..=131).contains(&read), "{read}");
    assert_eq!(puppet.acknowledged(first), 3 + read);
}

#[test]
fn associations_that_share_a_pool_hold_their_own_part_and_what_the_pool_has() {
    let pool = Pool::new(512 << 10);
    let config = || Config { receive_window: 4 << 20, pool: Arc::clone(&pool), ..config() };
    let mut puppets: Vec<_> = (0..4).map(|_| Puppet::connected_with(config())).collect();
    let first = puppets[0].tsn;
    let mut taken = Vec::new();
    for puppet in &mut puppets {
        for number in 0..1500 {
            puppet.write(1, number, &[0; 1000]);
        }
        taken.push(puppet.acknowledged(first));
    }
    // Each has 128 KiB; the first has all of the pool.
    assert!((640..=655).contains(&taken[0]), "{taken:?}");
    assert!(taken[1..].iter().all(|taken| (125..=131).contains(taken)), "{taken:?}");
    assert_eq!(pool.lent(), 512 << 10);
    // What one reads, or ends with, the others may hold.
    while puppets[0].read().is_some() {}
    assert_eq!(pool.lent(), 0);
    puppets[1].tsn = first.wrapping_add(taken[1]);
    for number in 0..1500 {
        puppets[1].write(1, number + taken[1] as u16, &[0; 1000]);
    }
    assert!((640..=655).contains(&puppets[1].acknowledged(first)));
    drop(puppets);
    assert_eq!(pool.lent(), 0);
}

#[test]
fn data_of_a_stream_that_was_not_offered_is_acknowledged_and_reported() {
    let mut puppet = Puppet::connected();
    let first = puppet.tsn;
    let answers = puppet.write(STREAMS, 0, b"hello");
    let error = answers.iter().find(|chunk| chunk.kind == wire::ERROR).unwrap();
    assert_eq!((error.short(0), error.short(4)), (INVALID_STREAM, STREAMS));
    assert_eq!(puppet.acknowledged(first), 1);
    assert!(puppet.read().is_none());
}

#[test]
fn data_on_ever_more_streams_ends_the_association() {
    let mut puppet = Puppet::connected_with(Config { streams: u16::MAX, ..config() });
    for stream in 0..8192 {
        puppet.write(stream, 0, b"x");
        assert!(puppet.read().is_some(), "stream {stream}");
    }
    let answers = puppet.write(8192, 0, b"x");
    assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION), "{answers:?}");
}

#[test]
fn a_tsn_far_ahead_is_not_taken() {
    let mut puppet = Puppet::connected();
    let first = puppet.tsn;
    for ahead in [70_000, 1 << 20, (1 << 31) - 2, 1 << 31, u32::MAX - 70_000] {
        let tsn = puppet.tsn.wrapping_add(ahead);
        let answers = puppet.say(&[wire::data(WHOLE | UNORDERED, tsn, 1, 0, b"x")]);
        for sack in answers.iter().filter(|chunk| chunk.kind == wire::SACK) {
            assert_eq!(sack.short(8), 0, "{ahead}");
        }
        assert!(puppet.read().is_none(), "{ahead}");
    }
    assert_eq!(puppet.acknowledged(first), 0);
    assert!(puppet.association.is_established());
}

#[test]
fn a_flood_of_duplicates_is_answered_by_small_sacks() {
    let mut puppet = Puppet::connected();
    let data = wire::data(WHOLE, puppet.tsn, 1, 0, b"x");
    for _ in 0..2000 {
        // Sixty in each packet.
        let answers = puppet.say(&vec![data.clone(); 60]);
        assert!(answers.len() <= 1 && answers.iter().all(|chunk| chunk.value.len() < 256));
    }
    assert_eq!(puppet.read().unwrap(), b"x");
    assert!(puppet.read().is_none());
}

#[test]
fn data_beyond_the_window_is_not_kept() {
    let mut puppet = Puppet::connected();
    let first = puppet.tsn;
    for number in 0..1000 {
        puppet.write(1, number, &[0; 1000]);
    }
    let taken = puppet.acknowledged(first);
    assert_eq!(taken, 132);
    // A reader makes room, which the peer is told of, and it goes on where it was.
    let mut told = Vec::new();
    while puppet.read().is_some() {
        told.extend(puppet.drain().iter().flat_map(|packet| wire::chunks(packet)));
    }
    assert_eq!(told.len(), 1);
    assert!((60_000..80_000).contains(&told[0].number(4)), "{told:?}");
    puppet.tsn = first.wrapping_add(taken);
    puppet.write(1, taken as u16, &[1; 1000]);
    assert_eq!(puppet.read().unwrap(), [1; 1000]);
}

#[test]
fn a_message_that_never_ends_is_not_kept_and_the_next_one_is() {
    let mut puppet = Puppet::connected();
    let mut tsn = puppet.tsn;
    for number in 0..20_000 {
        let flags = if number == 0 { BEGIN } else { 0 };
        puppet.say(&[wire::data(flags, tsn, 1, 0, &[0; 1000])]);
        tsn = tsn.wrapping_add(1);
    }
    assert!(puppet.association.is_established());
    assert_eq!(puppet.association.waiting(), 0);
    puppet.say(&[wire::data(END, tsn, 1, 0, b"x"), wire::data(WHOLE, tsn.wrapping_add(1), 1, 1, b"next")]);
    let message = puppet.association.receive().unwrap();
    assert!(message.is_oversized && message.payload.is_empty());
    assert_eq!(puppet.read().unwrap(), b"next");
}

#[test]
fn messages_of_a_byte_that_nobody_reads_are_charged_for_what_they_cost() {
    let mut puppet = Puppet::connected();
    let first = puppet.tsn;
    for number in 0..20_000 {
        puppet.write(1, number, b"x");
    }
    let taken = puppet.acknowledged(first);
    assert!((512..8192).contains(&taken), "{taken} messages in a window of 128 KiB");
}

#[test]
fn fragments_of_a_byte_beyond_a_gap_are_charged_for_what_they_cost() {
    for spread in [1, 2] {
        let mut puppet = Puppet::connected();
        let mut named = 0;
        for number in 1..20_000_u32 {
            let tsn = puppet.tsn.wrapping_add(number * spread);
            let answers = puppet.say(&[wire::data(0, tsn, (number % 500) as u16, 0, b"x")]);
            let sacks = answers.iter().filter(|chunk| chunk.kind == wire::SACK);
            for sack in sacks {
                let gaps = usize::from(sack.short(8));
                let last = (0..gaps).map(|gap| sack.short(14 + 4 * gap)).max().unwrap_or(0);
                named = named.max(last);
            }
        }
        assert!(puppet.association.is_established());
        assert!(u32::from(named) <= 8192 * spread, "{named}");
    }
}

#[test]
fn a_sack_for_what_was_never_sent_ends_the_association() {
    let mut puppet = Puppet::connected();
    let answers = puppet.say(&[wire::sack(puppet.peer_tsn, 1 << 20, &[], &[])]);
    assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION));
    let mut puppet = Puppet::connected();
    let before = puppet.peer_tsn.wrapping_sub(1);
    let answers = puppet.say(&[wire::sack(before, 1 << 20, &[(2, 3)], &[])]);
    assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION));
}

#[test]
fn odd_gap_blocks_end_the_association_or_do_no_harm() {
    for block in [(0, 3), (5, 2)] {
        let mut puppet = Puppet::sending();
        let before = puppet.peer_tsn.wrapping_sub(1);
        let answers = puppet.say(&[wire::sack(before, 1 << 20, &[block], &[])]);
        assert!(puppet.is_aborted(&answers, PROTOCOL_VIOLATION), "{block:?}");
    }
    let odd: [&[(u16, u16)]; 4] = [&[(2, 5), (4, 6)], &[(5, 6), (2, 3)], &[(2, 2); 250], &[(1, 10)]];
    for blocks in odd {
        let mut puppet = Puppet::sending();
        let before = puppet.peer_tsn.wrapping_sub(1);
        puppet.say(&[wire::sack(before, 1 << 20, blocks, &[])]);
        puppet.pass(SECOND);
        puppet.say(&[wire::sack(before.wrapping_add(10), 1 << 20, &[], &[])]);
        assert!(puppet.association.is_drained() && puppet.association.is_established(), "{blocks:?}");
    }
}

#[test]
fn what_a_peer_has_acknowledged_and_dropped_is_sent_again() {
    let mut puppet = Puppet::sending();
    let before = puppet.peer_tsn.wrapping_sub(1);
    puppet.say(&[wire::sack(before, 1 << 20, &[(2, 10)], &[])]);
    // It has only the first, and goes on from there.
    let mut has = 1;
    puppet.say(&[wire::sack(before.wrapping_add(has), 1 << 20, &[], &[])]);
    for _ in 0..20 {
        for chunk in puppet.pass(Duration::from_millis(500)) {
            has += u32::from(chunk.kind == wire::DATA && chunk.number(0) == before.wrapping_add(has + 1));
        }
        puppet.say(&[wire::sack(before.wrapping_add(has), 1 << 20, &[], &[])]);
    }
    assert_eq!(has, 10);
    assert!(puppet.association.is_drained());
}

#[test]
fn a_closed_window_is_probed_by_one_chunk_at_a_time() {
    let mut puppet = Puppet::sending();
    let before = puppet.peer_tsn.wrapping_sub(1);
    puppet.say(&[wire::sack(before.wrapping_add(10), 0, &[], &[])]);
    puppet.association.send(1, 53, webrtc_direct_sctp::Bytes::from(vec![0; 5000]), false).unwrap();
    let mut probes: Vec<_> = puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect();
    probes.extend(puppet.pass(Duration::from_secs(30)));
    probes.retain(|chunk| chunk.kind == wire::DATA);
    assert!(probes.iter().all(|chunk| chunk.number(0) == probes[0].number(0)), "{probes:?}");
    assert!((5..100).contains(&probes.len()), "{} probes", probes.len());
    let mut rest = puppet.say(&[wire::sack(before.wrapping_add(10), 1 << 20, &[], &[])]);
    rest.extend(puppet.pass(Duration::from_secs(5)));
    assert!(rest.iter().filter(|chunk| chunk.kind == wire::DATA).count() >= 4);
}
