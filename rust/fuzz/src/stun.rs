//! STUN: as it comes, and with the length, MESSAGE-INTEGRITY and FINGERPRINT that it should have.

use std::time::Instant;

use aws_lc_rs::hmac;
use webrtc_direct_engine::Config;
use webrtc_direct_engine::ice::{self, Checker, Outcome};
use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::stun;
use webrtc_direct_engine::ufrag::Credentials;

pub const USERNAME: &str = "libp2p+webrtc+v2/abcdefghijklmnopqrstuv:abcd";
const HEADER: usize = 20;

pub fn run(data: &[u8]) {
    read(data);
    let credentials = Credentials::from_username_untrusted(USERNAME.as_bytes()).unwrap();
    for key in [None, Some(credentials.client_pwd.as_str()), Some(credentials.server_ufrag.as_str())] {
        let mut datagram = data.to_vec();
        complete(&mut datagram, key);
        read(&datagram);
    }
}

fn read(datagram: &[u8]) {
    let _ = stun::looks_like_stun(datagram);
    let source = "192.0.2.1:4001".parse().unwrap();
    let credentials = Credentials::from_username_untrusted(USERNAME.as_bytes()).unwrap();
    if let Ok(message) = stun::parse_untrusted(datagram) {
        assert!(!message.is_authentic(b"none of the keys"));
        let answer = ice::answer(&message, source, &credentials.server_ufrag);
        let answer = stun::parse_untrusted(&answer).unwrap();
        assert!(answer.is_authentic(credentials.server_ufrag.as_bytes()));
        assert_eq!(answer.transaction_id, message.transaction_id);
    }
    let now = Instant::now();
    let mut checker = Checker::new(credentials, source, &Config::default(), Random::new([1; 32]), now);
    let mut check = checker.poll(now).unwrap();
    let _ = checker.handle_untrusted(source, datagram, now);
    // The same as an answer to the check, which nobody can make without the key.
    let mut answer = datagram.to_vec();
    if answer.len() >= HEADER {
        answer[8..HEADER].copy_from_slice(&check.split_off(8)[..12]);
        complete(&mut answer, None);
        assert_eq!(checker.handle_untrusted(source, &answer, now), Outcome::Ignored);
    }
}

/// Give *datagram* the parts that depend on others, so that it is whole: MESSAGE-INTEGRITY where there
/// is a *key*, and FINGERPRINT.
pub fn complete(datagram: &mut Vec<u8>, key: Option<&str>) {
    let length = datagram.len().max(HEADER).next_multiple_of(4).min(60_000);
    datagram.resize(length, 0);
    datagram[0] &= 0x3f;
    datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    if let Some(key) = key {
        set_length(datagram, 24);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes()), datagram);
        datagram.extend_from_slice(&[0, 8, 0, 20]);
        datagram.extend_from_slice(tag.as_ref());
    }
    set_length(datagram, 8);
    let fingerprint = crc32fast::hash(datagram) ^ 0x5354_554e;
    datagram.extend_from_slice(&[0x80, 0x28, 0, 4]);
    datagram.extend_from_slice(&fingerprint.to_be_bytes());
}

fn set_length(datagram: &mut [u8], more: usize) {
    let length = (datagram.len() - HEADER + more) as u16;
    datagram[2..4].copy_from_slice(&length.to_be_bytes());
}
