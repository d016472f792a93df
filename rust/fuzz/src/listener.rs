//! A listener on a network with honest clients, strangers, and somebody who changes what they send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webrtc_direct_engine::Config;
use webrtc_direct_engine::listener::Listener;
use webrtc_direct_engine::session::{ClientParameters, Event, Reason, Session};
use webrtc_direct_engine::stun::{self, Class};
use webrtc_direct_engine::ufrag::Credentials;

use super::peer::{drain, identity};
use super::script::{Script, patch};
use super::stun::complete;

/// Steps.
pub const RAW: u8 = 0;
pub const REQUEST: u8 = 1;
pub const ANSWER: u8 = 2;
pub const CLIENT: u8 = 3;
pub const CHANGED: u8 = 4;
pub const DELIVER: u8 = 5;
pub const WAIT: u8 = 6;
pub const ACT: u8 = 7;
pub const RUN: u8 = 8;
const STEPS: u8 = 9;

const SERVER: &str = "192.0.2.1:4001";
const CLIENTS: usize = 4;
const SOURCES: usize = 8;
const MAX_CONNECTIONS: usize = 3;

#[derive(Clone, Default)]
struct Source {
    sent: u64,
    received: u64,
    /// It got something of the listener's, so it can prove its address; until then it cannot.
    heard: bool,
    check: Option<Vec<u8>>,
}

struct World {
    now: Instant,
    listener: Listener,
    clients: Vec<Session>,
    /// From each client to the listener, and from the listener to each source.
    up: Vec<Vec<Vec<u8>>>,
    down: Vec<Vec<Vec<u8>>>,
    sources: Vec<Source>,
}

pub fn run(data: &[u8]) {
    let mut world = World::new();
    let mut script = Script::new(data);
    while let Some(step) = script.step() {
        world.step(step % STEPS, &mut script);
        world.settle();
    }
}

/// The credentials of a client; the last two are of strangers.
pub fn username(number: usize) -> String {
    match number % 6 {
        number @ (0 | 2 | 4) => format!("libp2p+webrtc+v2/abcdefghijklmnopqrst{number:02}:user{number}"),
        number => {
            let ufrag = format!("libp2p+webrtc+v1/abcdefghijklmnopqrst{number:02}");
            format!("{ufrag}:{ufrag}")
        }
    }
}

fn credentials(number: usize) -> Credentials {
    Credentials::from_username_untrusted(username(number).as_bytes()).unwrap()
}

