//! A listener and its clients on a network that exists only here, with a clock that is only counted.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod transfers;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use webrtc_direct_engine::association::ChannelKey;
use webrtc_direct_engine::dtls::Identity;
use webrtc_direct_engine::listener::{Listener, SessionId};
use webrtc_direct_engine::session::{ClientParameters, Event, Fingerprint, Reason, Session};
use webrtc_direct_engine::ufrag::Credentials;
use webrtc_direct_engine::{Config, Outbox, Route};

pub const SERVER: &str = "192.0.2.1:4001";
pub const V1: &str = "libp2p+webrtc+v1/abcdefghijklmnopqrstuvwxyz";
pub const V2: &str = "libp2p+webrtc+v2/abcdefghijklmnopqrstuvwxyz";

/// xorshift64*: a test that fails can be run again.
#[derive(Clone)]
pub struct Chance(pub u64);

impl Chance {
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.number() % 100 < chance
    }
}

/// What the network does to a datagram, in percent, and how long it takes.
#[derive(Clone, Copy)]
pub struct Weather {
    pub loss: u64,
    pub duplication: u64,
    pub corruption: u64,
    pub delay: Duration,
    pub jitter: Duration,
}

impl Weather {
    pub const FAIR: Self = Self {
        loss: 0,
        duplication: 0,
        corruption: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };
    pub const FOUL: Self = Self {
        loss: 10,
        duplication: 3,
        corruption: 2,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(15),
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    Client(usize),
    Server(SessionId),
}

/// Says of a datagram (from, to, content) whether it passes.
pub type Gate = Box<dyn FnMut(SocketAddr, SocketAddr, &[u8]) -> bool>;

pub struct World {
    pub now: Instant,
    pub start: Instant,
    pub chance: Chance,
    pub weather: Weather,
    pub listener: Listener,
    pub clients: Vec<Session>,
    pub addresses: Vec<SocketAddr>,
    pub config: Arc<Config>,
    in_flight: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sequence: u64,
    pub log: Vec<(End, Event)>,
    pub received: HashMap<(End, ChannelKey), Vec<u8>>,
    /// Bytes from and to each address, at the listener.
    pub traffic: HashMap<SocketAddr, (u64, u64)>,
    /// How long the clients' machine has slept: their clock, which is monotonic, has not counted it.
    slept: Duration,
    /// The address of the listener's machine that clients send to, and those that what they got came from.
    pub local: Option<IpAddr>,
    pub left_from: Vec<(SocketAddr, Option<IpAddr>)>,
    /// What this says no to is lost.
    pub gate: Gate,
    /// Whether delivered data counts as consumed at once.
    pub consume: bool,
    /// Whether the listener takes who is up for authenticated.
    pub authenticates: bool,
    /// Takes every event in its order, instead of `log` and `received`.
    pub journal: Option<Vec<(End, Event)>>,
}

pub fn identity() -> (Identity, Fingerprint) {
    static CERTIFICATE: OnceLock<dimpl::DtlsCertificate> = OnceLock::new();
    let certificate =
        CERTIFICATE.get_or_init(|| dimpl::certificate::generate_self_signed_certificate().unwrap());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(&certificate.fingerprint());
    let identity = Identity::new(certificate.certificate.clone(), certificate.private_key.clone());
    (identity.unwrap(), fingerprint)
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self::with(seed, weather, Config::default())
    }

    pub fn with(seed: u64, weather: Weather, config: Config) -> Self {
        let start = Instant::now();
        let config = Arc::new(config);
        Self {
            now: start,
            start,
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            weather,
            listener: Listener::new(Arc::clone(&config), identity().0, [seed as u8; 32], start),
            clients: Vec::new(),
            addresses: Vec::new(),
            config,
            in_flight: BTreeMap::new(),
            sequence: 0,
            log: Vec::new(),
            received: HashMap::new(),
            traffic: HashMap::new(),
            slept: Duration::ZERO,
            local: None,
            left_from: Vec::new(),
            gate: Box::new(|_, _, _| true),
            consume: true,
            authenticates: true,
            journal: None,
        }
    }

