//! throwaway
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use webrtc_direct_engine::config::Config;
use webrtc_direct_engine::listener::Listener;
use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::stun::{self, Class, IceRole};
use webrtc_direct_engine::ufrag::PREFIX_V2;
fn rss() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
fn hello(random: &mut Random) -> Vec<u8> {
    let mut body = [&[0xfe, 0xfd][..], &random.block(), &[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]].concat();
    let extensions: [&[u8]; 5] = [
        &[0, 10, 0, 4, 0, 2, 0, 23],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 23, 0, 0],
        &[0xff, 1, 0, 1, 0],
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
fn main() {
    let mut random = Random::new([1; 32]);
    let c = dimpl::certificate::generate_self_signed_certificate().unwrap();
    let identity =
        webrtc_direct_engine::dtls::Identity::new(c.certificate.clone(), c.private_key.clone()).unwrap();
    let mut now = Instant::now();
    let count = 2000usize;
    let config = Config {
        max_handshakes: 100_000,
        connections_per_second: 1e9,
        max_connections: 100_000,
        connections_per_second_per_address: 1e9,
        ..Config::default()
    };
    let mut listener = Listener::new(Arc::new(config), identity, [2; 32], now);
    let before = rss();
    let mut spent = Duration::ZERO;
    let mut sent = 0;
    for number in 0..count {
        now += Duration::from_micros(100);
        let ufrag: String = random.block().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        let server = format!("{PREFIX_V2}{ufrag}");
        let request = stun::binding_request(
            random.transaction_id(),
            &format!("{server}:{}", &ufrag[..8]),
            &server,
            IceRole::Controlling { use_candidate: false },
            1,
        );
        let source = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + number as u32 * 256), 4000));
        listener.handle_datagram_untrusted(source, &request, now);
        let mut answers = vec![];
        while let Some(batch) = listener.outbox().batch(1, 65000) {
            let m = stun::parse_untrusted(batch.contents).unwrap();
            if m.class == Class::Request {
                answers.push(stun::binding_success(m.transaction_id, source, &ufrag));
            }
            listener.outbox().advance(1);
        }
        for a in answers {
            listener.handle_datagram_untrusted(source, &a, now);
        }
        let h = hello(&mut random);
        let start = Instant::now();
        listener.handle_datagram_untrusted(source, &h, now);
        listener.flush(now);
        spent += start.elapsed();
        while let Some(batch) = listener.outbox().batch(1, 65000) {
            sent += batch.contents.len();
            listener.outbox().advance(1);
        }
    }
    println!(
        "{} handshakes, {:.0} us each, {} bytes each, sent {}",
        listener.handshakes(),
        spent.as_secs_f64() * 1e6 / count as f64,
        (rss() - before) / count,
        sent / count
    );
}