fn address(number: usize) -> SocketAddr {
    if number.is_multiple_of(2) {
        format!("198.51.100.{}:5000", number + 1).parse().unwrap()
    } else {
        format!("[2001:db8::{}]:5000", number + 1).parse().unwrap()
    }
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let config = Arc::new(Config {
            max_connections: MAX_CONNECTIONS,
            max_handshakes: 3,
            max_unvalidated_handshakes: 2,
            max_candidates: 4,
            max_validated: 4,
            max_held_hellos: 2,
            max_addresses: 2,
            max_tombstones: 2,
            tombstone_answers: 3,
            ..Config::default()
        });
        let clients = (0..CLIENTS).map(|number| {
            let parameters = ClientParameters {
                remote: SERVER.parse().unwrap(),
                credentials: credentials(number),
                fingerprint: identity().1,
                identity: identity().0,
                seed: [number as u8; 32],
            };
            Session::client(Arc::clone(&config), parameters, now)
        });
        Self {
            now,
            clients: clients.collect(),
            listener: Listener::new(config, identity().0, [9; 32], now),
            up: vec![Vec::new(); CLIENTS],
            down: vec![Vec::new(); SOURCES],
            sources: vec![Source::default(); SOURCES],
        }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        let number = usize::from(script.byte());
        let source = number % SOURCES;
        let client = number % CLIENTS;
        match step {
            RAW => self.send(source, script.bytes()),
            REQUEST => {
                let mut datagram = vec![0, 1, 0, 0, 0, 0, 0, 0];
                datagram.extend_from_slice(&[number as u8; 12]);
                let who = usize::from(script.byte());
                let username = username(who);
                datagram.extend_from_slice(&[0, 6, 0, username.len() as u8]);
                datagram.extend_from_slice(username.as_bytes());
                datagram.resize(datagram.len().next_multiple_of(4), b' ');
                datagram.extend_from_slice(script.bytes());
                complete(&mut datagram, Some(&credentials(who).server_ufrag));
                self.send(source, &datagram);
            }
            ANSWER => {
                let who = credentials(usize::from(script.byte()));
                if let Some(check) = self.sources[source].check.clone() {
                    self.sources[source].heard = true;
                    let id = stun::parse_untrusted(&check).unwrap().transaction_id;
                    let answer = stun::binding_success(id, SERVER.parse().unwrap(), &who.client_pwd);
                    self.send(source, &answer);
                }
            }
            CLIENT => {
                for datagram in std::mem::take(&mut self.up[client]) {
                    self.send(client, &datagram);
                }
            }
            CHANGED => {
                let from = usize::from(script.byte()) % SOURCES;
                let change = script.bytes();
                if !self.up[client].is_empty() {
                    let mut datagram = self.up[client].remove(0);
                    patch(&mut datagram, change);
                    self.send(from, &datagram);
                }
            }
            DELIVER => self.deliver(source, script.bytes()),
            WAIT => {
                self.now += Duration::from_millis(20 * number as u64);
                for client in &mut self.clients {
                    client.handle_timeout(self.now);
                }
                self.listener.handle_timeout(self.now);
            }
            ACT => self.act(usize::from(script.byte()), client),
            _ => {
                for _ in 0..12 {
                    for datagram in std::mem::take(&mut self.up[client]) {
                        self.send(client, &datagram);
                    }
                    self.settle();
                    self.deliver(client, &[]);
                    self.settle();
                }
            }
        }
    }

    fn send(&mut self, source: usize, datagram: &[u8]) {
        self.sources[source].sent += datagram.len() as u64;
        self.listener.handle_datagram_untrusted(address(source), datagram, self.now);
    }

    fn deliver(&mut self, source: usize, change: &[u8]) {
        for mut datagram in std::mem::take(&mut self.down[source]) {
            self.sources[source].heard = true;
            patch(&mut datagram, change);
            if let Some(client) = self.clients.get_mut(source) {
                client.handle_timeout(self.now);
                client.handle_datagram_untrusted(SERVER.parse::<SocketAddr>().unwrap(), &datagram, self.now);
            }
        }
    }

    /// What the user of a connection does, at either end.
    fn act(&mut self, what: usize, client: usize) {
        let now = self.now;
        let action = |session: &mut Session| match what % 8 {
            0 => session.open_channel(2 + 2 * (what as u64 / 8)),
            1 => session.send(2 * (what as u64 / 8), vec![vec![7; 3000]]),
            2 => session.close_channel(2 + 2 * (what as u64 / 8)),
            3 => session.reset_channel(2 + 2 * (what as u64 / 8)),
            4 => session.set_consumed(session.delivered()),
            5 => session.send(0, vec![vec![8; 16_384]; 8]),
            6 => session.close(now),
            _ => session.abort(),
        };
        if what & 0x80 == 0 {
            action(&mut self.clients[client]);
        } else if let Some(id) = self.listener.ids().into_iter().max() {
            self.listener.with_session(id, now, action);
        }
    }

    fn settle(&mut self) {
        self.listener.flush(self.now);
        for (to, datagram) in drain(self.listener.outbox()) {
            let Some(source) = (0..SOURCES).find(|number| address(*number) == to) else {
                panic!("a datagram to an address that has sent none");
            };
            let state = &mut self.sources[source];
            state.received += datagram.len() as u64;
            assert!(
                state.heard || state.received <= 3 * state.sent,
                "{} bytes to an unproved address that has sent {}",
                state.received,
                state.sent
            );
            if stun::parse_untrusted(&datagram).is_ok_and(|message| message.class == Class::Request) {
                state.check = Some(datagram.clone());
            }
            self.down[source].push(datagram);
            assert!(self.down[source].len() < 50_000);
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            client.flush(self.now);
            self.up[number].extend(drain(client.outbox()).into_iter().map(|(_, datagram)| datagram));
            while client.poll_event().is_some() {}
        }
        while let Some((_, event)) = self.listener.poll_event() {
            assert!(!matches!(event, Event::Closed(Reason::Fault, _)), "{event:?}");
        }
        assert!(self.listener.len() <= MAX_CONNECTIONS);
        assert_eq!(self.listener.ids().len(), self.listener.len());
    }
}
