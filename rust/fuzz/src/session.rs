//! A connected session whose peer keeps to DTLS and to nothing above it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webrtc_direct_engine::Config;
use webrtc_direct_engine::association::{Association, ChannelKey};
use webrtc_direct_engine::dtls::Endpoint;
use webrtc_direct_engine::session::{Event, Session};
use webrtc_direct_engine::ufrag::Version;

use super::association::config;
use super::peer::{Kept, drain, identity};
use super::script::Script;
use super::sctp::{self, BUDGET, Origin, Victim};

const PEER: &str = "198.51.100.1:5000";

struct Connected {
    session: Session,
    peer: Endpoint,
    out: Kept,
    config: Arc<Config>,
    now: Instant,
    consumed: u64,
    connected: bool,
    closed: bool,
}

pub fn run(data: &[u8]) {
    let (mut victim, origin) = begin();
    sctp::play(&mut Script::new(data), origin, &mut victim);
    let now = victim.now;
    victim.session.close(now);
    victim.wait(victim.config.close_timeout);
    victim.flush();
    // Its goodbye is said a few times more.
    while let Some(at) = victim.session.timeout() {
        assert!(victim.session.is_closed() && at <= victim.now + Duration::from_secs(1));
        victim.session.handle_timeout(at);
    }
    assert!(victim.closed && victim.session.is_finished());
}

fn begin() -> (Connected, Origin) {
    let now = Instant::now();
    let config = Arc::new(config());
    let remote: SocketAddr = PEER.parse().unwrap();
    let mut victim = Connected {
        session: Session::server(Arc::clone(&config), Version::V2, &identity().0, remote, None, 2, now),
        peer: Endpoint::new(&identity().0, true, now),
        out: Kept::default(),
        config,
        now,
        consumed: 0,
        connected: false,
        closed: false,
    };
    victim.session.handle_timeout(now);
    victim.peer.handle_timeout(now, &mut victim.out).unwrap();
    let mut association: Option<Association> = None;
    let mut origin = Origin::default();
    for _ in 0..12 {
        victim.exchange();
        if association.is_none() && !victim.out.events.is_empty() {
            let mut made = Association::new(&victim.config, true, 1, now);
            made.connect();
            association = Some(made);
        }
        let Some(association) = &mut association else { continue };
        for packet in victim.out.data.drain(..) {
            origin.observe(&packet, false);
            association.handle_packet_untrusted(&packet);
        }
        let mut packet = Vec::new();
        while association.next_packet(&mut packet) {
            origin.observe(&packet, true);
            victim.peer.send(&packet, &mut victim.out).ok();
        }
    }
    assert!(victim.connected, "the handshake of the honest part");
    (victim, origin)
}

impl Connected {
    /// Datagrams both ways, until there are none.
    fn exchange(&mut self) {
        let source: SocketAddr = self.session.remote();
        for _ in 0..4 {
            for datagram in std::mem::take(&mut self.out.datagrams) {
                self.session.handle_datagram_untrusted(source, &datagram, self.now);
            }
            self.session.flush(self.now);
            for (_, datagram) in drain(self.session.outbox()) {
                let _ = self.peer.handle_datagram_untrusted(&datagram, &mut self.out);
            }
        }
        while let Some(event) = self.session.poll_event() {
            assert!(!self.closed, "{event:?} after the end");
            match event {
                Event::Connected(_) => self.connected = true,
                Event::Closed(..) => self.closed = true,
                _ => {}
            }
        }
    }
}

impl Victim for Connected {
    fn packet(&mut self, packet: &[u8]) {
        // More than a record holds is refused here, as it would be at the peer.
        let _ = self.peer.send(packet, &mut self.out);
        let source = self.session.remote();
        for datagram in std::mem::take(&mut self.out.datagrams) {
            self.session.handle_datagram_untrusted(source, &datagram, self.now);
        }
    }

    fn open(&mut self, key: ChannelKey) {
        self.session.open_channel(key);
    }

    fn send(&mut self, key: ChannelKey, messages: Vec<Vec<u8>>) {
        self.session.send(key, messages);
    }

    fn close(&mut self, key: ChannelKey) {
        self.session.close_channel(key);
    }

    fn reset(&mut self, key: ChannelKey) {
        self.session.reset_channel(key);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    fn consume(&mut self) {
        self.consumed = self.session.delivered();
        self.session.set_consumed(self.consumed);
    }

    fn flush(&mut self) -> bool {
        self.exchange();
        self.out.data.clear();
        let stats = self.session.stats();
        assert!(stats.channels <= self.config.max_channels);
        // The end of a connection delivers what has arrived, so it is no measure.
        let unread = self.session.delivered().saturating_sub(self.consumed);
        let most = BUDGET + self.config.sctp.receive_window as u64;
        assert!(
            self.closed || unread <= most,
            "{unread} bytes were delivered to a reader that does not read"
        );
        !self.closed
    }
}
