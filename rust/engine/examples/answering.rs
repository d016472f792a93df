//! throwaway
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use webrtc_direct_engine::config::Config;
use webrtc_direct_engine::listener::Listener;
use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::stun::{self, IceRole};
use webrtc_direct_engine::ufrag::PREFIX_V2;
fn main() {
    let mut random = Random::new([1; 32]);
    let requests: Vec<Vec<u8>> = (0..65536)
        .map(|_| {
            let ufrag: String = random.block().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
            let server = format!("{PREFIX_V2}{ufrag}");
            let role = IceRole::Controlling { use_candidate: false };
            stun::binding_request(
                random.transaction_id(),
                &format!("{server}:{}", &ufrag[..8]),
                &server,
                role,
                1,
            )
        })
        .collect();
    let identity = webrtc_direct_engine::dtls::Identity::new(vec![], vec![]).unwrap();
    let now = Instant::now();
    let config = Config::default();
    let mut listener = Listener::new(Arc::new(config), identity, [2; 32], now);
    for round in 0..4u32 {
        let start = Instant::now();
        let mut bytes = 0;
        for (number, request) in requests.iter().enumerate() {
            let ip = Ipv4Addr::from_bits(0x0a00_0000 + round * 65536 * 256 + number as u32 * 256);
            listener.handle_datagram_untrusted(SocketAddr::from((ip, 4000)), request, now);
            if number % 128 == 0 {
                bytes += listener.outbox().len();
                while let Some(batch) = listener.outbox().batch(64, 65000) {
                    let count = batch.count;
                    listener.outbox().advance(count);
                }
            }
        }
        println!(
            "{:.0} ns a request, {bytes}, {:?}",
            start.elapsed().as_secs_f64() * 1e9 / 65536.0,
            listener.counters().throttled
        );
    }
}