    /// A client whose first check is due.
    pub fn dial(&mut self, username: &str) -> usize {
        self.dial_expecting(username, identity().1)
    }

    pub fn dial_expecting(&mut self, username: &str, fingerprint: Fingerprint) -> usize {
        let number = self.clients.len();
        let address = format!("198.51.100.{}:{}", number % 250 + 1, 5000 + number / 250).parse().unwrap();
        let parameters = ClientParameters {
            remote: SERVER.parse().unwrap(),
            credentials: Credentials::from_username_untrusted(username.as_bytes()).unwrap(),
            fingerprint,
            identity: identity().0,
            seed: [number as u8 ^ 0x55; 32],
        };
        self.clients.push(Session::client(Arc::clone(&self.config), parameters, self.now - self.slept));
        self.addresses.push(address);
        number
    }

    /// The listener's process is killed, and started again with the same certificate.
    pub fn restart_listener(&mut self) {
        self.listener = Listener::new(Arc::clone(&self.config), identity().0, [0x77; 32], self.now);
    }

    /// The clients' machine sleeps for *time*, and only the listener goes on.
    pub fn sleep(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.listener.timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.listener.handle_timeout(self.now);
            self.listener.flush(self.now);
            drain(self.listener.outbox());
            while let Some((id, event)) = self.listener.poll_event() {
                self.note(End::Server(id), event);
            }
        }
        self.now = end;
        self.slept += time;
        self.in_flight.clear();
    }

    pub fn v2(number: usize) -> String {
        format!("{V2}{number}:client{number}")
    }

    pub fn v1(number: usize) -> String {
        format!("{V1}{number}:{V1}{number}")
    }

    /// Dial and wait until both ends are up.
    pub fn connect(&mut self, username: &str) -> (usize, SessionId) {
        let client = self.dial(username);
        let before: Vec<SessionId> = self.listener.ids();
        let up = self.run_until(Duration::from_secs(20), |world| {
            let server = world.listener.ids().into_iter().find(|id| !before.contains(id));
            world.is_up(End::Client(client)) && server.is_some_and(|id| world.is_up(End::Server(id)))
        });
        assert!(up, "not connected: {:?}", self.log);
        let server = self.listener.ids().into_iter().find(|id| !before.contains(id)).unwrap();
        (client, server)
    }

    pub fn is_up(&self, end: End) -> bool {
        self.log.iter().any(|(at, event)| *at == end && matches!(event, Event::Connected(_)))
    }

    pub fn closed(&self, end: End) -> Option<(Reason, &str)> {
        self.log.iter().find_map(|(at, event)| match event {
            Event::Closed(reason, detail) if *at == end => Some((*reason, detail.as_str())),
            _ => None,
        })
    }

    pub fn opened(&self, end: End) -> Vec<ChannelKey> {
        self.log
            .iter()
            .filter_map(|(at, event)| match event {
                Event::Opened(key) if *at == end => Some(*key),
                _ => None,
            })
            .collect()
    }

    pub fn channel_closed(&self, end: End, key: ChannelKey) -> bool {
        self.log
            .iter()
            .any(|(at, event)| *at == end && matches!(event, Event::ChannelClosed(closed) if *closed == key))
    }

    pub fn received(&self, end: End, key: ChannelKey) -> &[u8] {
        self.received.get(&(end, key)).map_or(&[], Vec::as_slice)
    }

    /// Do something at an end, and let it act on it.
    pub fn at<R>(&mut self, end: End, action: impl FnOnce(&mut Session) -> R) -> R {
        let now = self.now;
        let result = match end {
            End::Client(number) => {
                let result = action(&mut self.clients[number]);
                self.clients[number].flush(now - self.slept);
                result
            }
            End::Server(id) => self.listener.with_session(id, now, action).expect("a session"),
        };
        self.settle();
        result
    }

    /// Run until *done*, or for *time* at most. Says which.
    pub fn run_until(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + time;
        self.settle();
        while !done(self) {
            if !self.advance(end) {
                return done(self);
            }
        }
        true
    }

    /// Let time pass until something happens, or until *end*: then nothing has.
    pub fn advance(&mut self, end: Instant) -> bool {
        let next_datagram = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let theirs = self.clients.iter().filter_map(|client| Some(client.timeout()? + self.slept));
        let timers = theirs.chain(self.listener.timeout());
        let next = timers.chain(next_datagram).min().filter(|next| *next <= end);
        self.now = self.now.max(next.unwrap_or(end));
        if next.is_some() {
            self.step();
        }
        next.is_some()
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Put a datagram on the network as if *from* had sent it.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        self.sequence += 1;
        self.in_flight.insert((self.now, self.sequence), (from, to, datagram));
    }

    fn step(&mut self) {
        let (now, theirs) = (self.now, self.now - self.slept);
        for client in &mut self.clients {
            if client.timeout().is_some_and(|at| at <= theirs) {
                client.handle_timeout(theirs);
            }
        }
        self.listener.handle_timeout(now);
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (from, to, datagram) = entry.remove();
            if to == SERVER.parse().unwrap() {
                self.traffic.entry(from).or_default().0 += datagram.len() as u64;
                let route = Route { remote: from, local: self.local };
                self.listener.handle_datagram_untrusted(route, &datagram, now);
            } else if let Some(number) = self.addresses.iter().position(|address| *address == to) {
                self.clients[number].handle_timeout(theirs);
                self.clients[number].handle_datagram_untrusted(from, &datagram, theirs);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        let now = self.now;
        let server: SocketAddr = SERVER.parse().unwrap();
        for _ in 0..2 {
            for number in 0..self.clients.len() {
                self.clients[number].flush(now - self.slept);
                let datagrams = drain(self.clients[number].outbox());
                for (to, _, datagram) in datagrams {
                    self.send(self.addresses[number], to, datagram);
                }
                while let Some(event) = self.clients[number].poll_event() {
                    self.note(End::Client(number), event);
                }
            }
            self.listener.flush(now);
            for (to, local, datagram) in drain(self.listener.outbox()) {
                self.left_from.push((to, local));
                self.traffic.entry(to).or_default().1 += datagram.len() as u64;
                self.send(server, to, datagram);
            }
            while let Some((id, event)) = self.listener.poll_event() {
                if self.authenticates && matches!(event, Event::Connected(_)) {
                    self.listener.authenticated(id);
                }
                self.note(End::Server(id), event);
            }
            if self.consume {
                for client in &mut self.clients {
                    client.set_consumed(client.delivered());
                }
                for id in self.listener.ids() {
                    self.listener.with_session(id, now, |session| session.set_consumed(session.delivered()));
                }
            }
        }
    }

    fn note(&mut self, end: End, event: Event) {
        if let Some(journal) = &mut self.journal {
            journal.push((end, event));
        } else if let Event::Data(key, data) = event {
            self.received.entry((end, key)).or_default().extend_from_slice(&data);
        } else {
            self.log.push((end, event));
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, mut datagram: Vec<u8>) {
        if !(self.gate)(from, to, &datagram) || self.chance.percent(self.weather.loss) {
            return;
        }
        if self.chance.percent(self.weather.corruption) {
            let at = self.chance.number() as usize % datagram.len();
            datagram[at] ^= 1 << (self.chance.number() % 8);
        }
        let copies = 1 + u64::from(self.chance.percent(self.weather.duplication));
        for _ in 0..copies {
            let jitter = self.weather.jitter.as_micros() as u64;
            let late = if jitter == 0 { 0 } else { self.chance.number() % jitter };
            let at = self.now + self.weather.delay + Duration::from_micros(late);
            self.sequence += 1;
            self.in_flight.insert((at, self.sequence), (from, to, datagram.clone()));
        }
    }
}

fn drain(outbox: &mut Outbox) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
    let mut datagrams = Vec::new();
    while let Some(batch) = outbox.batch(1, usize::MAX) {
        datagrams.push((batch.destination, batch.local, batch.contents.to_vec()));
        outbox.advance(1);
    }
    datagrams
}

/// Bytes that differ everywhere.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// *data* as messages of *size*.
pub fn messages(data: &[u8], size: usize) -> Vec<Vec<u8>> {
    data.chunks(size).map(<[u8]>::to_vec).collect()
}
